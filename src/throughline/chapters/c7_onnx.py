"""Chapter 7: ONNX with a dynamic batch axis, from PyTorch, run in ONNX Runtime."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run, proof_bar
from throughline.record import Bar


def tell(run: Run) -> list[Bar]:
    """Take the proof of the ONNX file, at every batch size."""
    return [proof_bar(7, run.formats_of(7))]


CHAPTER = Chapter(7, "ONNX", (4,), tell)
