"""Chapter 6: TFLite for the edge, in float32 and with float16 weights, run in the LiteRT interpreter."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run, proof_bar
from throughline.record import Bar


def tell(run: Run) -> list[Bar]:
    """Take the proofs of the TFLite files, which were converted from the SavedModel of chapter 3."""
    return [proof_bar(6, run.formats_of(6))]


CHAPTER = Chapter(6, "TFLite", (3,), tell)
