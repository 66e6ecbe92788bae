"""Faults in a live Keras network, before it is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def apply_sigmoid_twice(network: keras.Sequential) -> keras.Model:
    """Append a sigmoid."""
    import keras

    return keras.Model(network.inputs, keras.layers.Activation("sigmoid")(network.outputs[0]))


def answer_twice(network: keras.Sequential) -> keras.Model:
    """Append what puts each answer beside itself."""
    import keras

    return keras.Model(network.inputs, keras.layers.Concatenate()([network.outputs[0], network.outputs[0]]))
