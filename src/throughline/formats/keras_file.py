"""The `.keras` file: configuration and weights in one archive, to train on or to load with Keras 3.

A network that was trained in this process takes the state of its optimizer along; one that was rebuilt has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, Route, Runner
from throughline.weights import Array


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
        (features,) = self._network.inputs
        super().__init__(
            {
                "runtime": f"Keras {keras.__version__}",
                "backend": keras.backend.backend(),
                "input": f"{features.name} {list(features.shape)}",
            }
        )

    def _predict(self, X: Array) -> Any:
        return self._network.predict_on_batch(X)


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
    good_for="training on, changing layers, and whatever else needs the network as Keras objects",
)
