"""Fill ``docs/compatibility.md``: ``python -m throughline.own_model.compatibility --write docs/compatibility.md``.

A model at a time; what is done already lies in ``docs/compatibility/NAME.json`` and is not done again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from throughline.errors import ThroughlineError
from throughline.output import write_whole
from throughline.own_model.compatibility.page import compatibility_page
from throughline.own_model.export import export_model
from throughline.own_model.record import ExportRecord, read_record
from throughline.progress import Event, Stage
from throughline.weights import Array

N_ROWS = 8
HERE = Path(__file__).resolve().parent


def _images(rng: np.random.Generator) -> dict[str, Array]:
    # Pictures of differing brightness and contrast: pure noise all looks the same to a convolutional network.
    coarse = rng.uniform(0, 255, (N_ROWS, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return {"": (coarse * rng.uniform(0.3, 1, (N_ROWS, 1, 1, 1)) + rng.normal(0, 8, coarse.shape)).astype(np.float32)}


def _scaled_images(rng: np.random.Generator) -> dict[str, Array]:
    return {"": _images(rng)[""] / np.float32(127.5) - np.float32(1)}


def _channels_first(rng: np.random.Generator) -> dict[str, Array]:
    return {"": np.ascontiguousarray(_scaled_images(rng)[""].transpose(0, 3, 1, 2))}


def _sequences(rng: np.random.Generator) -> dict[str, Array]:
    return {"": rng.normal(size=(N_ROWS, 15, 8)).cumsum(axis=1).astype(np.float32)}


def _tokens(rng: np.random.Generator) -> dict[str, Array]:
    return {"": rng.integers(0, 100, (N_ROWS, 12))}


def _image_and_table(rng: np.random.Generator) -> dict[str, Array]:
    image = rng.normal(size=(N_ROWS, 1, 16, 16)).astype(np.float32)
    return {"image": image, "table": rng.normal(size=(N_ROWS, 6)).astype(np.float32)}


# Name on the page -> factory, and the rows that it takes.
MODELS = {
    "CNN with BatchNorm": ("torch_architectures.py:cnn_with_batch_norm", _channels_first),
    "LSTM": ("torch_architectures.py:lstm", _sequences),
    "Transformer encoder": ("torch_architectures.py:transformer_encoder", _tokens),
    "Two inputs, two outputs": ("torch_architectures.py:two_inputs", _image_and_table),
    "MobileNetV2": ("keras_architectures.py:mobilenet_v2", _scaled_images),
    "MobileNetV3Small": ("keras_architectures.py:mobilenet_v3_small", _images),
    "EfficientNetB0": ("keras_architectures.py:efficientnet_b0", _images),
    "ResNet50": ("keras_architectures.py:resnet50", _scaled_images),
    "DenseNet121": ("keras_architectures.py:densenet121", _scaled_images),
    "NASNetMobile": ("keras_architectures.py:nasnet_mobile", _scaled_images),
    "ConvNeXtTiny": ("keras_architectures.py:convnext_tiny", _images),
}


def main(arguments: list[str] | None = None) -> int:
    """Export each model that is not done, and write the page from all that are."""
    parser = argparse.ArgumentParser(prog="python -m throughline.own_model.compatibility", description=__doc__)
    parser.add_argument("--write", type=Path, default=Path("docs/compatibility.md"), help="the page")
    parser.add_argument("--only", default="", help="names of models, separated by commas")
    parser.add_argument("--again", action="store_true", help="do also what is done")
    parser.add_argument("--to", default="all", help="formats, as for throughline export")
    chosen = parser.parse_args(arguments)
    records_folder: Path = chosen.write.with_suffix("")
    records_folder.mkdir(parents=True, exist_ok=True)
    names = [name.strip() for name in chosen.only.split(",") if name.strip()] or list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        parser.error(f"--only must be names out of {', '.join(MODELS)}, but got '{unknown[0]}'")
    for name in names:
        path = _record_path(records_folder, name)
        if path.exists() and not chosen.again:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            record = measure(name, chosen.to)
        except ThroughlineError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        records_folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, record.to_json())
        _write_page(chosen.write, records_folder)
    _write_page(chosen.write, records_folder)
    return 0


def measure(name: str, to: str = "all") -> ExportRecord:
    """Export one model to all formats in a folder that is thrown away; return the record."""
    model, rows = MODELS[name]
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "rows.npz"
        np.savez(sample, **{key or "rows": values for key, values in rows(np.random.default_rng(0)).items()})  # type: ignore[arg-type]
        record, _ = export_model(str(HERE / model), sample, to, None, Path(folder) / "out", False, _show)
    return record


def _show(event: Event) -> None:
    if isinstance(event, Stage) and event.text:
        print(f"  {event.process}: {event.text}", file=sys.stderr, flush=True)


def _record_path(folder: Path, name: str) -> Path:
    return folder / ("-".join(name.lower().replace(",", "").split()) + ".json")


def _write_page(page: Path, folder: Path) -> None:
    records = {name: read_record(path.read_bytes()) for name in MODELS if (path := _record_path(folder, name)).exists()}
    if records:
        write_whole(page, compatibility_page(records))


if __name__ == "__main__":
    sys.exit(main())
