"""The `.keras` file: configuration and weights in one archive, to train on or to load with Keras 3.

A network that was trained in this process takes the state of its optimizer along; one that was rebuilt has none.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throughline.formats.base import (
    ExportInputs,
    Facts,
    Format,
    Parameters,
    Port,
    Route,
    Runner,
    StoredArray,
    named_parameters,
)
from throughline.weights import Array

WEIGHTS_NAME = "model.weights.h5"


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Save the network as Keras does; the date of saving is in the file."""
    import keras

    inputs.network.save(path)
    return {"exporter": "keras.Model.save", "keras": keras.__version__}


class KerasRunner(Runner):
    """Loads the archive in safe mode, so that no code from the file is executed."""

    def __init__(self, path: Path) -> None:
        import keras

        self._network = keras.saving.load_model(path, compile=False, safe_mode=True)
        (features,), (answer,) = self._network.inputs, self._network.outputs
        super().__init__(
            {
                "runtime": f"Keras {keras.__version__}",
                "backend": keras.backend.backend(),
                "input": f"{features.name} {list(features.shape)}",
            },
            [Port(name=features.name, dtype=features.dtype, shape=list(features.shape))],
            [Port(name=self._network.layers[-1].name, dtype=answer.dtype, shape=list(answer.shape))],
        )

    def _predict(self, X: Array) -> Any:
        return self._network.predict_on_batch(X)


def read_facts(path: Path) -> Facts:
    """Return Keras' version and the date, as the file states them."""
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    return {"written_by": f"Keras {metadata['keras_version']}", "date_saved": str(metadata["date_saved"])}


def read_parameters(path: Path) -> Parameters:
    """Read kernels and biases from the archive itself; the scaling is stored as a variance, in the configuration."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        weights = io.BytesIO(archive.read(WEIGHTS_NAME))
    dense = [layer["config"]["name"] for layer in config["config"]["layers"] if layer["class_name"] == "Dense"]
    with h5py.File(weights) as file:
        # Folders are numbered by class; what a layer is called is noted in them.
        folders = {folder["vars"].attrs["name"]: folder["vars"] for folder in file["layers"].values()}
        arrays = [[StoredArray(values=folders[name][key][()]) for key in ("0", "1")] for name in dense]
    return named_parameters((kernel, bias) for kernel, bias in arrays)


def read_foreign_operators(path: Path) -> list[str]:
    """Return layers whose code is not Keras': those of other modules, and functions stored as bytecode."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    return sorted(set(_foreign_classes(config)))


def _foreign_classes(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        module, name = part.get("module"), part.get("class_name")
        if name in ("Lambda", "__lambda__") or (name and module and module.split(".")[0] not in ("keras", "builtins")):
            yield f"{module}.{name}" if module else str(name)
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _foreign_classes(inner)


FORMAT = Format(
    name="keras",
    title="Keras file",
    chapter=3,
    order=1,
    framework="keras",
    routes=(Route(framework="keras", export=export),),
    suffix=".keras",
    runtime="Keras",
    runs_on="where Keras is",
    # Keras imports both where it finds them; without them it is there in half the time.
    preload=("!sklearn", "!matplotlib", "tensorflow", "keras"),
    forbidden=("torch", "throughline.frameworks.keras_net"),
    load=KerasRunner,
    opener="keras",
    distributions=("keras", "tensorflow"),
    port_names=("features", "probability"),
    parts=("config.json", "metadata.json", WEIGHTS_NAME),
    read_facts=read_facts,
    read_parameters=read_parameters,
    read_foreign_operators=read_foreign_operators,
    good_for="training on, changing layers, and whatever else needs the network as Keras objects",
)
