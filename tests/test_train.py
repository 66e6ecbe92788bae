"""What a training refuses: losses that are not finite, and an optimizer that the framework does not have."""

from __future__ import annotations

import math

import pytest

from throughline.errors import DivergenceError, SpecError
from throughline.frameworks.base import Epoch, refuse_other_than_stock
from throughline.spec import NetworkSpec, TrainSpec
from throughline.train import training_record


@pytest.mark.parametrize("broken", [Epoch(2, math.nan, 0.5, 0.9), Epoch(2, 0.5, math.inf, 0.9)])
def test_a_loss_that_is_not_finite_names_framework_and_epoch(broken: Epoch) -> None:
    epochs = [Epoch(1, 0.5, 0.5, 0.9), broken]
    with pytest.raises(DivergenceError, match=r"PyTorch diverged in epoch 2"):
        training_record("torch", NetworkSpec(n_inputs=2), TrainSpec(), epochs, "", "", 0.0)


@pytest.mark.parametrize(("framework", "own"), [("keras", "before_correction"), ("torch", "after_correction")])
def test_a_foreign_epsilon_rule_is_refused(framework: str, own: str) -> None:
    for placement in ("own", own):
        refuse_other_than_stock(framework, TrainSpec(epsilon_placement=placement))
    (other,) = {"before_correction", "after_correction"} - {own}
    with pytest.raises(SpecError, match="epsilon_placement must be 'own' or"):
        refuse_other_than_stock(framework, TrainSpec(epsilon_placement=other))
