"""Neural networks from nothing but NumPy, written to be read.

Eight files, each one idea, each using only those before it: `activations`, `losses`, `optimizers`, `perceptron`, `mlp`,
`gradcheck`, and two that do a training once more, fast: `plan` that of `mlp`, `blocks` that of `perceptron`. Forward
and backward pass stand side by side with their formulas, and every matrix product names its shapes. Rows are samples
throughout, and kernels have shape (fan_in, fan_out).
"""

from .activations import ACTIVATIONS, OUTPUT_ACTIVATIONS, Activation, sigmoid, softmax
from .blocks import BlockPerceptron
from .gradcheck import GradientCheck, gradient_check
from .losses import LOSSES, Loss
from .mlp import MLP, History, Trace
from .optimizers import Adam, AdamW, GradientDescent, Optimizer, RMSprop
from .perceptron import Perceptron, margin, novikoff_bound
from .plan import Plan

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "MLP",
    "OUTPUT_ACTIVATIONS",
    "Activation",
    "Adam",
    "AdamW",
    "BlockPerceptron",
    "GradientCheck",
    "GradientDescent",
    "History",
    "Loss",
    "Optimizer",
    "Perceptron",
    "Plan",
    "RMSprop",
    "Trace",
    "gradient_check",
    "margin",
    "novikoff_bound",
    "sigmoid",
    "softmax",
]
