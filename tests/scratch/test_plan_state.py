"""A plan that stops and goes on: its state, another batch size, another learning rate; and the penalties it reports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import MLP, Adam, AdamW, GradientDescent, Optimizer, Plan, RMSprop

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "descent": lambda: GradientDescent(0.01),
    "momentum": lambda: GradientDescent(0.005, momentum=0.9),
    "nesterov": lambda: GradientDescent(0.005, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.002),
    "adam, epsilon inside": lambda: Adam(0.002, epsilon=1e-7, epsilon_inside_correction=True),
    "adamw": lambda: AdamW(0.002, weight_decay=0.1),
    "rmsprop": lambda: RMSprop(0.001, epsilon=1e-2),
}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 5)), RNG.integers(0, 2, (50, 1)).astype(float)


def network(**settings: object) -> MLP:
    return MLP((5, 7, 1), seed=1, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_plan_with_the_state_of_another_goes_on_bit_for_bit(optimizer: str) -> None:
    first, second = (
        Plan(network(dropout=0.4), OPTIMIZERS[optimizer](), n_samples=50, batch_size=8, mask_seed=seed)
        for seed in (1, 2)
    )
    for _ in range(3):
        first.run_epoch(X, Y)
    state = first.state()
    second.load_state(state)
    assert_array_equal(first.run_epoch(X, Y), second.run_epoch(X, Y))
    assert_array_equal(first.P, second.P)
    assert first.t == second.t
    assert not np.array_equal(state["parameters"], first.P)  # a copy


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_state_fits_another_batch_size(optimizer: str) -> None:
    mlp, own = network(l2=0.1), OPTIMIZERS[optimizer]()
    plans = [Plan(network(l2=0.1), OPTIMIZERS[optimizer](), n_samples=50, batch_size=size) for size in (10, 7)]
    for plan, size in zip(plans, (10, 7), strict=True):
        if plan is plans[1]:
            plan.load_state(plans[0].state())
        for _ in range(3):
            plan.run_epoch(X, Y)
            for start in range(0, 50, size):
                mlp.train_step(X[start : start + size], Y[start : start + size], own)
    plans[1].write_back()
    for expected, parameter in zip(mlp.parameters, plans[1].mlp.parameters, strict=True):
        assert_allclose(parameter, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("rate_in_velocity", [False, True])
def test_a_changed_rate_is_that_of_the_optimizer(rate_in_velocity: bool, nesterov: bool) -> None:
    mlp = network()
    own, other = (GradientDescent(0.1, 0.9, nesterov, rate_in_velocity) for _ in range(2))
    plan = Plan(network(), other, n_samples=50, batch_size=10)
    for rate in (0.1, 0.02, 0.05):
        own.learning_rate = rate
        plan.change_learning_rate(rate)
        plan.run_epoch(X, Y)
        for start in range(0, 50, 10):
            mlp.train_step(X[start : start + 10], Y[start : start + 10], own)
    plan.write_back()
    for expected, parameter in zip(mlp.parameters, plan.mlp.parameters, strict=True):
        assert_allclose(parameter, expected, rtol=0, atol=1e-13)
    assert plan.state()["learning_rate"] == 0.05


def test_penalties_and_losses_make_the_objective() -> None:
    mlp = network(l2=0.3)
    expected = [mlp.objective(mlp.forward(X[s : s + 20]).logits, Y[s : s + 20]) for s in (0, 20, 40)]
    plan = Plan(mlp, GradientDescent(1e-300), n_samples=50, batch_size=20)  # steps of no length
    assert_allclose(plan.run_epoch(X, Y) + plan.penalties(), expected, rtol=1e-14)
    assert_array_equal(Plan(network(), Adam(), n_samples=50, batch_size=20).penalties(), np.zeros(3))


def test_a_factor_of_the_loss_is_a_factor_of_the_step() -> None:
    whole = Plan(network(), GradientDescent(0.05), n_samples=50, batch_size=8)
    half = Plan(network(), GradientDescent(0.1), n_samples=50, batch_size=8, loss_factor=0.5)
    assert_array_equal(whole.run_epoch(X, Y), half.run_epoch(X, Y))
    assert_array_equal(whole.P, half.P)


def test_a_batch_of_no_weight_moves_nothing() -> None:
    plan = Plan(network(l2=0.1), GradientDescent(0.1), n_samples=50, batch_size=25, weighted=True)
    before = plan.P.copy()
    losses = plan.run_epoch(X, Y, sample_weight=np.zeros(50))
    assert_array_equal(losses, [0, 0])
    assert_array_equal(plan.penalties(), [0, 0])
    assert_array_equal(plan.P, before)
