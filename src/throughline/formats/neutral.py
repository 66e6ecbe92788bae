"""The neutral form: safetensors beside the specification, from which any framework rebuilds the network bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, Parameters, Port, Route, Runner, StoredArray
from throughline.weights import Array, load_weights

WEIGHTS_NAME = "weights.safetensors"
SPEC_NAME = "spec.json"


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Write both files; the specification is in the metadata of the weights too, so neither can be swapped unseen."""
    import safetensors

    path.mkdir()
    inputs.weights.save(path / WEIGHTS_NAME, inputs.spec)
    (path / SPEC_NAME).write_text(inputs.spec.to_json() + "\n", encoding="utf-8")
    return {
        "exporter": "safetensors.numpy.save_file",
        "safetensors": safetensors.__version__,
        "weights_digest": inputs.weights.digest,
    }


class NeutralRunner(Runner):
    """Rebuilds the network in NumPy: no framework is needed."""

    def __init__(self, path: Path) -> None:
        import numpy

        from throughline.errors import DataError
        from throughline.frameworks import numpy_net
        from throughline.spec import NetworkSpec

        weights, spec = load_weights(path / WEIGHTS_NAME)
        if NetworkSpec.from_json((path / SPEC_NAME).read_bytes()) != spec:
            raise DataError(SPEC_NAME, f"the specification inside {WEIGHTS_NAME}", "another one", "export both again")
        self._net, self._network = numpy_net, numpy_net.build(spec, weights)
        super().__init__(
            {"runtime": f"NumPy {numpy.__version__}", "weights_digest_read": weights.digest},
            [Port(dtype=spec.dtype, shape=[None, spec.n_inputs])],
            [Port(dtype=spec.dtype, shape=[None, spec.n_outputs])],
        )

    def _predict(self, X: Array) -> Any:
        return self._net.predict(self._network, X)


def read_parameters(path: Path) -> Parameters:
    """Read all arrays."""
    weights, _ = load_weights(path / WEIGHTS_NAME)
    return {name: StoredArray(values=values) for name, values in weights.named_arrays().items()}


FORMAT = Format(
    name="neutral",
    title="safetensors",
    chapter=8,
    order=0,
    framework="torch",
    routes=(Route(framework="any", made_from="weights", export=export),),
    suffix="/",
    runtime="NumPy",
    runs_on="where NumPy is",
    preload=("numpy", "safetensors"),
    forbidden=("tensorflow", "keras", "torch"),
    load=NeutralRunner,
    opener="neutral",
    parts=(WEIGHTS_NAME, SPEC_NAME),
    read_parameters=read_parameters,
    good_for="handing the numbers to any framework, bit for bit, in files that cannot run code",
)
