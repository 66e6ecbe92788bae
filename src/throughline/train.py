"""One training in one framework, in a process of its own: build, fit, save, answer, export."""

from __future__ import annotations

import dataclasses
import math
import time
import traceback
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from throughline.data.split import Split, load_split
from throughline.environment import installed_versions
from throughline.errors import DataError, DivergenceError
from throughline.formats import find_format, load_formats
from throughline.formats.base import ExportInputs, Format, FrameworkName
from throughline.frameworks.base import CHAPTER_OF_FRAMEWORK, Epoch, Framework, best_epoch, load_framework
from throughline.frameworks.fitting import fit_rows
from throughline.processes import Emit
from throughline.record import TrainingRecord
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec, TrainSpec
from throughline.weights import Array, Weights, load_weights

N_GRADIENT_ROWS = 32
N_REPRESENTATIVE_ROWS = 1000  # from which an int8 file learns its ranges
DISTRIBUTIONS = {
    "numpy": ("numpy",),
    "keras": ("keras", "tensorflow", "tensorflow-cpu"),
    "torch": ("torch",),
}


def train_once(
    framework: str, train_spec: str, split: str, initial: str, out: str, exports: list[str], emit: Emit
) -> dict[str, Any]:
    """Train, keep the weights of the best epoch, answer all rows, and export.

    Parameters
    ----------
    framework : {"numpy", "keras", "torch"}
    train_spec : str
        `TrainSpec` as JSON.
    split : str
        File written by `Split.save`.
    initial : str
        Weights at which to start, written by `Weights.save`, with the `NetworkSpec`.
    out : str
        Folder for ``weights.safetensors``, ``answers.npz``, ``gradients.npz`` and the artefacts.
    exports : list of str
        Names of formats, those that are made from others after these.
    emit : callable
        Receives ``{"stage": ...}`` and ``{"epoch": ..., "val_accuracy": ...}``.

    Returns
    -------
    dict
        ``training`` (a `TrainingRecord`) and ``exports`` (as `export_all` returns them).
    """
    net = load_framework(framework)
    rows, plan, folder = load_split(Path(split)), TrainSpec.from_json(train_spec), Path(out)
    weights, spec = load_weights(Path(initial))
    network = net.build(spec, weights)

    emit({"stage": "training", "chapter": CHAPTER_OF_FRAMEWORK[framework]})
    started = time.perf_counter()
    epochs = fit_rows(
        net, network, spec, plan, rows, lambda epoch: emit({"epoch": epoch.number, "val_accuracy": epoch.val_accuracy})
    )
    fit_s = time.perf_counter() - started

    kept = net.get_weights(network)
    kept.save(folder / "weights.safetensors", spec)
    np.savez(folder / "answers.npz", val=net.predict(network, rows.X_val), test=net.predict(network, rows.X_test))
    np.savez(folder / "gradients.npz", *gradients_float64(net, spec, weights, rows))
    made = export_all(framework, export_inputs(network, spec, kept, rows.X_train), exports, folder, emit)
    return {
        "training": msgspec.to_builtins(
            training_record(framework, spec, plan, epochs, weights.digest, kept.digest, fit_s)
        ),
        "exports": made,
    }


def gradients_float64(net: Framework, spec: NetworkSpec, weights: Weights, split: Split) -> list[Array]:
    """Return the framework's gradients at these weights on the first training rows, computed in float64.

    Parameters
    ----------
    net : Framework
        The framework's module.
    spec : NetworkSpec
        Its architecture; dtype is replaced.
    weights : Weights
        Where to take the gradient.
    split : Split
        The rows.

    Returns
    -------
    list of ndarray
        In the order of `Weights.parameters`.
    """
    network = net.build(dataclasses.replace(spec, dtype="float64"), weights.astype("float64"))
    X, y = split.X_train[:N_GRADIENT_ROWS], split.y_train[:N_GRADIENT_ROWS]
    return net.gradients(network, X.astype(np.float64), y)


