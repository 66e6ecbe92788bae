"""Throughline: one neural network, from a hand-written gradient to every runtime it can be deployed on.

The public names are loaded when they are first used: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimators.classifier import MLPClassifier
    from .estimators.perceptron import Perceptron
    from .estimators.regressor import MLPRegressor
    from .scratch.gradcheck import gradient_check as gradcheck

__version__ = "0.1.0"

__all__ = ["MLPClassifier", "MLPRegressor", "Perceptron", "__version__", "gradcheck"]

# Public name -> module and the name it has there.
_PUBLIC = {
    "MLPClassifier": (".estimators.classifier", "MLPClassifier"),
    "MLPRegressor": (".estimators.regressor", "MLPRegressor"),
    "Perceptron": (".estimators.perceptron", "Perceptron"),
    "gradcheck": (".scratch.gradcheck", "gradient_check"),
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, name_there = _PUBLIC[name]
    value = getattr(import_module(module, __name__), name_there)
    globals()[name] = value  # the next look-up finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
