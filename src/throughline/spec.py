"""What is trained and how: three frozen descriptions that every framework is built from.

A spec says everything that two frameworks could otherwise decide differently (rule 9: no silent
defaults), checks itself when it is made, travels as JSON and has a digest.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

import msgspec

from throughline.errors import SpecError

FRAMEWORK_TITLES = {"numpy": "NumPy", "keras": "Keras", "torch": "PyTorch"}
TaskKind = Literal["binary", "multiclass", "regression"]


class JsonSpec:
    """JSON both ways and a digest, for a frozen dataclass."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal:
                names = get_args(kind)
                _require(
                    getattr(self, name) in names, name, f"one of {', '.join(names)}", getattr(self, name), "choose one"
                )

    def to_json(self) -> str:
        """Write the fields as canonical JSON: sorted keys, no spaces that carry nothing."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote; wrong types and values are refused.

        Raises
        ------
        SpecError
            If the text is not JSON of this spec.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SpecError(cls.__name__, "JSON written by to_json", str(error), "write it again") from error

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Task(JsonSpec):
    """What is to be predicted from what.

    Attributes
    ----------
    name : str
        Short name, used for the folder of a run.
    kind : {"binary", "multiclass", "regression"}
        Decides output, loss and metric.
    feature_names, class_names : tuple of str
        Names of the input columns; names of the classes in the order of their codes.
    source : str
        Where the rows come from, in words or as a file name.
    """

    name: str
    kind: TaskKind
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(JsonSpec):
    """Architecture of a dense network, from raw rows to probability.

    Every network begins with the fixed scaling ``(x - mean) / std``, so that it takes raw rows.

    Attributes
    ----------
    n_inputs : int
        Number of features.
    hidden_units : tuple of int
        Width of each hidden layer.
    hidden_activation : {"relu", "tanh", "sigmoid"}
        Activation of every hidden layer.
    dropout : float
        Probability, 0 <= p < 1, with which a hidden output is dropped in training (inverted dropout).
    init : {"glorot_uniform"}
        Rule for initial kernels [1]_; biases start at 0.
    dtype : {"float32", "float64"}
        Type of parameters and arithmetic.
    seed : int
        Seed of the initial kernels.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010, equation 16.

    Examples
    --------
    >>> spec = NetworkSpec(n_inputs=20)
    >>> spec.layer_sizes, spec.n_parameters
    ((20, 64, 32, 1), 3457)
    """

    n_inputs: int
    hidden_units: tuple[int, ...] = (64, 32)
    hidden_activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    dropout: float = 0.3
    init: Literal["glorot_uniform"] = "glorot_uniform"
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.n_inputs >= 1, "n_inputs", "1 or more", self.n_inputs, "give the number of features")
        _require(
            bool(self.hidden_units) and min(self.hidden_units) >= 1,
            "hidden_units",
            "one or more widths of at least 1",
            self.hidden_units,
            "pass a tuple such as (64, 32)",
        )
        _require(0 <= self.dropout < 1, "dropout", "at least 0 and below 1", self.dropout, "0.3 is usual")
        _require(self.seed >= 0, "seed", "a whole number from 0", self.seed, "pass a number such as 7")

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths from input to output; the output is one unit."""
        return (self.n_inputs, *self.hidden_units, 1)

    @property
    def n_parameters(self) -> int:
        """Number of trained values: kernels and biases, without the fixed scaling."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.layer_sizes))


@dataclass(frozen=True, kw_only=True)
class TrainSpec(JsonSpec):
    """How a network is trained, with every number that frameworks default differently.

    Attributes
    ----------
    loss : {"binary_cross_entropy"}
        Mean over the rows of a batch.
    learning_rate, beta_1, beta_2, epsilon : float
        Hyperparameters of Adam [1]_. Frameworks default epsilon to 1e-7 (Keras) or 1e-8 (PyTorch,
        scikit-learn): here it is one number for all.
    epsilon_placement : {"own", "before_correction", "after_correction"}
        Where Adam adds epsilon: to ``sqrt(v)`` before the bias correction is divided out (Keras,
        scikit-learn; "epsilon hat" in section 2 of [1]_) or to ``sqrt(v / (1 - beta_2**t))`` after
        it (PyTorch; Algorithm 1 of [1]_). "own" leaves each framework its rule; NumPy then follows Algorithm 1.
    batch_size, max_epochs, patience : int
        Rows in a step; most passes over the training rows; epochs without a lower validation loss
        after which training stops. The weights of the best epoch are kept.
    shuffle_seed : int
        Seed of the order of the rows and of dropout.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    loss: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    optimizer: Literal["adam"] = "adam"
    learning_rate: float = 2e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    epsilon_placement: Literal["own", "before_correction", "after_correction"] = "own"
    batch_size: int = 32
    max_epochs: int = 50
    patience: int = 5
    shuffle_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            _require(0 < value < math.inf, name, "finite and above 0", value, "leave it out for the usual value")
        for name in ("beta_1", "beta_2"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, "at least 0 and below 1", value, "leave it out for the usual value")
        for name in ("batch_size", "max_epochs", "patience"):
            value = getattr(self, name)
            _require(value >= 1, name, "1 or more", value, "leave it out for the usual value")
        shuffle_seed = self.shuffle_seed
        _require(shuffle_seed >= 0, "shuffle_seed", "a whole number from 0", shuffle_seed, "pass a number such as 7")


def _require(holds: bool, field: str, allowed: str, received: Any, remedy: str) -> None:
    if not holds:
        raise SpecError(field, allowed, repr(received), remedy)
