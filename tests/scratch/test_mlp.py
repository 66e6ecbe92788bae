"""The multi-layer perceptron against autograd, against PyTorch's training, and one step worked out by hand."""

import math
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import ACTIVATIONS, LOSSES, MLP, Adam, GradientDescent

from .test_losses import TORCH as TORCH_LOSSES

TORCH_ACTIVATIONS = {
    "linear": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
}
N_OUTPUTS = {
    "binary_cross_entropy": 1,
    "categorical_cross_entropy": 3,
    "half_poisson_deviance": 2,
    "mean_squared_error": 2,
}
XOR_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_Y = np.array([[0.0], [1.0], [1.0], [0.0]])


def make_data(loss, n_samples=13, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    labels = (X[:, 0] + 0.3 * rng.normal(size=n_samples) > 0).astype(int)
    if loss == "binary_cross_entropy":
        return X, labels[:, None].astype(float)
    if loss == "categorical_cross_entropy":
        return X, np.eye(3)[labels + (X[:, 1] > 0)]
    if loss == "half_poisson_deviance":
        return X, rng.poisson(2.0, (n_samples, 2)).astype(float)
    return X, np.hstack([X[:, :1] ** 2, X[:, 1:2] - X[:, 2:3]])


def with_random_biases(mlp, seed=1):
    rng = np.random.default_rng(seed)
    for bias in mlp.biases:
        bias[...] = rng.normal(scale=0.5, size=bias.shape)
    return mlp


def torch_logits(tensors, X, hidden, masks=None):
    a = torch.tensor(X)
    for layer in range(len(tensors) // 2):
        a = torch.addmm(tensors[2 * layer + 1], a, tensors[2 * layer])
        if layer < len(hidden):
            a = TORCH_ACTIVATIONS[hidden[layer]](a)
            if masks is not None and masks[layer] is not None:
                a = a * torch.tensor(masks[layer])
    return a


def torch_loss_and_gradients(mlp, X, y, masks=None):
    tensors = [torch.tensor(w, requires_grad=True) for w in mlp.parameters]
    logits = torch_logits(tensors, X, [f.name for f in mlp.hidden], masks)
    loss = TORCH_LOSSES[mlp.loss.name](logits, torch.tensor(y))
    loss.backward()
    return loss.item(), [t.grad.numpy() for t in tensors]


def assert_gradients_close(ours, theirs, rtol=1e-12):
    """Compare relative to the largest entry of each array: smaller ones are sums whose terms nearly cancel."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
        assert np.abs(b).max() > 0  # nothing compared would be no comparison


# --- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(), (5,), (6, 5), (5, 4, 6, 5)], ids=lambda sizes: f"{len(sizes)}hidden")
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gradients_agree_with_autograd(hidden, loss, sizes):
    X, y = make_data(loss)
    mlp = with_random_biases(MLP((4, *sizes, N_OUTPUTS[loss]), hidden=hidden, loss=loss, seed=2))
    expected_loss, expected = torch_loss_and_gradients(mlp, X, y)
    assert_allclose(mlp.loss_value(X, y), expected_loss, rtol=1e-13)
    assert_gradients_close(mlp.backward(mlp.forward(X), y), expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_with_mixed_activations_and_dropout_agree_with_autograd(loss):
    X, y = make_data(loss)
    mlp = MLP((4, 7, 8, 6, N_OUTPUTS[loss]), hidden=("sigmoid", "relu", "tanh"), loss=loss, dropout=(0.4, 0.0, 0.5))
    with_random_biases(mlp)
    masks = mlp.draw_masks(len(X), np.random.default_rng(7))
    assert masks[1] is None
    assert 0.0 in masks[0]
    expected_loss, expected = torch_loss_and_gradients(mlp, X, y, masks)
    trace = mlp.forward(X, masks)
    assert_allclose(mlp.loss.value(trace.logits, y), expected_loss, rtol=1e-13)
    assert_gradients_close(mlp.backward(trace, y), expected)


def test_one_step_by_hand():
    # One row x = (1, 2), y = 1; two ReLU units, one output; binary cross-entropy; plain gradient descent, rate 0.5.
    #
    # forward   z1 = (1*1 + 2*1 + 0, 1*0 + 2*(-1) + 1) = (3, -1)     a1 = relu(z1) = (3, 0)
    #           z2 = 3*1 + 0*1 - 3 = 0                               p = sigmoid(0) = 1/2, loss = -log(1/2)
    # backward  dz2 = p - y = -1/2
    #           dkernel2 = a1^T dz2 = (-3/2, 0)                      dbias2 = -1/2
    #           da1 = dz2 * kernel2^T = (-1/2, -1/2)                 dz1 = da1 * (1, 0) = (-1/2, 0): unit 2 is off
    #           dkernel1 = x^T dz1 = ((-1/2, 0), (-1, 0))            dbias1 = (-1/2, 0)
    mlp = MLP((2, 2, 1), parameters=[[[1, 0], [1, -1]], [0, 1], [[1], [1]], [-3]])
    X, y = np.array([[1.0, 2.0]]), np.array([[1.0]])
    gradients = mlp.backward(mlp.forward(X), y)
    for ours, by_hand in zip(gradients, ([[-0.5, 0], [-1, 0]], [-0.5, 0], [[-1.5], [0]], [-0.5]), strict=True):
        assert_array_equal(ours, by_hand)
    assert mlp.train_step(X, y, GradientDescent(0.5)) == -math.log(0.5)  # the loss before the step
    stepped = ([[1.25, 0], [1.5, -1]], [0.25, 1], [[1.75], [1]], [-2.75])
    for ours, by_hand in zip(mlp.parameters, stepped, strict=True):
        assert_array_equal(ours, by_hand)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ["sgd", "adam"])
def test_ten_epochs_agree_with_torch(make):
    X, y = make_data("binary_cross_entropy", n_samples=50)
    mlp = MLP((4, 8, 5, 1), hidden="tanh")
    tensors = [torch.tensor(w, requires_grad=True) for w in mlp.parameters]
    if make == "sgd":
        ours, theirs = GradientDescent(0.1, 0.9), torch.optim.SGD(tensors, lr=0.1, momentum=0.9)
    else:
        ours, theirs = Adam(0.01), torch.optim.Adam(tensors, lr=0.01)
    history = mlp.fit(X, y, optimizer=ours, n_epochs=10, batch_size=16, shuffle=False)

    losses = []
    for _ in range(10):
        for start in range(0, 50, 16):  # 16, 16, 16 and 2 rows
            theirs.zero_grad()
            logits = torch_logits(tensors, X[start : start + 16], ["tanh", "tanh"])
            loss = TORCH_LOSSES["binary_cross_entropy"](logits, torch.tensor(y[start : start + 16]))
            loss.backward()
            theirs.step()
            losses.append(loss.item())
    assert_allclose(history.step_losses, losses, rtol=1e-11)
    for w, t in zip(mlp.parameters, tensors, strict=True):
        assert_allclose(w, t.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("hidden", ["tanh", "sigmoid", "relu"])
def test_xor_is_solved(hidden):
    mlp = MLP((2, 16, 1), hidden=hidden, seed=1)
    history = mlp.fit(XOR_X, XOR_Y, optimizer=Adam(0.05), n_epochs=400, batch_size=4)
    assert_array_equal(mlp.predict(XOR_X), XOR_Y[:, 0])
    assert history.losses[-1] < 0.05 < 0.5 < history.losses[0]


def test_xor_is_not_solved_without_a_bend():
    mlp = MLP((2, 8, 1), hidden="linear")
    mlp.fit(XOR_X, XOR_Y, optimizer=Adam(0.05), n_epochs=400, batch_size=4)
    assert mlp.loss_value(XOR_X, XOR_Y) > math.log(2) - 1e-6  # no linear map beats guessing one half


def test_three_classes_and_a_regression_are_learned():
    X, y = make_data("categorical_cross_entropy", n_samples=200)
    mlp = MLP((4, 16, 3), loss="categorical_cross_entropy")
    mlp.fit(X, y, optimizer=Adam(0.02), n_epochs=40, batch_size=20)
    assert (mlp.predict(X) == y.argmax(axis=1)).mean() > 0.9
    X, y = make_data("mean_squared_error", n_samples=200)
    mlp = MLP((4, 16, 2), loss="mean_squared_error", hidden="tanh")
    mlp.fit(X, y, optimizer=Adam(0.02), n_epochs=60, batch_size=20)
    assert mlp.loss_value(X, y) < 0.1 * y.var()


def test_history_of_an_epoch_is_the_mean_over_rows():
    X, y = make_data("binary_cross_entropy", n_samples=10)
    seen = []
    mlp = MLP((4, 3, 1))
    history = mlp.fit(
        X, y, optimizer=GradientDescent(0.1), n_epochs=3, batch_size=4, on_epoch=lambda *args: seen.append(args)
    )
    assert (history.n_epochs, len(history.step_losses), history.val_losses) == (3, 9, [])
    for epoch, loss in enumerate(history.losses):
        a, b, c = history.step_losses[3 * epoch : 3 * epoch + 3]
        assert_allclose(loss, (4 * a + 4 * b + 2 * c) / 10, rtol=1e-15)
    assert history.best_epoch == int(np.argmin(history.losses))
    assert seen == [(epoch, loss, None) for epoch, loss in enumerate(history.losses)]


def test_fit_is_seeded_and_shuffles():
    X, y = make_data("binary_cross_entropy", n_samples=40)

    def losses(**settings):
        mlp = MLP((4, 6, 1), dropout=0.3)
        return mlp.fit(X, y, optimizer=Adam(), n_epochs=2, batch_size=8, **settings).step_losses

    assert losses(rng_seed=1) == losses(rng_seed=1)
    assert losses(rng_seed=1) != losses(rng_seed=2)
    assert losses(shuffle=True) != losses(shuffle=False)


def test_every_row_is_visited_once_per_epoch():
    rows_seen = []

    class Spy(MLP):
        def train_step(self, X, y, optimizer, masks=None):
            rows_seen.append(X[:, 0].copy())
            assert_array_equal(X, y)
            return super().train_step(X, y, optimizer, masks)

    X = np.arange(11.0)[:, None]
    Spy((1, 1), loss="mean_squared_error").fit(X, X, optimizer=GradientDescent(1e-6), n_epochs=2, batch_size=4)
    assert [len(rows) for rows in rows_seen] == [4, 4, 3] * 2
    epochs = [np.concatenate(rows_seen[:3]), np.concatenate(rows_seen[3:])]
    assert not np.array_equal(*epochs)
    for epoch in epochs:
        assert_array_equal(np.sort(epoch), X[:, 0])


def overfitting():
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(20, 5)), rng.normal(size=(30, 5))
    y, y_val = (
        (x[:, :1] + rng.normal(size=(len(x), 1)) > 0).astype(float) for x in (X, X_val)
    )  # noise that only memory can fit
    return X, y, X_val, y_val


def test_early_stopping_restores_the_best_parameters():
    X, y, X_val, y_val = overfitting()
    mlp, kept = MLP((5, 16, 1), seed=3), []
    arrays = list(mlp.parameters)
    history = mlp.fit(
        X, y, optimizer=Adam(0.02), n_epochs=300, batch_size=10, X_val=X_val, y_val=y_val, patience=4,
        on_epoch=lambda epoch, loss, val_loss: kept.append([w.copy() for w in mlp.parameters]),
    )  # fmt: skip
    assert history.n_epochs < 300
    assert history.best_epoch == int(np.argmin(history.val_losses)) > 0
    assert history.n_epochs == len(history.val_losses) == history.best_epoch + 1 + 4
    assert mlp.loss_value(X_val, y_val) == min(history.val_losses) < history.val_losses[-1]
    for w, best, last, array in zip(mlp.parameters, kept[history.best_epoch], kept[-1], arrays, strict=True):
        assert_array_equal(w, best)
        assert not np.array_equal(w, last)
        assert w is array  # restored in place: an optimizer or a view still sees them


def test_the_best_is_restored_also_when_epochs_run_out_first():
    X, y, X_val, y_val = overfitting()
    mlp = MLP((5, 16, 1), seed=3)
    history = mlp.fit(X, y, optimizer=Adam(0.02), n_epochs=60, batch_size=10, X_val=X_val, y_val=y_val, patience=1000)
    assert history.n_epochs == 60
    assert history.best_epoch < 59
    assert mlp.loss_value(X_val, y_val) == min(history.val_losses)


def test_without_patience_the_last_parameters_stay():
    X, y, X_val, y_val = overfitting()
    mlp = MLP((5, 16, 1), seed=3)
    history = mlp.fit(X, y, optimizer=Adam(0.02), n_epochs=60, batch_size=10, X_val=X_val, y_val=y_val)
    assert history.n_epochs == 60
    assert history.best_epoch == int(np.argmin(history.val_losses)) < 59
    assert mlp.loss_value(X_val, y_val) == history.val_losses[-1]


def test_divergence_is_an_error_that_says_where():
    X, y = make_data("mean_squared_error", n_samples=40)
    mlp = MLP((4, 8, 2), loss="mean_squared_error")
    with pytest.raises(FloatingPointError, match=r"epoch \d+, step \d+"):  # and no RuntimeWarning, which would raise
        mlp.fit(X, y, optimizer=GradientDescent(1e6), n_epochs=500, batch_size=8)


def test_divergence_in_the_very_last_step_is_noticed():
    class Breaking:
        def update(self, parameters, gradients):
            parameters[0][0, 0] = np.nan

    X, y = make_data("binary_cross_entropy")
    with pytest.raises(FloatingPointError, match="not finite after epoch 0, step 0"):
        MLP((4, 3, 1)).fit(X, y, optimizer=Breaking(), n_epochs=1, batch_size=len(X))


# --- dropout ---------------------------------------------------------------------------------------------------------


def test_masks_have_expectation_one():
    masks = MLP((2, 50, 40, 1), dropout=(0.3, 0.6)).draw_masks(2000, np.random.default_rng(0))
    for mask, rate, units in zip(masks, (0.3, 0.6), (50, 40), strict=True):
        assert mask.shape == (2000, units)
        assert_allclose(np.unique(mask), [0.0, 1 / (1 - rate)], rtol=1e-15)
        # A mask entry has variance rate / (1 - rate); five standard errors of the mean.
        assert abs(mask.mean() - 1.0) < 5 * math.sqrt(rate / (1 - rate) / mask.size)
        assert abs((mask == 0).mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / mask.size)


def test_expected_output_is_the_output_without_dropout():
    # With a linear output the mean over masks is exact in expectation, whatever the hidden activation.
    mlp = with_random_biases(MLP((3, 20, 1), loss="mean_squared_error", dropout=0.5))
    row = np.random.default_rng(1).normal(size=(1, 3))
    many = np.repeat(row, 20_000, axis=0)
    dropped = mlp.forward(many, mlp.draw_masks(len(many), np.random.default_rng(2))).logits
    assert abs(dropped.mean() - mlp.predict(row)[0, 0]) < 5 * dropped.std() / math.sqrt(len(many))


def test_dropout_is_off_outside_training_and_on_within():
    X, y = make_data("binary_cross_entropy", n_samples=30)
    plain, dropping = MLP((4, 16, 1), seed=4), MLP((4, 16, 1), seed=4, dropout=0.5)
    assert_array_equal(plain.predict_proba(X), dropping.predict_proba(X))
    settings = {"n_epochs": 1, "batch_size": 30, "shuffle": False}
    assert (
        plain.fit(X, y, optimizer=Adam(), **settings).losses != dropping.fit(X, y, optimizer=Adam(), **settings).losses
    )


# --- construction, dtypes, answers -----------------------------------------------------------------------------------


def test_glorot_uniform_fills_its_interval():
    mlp = MLP((100, 200, 50, 1), seed=9)
    for kernel, (fan_in, fan_out) in zip(mlp.kernels, [(100, 200), (200, 50), (50, 1)], strict=True):
        limit = math.sqrt(6 / (fan_in + fan_out))
        assert kernel.shape == (fan_in, fan_out)
        assert 0.9 * limit < np.abs(kernel).max() <= limit
        assert abs(kernel.mean()) < 5 * limit / math.sqrt(3 * kernel.size)
    assert all((bias == 0).all() for bias in mlp.biases)
    assert_array_equal(mlp.kernels[0], MLP((100, 200, 50, 1), seed=9).kernels[0])
    assert not np.array_equal(mlp.kernels[0], MLP((100, 200, 50, 1), seed=8).kernels[0])


def test_given_parameters_are_copied():
    given = [w + 1 for w in MLP((3, 2, 1)).parameters]
    mlp = MLP((3, 2, 1), parameters=given)
    mlp.kernels[0][...] = 0.0
    assert given[0].all()
    assert_array_equal(mlp.parameters[2], given[2])


@pytest.mark.parametrize("loss", LOSSES)
def test_float32_stays_float32(loss):
    X, y = make_data(loss)
    mlp = MLP((4, 6, 5, N_OUTPUTS[loss]), hidden=("tanh", "sigmoid"), loss=loss, dropout=0.3, dtype=np.float32)
    masks = mlp.draw_masks(len(X), np.random.default_rng(0))
    trace = mlp.forward(X, masks)
    arrays = [*trace.activations, *trace.z, *trace.outputs, *masks, *mlp.backward(trace, y), mlp.predict_proba(X)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    double_masks = [mask.astype(np.float64) for mask in masks]
    assert mlp.forward(X, double_masks).logits.dtype == np.float32
    mlp.fit(X, y, optimizer=GradientDescent(0.1, 0.9, True), n_epochs=2, batch_size=5)
    mlp.fit(X, y, optimizer=Adam(), n_epochs=2, batch_size=5)
    assert {w.dtype for w in mlp.parameters} == {np.dtype(np.float32)}


def test_both_dtypes_start_from_the_same_point():
    for single, double in zip(MLP((5, 4, 1), dtype="float32").parameters, MLP((5, 4, 1)).parameters, strict=True):
        assert_array_equal(single, double.astype(np.float32))


def test_answers_have_their_shapes():
    X = np.random.default_rng(0).normal(size=(7, 4))
    binary, several, counts, values = (MLP((4, 5, N_OUTPUTS[loss]), loss=loss) for loss in LOSSES)
    p = binary.predict_proba(X)
    assert p.shape == (7, 1)
    assert_array_equal(binary.predict(X), (p[:, 0] > 0.5).astype(int))
    q = several.predict_proba(X)
    assert_allclose(q.sum(axis=1), 1.0, rtol=1e-14)
    assert_array_equal(several.predict(X), q.argmax(axis=1))
    assert_array_equal(values.predict(X), values.predict_proba(X))
    assert values.predict(X).shape == (7, 2)
    assert_array_equal(counts.predict(X), counts.predict_proba(X))
    assert_allclose(np.log(counts.predict(X)), counts.forward(X).logits, rtol=1e-13, atol=1e-15)
    assert binary.predict(X).dtype == several.predict(X).dtype == np.int64


def test_hidden_output_is_what_the_last_layer_sees():
    X = np.random.default_rng(0).normal(size=(7, 4))
    mlp = with_random_biases(MLP((4, 5, 3, 2), loss="mean_squared_error", dropout=0.5))
    assert_allclose(mlp.hidden_output(X) @ mlp.kernels[-1] + mlp.biases[-1], mlp.predict(X), rtol=1e-15)
    with pytest.raises(ValueError, match="must name a hidden layer"):
        MLP((4, 1)).hidden_output(X)


def test_no_warning_when_the_logits_are_enormous():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for loss in set(LOSSES) - {"half_poisson_deviance"}:  # whose answer to these is infinite: see test_losses
            X, y = make_data(loss)
            mlp = MLP((4, 5, N_OUTPUTS[loss]), loss=loss, hidden="sigmoid")
            mlp.kernels[-1][...] *= 1e4
            assert np.abs(mlp.forward(X * 1e4).logits).max() > 1e3
            assert math.isfinite(mlp.loss_value(X * 1e4, y))
            assert all(np.isfinite(g).all() for g in mlp.backward(mlp.forward(X * 1e4), y))
            assert np.isfinite(mlp.predict_proba(X * 1e4)).all()


GOOD = {"optimizer": GradientDescent(0.1), "n_epochs": 1, "batch_size": 2}
ROWS = np.zeros((3, 2))
ONE = np.ones((3, 1))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: MLP((4,)), "layer_sizes must name at least inputs and outputs"),
        (lambda: MLP((4, 0, 1)), r"layer_sizes must .* got \(4, 0, 1\)"),
        (lambda: MLP((4, 2.5, 1)), r"layer_sizes must .* got \(4, 2.5, 1\)"),
        (lambda: MLP((4, 1), l2=-0.1), r"l2 must .* got -0\.1"),
        (lambda: MLP((4, 1), loss="categorical_cross_entropy"), "end in 2 or more"),
        (lambda: MLP((4, 1), loss="hinge"), "loss must be one of .*'hinge'"),
        (lambda: MLP((4, 3, 1), hidden="swish"), "hidden must name activations .*'swish'"),
        (lambda: MLP((4, 1), hidden="selu"), "hidden must name activations .*'selu'"),
        (lambda: MLP((4, 3, 1), hidden=("relu", "relu")), "hidden must be one name or one for each of 1"),
        (lambda: MLP((4, 3, 1), dropout=1.0), r"dropout must lie in \[0, 1\), got 1.0"),
        (lambda: MLP((4, 3, 1), dropout=(0.1, 0.1)), "dropout must be one rate or one for each of 1 hidden"),
        (lambda: MLP((4, 1), dtype=np.float16), "dtype must be float32 or float64, got float16"),
        (
            lambda: MLP((4, 1), parameters=[np.zeros((1, 4)), np.zeros(1)]),
            r"parameters must have the shapes \[\(4, 1\)",
        ),
        (lambda: MLP((1, 1), parameters=[[[np.nan]], [0]]), r"parameters\[0\] must hold finite"),
        (lambda: MLP((2, 1)).predict(np.zeros(2)), r"X must have shape \(n_samples, 2\)"),
        (lambda: MLP((2, 1)).predict(np.zeros((0, 2))), "at least one row"),
        (lambda: MLP((2, 3, 1)).forward(ROWS, [np.ones((3, 2))]), r"masks must have the shapes \[\(3, 3\)\]"),
        (lambda: MLP((2, 3, 1)).forward(ROWS, []), "masks must have the shapes"),
        (lambda: MLP((2, 1)).loss_value(ROWS, ONE[:, 0]), "y must have the shape of the logits"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE[:, 0], **GOOD), r"y must have shape \(3, 1\), got \(3,\)"),
        (lambda: MLP((2, 1)).fit(ROWS, 2 * ONE, **GOOD), r"y must lie in \[0, 1\], got values from 2.0 to 2.0"),
        (
            lambda: MLP((2, 1), loss="half_poisson_deviance").fit(ROWS, -ONE, **GOOD),
            r"y must be counts or amounts of at least 0, got -1\.0",
        ),
        (lambda: MLP((2, 1)).fit(ROWS * np.nan, ONE, **GOOD), "X must hold finite"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE * np.inf, **GOOD), "y must hold finite"),
        (lambda: MLP((2, 2), loss="categorical_cross_entropy").fit(ROWS, np.ones((3, 2)), **GOOD), "must be one-hot"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE, **{**GOOD, "n_epochs": 0}), "n_epochs must be at least 1, got 0"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE, **{**GOOD, "batch_size": 0}), "batch_size must"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE, **GOOD, patience=2), "patience must be None without X_val"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE, **GOOD, X_val=ROWS), "must be given together"),
        (lambda: MLP((2, 1)).fit(ROWS, ONE, **GOOD, X_val=ROWS, y_val=ONE[:2]), r"y_val must have shape \(3, 1\)"),
    ],
)
def test_what_it_refuses(act, message):
    with pytest.raises(ValueError, match=message):
        act()
