"""The trajectory of Keras on TensorFlow: its layers, its variables, TensorFlow's gradients, Keras' optimizers.

This is the one place where Keras gets what it needs to be exact; the training of chapter 3 is stock. What differs:

- `set_floatx`: the learning rate and the optimizer's memory are float32 otherwise, whatever the layers are;
- losses are taken from the logits: from probabilities Keras clips them at 1e-7;
- Python numbers on their way into a tensor pass through float32, so that 0.9 becomes 0.89999998 even beside float64.
  SGD is handed its momentum as a `numpy.float64`, which is not rounded. Adam's bias correction is computed in the
  dtype of the variables; in float32 ``1 - 0.999**t`` loses half its digits. `update_step` is therefore written out
  below for Adam and AdamW, with the correction in float64, as NumPy and PyTorch compute it;
- RMSprop adds epsilon under the root: `update_step` is written out for the other rule;
- GELU has the square root of 2 in float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.frameworks import keras_net
from throughline.frameworks.keras_net import dense_layers
from throughline.parity.feed import Batch
from throughline.parity.stepper import Step
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Weights

if TYPE_CHECKING:
    import keras


class KerasStepper:
    """A `keras.Sequential` in training, one compiled step at a time."""

    def __init__(self, network: keras.Sequential, spec: NetworkSpec, train: TrainSpec) -> None:
        import tensorflow as tf

        self.network, self.spec, self.train = network, spec, train
        self.optimizer = exact_optimizer(train)
        self.optimizer.build(network.trainable_variables)
        self.n_steps = 0
        # One graph for batches of every length, instead of one for each.
        self._step = tf.function(self._traced_step, reduce_retracing=True)

    def step(self, batch: Batch) -> Step:
        """Do one step inside TensorFlow."""
        if self.train.schedule != "constant":
            self.optimizer.learning_rate = self.train.learning_rate_at(self.n_steps)
        loss, z = self._step(batch.X, batch.y, batch.row_weights, batch.masks, batch.gates)
        self.n_steps += 1
        return Step(float(loss), [layer.numpy() for layer in z])

    def weights(self) -> Weights:
        """Return copies of the present weights."""
        return keras_net.get_weights(self.network)

    def _traced_step(self, X: Any, y: Any, row_weights: Any, masks: Any, gates: Any) -> tuple[Any, list[Any]]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            z = self._forward(X, masks, gates)
            loss = self._loss(z[-1], y, row_weights)
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        if self.train.l2 > 0:
            gradients[0::2] = [
                gradient + self.train.l2 * kernel.value
                for gradient, kernel in zip(gradients[0::2], variables[0::2], strict=True)
            ]
        self.optimizer.apply(gradients, variables)
        return loss, z

    def _forward(self, X: Any, masks: Any, gates: Any) -> list[Any]:
        import tensorflow as tf

        a = self.network.get_layer("scaling")(X)
        *hidden, last = dense_layers(self.network)
        z: list[Any] = []
        for i, layer in enumerate(hidden):
            z.append(tf.matmul(a, layer.kernel.value) + layer.bias.value)  # what `Dense` does before its activation
            if gates is not None:
                a = z[-1] * gates[i]
            elif self.spec.hidden_activation == "gelu":
                a = 0.5 * z[-1] * (1.0 + tf.math.erf(z[-1] * math.sqrt(0.5)))
            else:
                a = layer.activation(z[-1])
            if masks is not None:
                a = a * masks[i]
        return [*z, tf.matmul(a, last.kernel.value) + last.bias.value]

    def _loss(self, logits: Any, y: Any, row_weights: Any) -> Any:
        import keras
        import tensorflow as tf

        if self.spec.output == "sigmoid":
            losses = keras.losses.binary_crossentropy(y, logits, from_logits=True)
        elif self.spec.output == "softmax":
            losses = keras.losses.categorical_crossentropy(y, logits, from_logits=True)
        else:
            losses = keras.losses.mean_squared_error(y, logits)
        if row_weights is None:
            return tf.reduce_mean(losses)
        if self.train.weight_mean == "weights":
            return tf.reduce_sum(losses * row_weights) / tf.reduce_sum(row_weights)
        return tf.reduce_mean(losses * row_weights)


def start(network: NetworkSpec, train: TrainSpec, weights: Weights) -> KerasStepper:
    """Return the network before its first step."""
    import keras

    keras.config.set_floatx(network.dtype)
    return KerasStepper(keras_net.build(network, weights), network, train)


def exact_optimizer(train: TrainSpec) -> keras.optimizers.Optimizer:
    """Return the optimizer that the spec names, without roundings through float32."""
    from keras import optimizers

    if train.optimizer == "sgd":
        return optimizers.SGD(train.learning_rate)
    if train.optimizer in ("momentum", "nesterov"):
        nesterov = train.optimizer == "nesterov"
        return optimizers.SGD(train.learning_rate, np.float64(train.momentum), nesterov=nesterov)
    if train.optimizer == "rmsprop":
        kind = optimizers.RMSprop if train.root_epsilon == "inside" else _rmsprop_with_epsilon_outside()
        return kind(train.learning_rate, train.rho, epsilon=train.epsilon)
    return _exact_adam(train)(train.learning_rate, train.beta_1, train.beta_2, train.epsilon)


def _rmsprop_with_epsilon_outside() -> type[keras.optimizers.RMSprop]:
    import tensorflow as tf
    from keras import optimizers

    class RMSpropWithEpsilonOutside(optimizers.RMSprop):  # type: ignore[misc]  # Keras has no types
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            v = self._velocities[self._get_variable_index(variable)]
            self.assign(v, self.rho * v.value + (1 - self.rho) * tf.square(gradient))
            rate = tf.cast(learning_rate, gradient.dtype)
            self.assign_sub(variable, rate * gradient / (tf.sqrt(v.value) + self.epsilon))

    return RMSpropWithEpsilonOutside


def _exact_adam(train: TrainSpec) -> type[keras.optimizers.Adam]:
    import tensorflow as tf
    from keras import optimizers

    class ExactAdam(optimizers.Adam):  # type: ignore[misc]  # Keras has no types
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            index = self._get_variable_index(variable)
            m, v = self._momentums[index], self._velocities[index]
            t = tf.cast(self.iterations.value + 1, tf.float64)
            rate = tf.cast(learning_rate, tf.float64)
            correction_1 = 1 - tf.pow(tf.constant(self.beta_1, tf.float64), t)
            correction_2 = 1 - tf.pow(tf.constant(self.beta_2, tf.float64), t)
            if train.optimizer == "adamw":
                kept = tf.cast(1 - rate * tf.constant(train.weight_decay, tf.float64), gradient.dtype)
                self.assign(variable, variable * kept)
            self.assign(m, self.beta_1 * m.value + (1 - self.beta_1) * gradient)
            self.assign(v, self.beta_2 * v.value + (1 - self.beta_2) * tf.square(gradient))
            if train.epsilon_placement == "before_correction":
                alpha = tf.cast(rate * tf.sqrt(correction_2) / correction_1, gradient.dtype)
                self.assign_sub(variable, alpha * m.value / (tf.sqrt(v.value) + self.epsilon))
            else:
                alpha = tf.cast(rate / correction_1, gradient.dtype)
                root = tf.sqrt(v.value / tf.cast(correction_2, gradient.dtype))
                self.assign_sub(variable, alpha * m.value / (root + self.epsilon))

    return ExactAdam
