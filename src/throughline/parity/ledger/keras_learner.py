"""The seed's network in Keras under a setting of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from throughline.parity.keras_stepper import exact_optimizer
from throughline.parity.ledger.setting import DROPOUT, LEARNING_RATE, Setting
from throughline.spec import TrainSpec
from throughline.weights import Array

# What PyTorch's batch normalisation would be in the words of Keras' layer is never asked for: PyTorch follows Keras.
BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}


class KerasLearner:
    """A network in training; its step is compiled once and serves every seed.

    Parameters
    ----------
    setting : Setting
    n_features : int
    hidden_units : sequence of int
    """

    def __init__(self, setting: Setting, n_features: int, hidden_units: Sequence[int]) -> None:
        import keras
        import tensorflow as tf
        from keras import layers

        self.setting = setting
        keras.config.set_floatx(setting.dtype)
        sizes = [n_features, *hidden_units, 1]
        self.dense = [layers.Dense(units, dtype=setting.dtype) for units in sizes[1:]]
        self.norms = [
            layers.BatchNormalization(**BATCH_NORM, dtype=setting.dtype)
            for _ in hidden_units
            if setting.batch_norm != "none"
        ]
        self.dropouts = [layers.Dropout(DROPOUT, seed=i, dtype=setting.dtype) for i, _ in enumerate(hidden_units)]
        for layer, fan_in in zip(self.dense, sizes, strict=False):
            layer.build((None, fan_in))
        for norm, units in zip(self.norms, hidden_units, strict=False):
            norm.build((None, units))
        self.variables = [v for layer in (*self.dense, *self.norms) for v in layer.trainable_variables]
        self.optimizer = self._make_optimizer()
        self.optimizer.build(self.variables)
        self._begin = [v.numpy() for v in self._state()]
        self._step = tf.function(self._traced_step, reduce_retracing=True)
        self._answer = tf.function(lambda X: self._forward(X, None, training=False), reduce_retracing=True)

    def begin(self, seed: int, parameters: Sequence[Array] | None) -> None:
        """Go back before the first step: to these kernels and biases, or to those that Keras draws."""
        import keras

        keras.utils.set_random_seed(seed)
        for variable, value in zip(self._state(), self._begin, strict=True):
            variable.assign(value)
        for i, layer in enumerate(self.dense):
            if parameters is None:
                kernel = keras.initializers.GlorotUniform()(layer.kernel.shape, dtype=self.setting.dtype)
                bias = np.zeros(layer.bias.shape, self.setting.dtype)
            else:
                kernel, bias = parameters[2 * i], parameters[2 * i + 1]
            layer.kernel.assign(kernel)
            layer.bias.assign(bias)
        for i, dropout in enumerate(self.dropouts):
            dropout.seed_generator.state.assign(np.array([seed, i], np.uint32))

    def shuffled(self, n_rows: int) -> Array:
        """Return an order of the rows as Keras draws it."""
        import keras

        return np.asarray(keras.random.shuffle(np.arange(n_rows)))

    def step(self, X: Array, y: Array, masks: Sequence[Array] | None) -> None:
        """Do one step inside TensorFlow; without masks dropout is Keras' own."""
        self._step(X, y, None if masks is None else list(masks))

    def logits(self, X: Array) -> Array:
        """Return the logits of rows, dropout off, shape (n_samples,)."""
        return np.asarray(self._answer(X))

    def _make_optimizer(self) -> Any:
        import keras

        if self.setting.optimizer == "stock":
            return keras.optimizers.Adam(LEARNING_RATE)
        spec = TrainSpec(
            learning_rate=LEARNING_RATE,
            epsilon=self.setting.epsilon,
            epsilon_placement=self.setting.epsilon_placement,
        )
        return exact_optimizer(spec)

    def _state(self) -> list[Any]:
        """Return what a training changes besides kernels and biases."""
        of_norms = [v for norm in self.norms for v in norm.variables]
        return [*of_norms, *(v for v in self.optimizer.variables if v is not self.optimizer.learning_rate)]

    def _traced_step(self, X: Any, y: Any, masks: Any) -> None:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self._loss(self._forward(X, masks, training=True), y)
        self.optimizer.apply(tape.gradient(loss, [v.value for v in self.variables]), self.variables)

    def _forward(self, X: Any, masks: Any, *, training: bool) -> Any:
        import tensorflow as tf

        a = X
        *hidden, last = self.dense
        for i, layer in enumerate(hidden):
            z = tf.matmul(a, layer.kernel.value) + layer.bias.value
            a = tf.nn.relu(self.norms[i](z, training=training) if self.norms else z)
            if masks is not None:
                a = a * masks[i]
            elif training:
                a = self.dropouts[i](a, training=True)
        return (tf.matmul(a, last.kernel.value) + last.bias.value)[:, 0]

    def _loss(self, logits: Any, y: Any) -> Any:
        import keras
        import tensorflow as tf

        if self.setting.loss_from == "logits":
            return keras.losses.binary_crossentropy(y, logits, from_logits=True)
        return keras.losses.binary_crossentropy(y, tf.sigmoid(logits))
