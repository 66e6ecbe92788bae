"""The script into which a drill puts its bug: from a table to a network in service, in the order in which it happens.

It is one file on purpose. `mutation` replaces a line of this text and runs what comes out, so the line that a drill
shows at its end is the line that trained. A test holds the sound text against `scratch.MLP`, step by step.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from throughline.data.scaling import fit_scaling, scale
from throughline.drill.rows import RawTable
from throughline.scratch import ACTIVATIONS, LOSSES, GradientDescent, sigmoid
from throughline.weights import Array

HIDDEN_UNITS = (16, 16)
LAYERS = ("relu", "relu", "linear")  # the outputs of the last layer are logits
LEARNING_RATE = 0.1
BATCH_SIZE = 32
N_EPOCHS = 60
DROPOUT = 0.2
THRESHOLD = 0.5
LOSS = LOSSES["binary_cross_entropy"]

Masks = Sequence[Array | None]
ONNX_OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid", "linear": "Identity"}


@dataclass(frozen=True)
class Part:
    """Scaled rows with their labels, as a column, and where in the table they stand."""

    X: Array
    y: Array
    rows: Array


@dataclass(frozen=True)
class Prepared:
    """What the training works on, and the scaling that the network in service will need."""

    train: Part
    val: Part
    test: Part
    mean: Array
    std: Array


@dataclass(frozen=True)
class Trace:
    """What the forward pass leaves for the backward pass."""

    inputs: list[Array]  # of each layer
    z: list[Array]
    outputs: list[Array]  # of each layer, before dropout
    masks: Masks

    @property
    def logits(self) -> Array:
        """The outputs of the last layer."""
        return self.outputs[-1]


@dataclass(frozen=True)
class Training:
    """What a training leaves: the weights that are kept and those of the last epoch, and what was logged."""

    kept: list[Array]
    last: list[Array]
    step_losses: list[float]
    losses: list[float]
    accuracies: list[float]
    val_losses: list[float]
    val_accuracies: list[float]


# --- rows ------------------------------------------------------------------------------------------------------------


def prepare(table: RawTable, seed: int) -> Prepared:
    """Shuffle, split 60 : 20 : 20, and scale by the training rows."""
    order = np.random.default_rng(seed).permutation(len(table.X))
    X, y = table.X[order], table.y[order, None]
    n_train, n_val = len(X) * 6 // 10, len(X) * 2 // 10
    train = slice(0, n_train)
    val = slice(n_train, n_train + n_val)
    test = slice(n_train + n_val, None)
    mean, std = fit_scaling(X[train])
    X = scale(X, mean, std)
    train_part, val_part, test_part = (Part(X[part], y[part], order[part]) for part in (train, val, test))
    return Prepared(train_part, val_part, test_part, mean, std)


def class_weights(y: Array) -> Array:
    """Return a weight for each row, so that both classes count the same and the mean weight is 1."""
    share = y.mean()
    weights: Array = np.where(y == 1, 0.5 / share, 0.5 / (1 - share))
    return weights


# --- network ---------------------------------------------------------------------------------------------------------


def initial_parameters(layer_sizes: Sequence[int], seed: int) -> list[Array]:
    """Draw kernels within Glorot's limit; biases are 0."""
    rng = np.random.default_rng(seed)
    parameters: list[Array] = []
    for fan_in, fan_out in pairwise(layer_sizes):
        limit = math.sqrt(6 / (fan_in + fan_out))
        kernel = rng.uniform(-limit, limit, (fan_in, fan_out))
        parameters += [kernel, np.zeros(fan_out)]
    return parameters


def draw_masks(n_rows: int, rng: np.random.Generator) -> Masks:
    """Draw what dropout multiplies each hidden layer by: 0, or 1 / (1 - rate)."""
    return [(rng.random((n_rows, units)) >= DROPOUT) / (1 - DROPOUT) for units in HIDDEN_UNITS]


def forward(parameters: list[Array], X: Array, masks: Masks | None) -> Trace:
    """Pass rows through the network."""
    trace = Trace([], [], [], masks or [None] * len(HIDDEN_UNITS))
    a = X
    for layer, (kernel, bias) in enumerate(zip(parameters[0::2], parameters[1::2], strict=True)):
        trace.inputs.append(a)
        z = a @ kernel + bias
        a = ACTIVATIONS[LAYERS[layer]].forward(z)
        trace.z.append(z)
        trace.outputs.append(a)
        if layer < len(HIDDEN_UNITS) and (mask := trace.masks[layer]) is not None:
            a = a * mask
    return trace


def backward(parameters: list[Array], gradients: list[Array], trace: Trace, y: Array, weights: Array) -> None:
    """Add the gradient of the mean loss to `gradients`, as PyTorch adds to ``.grad``."""
    da = weights * (sigmoid(trace.logits) - y) / weights.sum()
    for layer in reversed(range(len(LAYERS))):
        if layer < len(HIDDEN_UNITS) and (mask := trace.masks[layer]) is not None:
            da = da * mask
        slope = ACTIVATIONS[LAYERS[layer]].derivative(trace.z[layer], trace.outputs[layer])
        dz = da * slope
        gradients[2 * layer] += trace.inputs[layer].T @ dz
        gradients[2 * layer + 1] += dz.sum(axis=0)
        da = dz @ parameters[2 * layer].T


