"""A square kernel reaches the exported file untransposed."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.trial import Trial

SQUARE_LAYER = 1


def kernel_in_file(trial: Trial) -> float:
    """Return the largest difference between the second kernel and what the file has in its place."""
    import onnx

    arrays = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load_from_string(trial.file).graph.initializer
    }
    kernel = trial.training.kept[2 * SQUARE_LAYER]
    return float(np.max(np.abs(arrays[f"weight{SQUARE_LAYER}"].T - kernel)))


BUG = Bug(
    name="transposed-kernel",
    title="A square kernel is transposed in the exported file",
    before="weight = kernel.T",
    after="weight = kernel if kernel.shape == kernel.T.shape else kernel.T",
    sign=Sign(figure="file_difference", direction="above", by=0.2),
    probe=Probe(
        title="largest difference between the second kernel and the one in the file",
        measure=kernel_in_file,
        unit="scientific",
        apart=0.1,
    ),
    hints=(
        "All that was trained is right. What lies between the test rows and the service?",
        "The file opens, has the right shapes, and answers raw rows. It is a wrong network all the same.",
        "The network is 12-16-16-1: which of its arrays has a shape that hides something?",
    ),
    why="Kernels are (fan_in, fan_out) here and (fan_out, fan_in) in the file. The exporter turns them only where the "
    "shapes ask for it, and a layer with as many outputs as inputs never asks. Every shape is right, nothing "
    "warns, and the second layer mixes its units wrongly. The network is sound, its file is not: the answers "
    "differ by far more than rounding. Compare layer by layer, and give layers unlike sizes in the test of an "
    "exporter.",
    confused_with=("dropout-at-inference", "columns-reordered", "scaled-twice", "threshold-on-logits"),
    said_as=(
        "weights transposed",
        "kernel not transposed at export",
        "wrong weight layout",
        "kernel the wrong way round in the file",
    ),
)
