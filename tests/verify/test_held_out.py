"""Labels that come with given rows: codes of classes for a network with classes, numbers for one with a value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from throughline.errors import DataError
from throughline.spec import NetworkSpec
from throughline.verify.held_out import _check_labels

PROBABILITY = NetworkSpec(n_inputs=2)
CLASSES = NetworkSpec(n_inputs=2, output="softmax", n_outputs=4)
VALUE = NetworkSpec(n_inputs=2, output="linear")


@pytest.mark.parametrize(("spec", "y"), [(PROBABILITY, [0, 1]), (CLASSES, [3, 0]), (VALUE, [-3.5, 1e9])])
def test_labels_of_the_network_are_taken(spec, y):
    _check_labels(np.array(y), 2, spec, Path("rows.npz"))


@pytest.mark.parametrize(
    ("spec", "y", "allowed"),
    [
        (PROBABILITY, [0, 2], "labels 0 and 1"),
        (CLASSES, [0, 4], "labels 0 to 3"),
        (CLASSES, [[0], [1]], "labels 0 to 3"),
        (CLASSES, ["a", "b"], "labels 0 to 3"),
        (VALUE, [0.0, np.nan], "finite values"),
        (VALUE, [0.0], "finite values"),
        (VALUE, ["a", "b"], "finite values"),
    ],
)
def test_other_labels_are_refused_in_words(spec, y, allowed):
    with pytest.raises(DataError, match=f"must be {allowed}, one a row, as y, but got .* in 'rows.npz'"):
        _check_labels(np.array(y), 2, spec, Path("rows.npz"))