def zero(gradients: list[Array]) -> None:
    """Forget the gradients of the step before."""
    for gradient in gradients:
        gradient.fill(0.0)


# --- training --------------------------------------------------------------------------------------------------------


def train(prepared: Prepared, seed: int) -> Training:
    """Train with gradient descent on batches, and keep the weights with the lowest validation loss."""
    part, rng = prepared.train, np.random.default_rng((seed, 1))
    parameters = initial_parameters((part.X.shape[1], *HIDDEN_UNITS, 1), seed)
    weights = class_weights(part.y)
    gradients = [np.zeros_like(w) for w in parameters]
    optimizer = GradientDescent(LEARNING_RATE)
    log = Training([w.copy() for w in parameters], parameters, [], [], [], [], [])
    lowest = math.inf
    for _ in range(N_EPOCHS):
        order = rng.permutation(len(part.X))
        for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE)):
            zero(gradients)
            trace = forward(parameters, part.X[rows], draw_masks(len(rows), rng))
            backward(parameters, gradients, trace, part.y[rows], weights[rows])
            log.step_losses.append(LOSS.value(trace.logits, part.y[rows], weights[rows, 0]))
            optimizer.update(parameters, gradients)
        note_epoch(log, parameters, prepared, rng)
        if log.val_losses[-1] < lowest:
            lowest = log.val_losses[-1]
            log.kept[:] = [w.copy() for w in parameters]
    return log


def note_epoch(log: Training, parameters: list[Array], prepared: Prepared, rng: np.random.Generator) -> None:
    """Log losses and accuracies of an epoch; the training loss is the one with dropout on."""
    n_steps = math.ceil(len(prepared.train.X) / BATCH_SIZE)
    log.losses.append(float(np.mean(log.step_losses[-n_steps:])))
    log.accuracies.append(accuracy(answer(parameters, prepared.train.X, rng), prepared.train.y))
    logits = answer(parameters, prepared.val.X, rng)
    log.val_losses.append(loss_of(logits, prepared.val.y))
    log.val_accuracies.append(accuracy(logits, prepared.val.y))


# --- answers ---------------------------------------------------------------------------------------------------------


def answer(parameters: list[Array], X: Array, rng: np.random.Generator) -> Array:
    """Return the logits of scaled rows, as a column."""
    masks = None  # dropout belongs to training
    return forward(parameters, X, masks).logits


def labels_of(logits: Array) -> Array:
    """Return 1 where class 1 is the likelier one."""
    return sigmoid(logits) > THRESHOLD


def loss_of(logits: Array, y: Array) -> float:
    """Return the mean loss, both classes counting the same."""
    return LOSS.value(logits, y, class_weights(y)[:, 0])


def accuracy(logits: Array, y: Array) -> float:
    """Return the share of rows that get their own label."""
    return float(np.mean(labels_of(logits) == y))


# --- service ---------------------------------------------------------------------------------------------------------


def export(parameters: list[Array], prepared: Prepared) -> bytes:
    """Write the network with its scaling as an ONNX file; kernels as PyTorch keeps them, (fan_out, fan_in)."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {"mean": prepared.mean, "std": prepared.std}
    nodes = [helper.make_node("Sub", ["x", "mean"], ["moved"]), helper.make_node("Div", ["moved", "std"], ["a0"])]
    for layer, activation in enumerate(LAYERS):
        kernel, bias = parameters[2 * layer], parameters[2 * layer + 1]
        weight = kernel.T
        constants |= {f"weight{layer}": weight, f"bias{layer}": bias}
        names = [f"a{layer}", f"weight{layer}", f"bias{layer}"]
        nodes.append(helper.make_node("Gemm", names, [f"z{layer}"], transB=1))
        nodes.append(helper.make_node(ONNX_OPERATORS[activation], [f"z{layer}"], [f"a{layer + 1}"]))
    nodes.append(helper.make_node("Sigmoid", [f"a{len(LAYERS)}"], ["probability"]))
    initializers = [
        numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name) for name, array in constants.items()
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", len(prepared.mean)])
    probability = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, "network", [x], [probability], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def run_file(file: bytes, X: Array) -> Array:
    """Return the probabilities that the file gives to raw rows, as a column."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more of them take longer to start than the rows take
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    answers: Array = session.run(["probability"], {"x": X.astype(np.float32)})[0]
    return answers


def read_request(body: str, names: Sequence[str]) -> Array:
    """Return the raw rows of a request to the service: a JSON list of records, a value for each name."""
    records: list[Mapping[str, Any]] = json.loads(body)
    rows = np.array([[record[name] for name in names] for record in records])
    return rows


def serve(file: bytes, prepared: Prepared, body: str, names: Sequence[str]) -> Array:
    """Return the labels that the service gives to the records of a request."""
    rows = read_request(body, names)
    return run_file(file, rows) > THRESHOLD