def export_rebuilt(
    source: str, framework: str, weights: str, split: str, out: str, exports: list[str], emit: Emit
) -> dict[str, dict[str, Any]]:
    """Build a network of one framework in another out of its weights, and export it from there.

    Parameters
    ----------
    source : {"keras", "torch"}
        Where the network was trained.
    framework : {"keras", "torch"}
        Where to build it; the framework of this process.
    weights : str
        File written by `Weights.save`.
    split : str
        File written by `Split.save`.
    out, exports, emit :
        As in `train_once`.

    Returns
    -------
    dict
        As `export_all` returns it.
    """
    emit({"stage": f"rebuild the network of {FRAMEWORK_TITLES[source]}", "chapter": CHAPTER_OF_FRAMEWORK[framework]})
    trained, spec = load_weights(Path(weights))
    network = load_framework(framework).build(spec, trained)
    inputs = export_inputs(network, spec, trained, load_split(Path(split)).X_train)
    return export_all(source, inputs, exports, Path(out), emit)


def export_inputs(network: Any, spec: NetworkSpec, weights: Weights, training_rows: Array) -> ExportInputs:
    """Gather what exporters may draw on."""
    rows = training_rows[:N_REPRESENTATIVE_ROWS].astype("float32")
    return ExportInputs(network=network, spec=spec, weights=weights, rows=rows, files={})


def export_all(
    source: str, inputs: ExportInputs, names: list[str], folder: Path, emit: Emit
) -> dict[str, dict[str, Any]]:
    """Export a network to formats; a format made from another finds that one's file.

    Parameters
    ----------
    source : {"keras", "torch"}
        Where the network was trained, which decides the route.
    inputs : ExportInputs
        The network, in the framework of this process.
    names : list of str
        Formats in the order of making.
    folder : Path
        Where the files go, each named after its format.
    emit : callable
        Receives ``{"stage": ...}``.

    Returns
    -------
    dict of str to dict
        For each format its ``path``, ``facts``, ``export_s`` and ``quantization`` (None where nothing is in int8); or
        an ``error`` where the exporter failed, which stops none of the others.
    """
    made: dict[str, dict[str, Any]] = {}
    files: dict[str, Path] = {}
    for name in names:
        form = find_format(name)
        emit({"stage": f"export {form.title}", "chapter": form.chapter})
        path = folder / (form.name + form.suffix)
        try:
            made[name] = _export(form, cast(FrameworkName, source), dataclasses.replace(inputs, files=files), path)
            files[name] = path
        except Exception as error:
            traceback.print_exc()  # into the log of this process
            said = str(error).strip().splitlines() or ["no message"]
            made[name] = {"error": f"{type(error).__name__}: {said[0]}"}
    return made


def _export(form: Format, source: FrameworkName, inputs: ExportInputs, path: Path) -> dict[str, Any]:
    route = form.route_from(source)
    if route.made_from in load_formats() and route.made_from not in inputs.files:
        raise DataError(form.title, f"made from {route.made_from}", "no such file", "see why that one failed")
    started = time.perf_counter()
    facts = route.export(inputs, path)
    export_s = time.perf_counter() - started
    steps = msgspec.to_builtins(form.read_quantization(path)) if form.read_quantization else None
    return {"path": str(path), "facts": facts, "export_s": export_s, "quantization": steps}


def training_record(
    framework: str,
    spec: NetworkSpec,
    plan: TrainSpec,
    epochs: list[Epoch],
    initial_digest: str,
    weights_digest: str,
    fit_s: float,
) -> TrainingRecord:
    """Return the record of a training; the kept figures are those of the epoch whose weights were kept.

    Raises
    ------
    DivergenceError
        If a loss is not finite.
    """
    for epoch in epochs:
        if not math.isfinite(epoch.loss) or not math.isfinite(epoch.val_loss):
            raise DivergenceError(
                f"Training in {FRAMEWORK_TITLES[framework]} diverged in epoch {epoch.number}: "
                f"its loss is {epoch.loss}, on validation rows {epoch.val_loss}; "
                "look for extreme values in the columns."
            )
    best = epochs[best_epoch(epochs, plan.min_delta) - 1] if plan.keep == "best" else epochs[-1]
    return TrainingRecord(
        framework=framework,
        n_parameters=spec.n_parameters,
        losses=[epoch.loss for epoch in epochs],
        val_losses=[epoch.val_loss for epoch in epochs],
        val_accuracies=[epoch.val_accuracy for epoch in epochs],
        best_epoch=best.number,
        val_accuracy=best.val_accuracy,
        val_loss=best.val_loss,
        initial_digest=initial_digest,
        weights_digest=weights_digest,
        weights_path=f"models/{framework}/weights.safetensors",
        fit_s=fit_s,
        versions=installed_versions(DISTRIBUTIONS[framework]),
    )
