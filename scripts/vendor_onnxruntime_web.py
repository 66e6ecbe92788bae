"""Bring ONNX Runtime for browsers into the package, from npm, and check every byte of it.

    python scripts/vendor_onnxruntime_web.py            write src/throughline/report/vendor/ anew
    python scripts/vendor_onnxruntime_web.py --check    only compare what is there with npm's package

It needs npm, and the Python package onnxruntime, whose licence and notices cover the same sources. For another version
change VERSION and TARBALL_SHA256; a package with another checksum is refused.
"""

import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path

VERSION = "1.30.0"
TARBALL_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
# The build without WebGPU and WebNN is half as large; its loader is inside the script, so that one import is enough.
FROM_NPM = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
FROM_PYTHON = ("LICENSE", "ThirdPartyNotices.txt")
VENDOR = Path(__file__).resolve().parent.parent / "src" / "throughline" / "report" / "vendor"


def fetch() -> dict[str, bytes]:
    """Return the files of npm's package that the report needs, after its checksum was compared."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", f"onnxruntime-web@{VERSION}"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        (tarball,) = Path(folder).glob("*.tgz")
        found = hashlib.sha256(tarball.read_bytes()).hexdigest()
        if found != TARBALL_SHA256:
            raise SystemExit(f"onnxruntime-web {VERSION} has the checksum {found}, not {TARBALL_SHA256}: nothing done")
        files = {}
        with tarfile.open(tarball) as package:
            for name in FROM_NPM:
                entry = package.extractfile(f"package/dist/{name}")
                assert entry is not None
                files[name] = entry.read()
    return files


def notices() -> dict[str, bytes]:
    """Return licence and notices of ONNX Runtime as its Python package states them."""
    package = metadata.distribution("onnxruntime")
    return {name: Path(str(package.locate_file(f"onnxruntime/{name}"))).read_bytes() for name in FROM_PYTHON}


def write(files: dict[str, bytes]) -> None:
    """Compress the files and say in vendor.json what they are."""
    VENDOR.mkdir(exist_ok=True)
    described = {}
    for name, content in files.items():
        packed = gzip.compress(content, 9, mtime=0)
        (VENDOR / f"{name}.gz").write_bytes(packed)
        described[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    about = {"package": "onnxruntime-web", "version": VERSION, "licence": "MIT", "tarball_sha256": TARBALL_SHA256}
    (VENDOR / "vendor.json").write_text(json.dumps(about | {"files": described}, indent=1) + "\n", encoding="utf-8")


def compare(files: dict[str, bytes]) -> int:
    """Print which files are not npm's, and return 1 if any is."""
    different = [
        name for name, content in files.items() if gzip.decompress((VENDOR / f"{name}.gz").read_bytes()) != content
    ]
    for name in different:
        print(f"{name}.gz is not that of onnxruntime-web {VERSION}")
    return 1 if different else 0


def main(arguments: list[str]) -> int:
    """Write the folder, or compare it."""
    if arguments == ["--check"]:
        return compare(fetch())
    if arguments:
        raise SystemExit("usage: python scripts/vendor_onnxruntime_web.py [--check]")
    write(fetch() | notices())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
