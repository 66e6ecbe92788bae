"""The multi-layer perceptron: forward pass, backpropagation, and the loop that trains it.

Layer l = 1..L takes the output of the layer before it (a_0 = X) through a linear map and an activation::

    forward                                   backward, from the last layer to the first
    z_l = a_(l-1) @ kernel_l + bias_l         dkernel_l = a_(l-1)^T @ dz_l      dbias_l = column sums of dz_l
    a_l = f_l(z_l)                            da_(l-1)  = dz_l @ kernel_l^T
                                              dz_(l-1)  = da_(l-1) * f'_(l-1)(z_(l-1))

Here dq is short for d(loss)/dq, and has the shape of q. The last layer has no f of its own: its z are the logits, and
`losses` gives dz_L directly. Everything else on this page is bookkeeping around these five formulas.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ._checks import (
    Masks,
    check_at_least_1,
    check_dropout,
    check_dtype,
    check_finite,
    check_hidden,
    check_layer_sizes,
    check_masks,
    check_not_negative,
    check_parameters,
    check_rows,
    check_targets,
)
from .activations import OUTPUT_ACTIVATIONS, FloatArray
from .losses import LOSSES
from .optimizers import Optimizer

OnEpoch = Callable[[int, float, float | None], None]


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves behind for the backward pass.

    Parameters
    ----------
    activations : list of ndarray
        The input of each layer, shape (n_samples, fan_in): X, then each hidden output after dropout.
    z : list of ndarray
        The pre-activations of each layer, shape (n_samples, fan_out); the last are the logits.
    outputs : list of ndarray
        Each hidden output f(z) before dropout, which is what f' is written in terms of.
    masks : list of (ndarray or None)
        The dropout mask of each hidden layer, None where nothing was dropped.

    Examples
    --------
    >>> import numpy as np
    >>> trace = MLP((2, 3, 1)).forward(np.zeros((5, 2)))
    >>> [a.shape for a in trace.activations], [z.shape for z in trace.z]
    ([(5, 2), (5, 3)], [(5, 3), (5, 1)])
    """

    activations: list[FloatArray]
    z: list[FloatArray]
    outputs: list[FloatArray]
    masks: list[FloatArray | None]

    @property
    def logits(self) -> FloatArray:
        """The pre-activations of the last layer, shape (n_samples, n_outputs)."""
        return self.z[-1]


@dataclass(frozen=True)
class History:
    """What `MLP.fit` did.

    Parameters
    ----------
    step_losses : list of float
        Loss of each batch, measured before the step it caused, with dropout as drawn.
    losses : list of float
        Mean of these per epoch, each batch weighted by its number of rows.
    val_losses : list of float
        Loss on the validation rows after each epoch, without dropout; empty when there are none.
    best_epoch : int
        The epoch, counted from 0, with the lowest validation loss, or without validation rows the lowest loss.
    n_epochs : int
        Epochs run.

    Examples
    --------
    >>> import numpy as np
    >>> from throughline.scratch import GradientDescent
    >>> X = np.array([[-1.0], [1.0], [2.0]])
    >>> line = MLP((1, 1), loss="mean_squared_error", parameters=[[[0.0]], [0.0]])
    >>> history = line.fit(X, 3 * X, optimizer=GradientDescent(0.1), n_epochs=2, batch_size=2, shuffle=False)
    >>> [round(loss, 4) for loss in history.step_losses]  # two rows, then the one left over; twice
    [9.0, 23.04, 1.152, 0.0]
    >>> [round(loss, 4) for loss in history.losses], history.best_epoch
    ([13.68, 0.768], 1)
    """

    step_losses: list[float]
    losses: list[float]
    val_losses: list[float]
    best_epoch: int
    n_epochs: int


