"""Which framework can follow which spec step by step, and what it can do instead; nothing heavy is imported."""

from __future__ import annotations

from throughline.errors import SpecError
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec, TrainSpec

TITLES = FRAMEWORK_TITLES | {"sklearn": "scikit-learn"}
FRAMEWORKS = tuple(TITLES)


def check_expressible(framework: str, network: NetworkSpec, train: TrainSpec) -> None:
    """Refuse a spec that a framework cannot follow step by step.

    Raises
    ------
    SpecError
        With the field, the framework, and the nearest thing it can do.
    """
    train.check_fits(network.output, network.n_outputs)
    _check_no_rule_is_open(train)
    if framework == "sklearn":
        _check_sklearn(network, train)
    changing_velocity = train.optimizer in ("momentum", "nesterov") and train.schedule != "constant"
    if framework == "keras" and changing_velocity and train.momentum_form != "rate_inside":
        _refuse("momentum_form", "'rate_inside'", framework, train.momentum_form, "its velocity adds up steps")
    if framework == "torch" and train.optimizer == "rmsprop" and train.root_epsilon != "outside":
        _refuse("root_epsilon", "'outside'", framework, train.root_epsilon, "its RMSprop adds epsilon to the root")


def _check_no_rule_is_open(train: TrainSpec) -> None:
    for field in ("epsilon_placement", "root_epsilon", "momentum_form"):
        if getattr(train, field) == "own":
            allowed = "one rule for all when trajectories are compared"
            raise SpecError(field, allowed, "'own'", "name the rule; frameworks have different ones of their own")


def _check_sklearn(network: NetworkSpec, train: TrainSpec) -> None:
    if network.dropout > 0:
        _refuse("dropout", "0", "sklearn", network.dropout, "it has none; its nearest regulariser is l2")
    if network.hidden_activation == "gelu":
        allowed = "relu, tanh, sigmoid or linear"
        _refuse("hidden_activation", allowed, "sklearn", "gelu", "relu is the nearest it has")
    if train.optimizer in ("rmsprop", "adamw"):
        _refuse(
            "optimizer", "sgd, momentum, nesterov or adam", "sklearn", train.optimizer, "adam is the nearest it has"
        )
    if train.optimizer == "adam" and train.epsilon_placement != "before_correction":
        _refuse("epsilon_placement", "'before_correction'", "sklearn", train.epsilon_placement, "its Adam has no other")
    changing_velocity = train.optimizer in ("momentum", "nesterov") and train.schedule != "constant"
    if changing_velocity and train.momentum_form != "rate_inside":
        _refuse("momentum_form", "'rate_inside'", "sklearn", train.momentum_form, "its velocity adds up steps")
    if train.class_weight is not None and train.weight_mean != "weights":
        _refuse("weight_mean", "'weights'", "sklearn", train.weight_mean, "it divides by their sum")


def _refuse(field: str, allowed: str, framework: str, received: object, remedy: str) -> None:
    raise SpecError(field, f"{allowed} for {TITLES[framework]}", repr(received), remedy)
