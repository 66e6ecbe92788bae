"""What can be said of labels: which flipped, which cannot, and how often others may."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.verify.certificate import certificate_sentence, certify, find_flips, share_at_most
from throughline.verify.tolerance import Tolerance


def allowed(*per_row, output="sigmoid"):
    return Tolerance(np.array(per_row), np.array(per_row), "for this test", "", output)


def test_flips_are_named_with_their_margins_the_largest_first():
    expected = np.array([0.51, 0.2, 0.6, 0.499])
    answers = [np.array([0.49, 0.2, 0.6, 0.499]), np.array([0.48, 0.2, 0.3, 0.499])]
    flips = find_flips(answers, expected, allowed(0.05, 0.05, 0.01, 0.05))
    assert [(flip.row, flip.answered) for flip in flips] == [(2, 0.3), (0, 0.48)]
    assert [flip.margin for flip in flips] == pytest.approx([0.1, 0.01])
    assert [flip.allowed for flip in flips] == [0.01, 0.05]


def test_a_flip_in_one_cut_only_is_shown_with_the_answer_that_flipped():
    expected = np.array([0.51])
    (flip,) = find_flips([np.array([0.9]), np.array([0.49])], expected, allowed(1.0))
    assert flip.answered == 0.49


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)  # the first call imports SciPy
def test_rows_further_than_the_largest_difference_never_flip(seed):
    rng = np.random.default_rng(seed)
    expected = rng.random(200)
    answers = [expected + rng.normal(scale=0.01, size=200) for _ in range(3)]
    found = certify(answers, expected)
    far = np.abs(expected - 0.5) > found.largest_difference
    for answer in answers:
        assert (np.abs(answer - expected) <= found.largest_difference).all()
        assert ((answer > 0.5) == (expected > 0.5))[far].all()
    assert found.n_near == np.count_nonzero(~far)
    assert found.n_flips <= found.n_near


@pytest.mark.parametrize("n_rows", [1, 10, 100, 1000, 100_000])
def test_bound_without_flips_is_the_exact_form_of_the_rule_of_three(n_rows):
    found = share_at_most(0, n_rows)
    assert found.high == pytest.approx(1 - 0.05 ** (1 / n_rows), rel=1e-9)
    assert n_rows < 100 or found.high == pytest.approx(3 / n_rows, rel=0.02)


@pytest.mark.parametrize(("n_found", "n_rows"), [(1, 20), (7, 1000), (20, 20)])
def test_bound_with_flips_is_where_so_few_are_just_still_likely(n_found, n_rows):
    from scipy.stats import binom

    high = share_at_most(n_found, n_rows).high
    assert n_found / n_rows <= high <= 1
    assert n_found == n_rows or binom.cdf(n_found, n_rows, high) == pytest.approx(0.05, rel=1e-6)


def test_the_sentence_says_all_of_it():
    expected = np.linspace(0, 1, 1001)
    said = certificate_sentence(certify([expected + 1e-4], expected))
    assert "largest difference 1.0e-04: 1 of 1,001 rows lie nearer" in said
    assert "1 flipped, so at most" in said
