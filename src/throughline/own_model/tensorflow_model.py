"""A SavedModel as a server sees it: one signature, without Keras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from throughline.errors import DataError
from throughline.formats.savedmodel import SIGNATURE, TAGS
from throughline.own_model.noise import Noise
from throughline.own_model.opened import OpenedModel, plain_name
from throughline.own_model.source import Source
from throughline.weights import Array


def open_savedmodel(source: Source) -> TensorflowModel:
    """Load the folder and its signature ``serving_default``."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(source.path, tags=TAGS)
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        said = str(error).strip().splitlines()[0]
        raise DataError("MODEL", "a SavedModel with the tag 'serve'", said, "save it again") from error
    if SIGNATURE not in loaded.signatures:
        received = ", ".join(loaded.signatures) or "no signature"
        raise DataError("MODEL", f"a SavedModel with the signature {SIGNATURE}", received, "save it with one")
    return TensorflowModel(loaded)


class TensorflowModel(OpenedModel):
    """Calls the signature; its variables can be disturbed, the inside of its graph cannot."""

    def __init__(self, loaded: Any) -> None:
        self._loaded, self._signature = loaded, loaded.signatures[SIGNATURE]
        specs = self._signature.structured_input_signature[1]
        self.inputs = list(specs)
        self.dtypes = [specs[name].dtype.name for name in specs]
        self.shapes = [
            None if specs[name].shape.rank is None else tuple(specs[name].shape.as_list()[1:]) for name in specs
        ]
        self.outputs = list(self._signature.structured_outputs)

    def answer(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Answer in one batch."""
        import tensorflow as tf

        found = self._signature(**{name: tf.constant(a) for name, a in zip(self.inputs, arrays, strict=True)})
        return {plain_name(name): found[name].numpy() for name in self.outputs}

    @contextmanager
    def disturbed(self, noise: Noise, rng: np.random.Generator) -> Iterator[bool]:
        """Move the variables."""
        floats = [entry for entry in self._signature.variables if entry.dtype.is_floating]
        before = [entry.numpy() for entry in floats]
        for entry, values in zip(floats, before, strict=True):
            entry.assign(noise.weight(values, rng))
        try:
            yield bool(floats)
        finally:
            for entry, values in zip(floats, before, strict=True):
                entry.assign(values)

    @property
    def n_parameters(self) -> int:
        """Numbers in all variables."""
        return sum(int(np.prod(entry.shape)) for entry in self._signature.variables)

    def can_move_values(self) -> bool:
        """Return False: a loaded graph is called as a whole."""
        return False
