"""Optimizers: how a gradient becomes a step.

Each is a class that holds its settings and its memory, with one method, `update`, that changes the parameters in
place. The training loop never learns which one it runs. One optimizer object belongs to one network: what it
remembers is about those parameters.
"""

import math
from typing import Protocol

import numpy as np

from .activations import FloatArray


class Optimizer(Protocol):
    """Anything with an `update` method as below.

    Examples
    --------
    >>> import numpy as np
    >>> class SignDescent:
    ...     def update(self, parameters, gradients):
    ...         for parameter, gradient in zip(parameters, gradients, strict=True):
    ...             parameter -= 0.1 * np.sign(gradient)
    >>> optimizer: Optimizer = SignDescent()
    """

    def update(self, parameters: list[FloatArray], gradients: list[FloatArray]) -> None:
        """Change the parameters in place, one step along the gradients."""


class GradientDescent:
    """Gradient descent, with classical or Nesterov momentum if wanted.

    Without momentum each parameter moves against its gradient: w <- w - lr * g. Momentum keeps a velocity, a decaying
    sum of past gradients, so that directions which persist add up and those which alternate cancel::

        v <- momentum * v + g
        w <- w - lr * v                       (classical)
        w <- w - lr * (g + momentum * v)      (Nesterov: the step v will have decayed to, plus the gradient once more)

    Keras and scikit-learn fold the learning rate into the velocity, ``v <- momentum * v + lr * g``, and step by v
    itself; while the rate stays constant the steps are the same.

    Parameters
    ----------
    learning_rate : float, default=0.01
        Step size, finite and above 0.
    momentum : float, default=0.0
        How much of the velocity survives a step, in [0, 1).
    nesterov : bool, default=False
        Use Nesterov's form; needs a momentum above 0.
    rate_in_velocity : bool, default=False
        Fold the learning rate into the velocity: what was stepped at another rate before keeps that rate.

    Raises
    ------
    ValueError
        If a setting is outside its range.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning, ICML 2013,
    equations 1 to 4.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -2.0])
    >>> GradientDescent(learning_rate=0.5).update([w], [np.array([2.0, 2.0])])
    >>> w
    array([ 0., -3.])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        rate_in_velocity: bool = False,
    ) -> None:
        _check_positive("learning_rate", learning_rate)
        _check_decay("momentum", momentum)
        if nesterov and momentum == 0.0:
            raise ValueError("nesterov=True needs a momentum above 0, got momentum=0.0.")
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.rate_in_velocity = rate_in_velocity
        self._velocities: list[FloatArray] = []

    def update(self, parameters: list[FloatArray], gradients: list[FloatArray]) -> None:
        """Take one step, in place.

        Parameters
        ----------
        parameters : list of ndarray
            The arrays to change.
        gradients : list of ndarray
            The gradient of the loss for each, in the same order and shapes.

        Raises
        ------
        ValueError
            If the shapes of the two lists differ, or differ from those of the first call.
        """
        _check_same_shapes("gradients", gradients, parameters)
        if not self._velocities:
            self._velocities = [np.zeros_like(w) for w in parameters]
        _check_same_shapes("parameters", parameters, self._velocities)
        for w, g, v in zip(parameters, gradients, self._velocities, strict=True):
            if self.momentum == 0.0:
                w -= self.learning_rate * g
                continue
            inside, outside = (self.learning_rate, 1.0) if self.rate_in_velocity else (1.0, self.learning_rate)
            v *= self.momentum
            v += inside * g
            w -= outside * (inside * g + self.momentum * v if self.nesterov else v)


class Adam:
    """Adam: a step scaled, per parameter, by running estimates of its gradient's mean and mean square.

    With g the gradient at step t = 1, 2, ...::

        m <- beta_1 * m + (1 - beta_1) * g            running mean of the gradient
        v <- beta_2 * v + (1 - beta_2) * g^2          running mean of its square

    Both begin at zero and are therefore too small at first, by the factors 1 - beta_1^t and 1 - beta_2^t, which the
    step divides out. Where epsilon joins in is a matter on which implementations differ::

        w <- w - lr * (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)         (PyTorch)
        w <- w - lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)       (Keras, scikit-learn)

    For epsilon = 0 they are one formula. Otherwise the same number means a larger epsilon in the second, by the
    factor 1 / sqrt(1 - beta_2^t), about 32 at the first step with the default beta_2.

    Parameters
    ----------
    learning_rate : float, default=0.001
        Step size, finite and above 0.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the two running means, each in [0, 1).
    epsilon : float, default=1e-8
        Keeps the division finite where the gradient has been zero; finite and above 0. PyTorch and scikit-learn use
        1e-8 by default, Keras 1e-7.
    epsilon_inside_correction : bool, default=False
        False adds epsilon after the bias correction, as in Algorithm 1 of the paper and in PyTorch. True adds it
        before, the "epsilon hat" at the end of the paper's section 2, as in Keras and scikit-learn.

    Raises
    ------
    ValueError
        If a setting is outside its range.

    References
    ----------
    Kingma, Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, arXiv:1412.6980, Algorithm 1 and section 2.

    Examples
    --------
    The first step has the length of the learning rate, however large or small the gradient is:

    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> Adam(learning_rate=0.1).update([w], [np.array([5.0, -0.001])])
    >>> w.round(5)
    array([-0.1,  0.1])
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_inside_correction: bool = False,
    ) -> None:
        _check_positive("learning_rate", learning_rate)
        _check_decay("beta_1", beta_1)
        _check_decay("beta_2", beta_2)
        _check_positive("epsilon", epsilon)
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.epsilon_inside_correction = epsilon_inside_correction
        self._t = 0
        self._means: list[FloatArray] = []
        self._squares: list[FloatArray] = []

    def update(self, parameters: list[FloatArray], gradients: list[FloatArray]) -> None:
        """Take one step, in place.

        Parameters
        ----------
        parameters : list of ndarray
            The arrays to change.
        gradients : list of ndarray
            The gradient of the loss for each, in the same order and shapes.

        Raises
        ------
        ValueError
            If the shapes of the two lists differ, or differ from those of the first call.
        """
        _check_same_shapes("gradients", gradients, parameters)
        if not self._means:
            self._means = [np.zeros_like(w) for w in parameters]
            self._squares = [np.zeros_like(w) for w in parameters]
        _check_same_shapes("parameters", parameters, self._means)
        self._t += 1
        # Python floats: they are computed in double precision and leave float32 arrays float32.
        correction_1 = 1.0 - self.beta_1**self._t
        correction_2 = 1.0 - self.beta_2**self._t
        for w, g, m, v in zip(parameters, gradients, self._means, self._squares, strict=True):
            m *= self.beta_1
            m += (1.0 - self.beta_1) * g
            v *= self.beta_2
            v += (1.0 - self.beta_2) * g * g
            if self.epsilon_inside_correction:
                alpha_t = self.learning_rate * math.sqrt(correction_2) / correction_1
                w -= alpha_t * m / (np.sqrt(v) + self.epsilon)
            else:
                w -= self.learning_rate * (m / correction_1) / (np.sqrt(v / correction_2) + self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay: the parameters shrink by a factor before each step.

    An L2 penalty joins the gradient and is then divided by Adam's estimate of its size, so that parameters with large
    gradients are hardly penalised. Decoupled, the decay is the same for all: ``w <- w - lr * weight_decay * w``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, epsilon_inside_correction :
        As for `Adam`.
    weight_decay : float, default=0.01
        Share of a parameter, before the learning rate, that each step removes; finite and at least 0.

    Raises
    ------
    ValueError
        If a setting is outside its range.

    References
    ----------
    Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019, Algorithm 2.

    Examples
    --------
    Without a gradient, only the decay is left:

    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> AdamW(learning_rate=0.1, weight_decay=0.5).update([w], [np.zeros(1)])
    >>> w
    array([0.95])
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_inside_correction: bool = False,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, epsilon_inside_correction)
        if not (math.isfinite(weight_decay) and weight_decay >= 0.0):
            raise ValueError(f"weight_decay must be a finite number of at least 0, got {weight_decay!r}.")
        self.weight_decay = weight_decay

    def update(self, parameters: list[FloatArray], gradients: list[FloatArray]) -> None:
        """Shrink the parameters, then take Adam's step, in place."""
        _check_same_shapes("gradients", gradients, parameters)
        for w in parameters:
            w *= 1.0 - self.learning_rate * self.weight_decay
        super().update(parameters, gradients)


