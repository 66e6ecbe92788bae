"""What is trained and how: three frozen descriptions that every framework is built from.

A spec says everything that two frameworks could otherwise decide differently (rule 9: no silent
defaults), checks itself when it is made, travels as JSON and has a digest.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import msgspec

from throughline.errors import SpecError

FRAMEWORK_TITLES = {"numpy": "NumPy", "keras": "Keras", "torch": "PyTorch"}
TaskKind = Literal["binary", "multiclass", "regression"]
ActivationName = Literal["relu", "tanh", "sigmoid", "gelu", "linear"]
OutputName = Literal["sigmoid", "softmax", "linear"]
ScalingName = Literal["standard", "robust"]
LossName = Literal["binary_cross_entropy", "categorical_cross_entropy", "mean_squared_error"]
OUTPUT_OF_TASK: dict[TaskKind, OutputName] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "linear"}
# What exported files call the answer.
NAME_OF_OUTPUT = {"sigmoid": "probability", "softmax": "probabilities", "linear": "value"}
# The loss that belongs to each output: its gradient in the pre-activation is the plain difference to the target.
LOSS_OF_OUTPUT: dict[str, LossName] = {
    "sigmoid": "binary_cross_entropy",
    "softmax": "categorical_cross_entropy",
    "linear": "mean_squared_error",
}


class JsonSpec:
    """JSON both ways and a digest, for a frozen dataclass."""

    # Fields that came after the first release.
    ADDED: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal:
                names = get_args(kind)
                _require(
                    getattr(self, name) in names, name, f"one of {', '.join(names)}", getattr(self, name), "choose one"
                )

    def to_json(self) -> str:
        """Write the fields as canonical JSON: sorted keys, no spaces that carry nothing."""
        return msgspec.json.encode(self._values(), order="sorted").decode()

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
        """First 16 hexadecimal digits of the SHA-256 of the canonical JSON.

        A field that came later counts only when it is away from its default, so that a spec which an older release
        could express keeps its digest.
        """
        values = self._values()
        for field in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if field.name in self.ADDED and getattr(self, field.name) == field.default:
                del values[field.name]
        return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:16]

    def _values(self) -> dict[str, Any]:
        # Given to msgspec as it is, a spec read from JSON with fewer fields would be written without the others.
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


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
class Column(JsonSpec):
    """One column of the rows that a network takes, and what the network makes of it.

    A row is made of float32 numbers: a number as it is, a category as its code, NaN where a cell is empty. What the
    cells of a file become on their way there is the business of `data.encode`; what the network makes of a row, of
    `data.features`.

    Attributes
    ----------
    name : str
    source : str
        Column of the file that it was read from; several may come from one, such as the parts of a date.
    encoding : str
        How a cell becomes a number: "number" as it reads; "boolean", 0 or 1 by `labels`; a part of a moment;
        "category", the place of its text in `labels`, and for any other text the number of labels.
    fill : float
        What stands for an empty cell of a column that is no category, after scaling: that of the training rows' median.
    flag_missing : bool
        Whether a feature of its own says that the cell is empty.
    labels : tuple of str
        Categories, in the order of their codes; for "boolean" what stands for 0 and for 1.
    has_other : bool
        Whether training rows had texts beyond the labels.
    date_format : str
        Of a part of a moment: the order in which texts write day, month and year, such as ``%d.%m.%Y``. A date with the
        year first is read in any case.

    Examples
    --------
    >>> Column(name="city", source="city", encoding="category", labels=("Bern", "Rome")).n_features
    3
    >>> Column(name="age", source="age", flag_missing=True).n_features
    2
    """

    name: str
    source: str
    encoding: Literal["number", "boolean", "category", "year", "month", "day", "weekday", "hour", "days"] = "number"
    fill: float = 0.0
    flag_missing: bool = False
    labels: tuple[str, ...] = ()
    has_other: bool = False
    date_format: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(math.isfinite(self.fill), "fill", "a finite number", self.fill, "give the scaled median")
        n_labels = len(self.labels)
        fits = {"boolean": n_labels == 2, "category": n_labels >= 1}.get(self.encoding, n_labels == 0)
        allowed = "two for a boolean, one or more for a category, none for the others"
        _require(fits, "labels", allowed, self.labels, "list the texts in the order of their codes")
        _require(
            len(set(self.labels)) == n_labels, "labels", "distinct texts", self.labels, "leave out the repeated one"
        )

    @property
    def is_category(self) -> bool:
        """Whether its numbers are codes."""
        return self.encoding == "category"

    @property
    def n_features(self) -> int:
        """How many features it becomes: a number is one, a category one a label and one for all other texts."""
        return (len(self.labels) + 1 if self.is_category else 1) + self.flag_missing


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(JsonSpec):
    """Architecture of a dense network, from raw rows to the answer.

    Every network begins with the fixed scaling ``(x - mean) / std`` and what `columns` say, so that it takes raw rows.
    The two constants of a column are learned from training rows by the rule that `scaling` names.

    Attributes
    ----------
    n_inputs : int
        Number of columns of a raw row.
    columns : tuple of Column
        What becomes of each of them; none at all if each is a number that is never missing.
    scaling : {"standard", "robust"}
        What the constants of the scaling are: mean and standard deviation, or median and interquartile range / 1.349,
        which a few extreme numbers do not move; under the normal distribution both are the same.
    hidden_units : tuple of int
        Width of each hidden layer; none of them gives logistic or linear regression.
    hidden_activation : {"relu", "tanh", "sigmoid", "gelu", "linear"}
        Activation of every hidden layer. GELU is the exact one, with the error function.
    output : {"sigmoid", "softmax", "linear"}
        What the last layer ends in: the probability of class 1, the probability of each class, or the value itself.
    n_outputs : int
        1, or the number of classes under softmax.
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

    ADDED: ClassVar[frozenset[str]] = frozenset({"output", "n_outputs", "columns", "scaling"})

    n_inputs: int
    columns: tuple[Column, ...] = ()
    scaling: ScalingName = "standard"
    hidden_units: tuple[int, ...] = (64, 32)
    hidden_activation: ActivationName = "relu"
    output: OutputName = "sigmoid"
    n_outputs: int = 1
    dropout: float = 0.3
    init: Literal["glorot_uniform"] = "glorot_uniform"
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.n_inputs >= 1, "n_inputs", "1 or more", self.n_inputs, "give the number of columns")
        described, allowed = len(self.columns) in (0, self.n_inputs), f"one for each of {self.n_inputs} inputs, or none"
        _require(described, "columns", allowed, len(self.columns), "describe every column of a row, in their order")
        _require(
            all(units >= 1 for units in self.hidden_units),
            "hidden_units",
            "widths of at least 1",
            self.hidden_units,
            "pass a tuple such as (64, 32), or () for no hidden layer",
        )
        if self.output == "softmax":
            fits, allowed = self.n_outputs >= 2, "2 or more for a softmax output"
        else:
            fits, allowed = self.n_outputs == 1, f"1 for a {self.output} output"
        _require(fits, "n_outputs", allowed, self.n_outputs, "softmax has one output a class, the others have one")
        _require(0 <= self.dropout < 1, "dropout", "at least 0 and below 1", self.dropout, "0.3 is usual")
        _require(self.seed >= 0, "seed", "a whole number from 0", self.seed, "pass a number such as 7")

    @property
    def n_features(self) -> int:
        """What the first layer takes in: as many as inputs, unless columns become several."""
        return sum(column.n_features for column in self.columns) if self.columns else self.n_inputs

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the dense layers, from features to output."""
        return (self.n_features, *self.hidden_units, self.n_outputs)

    @property
    def n_parameters(self) -> int:
        """Number of trained values: kernels and biases, without the fixed scaling."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.layer_sizes))

    @property
    def output_name(self) -> str:
        """What exported files call the answer: probability, probabilities or value."""
        return NAME_OF_OUTPUT[self.output]

    @property
    def loss(self) -> str:
        """The loss that belongs to the output."""
        return LOSS_OF_OUTPUT[self.output]


