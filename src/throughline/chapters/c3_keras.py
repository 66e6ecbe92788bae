"""Chapter 3: the network in Keras, exported as a SavedModel that TF Serving loads."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run, tell_training
from throughline.record import Bar


def tell(run: Run) -> list[Bar]:
    """Take what the Keras process trained and the proof of its SavedModel."""
    return tell_training(run, number=3, framework="keras", part="keras")


CHAPTER = Chapter(3, "Keras", (), tell)
