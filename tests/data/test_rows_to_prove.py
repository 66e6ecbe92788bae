"""Of very many test rows a part is what files are proven on: the same one everywhere, and drawn, not cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from throughline.data import split as splitting
from throughline.data.split import Split, rows_to_prove
from throughline.verify.prove import held_out_rows


def test_few_rows_are_all_proven() -> None:
    assert rows_to_prove(splitting.MOST_PROVEN_ROWS) is None


def test_of_many_rows_a_part_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(splitting, "MOST_PROVEN_ROWS", 100)
    X = np.arange(2000, dtype=np.float32).reshape(1000, 2)
    y = np.arange(1000)
    found = Split(X, y, X, y, X, y)
    chosen = rows_to_prove(1000)
    assert chosen is not None
    assert len(np.unique(chosen)) == 100
    assert np.all(np.diff(chosen) > 0)
    assert chosen.mean() == pytest.approx(500, abs=150)
    rows = held_out_rows(found, tmp_path / "rows.npy")
    np.testing.assert_array_equal(rows.X, X[chosen])
    np.testing.assert_array_equal(np.load(rows.path), rows.X)
    np.testing.assert_array_equal(rows.y, rows.of(y))
