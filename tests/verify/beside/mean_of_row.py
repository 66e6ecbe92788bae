"""Real descriptions of formats whose file is a number: the answer to a row is that number times its mean.

"mean" is sound. "foreign" imports a module that it forbids, "late" does so only when it answers, "batch" freezes the
first batch it sees, "silent" gives no row back, and "dying" ends its process.
"""

import os

import numpy as np

from throughline.formats.base import Format, Route, Runner


class MeanRunner(Runner):
    def __init__(self, path):
        self.factor = float(path.read_text())
        super().__init__({"runtime": f"NumPy {np.__version__}", "factor": str(self.factor)})

    def _predict(self, X):
        return (self.factor * X.mean(axis=1, keepdims=True)).astype(np.float32)


def load_with_foreign_module(path):
    import colorsys  # noqa: F401  # stands for the framework that was to be left behind

    return MeanRunner(path)


class LateRunner(MeanRunner):
    def _predict(self, X):
        import colorsys  # noqa: F401

        return super()._predict(X)


class FrozenRunner(MeanRunner):
    first = None

    def _predict(self, X):
        if self.first is None:
            self.first = super()._predict(X)
        return self.first


class SilentRunner(MeanRunner):
    def _predict(self, X):
        return super()._predict(X)[:0]


class DyingRunner(MeanRunner):
    def _predict(self, X):
        os._exit(9)


def describe(name, load):
    return Format(
        name=name,
        title=name.capitalize(),
        chapter=7,
        order=90,
        framework="torch",
        suffix=".txt",
        runtime="NumPy",
        preload=("numpy",),
        forbidden=("colorsys",),
        routes=(Route(framework="torch", export=lambda inputs, path: {}),),
        runs_on="servers",
        load=load,
        good_for="tests of the worker",
    )


FORMATS = [
    describe("mean", MeanRunner),
    describe("foreign", load_with_foreign_module),
    describe("late", LateRunner),
    describe("batch", FrozenRunner),
    describe("silent", SilentRunner),
    describe("dying", DyingRunner),
]
