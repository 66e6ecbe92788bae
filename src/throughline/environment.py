"""On what a run ran: versions and machine, for its record."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from contextlib import suppress

import throughline
from throughline.record import Environment

RECORDED_PACKAGES = (
    "ai-edge-litert",
    "executorch",
    "keras",
    "matplotlib",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openvino",
    "polars",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
)


def installed_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those packages that are installed; TensorFlow, for one, goes by one of two names."""
    found = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def describe_environment() -> Environment:
    """Return versions, system and processor count of this process."""
    return Environment(
        throughline=throughline.__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        n_cpus=os.cpu_count() or 1,
        packages=installed_versions(RECORDED_PACKAGES),
    )
