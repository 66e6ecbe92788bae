"""What was promised before it was measured. A bar is never lowered: one that is missed is shown as missed."""

from dataclasses import asdict, dataclass
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """One promise.

    Parameters
    ----------
    text : str
        What is promised.
    where : tuple of str
        Path of the figure in the result: a ratio of peer to ours for training, of ours to the other where `at_most`.
    limit : float
    at_most : bool
        Whether the figure must not exceed the limit rather than reach it.
    inverse : bool
        Whether the figure is one over what the result holds.
    stricter : bool
        Whether it was not promised: the same limit against a stronger peer or a lower floor, to know where we stand.
    """

    text: str
    where: tuple[str, ...]
    limit: float
    at_most: bool = False
    inverse: bool = False
    stricter: bool = False

    def judge(self, result: Record) -> Record:
        """Return the bar with its figure, and whether it was met; None where nothing was measured."""
        figure: Any = result
        for key in self.where:
            figure = figure.get(key) if isinstance(figure, dict) else None
        if figure is not None and self.inverse:
            figure = 1 / figure
        met = None if figure is None else bool(figure <= self.limit if self.at_most else figure >= self.limit)
        return asdict(self) | {"where": "/".join(self.where), "figure": figure, "met": met}


def _peer(task: str, peer: str) -> tuple[str, ...]:
    return ("tasks", task, "peers", peer, "ratio", "median")


def _floor(task: str, peer: str, text: str) -> Bar:
    text = f"{task}: our step / {text}"
    return Bar(text, _peer(task, peer), 2.3, at_most=True, inverse=True, stricter=peer == "floor")


BARS = (
    Bar("seed: scikit-learn / ours", _peer("seed", "scikit-learn"), 8),
    Bar("seed: PyTorch eager / ours", _peer("seed", "torch"), 12),
    Bar("seed: torch.compile step / ours", _peer("seed", "torch-compile"), 4),
    Bar("seed: torch.compile step without guards / ours", _peer("seed", "torch-compile-bare"), 4, stricter=True),
    Bar("seed: best Keras fit on TensorFlow, arrays / ours", _peer("seed", "keras-best"), 18),
    Bar("seed: best Keras fit on TensorFlow, Dataset / ours", _peer("seed", "keras-dataset"), 18, stricter=True),
    Bar("seed: JAX scan / ours", _peer("seed", "jax"), 0.8),
    Bar("seed-dropout: JAX scan / ours", _peer("seed-dropout", "jax"), 2),
    Bar("seed-dropout: PyTorch eager / ours", _peer("seed-dropout", "torch"), 12),
    Bar("digits: scikit-learn / ours", _peer("digits", "scikit-learn"), 3.5),
    Bar("digits: PyTorch eager / ours", _peer("digits", "torch"), 3.5),
    Bar("wide, 1 thread: PyTorch eager / ours", _peer("wide", "torch"), 0.95),
    *(
        _floor(task, peer, text)
        for task in ("seed", "batch-256", "digits", "wide")
        for peer, text in (("products", "its own matrix products"), ("floor", "these products in their best layouts"))
    ),
    Bar("whole process / `import torch`", ("processes", "import torch", "ratio", "median"), 0.25, at_most=True),
    Bar("whole process / `import jax`", ("processes", "import jax", "ratio", "median"), 0.5, at_most=True),
    Bar("fit from the outside, float32: scikit-learn / ours", _peer("fit", "scikit-learn"), 5),
    Bar("fit from the outside, float64: scikit-learn / ours", _peer("fit-float64", "scikit-learn"), 5),
    Bar("predict-1: ours / ONNX Runtime", _peer("predict-1", "onnxruntime"), 0.6, at_most=True, inverse=True),
    Bar("predict-1: ours / PyTorch eager", _peer("predict-1", "torch-predict"), 0.1, at_most=True, inverse=True),
    Bar("predict-1024: ours / ONNX Runtime", _peer("predict-1024", "onnxruntime"), 1.35, at_most=True, inverse=True),
    # The promise is "no slow-down, memory flat"; these two limits are what a noisy machine needs to show it.
    Bar("5,000 epochs: last 500 / first 500, time of a step", ("steady", "ratio"), 1.1, at_most=True),
    Bar("5,000 epochs: growth of memory, MiB", ("steady", "growth_mib"), 1.0, at_most=True),
)
