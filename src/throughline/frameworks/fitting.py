"""Train a network of any framework on a run's rows; where answers are amounts, on a standardized target."""

from __future__ import annotations

import dataclasses
from typing import Any

from throughline.data.split import Split
from throughline.data.target_scaling import fit_target_scaling
from throughline.frameworks.base import Epoch, Framework, OnEpoch
from throughline.spec import NetworkSpec, TrainSpec


def fit_rows(
    net: Framework, network: Any, spec: NetworkSpec, plan: TrainSpec, split: Split, on_epoch: OnEpoch
) -> list[Epoch]:
    """Train, and leave the network with weights that answer in the target's own unit.

    Parameters
    ----------
    net : Framework
        The module of the framework.
    network : object
        What its `build` returned.
    spec : NetworkSpec
    plan : TrainSpec
    split : Split
        The target in its own unit.
    on_epoch : callable

    Returns
    -------
    list of Epoch
        Losses in the target's unit, squared, where answers are amounts.
    """
    scaling = fit_target_scaling(spec, split.y_train)
    epochs = net.fit(network, plan, scaling.standardize(split), on_epoch)
    if spec.output == "linear":
        net.set_weights(network, scaling.put_back(net.get_weights(network)))
    return [
        dataclasses.replace(epoch, loss=scaling.loss_in_unit(epoch.loss), val_loss=scaling.loss_in_unit(epoch.val_loss))
        for epoch in epochs
    ]
