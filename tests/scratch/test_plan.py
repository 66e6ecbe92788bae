"""The plan against the plain pass: same losses and same weights, whatever the network, loss, optimizer and batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughline.scratch import MLP, Adam, AdamW, GradientDescent, Optimizer, Plan, RMSprop
from throughline.scratch.plan import ALIGNMENT_BYTES, FLUSH_BELOW, aligned

# Steps small enough that training stays calm: where it does not, two roundings of one formula drift apart. RMSprop
# divides by the root of a running mean plus epsilon; with a tiny epsilon and a gradient near zero each step multiplies
# a difference, and 1e-16 becomes 1e-10 in 100 steps without anything being wrong.
OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "descent": lambda: GradientDescent(0.01),
    "momentum": lambda: GradientDescent(0.005, momentum=0.9),
    "nesterov": lambda: GradientDescent(0.005, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.002),
    "adam, epsilon inside": lambda: Adam(0.002, epsilon=1e-7, epsilon_inside_correction=True),
    "adamw": lambda: AdamW(0.002, weight_decay=0.1),
    "rmsprop": lambda: RMSprop(0.001, epsilon=1e-2),
    "rmsprop, epsilon inside": lambda: RMSprop(0.001, epsilon=1e-4, epsilon_inside_root=True),
}
N_OUTPUTS = {
    "binary_cross_entropy": 1,
    "categorical_cross_entropy": 3,
    "half_poisson_deviance": 2,
    "mean_squared_error": 2,
}
N_STEPS = 1000


def draw_rows(loss: str, n: int, n_outputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    if loss == "binary_cross_entropy":
        return X, rng.integers(0, 2, (n, n_outputs)).astype(float)
    if loss == "categorical_cross_entropy":
        return X, np.eye(n_outputs)[rng.integers(0, n_outputs, n)]
    if loss == "half_poisson_deviance":
        return X, rng.poisson(2.0, (n, n_outputs)).astype(float)
    return X, rng.normal(size=(n, n_outputs))


def train_both(
    loss: str,
    hidden: str | tuple[str, ...],
    optimizer: str,
    batch_size: int,
    *,
    sizes: tuple[int, ...] = (6, 4),
    n_outputs: int | None = None,
    dropout: float | tuple[float, ...] = 0.0,
    l2: float = 0.0,
    weighted: bool = False,
    n: int = 50,
    n_steps: int = N_STEPS,
    dtype: type = np.float64,
) -> tuple[float, float]:
    """Return the largest differences of a loss and of a weight between the plan and `MLP.train_step`."""
    k = n_outputs or N_OUTPUTS[loss]
    X, y = draw_rows(loss, n, k, seed=batch_size)
    plain, planned = (
        MLP((5, *sizes, k), hidden=hidden, loss=loss, dropout=dropout, l2=l2, dtype=dtype, seed=3) for _ in range(2)
    )
    plan = Plan(planned, OPTIMIZERS[optimizer](), n_samples=n, batch_size=batch_size, weighted=weighted, mask_seed=1)
    own, rng, worst_loss = OPTIMIZERS[optimizer](), np.random.default_rng(0), 0.0
    weights = rng.uniform(0.2, 3, n) if weighted else None
    for _ in range(-(-n_steps // plan.n_steps)):
        order = rng.permutation(n)
        losses = plan.run_epoch(X, y, order, weights)
        for step in range(plan.n_steps):
            rows = order[step * batch_size : (step + 1) * batch_size]
            row_weights = None if weights is None else weights[rows]
            expected = plain.train_step(X[rows], y[rows], own, plan.masks_of_step(step), row_weights)
            worst_loss = max(worst_loss, abs(expected - losses[step]))
    plan.write_back()
    pairs = zip(plain.parameters, planned.parameters, strict=True)
    return worst_loss, max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("hidden", ["relu", "tanh", "sigmoid", "linear", "gelu"])
@pytest.mark.parametrize("loss", N_OUTPUTS)
def test_a_thousand_steps_agree(loss: str, hidden: str, optimizer: str) -> None:
    # 50 rows in batches of 8: six steps of 8 and a last one of 2.
    assert max(train_both(loss, hidden, optimizer, batch_size=8)) <= 1e-12


@given(
    loss=st.sampled_from(sorted(N_OUTPUTS)),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    batch_size=st.integers(1, 60),
    layers=st.lists(
        st.tuples(
            st.integers(1, 9),
            st.sampled_from(["relu", "tanh", "sigmoid", "linear", "gelu"]),
            st.sampled_from([0.0, 0.3, 0.6]),
        ),
        max_size=3,
    ),
    l2=st.sampled_from([0.0, 0.05]),
    weighted=st.booleans(),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_network_agrees(
    loss: str, optimizer: str, batch_size: int, layers: list[tuple[int, str, float]], l2: float, weighted: bool
) -> None:
    differences = train_both(
        loss,
        tuple(name for _, name, _ in layers),
        optimizer,
        batch_size,
        sizes=tuple(units for units, _, _ in layers),
        dropout=tuple(rate for _, _, rate in layers),
        l2=l2,
        weighted=weighted,
        n=50 if batch_size > 1 or not any(rate for _, _, rate in layers) else 40,
        n_steps=100,
    )
    assert max(differences) <= 1e-12


def test_several_yes_no_outputs_agree() -> None:
    assert max(train_both("binary_cross_entropy", "relu", "adam", 8, n_outputs=4, n_steps=200)) <= 1e-12


def test_float32_stays_float32_and_close() -> None:
    loss, weight = train_both("binary_cross_entropy", "tanh", "descent", 8, dtype=np.float32, n_steps=100)
    assert max(loss, weight) < 1e-5
    mlp = MLP((2, 3, 1), dtype=np.float32)
    plan = Plan(mlp, Adam(), n_samples=4, batch_size=2)
    plan.run_epoch(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32))
    assert {plan.P.dtype, plan.G.dtype} == {np.dtype(np.float32)}


def test_masks_drop_their_share_and_keep_the_mean() -> None:
    mlp = MLP((5, 400, 1), dropout=0.3)
    plan = Plan(mlp, Adam(), n_samples=50, batch_size=50)
    plan.run_epoch(*draw_rows("binary_cross_entropy", 50, 1, seed=0))
    (mask,) = plan.masks_of_step(0) or []
    assert mask is not None
    assert set(np.unique(mask)) == {0.0, 1 / 0.7}
    assert abs(np.mean(mask == 0) - 0.3) < 0.01
    plan.run_epoch(*draw_rows("binary_cross_entropy", 50, 1, seed=0))
    (second,) = plan.masks_of_step(0) or []
    assert not np.array_equal(mask, second)


def test_every_step_of_a_long_epoch_has_its_own_mask() -> None:
    # 100 steps need masks drawn twice; only the last chunk is still there to look at.
    plan = Plan(MLP((5, 20, 1), dropout=0.5), Adam(), n_samples=100, batch_size=1)
    plan.run_epoch(*draw_rows("binary_cross_entropy", 100, 1, seed=0))
    masks = [plan.masks_of_step(step)[0].tobytes() for step in range(64, 100)]
    assert len(set(masks)) == len(masks)


def test_buffers_are_aligned() -> None:
    for dtype in (np.float32, np.float64):
        for shape in ((3,), (5, 7)):
            array = aligned(shape, dtype)
            assert array.ctypes.data % ALIGNMENT_BYTES == 0
            assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
            assert not array.any()


def test_divergence_names_the_step() -> None:
    X, y = draw_rows("mean_squared_error", 50, 2, seed=0)
    plan = Plan(MLP((5, 6, 2), loss="mean_squared_error"), GradientDescent(1e6), n_samples=50, batch_size=5)

    def train() -> None:
        for _ in range(20):
            plan.run_epoch(X, y)

    with pytest.raises(FloatingPointError, match=r"loss is .* in step \d+"):
        train()


def test_memory_of_dead_units_does_not_become_subnormal() -> None:
    mlp = MLP((5, 8, 1), dtype=np.float32)
    mlp.biases[0][...] = -1e3  # no unit ever fires: their gradients are zero
    plan = Plan(mlp, Adam(), n_samples=50, batch_size=10)
    X, y = (a.astype(np.float32) for a in draw_rows("binary_cross_entropy", 50, 1, seed=0))
    plan._steps.memory[...] = 1e-5
    for _ in range(200):
        plan.run_epoch(X, y)
    memory = np.abs(plan._steps.memory)
    assert not np.any((memory > 0) & (memory < FLUSH_BELOW))
    assert np.any(memory == 0)
