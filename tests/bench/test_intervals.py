"""Medians over rounds: their intervals hold what they promise, and overlap means that nothing has won."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.bench.figures import FIGURES
from throughline.bench.intervals import measured, verdict
from throughline.record import Measured


def test_a_figure_that_never_varies() -> None:
    figure = measured([2.5] * 7)
    assert (figure.median, figure.low, figure.high) == (2.5, 2.5, 2.5)


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    draws = rng.lognormal(sigma=0.5, size=(400, 15))  # skewed as times are; the true median is 1
    hits = sum(figure.low <= 1 <= figure.high for figure in map(measured, draws))
    assert 0.90 <= hits / len(draws) <= 0.99


def test_a_slow_round_moves_no_median() -> None:
    assert measured([1.0, 1.1, 1.2, 1.1, 50.0]).median == 1.1


def figure(low: float, median: float, high: float) -> Measured:
    return Measured(median=median, low=low, high=high, rounds=[low, median, high])


def test_the_lowest_time_wins_if_no_interval_meets_it() -> None:
    found = verdict("p50_us", {"A": figure(3, 4, 5), "B": figure(1, 2, 2.9), "C": figure(2.95, 3, 9)})
    assert found.best == ["B"]
    assert found.sentence.startswith("median time of one row: B, 2")


def test_no_winner_where_intervals_overlap() -> None:
    found = verdict("p50_us", {"A": figure(2.5, 4, 5), "B": figure(1, 2, 3), "C": figure(4, 5, 6)})
    assert found.best == ["A", "B"]
    assert "no winner, since the intervals of B and A overlap" in found.sentence


def test_the_highest_rate_wins() -> None:
    assert verdict("rows_per_s_32", {"A": figure(1, 2, 3), "B": figure(4, 5, 6)}).best == ["B"]


def test_one_artefact_alone_beats_nobody() -> None:
    assert "nothing to compare it with" in verdict("load_s", {"A": figure(1, 2, 3)}).sentence


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written_with_its_unit(name: str) -> None:
    text = FIGURES[name].write(1234.5)
    assert any(unit in text for unit in ("s", "B"))
    assert any(c.isdigit() for c in text)
