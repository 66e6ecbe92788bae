"""What is said about each chapter: sentences from the measured values of one run, one file a chapter.

Each file has one function, from a `RunRecord` to a `Script`, or to None if the run has nothing to tell there. A figure
in a sentence is always a formatted field of the record. Wording follows the measurement: what failed, was missed or was
not run is said, and is never optional. It follows the task as well: a network that answers with amounts has no
labels, and one with several classes no sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable

from throughline.record import RunRecord
from throughline.report.scripts.c1_perceptron import perceptron
from throughline.report.scripts.c2_mlp import mlp
from throughline.report.scripts.c3_keras import keras
from throughline.report.scripts.c4_pytorch import pytorch
from throughline.report.scripts.c5_evaluation import evaluation
from throughline.report.scripts.c6_tflite import tflite
from throughline.report.scripts.c7_onnx import onnx
from throughline.report.scripts.c8_formats import why_several_formats
from throughline.report.scripts.script import Script

__all__ = ["CHAPTERS", "Script"]

CHAPTERS: dict[int, tuple[str, Callable[[RunRecord], Script | None]]] = {
    1: ("Perceptron", perceptron),
    2: ("Multi-layer perceptron", mlp),
    3: ("Keras", keras),
    4: ("PyTorch", pytorch),
    5: ("Evaluation", evaluation),
    6: ("TFLite", tflite),
    7: ("ONNX", onnx),
    8: ("Why several formats", why_several_formats),
}
