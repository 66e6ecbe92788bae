"""The sheet: forward pass, chain rule and update of one sample, line by line, and the check of every derivative.

Of a layer with more than `MOST_UNITS` units only those that matter most are written out; what the others contribute to
a sum stands in it as one number. Nothing is left out of a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from throughline.drill.chain_rule.functions import FUNCTIONS, log_1_plus_exp, negative_log
from throughline.drill.chain_rule.rounded import Rounded, difference, quotient, rounded, total
from throughline.drill.chain_rule.source import Sample
from throughline.scratch import MLP, GradientDescent
from throughline.weights import Array

MOST_UNITS = 4
N_WRITTEN_OUT = 2
STEP = 1e-5  # of the central differences, whose own error lies below the next line
CENTRAL_ERROR = 1e-8
LAYER_MARKS = "⁰¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One number: its symbol, the formula with the numbers put in, empty for what is given, and what comes out."""

    symbol: str
    numbers: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Lines that follow one formula."""

    title: str
    formula: str
    lines: list[Line]


@dataclass(frozen=True, kw_only=True)
class Update:
    """A parameter, its derivative by the chain rule and by central differences, and its new value.

    Attributes
    ----------
    symbol, before, gradient, after : str
        As shown.
    numbers : str
        The update with the numbers put in.
    central : str
        Central difference of the loss in float64, rounded like the rest.
    apart, allowed : float
        How far the shown derivative is from it, and how far rounding can have carried it.
    """

    symbol: str
    before: str
    gradient: str
    numbers: str
    after: str
    central: str
    apart: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return self.apart <= self.allowed


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A whole page.

    Attributes
    ----------
    said : str
        Network and row.
    layer_sizes : list of int
    n_written_out : int
        How many of the parameters are on the page.
    n_parameters : int
        Of the network.
    label : int
    learning_rate : str
    stages : list of Stage
        In the order of computation.
    updates : list of Update
    loss, loss_after : str
        Of the sample, before the step, and after a step of all parameters.
    """

    said: str
    layer_sizes: list[int]
    n_written_out: int
    n_parameters: int
    label: int
    learning_rate: str
    stages: list[Stage]
    updates: list[Update]
    loss: str
    loss_after: str

    @property
    def agrees(self) -> bool:
        """Whether every derivative agrees with its central difference."""
        return all(update.agrees for update in self.updates)


def make_sheet(sample: Sample) -> Sheet:
    """Compute a sample's step with rounded numbers, and hold it against central differences.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    Sheet

    Examples
    --------
    >>> from throughline.drill.chain_rule.source import small_sample
    >>> sheet = make_sheet(small_sample(0))
    >>> [stage.title for stage in sheet.stages][:2], len(sheet.updates), sheet.agrees
    (['Inputs', 'Hidden layer: linear combination'], 13, True)
    """
    writer = _Writer(sample)
    writer.write_forward()
    writer.write_backward()
    mlp = sample.mlp
    return Sheet(
        said=sample.said,
        layer_sizes=list(mlp.layer_sizes),
        n_written_out=len(writer.updates),
        n_parameters=sum(w.size for w in mlp.parameters),
        label=sample.y,
        learning_rate=str(writer.rate),
        stages=writer.stages,
        updates=writer.updates,
        loss=str(writer.loss),
        loss_after=str(rounded(_loss_after(sample))),
    )


