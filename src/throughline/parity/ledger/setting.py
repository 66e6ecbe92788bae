"""What can be switched, and what the ledger switches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

LEARNING_RATE = 1e-3
BATCH_SIZE = 32
DROPOUT = 0.3
HIDDEN_UNITS = (64, 32)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a network is trained where frameworks have habits of their own.

    Attributes
    ----------
    dtype : {"float64", "float32"}
    initial : {"shared", "own"}
        The same weights for all, or the framework's rule with its random numbers.
    epsilon : float
        Adam's.
    epsilon_placement : {"before_correction", "after_correction"}
    loss_from : {"logits", "probabilities"}
        Exact, or from probabilities with the framework's clipping.
    l2 : float
        Each kernel's gradient gains this times the kernel.
    last_batch : {"keep", "drop"}
    order : {"shared", "own", "as given"}
        The same shuffling for all, the framework's, or none.
    masks : {"shared", "own"}
        The same dropout masks for all, or the framework's dropout layer.
    batch_norm : {"none", "keras", "torch"}
        No batch normalisation, or one with the constants and rules of a framework before each activation.
    optimizer : {"aligned", "stock"}
        Adam by the two fields above without roundings of its constants, or the framework's with its defaults.
    """

    dtype: Literal["float64", "float32"] = "float64"
    initial: Literal["shared", "own"] = "shared"
    epsilon: float = 1e-7
    epsilon_placement: Literal["before_correction", "after_correction"] = "before_correction"
    loss_from: Literal["logits", "probabilities"] = "logits"
    l2: float = 0.0
    last_batch: Literal["keep", "drop"] = "keep"
    order: Literal["shared", "own", "as given"] = "shared"
    masks: Literal["shared", "own"] = "shared"
    batch_norm: Literal["none", "keras", "torch"] = "none"
    optimizer: Literal["aligned", "stock"] = "aligned"


ALIGNED = Setting()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the ledger.

    Attributes
    ----------
    name : str
        For files and tests.
    title : str
        What is switched.
    keras, torch : Setting
        What each side does.
    keras_does, torch_does : str
        The same in a few words.
    sentence : str
        What a candidate could say aloud.
    torch_stands_for : str
        Whose habit the second side shows: PyTorch's, or that of a library whose rule PyTorch follows for it.
    """

    name: str
    title: str
    keras: Setting
    torch: Setting
    keras_does: str
    torch_does: str
    sentence: str
    torch_stands_for: str = "PyTorch"


def _entry(name: str, title: str, keras: dict[str, Any], torch: dict[str, Any], **words: str) -> Entry:
    return Entry(name=name, title=title, keras=replace(ALIGNED, **keras), torch=replace(ALIGNED, **torch), **words)


ENTRIES = (
    _entry(
        "aligned",
        "nothing: all aligned",
        {},
        {},
        keras_does="shared",
        torch_does="shared",
        sentence="With the same weights, batches, masks and formulas the two frameworks are one training.",
    ),
    _entry(
        "initialisation",
        "initial weights",
        {"initial": "own"},
        {"initial": "own"},
        keras_does="Glorot uniform, biases 0",
        torch_does="uniform within 1 / sqrt(fan_in), biases too",
        sentence="Keras starts from Glorot's rule with zero biases, PyTorch from a narrower uniform one that draws "
        "biases too, so they begin at different points and stay apart.",
    ),
    _entry(
        "epsilon",
        "Adam's epsilon",
        {},
        {"epsilon": 1e-8},
        keras_does="1e-7",
        torch_does="1e-8",
        sentence="Adam divides by a root plus epsilon; Keras' epsilon is ten times PyTorch's, which matters only "
        "where gradients are almost zero.",
    ),
    _entry(
        "epsilon placement",
        "where epsilon is added",
        {},
        {"epsilon_placement": "after_correction"},
        keras_does="before the bias correction",
        torch_does="after it",
        sentence="Keras adds epsilon before the bias correction is divided out and PyTorch after it, so in the first "
        "steps the same number is not the same setting.",
    ),
    _entry(
        "loss clipping",
        "loss from clipped probabilities",
        {"loss_from": "probabilities"},
        {"loss_from": "probabilities"},
        keras_does="probabilities clipped at 1e-7",
        torch_does="logarithms clipped at -100",
        sentence="Cross-entropy from probabilities is clipped at different places, which shows only once a "
        "prediction is wrong by more than a logit of sixteen.",
    ),
    _entry(
        "l2",
        "L2 penalty",
        {},
        {"l2": 1e-4 / BATCH_SIZE},
        keras_does="none",
        torch_does="alpha 1e-4 over the rows of the batch",
        torch_stands_for="scikit-learn",
        sentence="Neither Keras nor PyTorch penalises weights unless asked, but scikit-learn does, with an alpha of "
        "one ten-thousandth.",
    ),
    _entry(
        "last batch",
        "last incomplete batch",
        {},
        {"last_batch": "drop"},
        keras_does="kept",
        torch_does="dropped, with drop_last=True",
        sentence="All of them keep the last, smaller batch by default; dropping it, as is often asked for, "
        "makes other batches of all that follow the first epoch.",
    ),
    _entry(
        "shuffling",
        "order of the rows",
        {"order": "own"},
        {"order": "as given"},
        keras_does="shuffled every epoch",
        torch_does="as given, unless shuffle=True",
        sentence="Keras' fit shuffles every epoch unless told not to; PyTorch's DataLoader does not unless told to.",
    ),
    _entry(
        "dropout",
        "random numbers of dropout",
        {"masks": "own"},
        {"masks": "own"},
        keras_does="its own, kept values divided by 1 - rate",
        torch_does="its own, scaled in the same way",
        sentence="Both scale what dropout keeps in the same way, and only the random numbers differ, which is enough "
        "to part the two.",
    ),
    _entry(
        "batch normalisation",
        "batch normalisation, if there were one",
        {"batch_norm": "keras"},
        {"batch_norm": "torch"},
        keras_does="keeps 0.99 of the running mean, epsilon 1e-3",
        torch_does="takes 0.1 of the new one, epsilon 1e-5, unbiased variance",
        sentence="Momentum means what is kept in Keras and what is taken in PyTorch, so the one averages over about "
        "a hundred batches and the other over ten.",
    ),
    _entry(
        "float32",
        "float32 and its order of summation",
        {"dtype": "float32"},
        {"dtype": "float32"},
        keras_does="Eigen sums in its order",
        torch_does="another library in another",
        sentence="In float32 the same sums in another order differ in the seventh digit, and one flipped ReLU gate "
        "makes that visible.",
    ),
    _entry(
        "all",
        "all of them: stock frameworks",
        {
            "dtype": "float32",
            "initial": "own",
            "loss_from": "probabilities",
            "order": "own",
            "masks": "own",
            "optimizer": "stock",
        },
        {
            "dtype": "float32",
            "initial": "own",
            "loss_from": "probabilities",
            "order": "as given",
            "masks": "own",
            "optimizer": "stock",
        },
        keras_does="its defaults",
        torch_does="its defaults",
        sentence="With every default switched back on, the two are different trainings of equal quality.",
    ),
)
