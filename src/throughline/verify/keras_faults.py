"""Faults in a live Keras network, before it is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.frameworks.keras_net import OUTPUT_NAME

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

    answer = network.inputs[0]
    for layer in network.layers:
        layer.name = "inner" if layer.name == OUTPUT_NAME else layer.name
        answer = layer(answer)
    return keras.Model(network.inputs, last(answer))


def apply_sigmoid_twice(network: keras.Sequential) -> keras.Model:
    """Append a sigmoid."""
    import keras

    return _with_last_layer(network, keras.layers.Activation("sigmoid", name=OUTPUT_NAME))


def answer_twice(network: keras.Sequential) -> keras.Model:
    """Append what puts each answer beside itself."""
    import keras

    # Flattened once repeated: (n, 1) to (n, 2, 1) to (n, 2), all with layers that every export knows.
    twice = keras.Sequential([keras.layers.RepeatVector(2), keras.layers.Flatten()], name=OUTPUT_NAME)
    return _with_last_layer(network, twice)