class _Writer:
    """Goes through the network once, forward and back, and keeps what the next line needs."""

    def __init__(self, sample: Sample) -> None:
        self.sample, self.mlp = sample, sample.mlp
        self.n_layers = len(self.mlp.kernels)
        self.inputs = [a[0] for a in self.mlp.forward(sample.x[None]).activations]  # of each layer, in full precision
        self.slopes = _slopes(self.mlp, sample)
        self.units = self._choose_units()
        self.rate = rounded(sample.learning_rate)
        self.stages: list[Stage] = []
        self.updates: list[Update] = []
        # By layer and unit; layer 0 holds the inputs.
        self.a: dict[tuple[int, int], Rounded] = {}
        self.z: dict[tuple[int, int], Rounded] = {}
        self.dz: dict[tuple[int, int], Rounded] = {}

    def _choose_units(self) -> list[list[int]]:
        """Return, for each layer from the inputs on, which units are written out."""
        worth = [np.abs(self.sample.x), *(np.abs(dz) for dz in self.slopes)]
        chosen = []
        for size, values in zip(self.mlp.layer_sizes, worth, strict=True):
            n_units = size if size <= MOST_UNITS else N_WRITTEN_OUT
            chosen.append(sorted(int(unit) for unit in np.argsort(-values, kind="stable")[:n_units]))
        return chosen

    def _left_out(self, layer: int) -> list[int]:
        return sorted(set(range(self.mlp.layer_sizes[layer])) - set(self.units[layer]))

    def _weight(self, layer: int, i: int, j: int) -> Rounded:
        return rounded(float(self.mlp.kernels[layer - 1][i, j]))

    def _name(self, layer: int) -> str:
        if layer == self.n_layers:
            return "the output"
        return "the hidden layer" if self.n_layers == 2 else f"hidden layer {layer}"

    def _write(self, title: str, formula: str, lines: list[Line]) -> None:
        self.stages.append(Stage(title=title, formula=formula, lines=lines))

    # --- forward -----------------------------------------------------------------------------------------------------

    def write_forward(self) -> None:
        """Write inputs, linear combinations, activations and the loss."""
        self._write_inputs()
        for layer in range(1, self.n_layers + 1):
            self._write_layer(layer)
        p, is_1 = self.a[self.n_layers, 0], self.sample.y == 1
        z, mark = self.z[self.n_layers, 0], LAYER_MARKS[self.n_layers]
        self.loss = negative_log(p) if is_1 else log_1_plus_exp(z)
        written = "−ln p" if is_1 else f"−ln(1 − p) = ln(1 + e^z{mark})"
        formula = f"L = {written} since y = {self.sample.y}, with p = a{mark}(1)"
        line = Line(symbol="L", numbers=f"−ln {p}" if is_1 else f"ln(1 + e^{z.inside})", result=str(self.loss))
        self._write("Loss: binary cross-entropy", formula, [line])

    def _write_inputs(self) -> None:
        sample, lines = self.sample, []
        for i in self.units[0]:
            if sample.raw is None or sample.mean is None or sample.std is None:
                self.a[0, i] = rounded(float(sample.x[i]))
                lines.append(Line(symbol=f"x({i + 1})", numbers="", result=str(self.a[0, i])))
                continue
            raw, mean, std = (rounded(float(array[i])) for array in (sample.raw, sample.mean, sample.std))
            self.a[0, i] = quotient(difference(raw, mean), std)
            numbers = f"({raw} − {mean.inside}) / {std}"
            lines.append(Line(symbol=f"x({i + 1})", numbers=numbers, result=str(self.a[0, i])))
        if sample.raw is None:
            self._write("Inputs", "x, as given", lines)
        else:
            self._write("Scaling of the raw row", "x = (raw − mean) / std", lines)

    def _write_layer(self, layer: int) -> None:
        function, mark = FUNCTIONS[_activation(self.mlp, layer)], LAYER_MARKS[layer]
        sums, activations = [], []
        for j in self.units[layer]:
            products = [(self._weight(layer, i, j), self.a[layer - 1, i]) for i in self.units[layer - 1]]
            left_out = self._left_out(layer - 1)
            share = self.inputs[layer - 1][left_out] @ self.mlp.kernels[layer - 1][left_out, j]
            others = [rounded(float(share))] if left_out else []
            others.append(rounded(float(self.mlp.biases[layer - 1][j])))
            z = total(products, others)
            a = function.apply(z)
            self.z[layer, j], self.a[layer, j] = z, a
            sums.append(Line(symbol=f"z{mark}({j + 1})", numbers=_sum(products, others), result=str(z)))
            activations.append(Line(symbol=f"a{mark}({j + 1})", numbers=function.with_numbers(z), result=str(a)))
        rest = " + all others" if self._left_out(layer - 1) else ""
        formula = f"z{mark}(j) = Σᵢ w{mark}(i→j) · {_input(layer)}{rest} + b{mark}(j)"
        name = self._name(layer).removeprefix("the ").capitalize()
        self._write(f"{name}: linear combination", formula, sums)
        self._write(f"{name}: activation", f"a{mark} = {function.formula.replace('z', f'z{mark}')}", activations)

    # --- backward ----------------------------------------------------------------------------------------------------

    def write_backward(self) -> None:
        """Write the chain rule from the loss to every parameter on the page, and the updates."""
        last = self.n_layers
        p, y = self.a[last, 0], rounded(Decimal(self.sample.y))
        self.dz[last, 0] = total([], [p, y.negated])
        mark = LAYER_MARKS[last]
        line = Line(symbol=f"∂L/∂z{mark}(1)", numbers=f"{p} − {y}", result=str(self.dz[last, 0]))
        formula = f"∂L/∂z{mark} = ∂L/∂p · p · (1 − p) = p − y"
        self._write("Chain rule: from the loss to the output", formula, [line])
        for layer in range(last, 0, -1):
            self._write_gradients(layer)
            if layer > 1:
                self._write_step_back(layer)

    def _write_gradients(self, layer: int) -> None:
        mark, lines, kernels, biases = LAYER_MARKS[layer], [], [], []
        for j in self.units[layer]:
            dz = self.dz[layer, j]
            for i in self.units[layer - 1]:
                a = self.a[layer - 1, i]
                gradient, symbol = total([(dz, a)]), f"w{mark}({i + 1}→{j + 1})"
                lines.append(Line(symbol=f"∂L/∂{symbol}", numbers=f"{dz} · {a.inside}", result=str(gradient)))
                kernels.append(self._update(symbol, self.mlp.kernels[layer - 1], (i, j), gradient))
            biases.append(self._update(f"b{mark}({j + 1})", self.mlp.biases[layer - 1], (j,), dz))
        formula = f"∂L/∂w{mark}(i→j) = ∂L/∂z{mark}(j) · {_input(layer)}  and  ∂L/∂b{mark}(j) = ∂L/∂z{mark}(j)"
        self._write(f"Derivatives of {self._name(layer)}", formula, lines)
        self.updates = [*kernels, *biases, *self.updates]  # first layer first

    def _write_step_back(self, layer: int) -> None:
        below = layer - 1
        function, mark, low = FUNCTIONS[_activation(self.mlp, below)], LAYER_MARKS[layer], LAYER_MARKS[below]
        through_weights, through_activation = [], []
        for i in self.units[below]:
            products = [(self._weight(layer, i, j), self.dz[layer, j]) for j in self.units[layer]]
            left_out = self._left_out(layer)
            share = self.mlp.kernels[layer - 1][i, left_out] @ self.slopes[layer - 1][left_out]
            others = [rounded(float(share))] if left_out else []
            da = total(products, others)
            through_weights.append(Line(symbol=f"∂L/∂a{low}({i + 1})", numbers=_sum(products, others), result=str(da)))
            z, a = self.z[below, i], self.a[below, i]
            dz = self.dz[below, i] = total([(da, function.slope(z, a))])
            numbers = f"{da} · {function.slope_with_numbers(z, a)}"
            through_activation.append(Line(symbol=f"∂L/∂z{low}({i + 1})", numbers=numbers, result=str(dz)))
        rest = " + all others" if self._left_out(layer) else ""
        formula = f"∂L/∂a{low}(i) = Σⱼ w{mark}(i→j) · ∂L/∂z{mark}(j){rest}"
        self._write(f"Back through the weights to {self._name(below)}", formula, through_weights)
        slope = function.slope_formula.replace("a", f"a{low}") if "where" not in function.slope_formula else "f′(z)"
        formula = f"∂L/∂z{low} = ∂L/∂a{low} · {slope}"
        formula += f",  f′(z) = {function.slope_formula}" if slope == "f′(z)" else ""
        self._write(f"Back through the activation of {self._name(below)}", formula, through_activation)

    def _update(self, symbol: str, array: Array, place: tuple[int, ...], gradient: Rounded) -> Update:
        w = rounded(float(array[place]))
        after = total([(self.rate.negated, gradient)], [w])
        central = _central_difference(self.mlp, self.sample, array, place)
        return Update(
            symbol=symbol,
            before=str(w),
            gradient=str(gradient),
            numbers=f"{w} − {self.rate} · {gradient.inside}",
            after=str(after),
            central=str(rounded(central)),
            apart=abs(float(gradient.value) - central),
            allowed=float(gradient.error) + CENTRAL_ERROR,
        )


