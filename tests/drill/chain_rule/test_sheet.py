"""Every line of a sheet can be done again from what is written on it, and every derivative is right."""

from __future__ import annotations

import dataclasses
import itertools
import re
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.drill.chain_rule import functions, sheet
from throughline.drill.chain_rule.page import write_sheet_page
from throughline.drill.chain_rule.rounded import DIGITS
from throughline.drill.chain_rule.sheet import make_sheet
from throughline.drill.chain_rule.source import N_SMALL_ROWS, Sample, small_sample
from throughline.errors import UsageError
from throughline.scratch import MLP

POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number(text: str) -> Decimal:
    """Read a number as it is shown."""
    mantissa, _, power = text.replace("−", "-").partition(" × 10")
    return Decimal(mantissa) * (Decimal(10) ** int(power.translate(POWERS)) if power else 1)


def on_a_calculator(text: str) -> Decimal:
    """Compute a line's right side from the digits that are written there, and round once."""
    text = re.sub(r" × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda found: "e" + found[1].translate(POWERS), text)
    text = text.replace("−", "-").replace("·", "*").replace("²", "**2").replace("e^", "EXP ")
    text = re.sub(r"(?<![\w.])(\d[\d.]*(?:e-?\d+)?)", r"D('\1')", text)
    text = re.sub(r"(EXP|tanh|-ln) ?(\(.*?\)(?=\)|$)|-?D\('.*?'\))", r"\1(\2)", text)
    names = {
        "D": Decimal,
        "EXP": lambda z: Decimal(z).exp(),
        "max": max,
        "tanh": lambda z: (1 - (-2 * z).exp()) / (1 + (-2 * z).exp()),
        "ln": lambda z: z.ln(),
    }
    with localcontext(prec=30):
        return eval(text.replace("max(0", "max(D('0')"), names)  # what is evaluated was written by the sheet itself


def shown_alike(computed: Decimal, shown: str) -> bool:
    return Context(prec=DIGITS, rounding=ROUND_HALF_UP).plus(computed) == number(shown)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    sizes = draw(st.sampled_from([(2, 3, 1), (3, 1), (4, 2, 3, 1), (9, 7, 6, 1)]))
    hidden, seed = draw(st.sampled_from(["sigmoid", "tanh", "relu"])), draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    parameters = [rng.normal(0, 0.8, shape) for i, o in itertools.pairwise(sizes) for shape in ((i, o), (o,))]
    mlp = MLP(sizes, hidden=hidden, parameters=parameters)
    rate = draw(st.sampled_from([0.1, 0.5, 1.0]))
    return Sample(mlp=mlp, x=rng.normal(0, 1.5, sizes[0]), y=draw(st.integers(0, 1)), learning_rate=rate, said="drawn")


@settings(max_examples=60, deadline=None)
@given(samples())
def test_derivatives_agree_and_the_bound_is_not_idle(sample: Sample) -> None:
    result = make_sheet(sample)
    assert result.agrees
    # A gate whose side is not certain opens the bound of what lies behind it; without gates it stays narrow.
    if sample.mlp.hidden and sample.mlp.hidden[0].name != "relu":
        assert max(update.allowed for update in result.updates) < 0.1
    assert 0 < result.n_written_out <= result.n_parameters


@settings(max_examples=40, deadline=None)
@given(samples())
def test_every_line_is_what_a_calculator_gives(sample: Sample) -> None:
    result = make_sheet(sample)
    for stage in result.stages:
        for line in stage.lines:
            if line.numbers:
                assert shown_alike(on_a_calculator(line.numbers), line.result), line
    for update in result.updates:
        assert shown_alike(on_a_calculator(update.numbers), update.after), update


@pytest.mark.parametrize("row", range(N_SMALL_ROWS))
def test_the_small_network_fits_a_whiteboard(row: int) -> None:
    result = make_sheet(small_sample(row))
    assert result.agrees
    assert result.n_written_out == result.n_parameters == 13
    assert number(result.loss_after) < number(result.loss)
    assert sum(len(stage.lines) for stage in result.stages) == 27


def test_rows_that_are_not_there_are_refused() -> None:
    for row in (-1, N_SMALL_ROWS):
        with pytest.raises(
            UsageError, match=f"--row must be a whole number from 0 to {N_SMALL_ROWS - 1}, but got {row}"
        ):
            small_sample(row)


def test_a_wrong_slope_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is real: with the derivative of the sigmoid left out, the first layer fails and the last does not."""
    forgotten = dataclasses.replace(
        functions.FUNCTIONS["sigmoid"], slope=lambda z, a: functions.Rounded(Decimal(1), Decimal(0))
    )
    monkeypatch.setitem(sheet.FUNCTIONS, "sigmoid", forgotten)
    result = make_sheet(small_sample(0))
    assert not result.agrees
    assert {update.symbol[:2] for update in result.updates if not update.agrees} == {"w¹", "b¹"}


def test_page_has_every_number_and_is_self_contained(tmp_path) -> None:
    result = make_sheet(small_sample(2))
    page = tmp_path / "sheet.html"
    write_sheet_page(result, page)
    text = page.read_text(encoding="utf-8")
    for stage in result.stages:
        assert stage.title in text
        for line in stage.lines:
            assert f">{line.result}<" in text or f"= {line.result}<" in text
    assert "http" not in text
    assert "<script" not in text
    assert "&lt;sub" not in text
    assert "w¹<sub>1→2</sub>" in text
    assert "e^" not in text
    assert 'class="bad"' not in text
