"""Chapter 3: the network in Keras, the way Keras is written: `Sequential`, `compile`, `fit`.

Only two things are ours: the start weights, which come from `Weights` so that all frameworks begin at
the same point, and the options of `fit` that keep a small network fast.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.data.features import HALF_A_CODE, select
from throughline.data.split import Split
from throughline.errors import DataError
from throughline.frameworks.base import Epoch, OnEpoch, divergence, refuse_other_than_stock
from throughline.frameworks.rows import answers, batches, row_weights, targets
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

if TYPE_CHECKING:
    import keras

Fit = Callable[["keras.Sequential", TrainSpec, Split, OnEpoch], list[Epoch]]
INPUT_NAME = "features"
LOSSES = {
    "sigmoid": "BinaryCrossentropy",
    "softmax": "CategoricalCrossentropy",
    "linear": "MeanSquaredError",
}


def build(spec: NetworkSpec, weights: Weights) -> keras.Sequential:
    """Return the network as `keras.Sequential`: scaling, hidden layers with dropout, output.

    Parameters
    ----------
    spec : NetworkSpec
        Architecture.
    weights : Weights
        Start values.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(spec.seed)
    network = keras.Sequential(name="throughline")
    network.add(keras.Input(shape=(spec.n_inputs,), name=INPUT_NAME, dtype=spec.dtype))
    variance = _variance(weights.std)
    network.add(layers.Normalization(mean=weights.mean, variance=variance, dtype=spec.dtype, name="scaling"))
    if spec.columns:
        network.add(_columns(spec))
    for i, units in enumerate(spec.hidden_units, start=1):
        network.add(layers.Dense(units, activation=spec.hidden_activation, dtype=spec.dtype, name=f"dense_{i}"))
        network.add(layers.Dropout(spec.dropout, seed=spec.seed + i, dtype=spec.dtype, name=f"dropout_{i}"))
    network.add(layers.Dense(spec.n_outputs, activation=spec.output, dtype=spec.dtype, name=spec.output_name))
    set_weights(network, weights)
    return network


def _columns(spec: NetworkSpec) -> keras.Model:
    """Select the features of scaled rows, as `data.features.select_features` does, with layers that are Keras' own.

    A layer class of ours would do the same, but nobody could load the saved network without this package.
    """
    import keras
    from keras import ops

    chosen = select(spec.columns)
    rows = keras.Input(shape=(spec.n_inputs,), dtype=spec.dtype)
    features = []
    if len(chosen.numbers):
        numbers = ops.take(rows, chosen.numbers, axis=1)
        # Only NaN differs from itself; TFLite has no operator that asks for NaN.
        features.append(ops.where(ops.not_equal(numbers, numbers), chosen.fills.astype(spec.dtype), numbers))
    if len(chosen.flags):
        flagged = ops.take(rows, chosen.flags, axis=1)
        features.append(ops.cast(ops.not_equal(flagged, flagged), spec.dtype))
    if len(chosen.labels):
        labelled = ops.take(rows, chosen.labels, axis=1)
        distance = ops.abs(labelled - chosen.codes.astype(spec.dtype))
        features.append(ops.cast(ops.less(distance, HALF_A_CODE), spec.dtype))
    joined = features[0] if len(features) == 1 else ops.concatenate(features, axis=1)
    return keras.Model(rows, joined, name="columns")


def get_weights(network: keras.Sequential) -> Weights:
    """Return copies of all weights; Keras keeps kernels as (fan_in, fan_out), as `Weights` does."""
    scaling = network.get_layer("scaling")
    mean, variance = (np.asarray(value).reshape(-1) for value in (scaling.mean, scaling.variance))
    pairs = [layer.get_weights() for layer in dense_layers(network)]
    return Weights(mean, np.sqrt(variance), tuple(kernel for kernel, _ in pairs), tuple(bias for _, bias in pairs))


def set_weights(network: keras.Sequential, weights: Weights) -> None:
    """Overwrite all weights, scaling included."""
    scaling = network.get_layer("scaling")
    scaling.input_mean, scaling.input_variance = weights.mean, _variance(weights.std)
    scaling.build((None, len(weights.mean)))
    # The scaling is a constant of the layer, and of every function that was compiled with it so far.
    network.train_function = network.test_function = network.predict_function = None
    for layer, kernel, bias in zip(dense_layers(network), weights.kernels, weights.biases, strict=True):
        layer.set_weights([kernel, bias])


