"""Follow-up questions: what is asked once a chapter has been told, one file for chapters that belong together."""

from __future__ import annotations

from collections.abc import Callable

from throughline.record import RunRecord
from throughline.report.follow_ups import deployment, evaluation, scratch, training
from throughline.report.follow_ups.question import FollowUp

__all__ = ["FollowUp", "follow_ups"]

ASKED: dict[int, Callable[[RunRecord], list[FollowUp]]] = {
    1: scratch.perceptron,
    2: scratch.mlp,
    3: training.keras,
    4: training.pytorch,
    5: evaluation.evaluation,
    6: deployment.tflite,
    7: deployment.onnx,
    8: deployment.why_several_formats,
}


def follow_ups(record: RunRecord, chapter: int) -> list[FollowUp]:
    """Return the questions that follow a chapter, three or more.

    Parameters
    ----------
    record : RunRecord
        One that tells the chapter.
    chapter : int
        1 to 7, or 8 for why several formats exist.
    """
    return ASKED[chapter](record)