class RMSprop:
    """RMSprop: a step scaled, per parameter, by a running estimate of its gradient's mean square.

    ::

        v <- rho * v + (1 - rho) * g^2
        w <- w - lr * g / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float, default=0.001
        Step size, finite and above 0.
    rho : float, default=0.9
        Decay of the running mean, in [0, 1). PyTorch calls it alpha and defaults to 0.99.
    epsilon : float, default=1e-7
        Keeps the division finite; finite and above 0.
    epsilon_inside_root : bool, default=False
        True divides by sqrt(v + epsilon), as Keras does; False by sqrt(v) + epsilon, as PyTorch does.

    Raises
    ------
    ValueError
        If a setting is outside its range.

    References
    ----------
    Tieleman, Hinton: Lecture 6.5, rmsprop, Coursera: Neural Networks for Machine Learning, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([0.0])
    >>> RMSprop(learning_rate=0.1, rho=0.75).update([w], [np.array([4.0])])
    >>> w.round(6)
    array([-0.2])
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        rho: float = 0.9,
        epsilon: float = 1e-7,
        epsilon_inside_root: bool = False,
    ) -> None:
        _check_positive("learning_rate", learning_rate)
        _check_decay("rho", rho)
        _check_positive("epsilon", epsilon)
        self.learning_rate, self.rho, self.epsilon = learning_rate, rho, epsilon
        self.epsilon_inside_root = epsilon_inside_root
        self._squares: list[FloatArray] = []

    def update(self, parameters: list[FloatArray], gradients: list[FloatArray]) -> None:
        """Take one step, in place.

        Parameters
        ----------
        parameters : list of ndarray
            The arrays to change.
        gradients : list of ndarray
            The gradient of the loss for each, in the same order and shapes.

        Raises
        ------
        ValueError
            If the shapes of the two lists differ, or differ from those of the first call.
        """
        _check_same_shapes("gradients", gradients, parameters)
        if not self._squares:
            self._squares = [np.zeros_like(w) for w in parameters]
        _check_same_shapes("parameters", parameters, self._squares)
        for w, g, v in zip(parameters, gradients, self._squares, strict=True):
            v *= self.rho
            v += (1.0 - self.rho) * g * g
            divisor = np.sqrt(v + self.epsilon) if self.epsilon_inside_root else np.sqrt(v) + self.epsilon
            w -= self.learning_rate * g / divisor


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}.")


def _check_decay(name: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}.")


def _check_same_shapes(name: str, arrays: list[FloatArray], expected: list[FloatArray]) -> None:
    """Refuse what in-place broadcasting would accept silently."""
    shapes, expected_shapes = [a.shape for a in arrays], [a.shape for a in expected]
    if shapes != expected_shapes:
        raise ValueError(f"{name} must have the shapes {expected_shapes}, got {shapes}.")