@dataclass(frozen=True, kw_only=True)
class TrainSpec(JsonSpec):
    """How a network is trained, with every number and rule that frameworks default differently.

    Where frameworks have different rules, "own" leaves each its stock one; NumPy then takes PyTorch's.

    Attributes
    ----------
    loss : {"binary_cross_entropy", "categorical_cross_entropy", "mean_squared_error"}
        Mean over the rows of a batch, and for the squared error no half of it, as scikit-learn has. It must be the one
        that belongs to the network's output.
    l2 : float
        Strength of the penalty ``l2 / 2 * sum(kernel**2)``: the gradient of each kernel gains ``l2 * kernel``, whatever
        the size of the batch. Biases are free. Reported losses are without it. scikit-learn divides its alpha by the
        rows of the batch and starts at 1e-4, PyTorch's weight_decay takes biases too.
    optimizer : {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"}
        Plain gradient descent, with classical or with Nesterov momentum [2]_, or one of those that scale each step.
    learning_rate : float
        Step size, before the schedule.
    schedule : {"constant", "step", "exponential", "cosine"}
        What becomes of the learning rate; `learning_rate_at` has the formulas.
    schedule_steps : int
        Steps, not epochs, between two drops, in which the rate shrinks by `decay_rate`, or to the end of the cosine.
    decay_rate : float
        Factor for `schedule_steps` steps, above 0 and at most 1.
    momentum : float
        Share of the velocity that survives a step.
    momentum_form : {"own", "rate_inside", "rate_outside"}
        Whether the velocity adds up steps, ``v = momentum * v - lr * g`` (Keras, scikit-learn), or gradients,
        ``v = momentum * v + g`` (PyTorch). They differ only while the rate changes.
    rho : float
        Decay of RMSprop's mean square: 0.9 in Keras, 0.99 in PyTorch, which calls it alpha.
    root_epsilon : {"own", "inside", "outside"}
        Where RMSprop adds epsilon: ``sqrt(v + epsilon)`` (Keras) or ``sqrt(v) + epsilon`` (PyTorch).
    beta_1, beta_2, epsilon : float
        Hyperparameters of Adam [1]_. Frameworks default epsilon to 1e-7 (Keras) or 1e-8 (PyTorch,
        scikit-learn): here it is one number for all, RMSprop's too.
    epsilon_placement : {"own", "before_correction", "after_correction"}
        Where Adam adds epsilon: to ``sqrt(v)`` before the bias correction is divided out (Keras,
        scikit-learn; "epsilon hat" in section 2 of [1]_) or to ``sqrt(v / (1 - beta_2**t))`` after
        it (PyTorch; Algorithm 1 of [1]_). "own" leaves each framework its rule; NumPy then follows Algorithm 1.
    weight_decay : float
        AdamW's decoupled decay [3]_: before its step every parameter, biases too, shrinks by ``1 - lr * weight_decay``.
        0.004 in Keras, 0.01 in PyTorch.
    class_weight : tuple of float or None
        How much a row of each class counts. A row's weight is this times its own, if the rows of the `Split` have
        weights; those are first divided by their mean over the rows of their part, so that only their ratios matter.
        Losses on training and on validation rows are weighted alike.
    weight_mean : {"rows", "weights"}
        Divide the weighted sum of losses by the rows of the batch (Keras) or by the sum of their weights (PyTorch's
        cross-entropy of classes, scikit-learn). By the rows, a row counts the same in whatever batch it comes. In a
        single batch of all rows the two agree, and a row of weight 2 is the row twice, unless class weights have
        another mean than 1.
    batch_size : int
        Rows in a step.
    last_batch : {"keep", "drop"}
        What to do with the rows of an epoch that fill no batch.
    shuffle : bool
        Whether each epoch visits the rows in a new order.
    max_epochs : int
        Most passes over the training rows.
    patience : int or None
        Epochs without a lower validation loss after which training stops; None: never early.
    min_delta : float
        By how much the validation loss must fall to count as lower. Above 0 in scikit-learn, which calls it tol.
    keep : {"best", "last"}
        Which epoch's weights are kept; Keras' own default is the last.
    shuffle_seed : int
        Seed of the order of the rows and of dropout.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [2] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", ICML 2013.
    .. [3] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    ADDED: ClassVar[frozenset[str]] = frozenset(
        {
            *("l2", "schedule", "schedule_steps", "decay_rate", "momentum", "momentum_form", "rho", "root_epsilon"),
            *("weight_decay", "class_weight", "weight_mean", "last_batch", "shuffle", "min_delta", "keep"),
        }
    )

    loss: LossName = "binary_cross_entropy"
    l2: float = 0.0
    optimizer: Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"] = "adam"
    learning_rate: float = 2e-3
    schedule: Literal["constant", "step", "exponential", "cosine"] = "constant"
    schedule_steps: int = 1000
    decay_rate: float = 0.5
    momentum: float = 0.9
    momentum_form: Literal["own", "rate_inside", "rate_outside"] = "own"
    rho: float = 0.9
    root_epsilon: Literal["own", "inside", "outside"] = "own"
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    epsilon_placement: Literal["own", "before_correction", "after_correction"] = "own"
    weight_decay: float = 0.01
    class_weight: tuple[float, ...] | None = None
    weight_mean: Literal["rows", "weights"] = "rows"
    batch_size: int = 32
    last_batch: Literal["keep", "drop"] = "keep"
    shuffle: bool = True
    max_epochs: int = 50
    patience: int | None = 5
    min_delta: float = 0.0
    keep: Literal["best", "last"] = "best"
    shuffle_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        usual = "leave it out for the usual value"
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            _require(0 < value < math.inf, name, "finite and above 0", value, usual)
        for name in ("beta_1", "beta_2", "rho"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, "at least 0 and below 1", value, usual)
        for name in ("l2", "weight_decay", "min_delta"):
            value = getattr(self, name)
            _require(0 <= value < math.inf, name, "finite and at least 0", value, usual)
        for name in ("batch_size", "max_epochs", "schedule_steps"):
            value = getattr(self, name)
            _require(value >= 1, name, "1 or more", value, usual)
        patience = self.patience
        _require(patience is None or patience >= 1, "patience", "1 or more, or None to go on", patience, usual)
        _require(0 < self.momentum < 1, "momentum", "above 0 and below 1", self.momentum, "choose the optimizer 'sgd'")
        _require(0 < self.decay_rate <= 1, "decay_rate", "above 0 and at most 1", self.decay_rate, usual)
        weights = self.class_weight
        positive = weights is None or (len(weights) >= 2 and all(0 < weight < math.inf for weight in weights))
        _require(positive, "class_weight", "a finite number above 0 for each class", weights, "leave it out for none")
        shuffle_seed = self.shuffle_seed
        _require(shuffle_seed >= 0, "shuffle_seed", "a whole number from 0", shuffle_seed, "pass a number such as 7")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step.

        ::

            constant      lr
            step          lr * decay_rate ** floor(step / schedule_steps)
            exponential   lr * decay_rate ** (step / schedule_steps)
            cosine        lr * (1 + cos(pi * min(step / schedule_steps, 1))) / 2

        Parameters
        ----------
        step : int
            Counted from 0 over all epochs.

        Examples
        --------
        >>> spec = TrainSpec(learning_rate=0.8, schedule="step", schedule_steps=10)
        >>> [spec.learning_rate_at(step) for step in (0, 9, 10, 20)]
        [0.8, 0.8, 0.4, 0.2]
        """
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "step":
            return self.learning_rate * math.pow(self.decay_rate, step // self.schedule_steps)
        if self.schedule == "exponential":
            return self.learning_rate * math.pow(self.decay_rate, step / self.schedule_steps)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(step / self.schedule_steps, 1.0)))

    def check_fits(self, output: str, n_outputs: int) -> None:
        """Make sure that a network with these outputs can be trained in this way.

        Parameters
        ----------
        output : {"sigmoid", "softmax", "linear"}
        n_outputs : int

        Raises
        ------
        SpecError
            If the loss does not belong to the output, or the class weights not to its classes.
        """
        loss = LOSS_OF_OUTPUT[output]
        _require(self.loss == loss, "loss", f"'{loss}' for a {output} output", self.loss, "change loss or output")
        if self.class_weight is not None:
            n_classes = {"sigmoid": 2, "softmax": n_outputs, "linear": 0}[output]
            allowed = f"one number for each of {n_classes} classes" if n_classes else "left out for a linear output"
            fits = len(self.class_weight) == n_classes
            _require(fits, "class_weight", allowed, self.class_weight, "give one number a class, or none at all")


def _require(holds: bool, field: str, allowed: str, received: Any, remedy: str) -> None:
    if not holds:
        raise SpecError(field, allowed, repr(received), remedy)
