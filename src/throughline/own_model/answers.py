"""The source's own answers on the sample, in several batch sizes, and how far rounding moves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import DataError, OutputShapeError
from throughline.own_model.keras_model import FIXED_STEP
from throughline.own_model.noise import NOISES, Noise
from throughline.own_model.opened import OpenedModel, aligned, open_model
from throughline.own_model.source import Source
from throughline.processes import Emit
from throughline.weights import Array

BATCH_SIZES = (1, 2)  # the whole sample is added: an axis frozen at 1 shows at 2
# Student's t with 16 degrees of freedom asks for 1.6 times what it would with infinitely many.
N_DRAWS = 16
# A sigmoid from a fraction of two polynomials, as in ONNX Runtime, errs by a unit of 1 and not of its answer.
PROBABILITY_ERROR = 2.0**-24
Answer = Callable[[Sequence[Array]], dict[str, Array]]


def answer_source(
    source: dict[str, Any], process: str, sample: str, work: str, noises: list[str], emit: Emit
) -> dict[str, Any]:
    """Load the model, answer the sample, and draw.

    Parameters
    ----------
    source : dict
        Fields of `Source`.
    process : str
        A key of `throughline.own_model.opened.PRELOAD`.
    sample : str
        An .npz file; writes beside it go to `work`.
    work : str
        Folder for ``inputs.npz``, ``source.npz`` (``batch size/output``) and ``noise.npz`` (``noise/output``: root mean
        square over the draws of each row's largest move).
    noises : list of str
        Keys of `throughline.own_model.noise.NOISES`.
    emit : callable
        Receives ``{"stage": ...}``.

    Returns
    -------
    dict
        ``inputs``, ``outputs``, ``batch_sizes``, ``refused_batch_sizes`` with reasons, ``noises`` (those drawn),
        ``n_parameters``, ``scales_inputs`` and ``state``.
    """
    folder, described = Path(work), Source(**source)
    with np.load(sample, allow_pickle=False) as found:
        given = {name.removeprefix("array:"): found[name] for name in found.files}
    emit({"stage": "load the model"})
    opened = open_model(described, process, given)
    arrays = aligned(opened.inputs, opened.dtypes, opened.shapes, given)
    np.savez(folder / "inputs.npz", **dict(zip(opened.inputs, arrays, strict=True)))  # type: ignore[arg-type]
    emit({"stage": "answer the sample"})
    answers, refused = _answers(opened, arrays)
    np.savez(
        folder / "source.npz",
        **{f"{size}/{name}": a for size, found in answers.items() for name, a in found.items()},  # type: ignore[arg-type]
    )
    largest = max(answers)
    moved: dict[str, Array] = {}
    drawn = [name for name in noises if opened.can_move_values() or not NOISES[name].moves_values]
    for name in drawn:
        emit({"stage": f"answer it {N_DRAWS} times with {name} noise"})
        for output, moves in _moves(opened, arrays, answers[largest], largest, NOISES[name]).items():
            moved[f"{name}/{output}"] = moves
    np.savez(folder / "noise.npz", **moved)  # type: ignore[arg-type]
    return {
        "inputs": {name: f"{a.dtype} {list(a.shape[1:])}" for name, a in zip(opened.inputs, arrays, strict=True)},
        "outputs": {name: f"{a.dtype} {list(a.shape[1:])}" for name, a in answers[largest].items()},
        "batch_sizes": sorted(answers),
        "refused_batch_sizes": refused,
        "noises": drawn,
        "n_parameters": opened.n_parameters,
        "scales_inputs": opened.scales_inputs,
        "state": _saved_state(described, opened, process, folder),
    }


def answer_in_batches(answer: Answer, arrays: Sequence[Array], batch_size: int) -> dict[str, Array]:
    """Answer all rows, `batch_size` at a time, the last batch as it comes.

    Raises
    ------
    OutputShapeError
        If a batch is answered with another number of rows.
    """
    n_rows = len(arrays[0])
    parts = []
    for start in range(0, n_rows, batch_size):
        batch = [array[start : start + batch_size] for array in arrays]
        found = answer(batch)
        for name, values in found.items():
            if values.ndim == 0 or len(values) != len(batch[0]):
                raise OutputShapeError(
                    f"A batch of {len(batch[0])} rows was answered with shape {values.shape} in the output '{name}'."
                )
        parts.append(found)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _answers(opened: OpenedModel, arrays: Sequence[Array]) -> tuple[dict[int, dict[str, Array]], dict[str, str]]:
    """Answer in every batch size that the model itself can do; say why not in the others."""
    answers: dict[int, dict[str, Array]] = {}
    refused: dict[str, str] = {}
    first: Exception | None = None
    for size in dict.fromkeys((*BATCH_SIZES, len(arrays[0]))):
        try:
            answers[size] = answer_in_batches(opened.answer, arrays, size)
        except Exception as error:  # whatever a model of someone else raises
            refused[str(size)] = (str(error).strip().splitlines() or [type(error).__name__])[0]
            first = first or error
    if not answers:
        said = next(iter(refused.values()))
        allowed = "rows that the model answers"
        raise DataError("--sample", allowed, f"'{said}'", "check shapes and types of its arrays") from first
    for found in answers.values():
        for name, values in found.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                received = f"NaN or infinity in the output '{name}'"
                raise DataError("MODEL", "a model with finite answers", received, "check the weights and the sample")
    return answers, refused


def _moves(
    opened: OpenedModel, arrays: Sequence[Array], expected: dict[str, Array], size: int, noise: Noise
) -> dict[str, Array]:
    """Return each row's root mean square, over the draws, of its largest move; shape (n_samples,) an output."""
    squares = {name: np.zeros(len(values)) for name, values in expected.items()}
    for draw in range(N_DRAWS):
        rng = np.random.default_rng(draw)
        inputs = [_moved_input(array, noise, opened.scales_inputs, rng) for array in arrays]
        with opened.disturbed(noise, rng):
            found = answer_in_batches(opened.answer, inputs, size)
        for name, values in expected.items():
            exact = values.astype(np.float64)
            moved = found[name].astype(np.float64)
            if exact.min() >= 0 and exact.max() <= 1:
                step = FIXED_STEP if noise.value_levels else 2 * PROBABILITY_ERROR
                moved = moved + rng.uniform(-step / 2, step / 2, moved.shape)
            squares[name] += np.square(np.abs(moved - exact).reshape(len(exact), -1).max(axis=1))
    return {name: np.sqrt(values / N_DRAWS) for name, values in squares.items()}


def _moved_input(array: Array, noise: Noise, stays_exact: bool, rng: np.random.Generator) -> Array:
    if array.dtype.kind != "f":
        return array
    from throughline.own_model.noise import one_unit

    moved = one_unit(array, rng)
    return noise.value(moved, rng) if noise.moves_values and not stays_exact else moved


def _saved_state(source: Source, opened: OpenedModel, process: str, folder: Path) -> str:
    if source.kind != "factory":
        return ""
    if process == "keras":
        from throughline.own_model import keras_model

        assert isinstance(opened, keras_model.KerasModel)  # what this process opens
        return keras_model.save_state(opened, folder)
    from throughline.own_model import torch_model

    assert isinstance(opened, torch_model.TorchModel)
    return torch_model.save_state(opened, folder)
