"""Chapter 4: the same network in PyTorch, exported to TorchScript and to `torch.export`."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run, tell_training
from throughline.record import Bar


def tell(run: Run) -> list[Bar]:
    """Take what the PyTorch process trained and the proof of its exports."""
    return tell_training(run, number=4, framework="torch", part="pytorch")


CHAPTER = Chapter(4, "PyTorch", (), tell)