def _activation(mlp: MLP, layer: int) -> str:
    return "sigmoid" if layer == len(mlp.kernels) else mlp.hidden[layer - 1].name


def _input(layer: int) -> str:
    return "x(i)" if layer == 1 else f"a{LAYER_MARKS[layer - 1]}(i)"


def _sum(products: Sequence[tuple[Rounded, Rounded]], others: Sequence[Rounded]) -> str:
    first, *rest = [f"{w} · {a.inside}" for w, a in products] + [str(other) for other in others]
    # A minus that begins a term takes the place of the plus before it.
    return first + "".join(f" − {term[1:]}" if term.startswith("−") else f" + {term}" for term in rest)


# --- in full precision -----------------------------------------------------------------------------------------------


def _slopes(mlp: MLP, sample: Sample) -> list[Array]:
    """Return dL/dz of each layer; the gradient of a bias is that of its z where there is one row."""
    return mlp.backward(mlp.forward(sample.x[None]), [[sample.y]])[1::2]


def _central_difference(mlp: MLP, sample: Sample, array: Array, place: tuple[int, ...]) -> float:
    original, losses = array[place], []
    for nudge in (STEP, -STEP):
        array[place] = original + nudge
        losses.append(mlp.loss_value(sample.x[None], [[sample.y]]))
    array[place] = original
    return (losses[0] - losses[1]) / (2 * STEP)


def _loss_after(sample: Sample) -> float:
    """Return the loss of the row after a step of all parameters."""
    after = MLP(
        sample.mlp.layer_sizes,
        hidden=[activation.name for activation in sample.mlp.hidden],
        parameters=sample.mlp.parameters,
    )
    after.train_step(sample.x[None], [[sample.y]], GradientDescent(sample.learning_rate))
    return after.loss_value(sample.x[None], [[sample.y]])
