"""What chapter 5 says apart from the scores, in one shape for classes and amounts."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.report.phrases import Sentence

SIGNIFICANCE = 0.05  # as `PairedTest.p_value` and `PairedErrors.p_value` are read


@dataclass(frozen=True)
class Figures:
    """What is said about the first network, about both together, and why one looks beyond the score.

    Attributes
    ----------
    about_one, about_both : list of Sentence
    why : Sentence
    points : list of str
        Key points of the first network.
    test_point : str
        What the paired test says, without a full stop.
    """

    about_one: list[Sentence]
    about_both: list[Sentence]
    why: Sentence
    points: list[str]
    test_point: str


def no_difference(equivalence_follows: bool) -> str:
    """Say that a test found nothing, which is no proof; where that proof follows, it is left to it."""
    return "so I can't say that they differ" + (
        "." if equivalence_follows else ", which is not proof that they are equal."
    )
