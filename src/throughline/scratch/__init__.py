"""Neural networks from nothing but NumPy, written to be read.

Six files, each one idea, each using only those before it: `activations`, `losses`, `optimizers`, `perceptron`, `mlp`
and `gradcheck`. Forward and backward pass stand side by side with their formulas, and every matrix product names its
shapes. Rows are samples throughout, and kernels have shape (fan_in, fan_out).
"""

from .activations import ACTIVATIONS, OUTPUT_ACTIVATIONS, Activation, sigmoid, softmax
from .gradcheck import GradientCheck, gradient_check
from .losses import LOSSES, Loss
from .mlp import MLP, History, Trace
from .optimizers import Adam, GradientDescent, Optimizer
from .perceptron import Perceptron, margin, novikoff_bound

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "MLP",
    "OUTPUT_ACTIVATIONS",
    "Activation",
    "Adam",
    "GradientCheck",
    "GradientDescent",
    "History",
    "Loss",
    "Optimizer",
    "Perceptron",
    "Trace",
    "gradient_check",
    "margin",
    "novikoff_bound",
    "sigmoid",
    "softmax",
]
