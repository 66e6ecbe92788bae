"""One network in several formats, with what a receiver needs to prove that it is still that network.

    bundle/
    ├── MODEL_CARD.md    for people
    ├── check.py         proves the rest with NumPy and a runtime; `check.py` of this package, byte for byte
    ├── manifest.json    for programs: `manifest.Manifest`
    ├── rows.npz         held-out rows, the answers of the trained network, tolerances, a row each
    ├── SHA256SUMS       of all files above and below; `sha256sum -c` reads it too
    └── models/          the artefacts

`build` writes a bundle from a finished run, `load` reads one.
"""

from throughline.bundle.load import Bundle, load_bundle

__all__ = ["Bundle", "load_bundle"]
