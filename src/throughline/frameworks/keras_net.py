"""Chapter 3: the network in Keras, the way Keras is written: `Sequential`, `compile`, `fit`.

Only two things are ours: the start weights, which come from `Weights` so that all frameworks begin at
the same point, and the options of `fit` that keep a small network fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.data.split import Split
from throughline.errors import DataError
from throughline.frameworks.base import Epoch, OnEpoch, refuse_other_epsilon
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

if TYPE_CHECKING:
    import keras

INPUT_NAME = "features"
OUTPUT_NAME = "probability"


def build(spec: NetworkSpec, weights: Weights) -> keras.Sequential:
    """Return the network as `keras.Sequential`: scaling, hidden layers with dropout, sigmoid output.

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
    for i, units in enumerate(spec.hidden_units, start=1):
        network.add(layers.Dense(units, activation=spec.hidden_activation, dtype=spec.dtype, name=f"dense_{i}"))
        network.add(layers.Dropout(spec.dropout, seed=spec.seed + i, dtype=spec.dtype, name=f"dropout_{i}"))
    network.add(layers.Dense(1, activation="sigmoid", dtype=spec.dtype, name=OUTPUT_NAME))
    set_weights(network, weights)
    return network


def get_weights(network: keras.Sequential) -> Weights:
    """Return copies of all weights; Keras keeps kernels as (fan_in, fan_out), as `Weights` does."""
    scaling = network.get_layer("scaling")
    mean, variance = (np.asarray(value).reshape(-1) for value in (scaling.mean, scaling.variance))
    pairs = [layer.get_weights() for layer in _dense_layers(network)]
    return Weights(mean, np.sqrt(variance), tuple(kernel for kernel, _ in pairs), tuple(bias for _, bias in pairs))


def set_weights(network: keras.Sequential, weights: Weights) -> None:
    """Overwrite all weights, scaling included."""
    scaling = network.get_layer("scaling")
    scaling.input_mean, scaling.input_variance = weights.mean, _variance(weights.std)
    scaling.build((None, len(weights.mean)))
    # The scaling is a constant of the layer, and of every function that was compiled with it so far.
    network.train_function = network.test_function = network.predict_function = None
    for layer, kernel, bias in zip(_dense_layers(network), weights.kernels, weights.biases, strict=True):
        layer.set_weights([kernel, bias])


def fit(network: keras.Sequential, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with `Sequential.fit` and early stopping on the validation loss."""
    import keras

    refuse_other_epsilon("keras", "before_correction", spec)
    keras.utils.set_random_seed(spec.shuffle_seed)
    epochs: list[Epoch] = []

    def after_epoch(index: int, logs: dict[str, float]) -> None:
        epochs.append(Epoch(index + 1, logs["loss"], logs["val_loss"], logs["val_accuracy"]))
        on_epoch(epochs[-1])

    network.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=spec.learning_rate, beta_1=spec.beta_1, beta_2=spec.beta_2, epsilon=spec.epsilon
        ),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=["accuracy"],
        # A whole epoch runs inside TensorFlow before Python is asked again: the step itself takes
        # microseconds, the way back to Python a millisecond.
        steps_per_execution=-(-len(split.X_train) // spec.batch_size),
    )
    network.fit(
        split.X_train,
        split.y_train.astype(split.X_train.dtype)[:, None],
        batch_size=spec.batch_size,
        epochs=spec.max_epochs,
        validation_data=(split.X_val, split.y_val.astype(split.X_val.dtype)[:, None]),
        validation_batch_size=len(split.X_val),
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=spec.patience, restore_best_weights=True),
            keras.callbacks.LambdaCallback(on_epoch_end=after_epoch),
        ],
        verbose=0,
    )
    return epochs


def predict(network: keras.Sequential, X: Array) -> Array:
    """Return the probability of class 1, shape (n_samples,)."""
    probabilities: Array = network.predict_on_batch(X)[:, 0]
    return np.asarray(probabilities)


def gradients(network: keras.Sequential, X: Array, y: Array) -> list[Array]:
    """Return the gradients that `tf.GradientTape` finds, dropout off."""
    import keras
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.binary_crossentropy(y[:, None].astype(X.dtype), network(X, training=False)))
    return [np.asarray(gradient) for gradient in tape.gradient(loss, network.trainable_variables)]


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


def _dense_layers(network: keras.Sequential) -> list[Any]:
    import keras

    return [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
