"""``MLPClassifier``, scikit-learn's and ours: the same arguments to both."""

import warnings
from typing import Any

from tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Data, FloatArray, Task

NEVER = 10**9


class ScikitLearn:
    """scikit-learn's, started from given parameters by ``warm_start``."""

    epsilon_inside = True
    module = "sklearn.neural_network"

    def __init__(self, task: Task, data: Data) -> None:
        if task.dropout:
            raise NotImplementedError("scikit-learn has no dropout.")
        from importlib import import_module

        warnings.simplefilter("ignore")  # it says after every round that it could train longer
        self._task, self._X = task, data.X
        self._y = data.y.ravel() if task.sizes[-1] == 1 else data.y.argmax(axis=1)
        self._model: Any = import_module(self.module).MLPClassifier(
            hidden_layer_sizes=task.sizes[1:-1],
            solver=task.optimizer,
            alpha=0.0,
            batch_size=task.batch_size,
            learning_rate_init=LEARNING_RATE,
            momentum=0.0,
            nesterovs_momentum=False,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            max_iter=1,
            tol=0.0,
            n_iter_no_change=NEVER,
            shuffle=task.validation,
            early_stopping=task.validation,  # never stops: it is what turns validation on
            random_state=0,
            warm_start=True,
        )
        self._model.fit(self._X, self._y)
        self._model.coefs_ = [w.copy() for w in data.parameters[::2]]
        self._model.intercepts_ = [b.copy() for b in data.parameters[1::2]]

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is."""
        return [{}]

    def run(self, n: int) -> None:
        """Run n epochs in one fit; from the outside, a fit of a new estimator."""
        if self._task.validation:
            self._model.set_params(warm_start=False)
        self._model.set_params(max_iter=n).fit(self._X, self._y)

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        pairs = zip(self._model.coefs_, self._model.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]


class Throughline(ScikitLearn):
    """Ours."""

    module = "throughline"