class MLP:
    """A fully connected network of any depth.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of each layer, inputs and outputs included: (20, 64, 32, 1) has 20 inputs, two hidden layers, 1 output.
        Two sizes, with no hidden layer between, give logistic or linear regression.
    hidden : str or sequence of str, default="relu"
        Activation of the hidden layers, a key of `ACTIVATIONS`; one for all or one for each.
    loss : str, default="binary_cross_entropy"
        A key of `LOSSES`; it also decides the output activation.
    l2 : float, default=0.0
        Strength of the L2 penalty: l2 / (2 n) times the sum of the squared kernels joins the loss of a batch of n
        rows. Biases are not penalised.
    dropout : float or sequence of float, default=0.0
        Probability in [0, 1) with which a hidden output is set to zero during training; one for all or one for each.
    dtype : dtype, default=float64
        float32 or float64; parameters, data and results are all of this type.
    seed : int, default=0
        Seed of the initial kernels.
    parameters : sequence of ndarray, optional
        Initial values [kernel_1, bias_1, kernel_2, bias_2, ...], kernels of shape (fan_in, fan_out), biases of shape
        (fan_out,). They are copied. Without them biases are 0 and kernels uniform within
        +- sqrt(6 / (fan_in + fan_out)), which keeps the variances of outputs and of gradients alike across layers.

    Attributes
    ----------
    parameters : list of ndarray
        The current values, in the order above. Optimizers change them in place.

    Raises
    ------
    ValueError
        If a setting is outside what is allowed above.

    References
    ----------
    Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323, 1986 (the backward
    pass). Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010,
    equation 16 (the initial kernels). Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout, JMLR 15,
    2014, section 10 (scaling during training instead of after it).

    Examples
    --------
    XOR, which no single perceptron can solve:

    >>> import numpy as np
    >>> from throughline.scratch import Adam
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> y = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> mlp = MLP((2, 8, 1), hidden="tanh")
    >>> history = mlp.fit(X, y, optimizer=Adam(learning_rate=0.05), n_epochs=200, batch_size=4)
    >>> mlp.predict(X)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        hidden: str | Sequence[str] = "relu",
        loss: str = "binary_cross_entropy",
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        dtype: npt.DTypeLike = np.float64,
        seed: int = 0,
        parameters: Sequence[npt.ArrayLike] | None = None,
    ) -> None:
        self.layer_sizes = check_layer_sizes(layer_sizes, loss)
        self.loss = LOSSES[loss]
        self.hidden = check_hidden(hidden, n_hidden=len(self.layer_sizes) - 2)
        self.dropout = check_dropout(dropout, n_hidden=len(self.layer_sizes) - 2)
        self.l2 = check_not_negative("l2", l2)
        self.dtype = check_dtype(dtype)
        if parameters is None:
            self.parameters = _glorot_uniform(self.layer_sizes, self.dtype, seed)
        else:
            self.parameters = check_parameters(parameters, self.layer_sizes, self.dtype)

    @property
    def kernels(self) -> list[FloatArray]:
        """The kernels, first layer first, each of shape (fan_in, fan_out); the arrays themselves, not copies."""
        return self.parameters[0::2]

    @property
    def biases(self) -> list[FloatArray]:
        """The biases, first layer first, each of shape (fan_out,); the arrays themselves, not copies."""
        return self.parameters[1::2]

    # --- one step: forward, backward, update -------------------------------------------------------------------------

    def forward(self, X: npt.ArrayLike, masks: Masks | None = None) -> Trace:
        """Pass rows through the network and keep what the backward pass will need.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        masks : sequence of (ndarray or None), optional
            One dropout mask per hidden layer, as from `draw_masks`. Nothing is dropped without them.

        Returns
        -------
        Trace
            Inputs and pre-activations of every layer.

        Raises
        ------
        ValueError
            If `X` or a mask has the wrong shape.
        """
        a = check_rows("X", X, self.layer_sizes[0], self.dtype)  # (n_samples, n_features)
        trace = Trace([a], [], [], check_masks(masks, len(a), self.layer_sizes[1:-1], self.dtype))
        for layer, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            z = a @ kernel + bias  # (n_samples, fan_in) @ (fan_in, fan_out) + (fan_out,) -> (n_samples, fan_out)
            trace.z.append(z)
            if layer == len(self.hidden):
                break  # z are the logits; the loss knows what to do with them
            a = self.hidden[layer].forward(z)  # (n_samples, fan_out)
            trace.outputs.append(a)
            mask = trace.masks[layer]
            if mask is not None:
                a = a * mask  # (n_samples, fan_out), elementwise
            trace.activations.append(a)
        return trace

    def backward(self, trace: Trace, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> list[FloatArray]:
        """Apply the chain rule from the loss back to every parameter.

        Parameters
        ----------
        trace : Trace
            What `forward` returned.
        y : array-like of shape (n_samples, n_outputs)
            Targets: labels 0 and 1 in one column, one-hot rows, or real values, according to the loss.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        list of ndarray
            The gradient of the mean loss for each of `parameters`, in their order and shapes.

        Raises
        ------
        ValueError
            If `y` does not have the shape of the logits.
        """
        gradients: list[FloatArray] = []
        dz = self.loss.gradient(trace.logits, y)  # (n_samples, n_outputs)
        n = float(len(dz))  # rows in the mean
        if sample_weight is not None:
            weights = np.asarray(sample_weight, dtype=self.dtype)[:, None]  # (n_samples, 1)
            dz, n = dz * (weights * (n / weights.sum())), float(weights.sum())
        for layer in reversed(range(len(self.kernels))):
            a = trace.activations[layer]
            dkernel = a.T @ dz  # (fan_in, n_samples) @ (n_samples, fan_out) -> (fan_in, fan_out)
            if self.l2 > 0.0:
                dkernel += self.l2 / n * self.kernels[layer]
            dbias = dz.sum(axis=0)  # (n_samples, fan_out) -> (fan_out,): the bias joined every row
            gradients = [dkernel, dbias, *gradients]
            if layer == 0:
                break  # nobody asks for the gradient of X
            da = dz @ self.kernels[layer].T  # (n_samples, fan_out) @ (fan_out, fan_in) -> (n_samples, fan_in)
            mask = trace.masks[layer - 1]
            if mask is not None:
                da = da * mask  # what the forward pass multiplied, the backward pass multiplies again
            dz = da * self.hidden[layer - 1].derivative(trace.z[layer - 1], trace.outputs[layer - 1])
        return gradients

    def train_step(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        optimizer: Optimizer,
        masks: Masks | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """Let the optimizer take one step on one batch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows of the batch.
        y : array-like of shape (n_samples, n_outputs)
            Their targets.
        optimizer : Optimizer
            Its `update` changes the parameters in place.
        masks : sequence of (ndarray or None), optional
            Dropout masks, as from `draw_masks`.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        float
            Loss of the batch before the step, without the penalty.
        """
        trace = self.forward(X, masks)
        loss = self.loss.value(trace.logits, y, sample_weight)
        gradients = self.backward(trace, y, sample_weight)
        optimizer.update(self.parameters, gradients)
        return loss

    def draw_masks(self, n_samples: int, rng: np.random.Generator) -> list[FloatArray | None]:
        """Draw a dropout mask for each hidden layer.

        A mask holds 0 with probability p, the layer's rate, and 1 / (1 - p) otherwise. Its expectation is therefore 1:
        the layers above see inputs of the same mean with dropout as without, and prediction needs no correction.

        Parameters
        ----------
        n_samples : int
            Rows of the batch.
        rng : numpy.random.Generator
            Source of the randomness.

        Returns
        -------
        list of (ndarray of shape (n_samples, units) or None)
            One per hidden layer, None where the rate is 0.
        """
        masks: list[FloatArray | None] = []
        for rate, units in zip(self.dropout, self.layer_sizes[1:-1], strict=True):
            kept = rng.random((n_samples, units)) >= rate if rate > 0.0 else None
            masks.append(None if kept is None else kept.astype(self.dtype) / (1.0 - rate))
        return masks

    # --- training ----------------------------------------------------------------------------------------------------

    @np.errstate(over="ignore", invalid="ignore")  # a training that diverges raises an error, so it need not warn
    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        optimizer: Optimizer,
        n_epochs: int,
        batch_size: int,
        X_val: npt.ArrayLike | None = None,
        y_val: npt.ArrayLike | None = None,
        patience: int | None = None,
        rng_seed: int = 0,
        shuffle: bool = True,
        on_epoch: OnEpoch | None = None,
    ) -> History:
        """Train on all rows for a number of epochs, in batches.

        The last batch of an epoch is smaller when `batch_size` does not divide the rows. Calling `fit` again continues
        from the present parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite rows.
        y : array-like of shape (n_samples, n_outputs)
            Targets: values in [0, 1], rows of probabilities (one-hot), or finite values, according to the loss.
        optimizer : Optimizer
            Its `update` changes the parameters in place.
        n_epochs : int
            Passes over the rows, at least 1; fewer are run if early stopping ends the training.
        batch_size : int
            Rows per step, at least 1.
        X_val, y_val : array-like, optional
            Validation rows and targets; both or neither.
        patience : int, optional
            Stop after this many epochs in a row without a new lowest validation loss. In any case the parameters of
            the epoch with the lowest one are restored at the end. Needs validation rows.
        rng_seed : int, default=0
            Seed of the order of rows and of the dropout masks.
        shuffle : bool, default=True
            Visit the rows in a new random order each epoch.
        on_epoch : callable, optional
            Called after each epoch as ``on_epoch(epoch, loss, val_loss)``, `epoch` counted from 0, `val_loss` None
            without validation rows.

        Returns
        -------
        History
            Losses by step and by epoch.

        Raises
        ------
        ValueError
            If a setting, a shape or a target is not as described.
        FloatingPointError
            If the loss or a parameter is no longer finite: the training diverged.
        """
        check_at_least_1(n_epochs=n_epochs, batch_size=batch_size, patience=patience)
        X, y = self._training_pair("X", X, "y", y)
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, got only one of them.")
        if X_val is not None and y_val is not None:
            X_val, y_val = self._training_pair("X_val", X_val, "y_val", y_val)
        elif patience is not None:
            raise ValueError(f"patience must be None without X_val and y_val, got {patience!r}.")

        rng = np.random.default_rng(rng_seed)
        step_losses: list[float] = []
        losses: list[float] = []
        val_losses: list[float] = []
        best_loss, best_epoch, best_parameters = math.inf, 0, self.parameters
        for epoch in range(n_epochs):
            batch_losses, batch_rows = self._train_epoch(X, y, optimizer, batch_size, rng, shuffle, epoch)
            step_losses += batch_losses
            losses.append(float(np.average(batch_losses, weights=batch_rows)))
            if X_val is not None and y_val is not None:
                val_losses.append(self.loss_value(X_val, y_val))
                if not math.isfinite(val_losses[-1]):
                    raise FloatingPointError(f"Training diverged: the validation loss is not finite, epoch {epoch}.")
            if on_epoch is not None:
                on_epoch(epoch, losses[-1], val_losses[-1] if val_losses else None)

            watched = val_losses[-1] if val_losses else losses[-1]
            if watched < best_loss:
                best_loss, best_epoch = watched, epoch
                if patience is not None:
                    best_parameters = [w.copy() for w in self.parameters]
            elif patience is not None and epoch - best_epoch >= patience:
                break

        if patience is not None:
            for w, best in zip(self.parameters, best_parameters, strict=True):
                w[...] = best
        return History(step_losses, losses, val_losses, best_epoch, n_epochs=len(losses))

    def _train_epoch(
        self,
        X: FloatArray,
        y: FloatArray,
        optimizer: Optimizer,
        batch_size: int,
        rng: np.random.Generator,
        shuffle: bool,
        epoch: int,
    ) -> tuple[list[float], list[int]]:
        """Visit every row once; return the loss and the number of rows of each batch."""
        batch_losses, batch_rows = [], []
        order = rng.permutation(len(X)) if shuffle else np.arange(len(X))
        for step, start in enumerate(range(0, len(X), batch_size)):
            rows = order[start : start + batch_size]
            loss = self.train_step(X[rows], y[rows], optimizer, self.draw_masks(len(rows), rng))
            if not math.isfinite(loss):
                raise FloatingPointError(f"Training diverged: the loss is {loss} in epoch {epoch}, step {step} of it.")
            batch_losses.append(loss)
            batch_rows.append(len(rows))
        # A step's damage shows in the next step's loss; the last step has no next one, so look at what it left.
        if not all(np.isfinite(w).all() for w in self.parameters):
            raise FloatingPointError(f"Training diverged: parameters are not finite after epoch {epoch}, step {step}.")
        return batch_losses, batch_rows

    def _training_pair(
        self, X_name: str, X: npt.ArrayLike, y_name: str, y: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Check and convert once what every step will slice."""
        rows = check_rows(X_name, X, self.layer_sizes[0], self.dtype)
        check_finite(X_name, rows)
        return rows, check_targets(y_name, y, (len(rows), self.layer_sizes[-1]), self.loss, self.dtype)

    # --- answers -----------------------------------------------------------------------------------------------------

    def objective(self, logits: FloatArray, y: npt.ArrayLike) -> float:
        """Return what training descends on: the mean loss and the L2 penalty.

        Parameters
        ----------
        logits : ndarray of shape (n_samples, n_outputs)
            From `forward`.
        y : array-like of shape (n_samples, n_outputs)
            Targets.

        Returns
        -------
        float
            The loss plus l2 / (2 n_samples) times the sum of the squared kernels.
        """
        squares = sum(float(np.square(kernel).sum()) for kernel in self.kernels) if self.l2 > 0.0 else 0.0
        return self.loss.value(logits, y) + self.l2 / (2 * len(logits)) * squares

    def loss_value(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the mean loss over rows, without dropout.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples, n_outputs)
            Their targets.

        Returns
        -------
        float
            The loss named at construction.
        """
        return self.loss.value(self.forward(X).logits, y)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """Return the output activation of the logits, without dropout.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            The probability of class 1 in one column (sigmoid), of each class (softmax), or the value itself (linear,
            exp).
        """
        return OUTPUT_ACTIVATIONS[self.loss.output_activation](self.forward(X).logits)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int64] | FloatArray:
        """Return an answer for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray
            Class labels of shape (n_samples,), int64, for the two cross-entropies: 1 where the probability is above a
            half, or the class with the largest. With several sigmoid outputs, one such label each, of shape
            (n_samples, n_outputs). Values of shape (n_samples, n_outputs) for the other losses.
        """
        logits = self.forward(X).logits  # no need to go on to probabilities: neither sigmoid nor softmax reorders
        if self.loss.output_activation == "sigmoid":
            labels = (logits > 0).astype(np.int64)
            return labels[:, 0] if labels.shape[1] == 1 else labels
        if self.loss.output_activation == "softmax":
            return np.asarray(logits.argmax(axis=1), dtype=np.int64)
        return OUTPUT_ACTIVATIONS[self.loss.output_activation](logits)

    def hidden_output(self, X: npt.ArrayLike) -> FloatArray:
        """Return the output of the last hidden layer: the features that the last layer separates linearly.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, units)
            Outputs, without dropout.

        Raises
        ------
        ValueError
            If the network has no hidden layer.
        """
        if not self.hidden:
            raise ValueError(f"layer_sizes must name a hidden layer for hidden_output, got {self.layer_sizes}.")
        return self.forward(X).activations[-1]


def _glorot_uniform(layer_sizes: tuple[int, ...], dtype: np.dtype[np.floating], seed: int) -> list[FloatArray]:
    """Draw in float64 and round to dtype, so that one seed starts both dtypes from the same point."""
    rng = np.random.default_rng(seed)
    parameters: list[FloatArray] = []
    for fan_in, fan_out in pairwise(layer_sizes):
        # A uniform draw from +-limit has variance limit^2 / 3 = 2 / (fan_in + fan_out): a compromise between the
        # 1 / fan_in that would keep the variance of the forward pass, and the 1 / fan_out of the backward pass.
        limit = math.sqrt(6.0 / (fan_in + fan_out))
        parameters += [rng.uniform(-limit, limit, (fan_in, fan_out)).astype(dtype), np.zeros(fan_out, dtype)]
    return parameters
