"""Keras ``fit``, on TensorFlow and on JAX; the backend is chosen by the environment of the process."""

from typing import Any

import keras
from keras import layers
from tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Data, FloatArray, Task


class Default:
    """What ``fit`` does when nothing is set."""

    epsilon_inside = True

    def __init__(self, task: Task, data: Data, steps: int = 1, jit: bool | str = "auto", batched: bool = False) -> None:
        if keras.backend.backend() == "tensorflow":
            _limit_tensorflow(task)
        keras.backend.clear_session()
        keras.backend.set_floatx(task.dtype)
        keras.utils.set_random_seed(0)
        self._model = keras.Sequential([layers.Input(task.sizes[:1])])
        for units in task.sizes[1:-1]:
            self._model.add(layers.Dense(units, activation="relu"))
            if task.dropout:
                self._model.add(layers.Dropout(task.dropout))
        self._model.add(layers.Dense(task.sizes[-1]))
        self._model.set_weights(data.parameters)
        losses = keras.losses
        loss = losses.BinaryCrossentropy if task.sizes[-1] == 1 else losses.CategoricalCrossentropy
        optimizers = keras.optimizers
        self._model.compile(
            optimizer=optimizers.SGD(LEARNING_RATE)
            if task.optimizer == "sgd"
            else optimizers.Adam(LEARNING_RATE, BETA_1, BETA_2, EPSILON),
            loss=loss(from_logits=True),
            steps_per_execution=steps,
            jit_compile=jit,
        )
        if batched:
            import tensorflow as tf

            rows = tf.data.Dataset.from_tensor_slices((data.X, data.y))
            self._rows: dict[str, Any] = {"x": rows.batch(task.batch_size, drop_remainder=True).cache().prefetch(4)}
        else:
            self._rows = {"x": data.X, "y": data.y, "batch_size": task.batch_size}

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is: nothing is set."""
        return [{}]

    def run(self, n: int) -> None:
        """Run n epochs in one fit."""
        self._model.fit(**self._rows, epochs=n, shuffle=False, verbose=0)

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        weights: list[FloatArray] = self._model.get_weights()
        return weights


class Best(Default):
    """The faster of two settings; that all steps of an epoch are one execution is what gains most."""

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the settings that can win."""
        return [{"steps": task.n_steps, "jit": jit} for jit in (False, True)]


class FromDataset(Default):
    """The same fed by a pipeline, which spares the slicing of arrays."""

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the settings that can win."""
        return [{"steps": task.n_steps, "jit": jit, "batched": True} for jit in (False, True)]


class OnJax(Default):
    """The same on JAX, where everything is compiled anyway."""

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the settings that can win."""
        return [{"steps": 1}, {"steps": task.n_steps}]


def _limit_tensorflow(task: Task) -> None:
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() != task.threads:
        tf.config.threading.set_intra_op_parallelism_threads(task.threads)
