"""Faults in a live Keras network, before it is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.frameworks.keras_net import output_of

if TYPE_CHECKING:
    import keras


def leave_dropout_on(network: keras.Sequential) -> keras.Model:
    """Replace each dropout by one that is always on: a model that is exported tells its layers that it answers."""
    import keras

    class DropoutLeftOn(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
        def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
            return super().call(inputs, training=True)

    answer = network.inputs[0]
    for layer in network.layers:
        answer = DropoutLeftOn(layer.rate)(answer) if isinstance(layer, keras.layers.Dropout) else layer(answer)
    return keras.Model(network.inputs, answer)


def _with_last_layer(network: keras.Sequential, last: keras.layers.Layer) -> keras.Model:
    """Append a layer that takes over the name of the output, so that nothing but the answer is wrong."""
    import keras

    network.layers[-1].name, last.name = "inner", network.layers[-1].name
    answer = network.inputs[0]
    for layer in network.layers:
        answer = layer(answer)
    return keras.Model(network.inputs, last(answer))


def apply_sigmoid_twice(network: keras.Sequential) -> keras.Model:
    """Append the output function once more: a sigmoid, or a softmax."""
    import keras

    return _with_last_layer(network, keras.layers.Activation(output_of(network)))


def answer_twice(network: keras.Sequential) -> keras.Model:
    """Append what puts each answer beside itself."""
    import keras

    # Flattened once repeated: (n, 1) to (n, 2, 1) to (n, 2), all with layers that every export knows.
    return _with_last_layer(network, keras.Sequential([keras.layers.RepeatVector(2), keras.layers.Flatten()]))