def _in_dtype_of_network(train: Fit) -> Fit:
    """Let losses, learning rate and metrics be in the network's dtype; Keras takes its global one for them."""

    @functools.wraps(train)
    def trained(network: keras.Sequential, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
        import keras

        before = keras.config.floatx()
        keras.config.set_floatx(dense_layers(network)[-1].dtype)
        try:
            return train(network, spec, split, on_epoch)
        finally:
            keras.config.set_floatx(before)

    return trained


@_in_dtype_of_network
def fit(network: keras.Sequential, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with `Sequential.fit` and early stopping on the validation loss."""
    import keras

    spec.check_fits(output_of(network), network.output_shape[1])
    weights, weights_val = _weights(network, spec, split)
    refuse_other_than_stock("keras", spec, weighted=weights is not None)
    keras.utils.set_random_seed(spec.shuffle_seed)
    loss, accuracy, unpenalised = _loss_and_metrics(network, spec)
    rows = _training_rows(network, split, spec, weights)
    epochs, after_epoch = _watch(network, spec, split, on_epoch)

    network.compile(
        optimizer=make_optimizer(spec),
        loss=loss,
        metrics=[accuracy],
        weighted_metrics=unpenalised,
        # A whole epoch runs inside TensorFlow before Python is asked again: the step itself takes
        # microseconds, the way back to Python a millisecond.
        steps_per_execution=len(batches(np.arange(len(split.X_train)), spec)),
    )
    network.fit(
        **rows,
        shuffle=spec.shuffle,
        epochs=spec.max_epochs,
        validation_data=_validation_rows(network, split, weights_val),
        validation_batch_size=len(split.X_val),
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=after_epoch),
            keras.callbacks.EarlyStopping(
                "val_loss",
                mode="min",
                min_delta=spec.min_delta,
                patience=spec.patience or spec.max_epochs,
                restore_best_weights=spec.keep == "best",
            ),
        ],
        verbose=0,
    )
    return epochs


def predict(network: keras.Sequential, X: Array) -> Array:
    """Return probabilities or values, shape (n_samples,), or (n_samples, n_classes) under softmax."""
    return answers(np.asarray(network.predict_on_batch(X)))


def gradients(network: keras.Sequential, X: Array, y: Array) -> list[Array]:
    """Return the gradients that `tf.GradientTape` finds, dropout off."""
    import tensorflow as tf

    wanted, loss_of_rows = _targets(network, y, X.dtype.name), _loss(network).fn
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(loss_of_rows(wanted, network(X, training=False)))
    return [np.asarray(gradient) for gradient in tape.gradient(loss, network.trainable_variables)]


def output_of(network: keras.Sequential) -> str:
    """Return what the last layer ends in: sigmoid, softmax or linear."""
    name: str = dense_layers(network)[-1].activation.__name__
    return name


def make_optimizer(spec: TrainSpec) -> keras.optimizers.Optimizer:
    """Return the stock optimizer that the spec names, with its schedule."""
    from keras import optimizers

    rate = _schedule(spec)
    if spec.optimizer == "sgd":
        return optimizers.SGD(rate)
    if spec.optimizer in ("momentum", "nesterov"):
        return optimizers.SGD(rate, spec.momentum, nesterov=spec.optimizer == "nesterov")
    if spec.optimizer == "rmsprop":
        return optimizers.RMSprop(rate, spec.rho, epsilon=spec.epsilon)
    if spec.optimizer == "adam":
        return optimizers.Adam(rate, spec.beta_1, spec.beta_2, spec.epsilon)
    return optimizers.AdamW(rate, spec.weight_decay, spec.beta_1, spec.beta_2, spec.epsilon)


def _loss(network: keras.Sequential) -> Any:
    import keras

    return getattr(keras.losses, LOSSES[output_of(network)])()


def _schedule(spec: TrainSpec) -> Any:
    """Return the learning rate, or Keras' own schedule with the formula of `TrainSpec.learning_rate_at`."""
    from keras.optimizers import schedules

    if spec.schedule == "constant":
        return spec.learning_rate
    if spec.schedule == "cosine":
        return schedules.CosineDecay(spec.learning_rate, spec.schedule_steps)
    staircase = spec.schedule == "step"
    return schedules.ExponentialDecay(spec.learning_rate, spec.schedule_steps, spec.decay_rate, staircase=staircase)


def _loss_and_metrics(network: keras.Sequential, spec: TrainSpec) -> tuple[Any, Any, list[Any] | None]:
    """Return the loss, the accuracy, and the loss once more if the penalty must be told apart from it."""
    import keras

    loss = _loss(network)
    for layer in dense_layers(network):
        layer.kernel.regularizer = keras.regularizers.L2(spec.l2 / 2) if spec.l2 > 0 else None
    plain = keras.metrics.MeanMetricWrapper(loss.fn, name="plain_loss")
    accuracy = keras.metrics.R2Score(name="accuracy") if output_of(network) == "linear" else "accuracy"
    return loss, accuracy, [plain] if spec.l2 > 0 else None


def _training_rows(network: keras.Sequential, split: Split, spec: TrainSpec, weights: Array | None) -> dict[str, Any]:
    """Return rows, targets, weights and batch size as `fit` wants them; a dataset of its own drops the last batch.

    Class weights are among the weights of the rows, since `fit` takes no `class_weight` beside a `sample_weight`.
    """
    X, y = split.X_train, _targets(network, split.y_train, split.X_train.dtype.name)
    if spec.last_batch == "keep":
        return {"x": X, "y": y, "sample_weight": weights, "batch_size": spec.batch_size}
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices((X, y) if weights is None else (X, y, weights))
    if spec.shuffle:
        rows = rows.shuffle(len(X), seed=spec.shuffle_seed)
    return {"x": rows.batch(spec.batch_size, drop_remainder=True)}


def _validation_rows(network: keras.Sequential, split: Split, weights: Array | None) -> tuple[Array, ...]:
    rows = split.X_val, _targets(network, split.y_val, split.X_val.dtype.name)
    return rows if weights is None else (*rows, weights)


def _weights(network: keras.Sequential, spec: TrainSpec, split: Split) -> tuple[Array | None, Array | None]:
    """Return how much the training and the validation rows count, or None if all count alike."""
    dtype = dense_layers(network)[-1].dtype
    training = row_weights(split.y_train, spec, dtype, split.weights_train)
    return training, row_weights(split.y_val, spec, dtype, split.weights_val)


def _watch(
    network: keras.Sequential, spec: TrainSpec, split: Split, on_epoch: OnEpoch
) -> tuple[list[Epoch], Callable[[int, dict[str, float]], None]]:
    """Return the list of epochs, and what fills it and stops a training that diverges."""
    epochs: list[Epoch] = []
    good = network.get_weights()
    means = [1.0 if w is None else float(w.mean(dtype=np.float64)) for w in _weights(network, spec, split)]

    def after_epoch(index: int, logs: dict[str, float]) -> None:
        if "plain_loss" in logs:  # a weighted metric is divided by the sum of the weights, the loss by the rows
            logs["loss"] = logs["plain_loss"] * means[0]
            logs["val_loss"] = logs["val_plain_loss"] * means[1]  # what `EarlyStopping` looks at next
        loss, val_loss = logs["loss"], logs["val_loss"]
        if not math.isfinite(loss + val_loss):
            failure = divergence("keras", index + 1, [], val_loss, get_weights(network))
            network.set_weights(good)
            raise failure
        good[:] = network.get_weights()
        epochs.append(Epoch(index + 1, loss, val_loss, logs["val_accuracy"]))
        on_epoch(epochs[-1])

    return epochs, after_epoch


def _targets(network: keras.Sequential, y: Array, dtype: str) -> Array:
    return targets(y, output_of(network), network.output_shape[1], dtype)


def _variance(std: Array) -> Array:
    # Normalization divides by max(sqrt(variance), epsilon): the square is taken in float64 and rounded once.
    import keras

    if std.min() < keras.config.epsilon():
        raise DataError(
            "the standard deviation of every column",
            f"at least {keras.config.epsilon():g}, below which Keras' Normalization takes another number",
            f"{std.min():.1e} in column {int(std.argmin())} (counted from 0)",
            "give that column in a smaller unit",
        )
    variance: Array = np.square(std.astype(np.float64))
    return variance


def dense_layers(network: keras.Sequential) -> list[Any]:
    """Return the layers with parameters, input to output."""
    import keras

    return [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
