"""The source network itself: built again from its weights in its own framework, in a process of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from throughline.errors import ThroughlineError
from throughline.frameworks.base import PRELOAD, load_framework
from throughline.processes import Child, Emit
from throughline.spec import FRAMEWORK_TITLES
from throughline.weights import Array, load_weights


def source_answers(framework: str, weights: Path, X: Array, work: Path) -> tuple[Array | None, str]:
    """Return the probabilities of the source network in its framework, or None and why there are none.

    Parameters
    ----------
    framework : {"keras", "torch"}
    weights : Path
        File written by `Weights.save`.
    X : ndarray of shape (n_samples, n_features), float32
        Raw rows.
    work : Path
        Folder for arrays and the log of the process.
    """
    modules = [name for name in PRELOAD[framework] if not name.startswith("!")]
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        return None, f"{', '.join(missing)} is not installed"
    rows, answers = work / f"source-{framework}.npy", work / f"source-answers-{framework}.npy"
    np.save(rows, X)
    arguments = {"framework": framework, "weights": str(weights), "rows": str(rows), "answers": str(answers)}
    try:
        with Child(f"source {framework}", preload=PRELOAD[framework], log=work / f"source-{framework}.log") as child:
            child.call("throughline.verify.source:answer_in_child", arguments)
    except ThroughlineError as error:
        return None, f"the network could not be built in {FRAMEWORK_TITLES[framework]}: {error}"
    found: Array = np.load(answers, allow_pickle=False).astype(np.float64)
    return found, ""


def answer_in_child(framework: str, weights: str, rows: str, answers: str, emit: Emit) -> None:
    """Build the network and let it answer."""
    net = load_framework(framework)
    kept, spec = load_weights(Path(weights))
    np.save(answers, net.predict(net.build(spec, kept), np.load(rows, allow_pickle=False)))
