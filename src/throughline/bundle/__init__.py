"""One model in several formats, with what a receiver needs to prove that each of them is still that model.

    bundle/
    ├── MODEL_CARD.md    for people
    ├── check.py         proves the rest with NumPy and a runtime; `check.py` of this package, byte for byte
    ├── manifest.json    for programs: `manifest.Manifest`
    ├── rows.npz         rows, the answers of the source, tolerances: a number for each row and output
    ├── SHA256SUMS       of all files above and below; `sha256sum -c` reads it too
    └── models/          the artefacts

`of_run` and `of_model` gather what goes in, `build` writes it, `load` reads a bundle, `verify` verifies one.
"""

from throughline.bundle.load import Bundle, load_bundle

__all__ = ["Bundle", "load_bundle"]
