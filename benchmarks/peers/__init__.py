"""Who is compared: one file per library, one class per way of using it, all with the same three verbs."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from tasks import Data, FloatArray, Task


class Peer(Protocol):
    """A training (or a prediction) that is ready to run.

    It is constructed as ``Peer(task, data, **settings)`` with one of its `candidates`. `epsilon_inside` says which of
    the two placements of Adam's epsilon it has: outside the bias correction's square root or inside.
    """

    epsilon_inside: bool

    def __init__(self, task: Task, data: Data, **settings: Any) -> None: ...

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the settings of which the fastest is taken."""

    def run(self, n: int) -> None:
        """Run n epochs, or n calls, and wait until they are done."""

    def result(self) -> list[FloatArray] | None:
        """Return the parameters, or the answers of a prediction; None where there is nothing to compare."""


@dataclass(frozen=True)
class Entry:
    """Where a peer is found and what it is called.

    Parameters
    ----------
    label : str
        Name in the tables.
    where : str
        Module and class, ``module:Class``.
    how : str
        The settings in one sentence.
    kinds : tuple of str
        The kinds of task it runs.
    packages : tuple of str
        What it needs; their versions are recorded.
    environment : dict
        Variables of its process.
    one_core : bool
        Whether only an affinity mask keeps it to one thread.
    """

    label: str
    where: str
    how: str
    kinds: tuple[str, ...] = ("train",)
    packages: tuple[str, ...] = ("numpy",)
    environment: dict[str, str] = field(default_factory=dict)
    one_core: bool = False

    def load(self) -> type[Peer]:
        """Import the module and return the class."""
        module, name = self.where.split(":")
        peer: type[Peer] = getattr(import_module(module), name)
        return peer


PEERS = {
    "ours": Entry("throughline, plan", "peers.ours:Planned", "`throughline.scratch.Plan`, an epoch a call"),
    "products": Entry(
        "its products alone", "peers.ours:Products", "the matrix products of our step in our layout, nothing else"
    ),
    "floor": Entry(
        "the floor", "peers.ours:Floor", "the same products, each with its operands laid out as is fastest for it"
    ),
    "readable": Entry("throughline, readable", "peers.ours:Readable", "`throughline.scratch.MLP.train_step`"),
    "textbook": Entry("textbook NumPy", "peers.textbook:Textbook", "forty plain lines, as tutorials have them"),
    "scikit-learn": Entry(
        "scikit-learn",
        "peers.estimators:ScikitLearn",
        "`MLPClassifier.fit`, all epochs of a round in one call, `alpha=0`",
        kinds=("train", "fit"),
        packages=("scikit-learn", "numpy", "scipy"),
    ),
    "estimator": Entry(
        "throughline, estimator",
        "peers.estimators:Throughline",
        "`throughline.MLPClassifier.fit`, the same arguments as scikit-learn's",
        kinds=("fit",),
    ),
    "torch": Entry(
        "PyTorch eager",
        "peers.pytorch:Eager",
        "fused optimizer, batches split beforehand, gradients set to None, subnormals flushed, no DataLoader",
        packages=("torch",),
    ),
    "torch-compile": Entry(
        "torch.compile step",
        "peers.pytorch:Compiled",
        "forward, backward and update in one graph, static shapes, C++ wrapper",
        packages=("torch",),
    ),
    "torch-compile-bare": Entry(
        "torch.compile step, no guards",
        "peers.pytorch:Bare",
        "the same with `skip_all_guards_unsafe`: nothing notices a batch that the graph was not made for",
        packages=("torch",),
    ),
    "keras": Entry(
        "Keras fit, default",
        "peers.keras_fit:Default",
        "on TensorFlow, arrays in, nothing set",
        packages=("keras", "tensorflow"),
        environment={"KERAS_BACKEND": "tensorflow"},
    ),
    "keras-best": Entry(
        "Keras fit, best",
        "peers.keras_fit:Best",
        "on TensorFlow, arrays in, an epoch per execution, the faster of the two `jit_compile`",
        packages=("keras", "tensorflow"),
        environment={"KERAS_BACKEND": "tensorflow"},
    ),
    "keras-dataset": Entry(
        "Keras fit, Dataset",
        "peers.keras_fit:FromDataset",
        "the same fed by a `tf.data.Dataset`, batched and cached beforehand",
        packages=("keras", "tensorflow"),
        environment={"KERAS_BACKEND": "tensorflow"},
    ),
    "keras-jax": Entry(
        "Keras fit on JAX",
        "peers.keras_fit:OnJax",
        "the fastest of two `steps_per_execution`",
        packages=("keras", "jax"),
        environment={"KERAS_BACKEND": "jax"},
        one_core=True,
    ),
    "jax": Entry(
        "JAX scan",
        "peers.jax_scan:Scan",
        "`jit` of `lax.scan` over the epoch, own Adam, buffers donated; dropout bits from the `rbg` generator",
        packages=("jax", "jaxlib"),
        one_core=True,
    ),
    "predict": Entry(
        "throughline, estimator",
        "peers.answers:Estimator",
        "`throughline.MLPClassifier.predict_proba`, checks included, both columns",
        kinds=("predict",),
    ),
    "predict-readable": Entry(
        "throughline, readable",
        "peers.answers:Readable",
        "`throughline.scratch.MLP.predict_proba`, checks included",
        kinds=("predict",),
    ),
    "predict-scikit-learn": Entry(
        "scikit-learn",
        "peers.answers:ScikitLearn",
        "`MLPClassifier.predict_proba`, checks included, both columns",
        kinds=("predict",),
        packages=("scikit-learn", "numpy", "scipy"),
    ),
    "onnxruntime": Entry(
        "ONNX Runtime",
        "peers.answers:OnnxRuntime",
        "`InferenceSession.run`, one thread",
        kinds=("predict",),
        packages=("onnxruntime", "onnx"),
    ),
    "torch-predict": Entry(
        "PyTorch eager",
        "peers.answers:TorchEager",
        "`inference_mode`, NumPy array in, NumPy array out",
        kinds=("predict",),
        packages=("torch",),
    ),
}

# The peer that others are divided by, for each kind of task.
OURS = {"train": "ours", "fit": "estimator", "predict": "predict"}
