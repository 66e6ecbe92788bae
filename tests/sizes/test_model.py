"""A fitted line gives back what made it, and its crossing is where the measurement turns."""

from __future__ import annotations

import pytest

from throughline.formats import find_format
from throughline.sizes.measure import KS, measure_sizes, measured_formats
from throughline.sizes.model import crossing, family, fit, near_full_gain
from throughline.sizes.record import SizeModel, counts, load_measured
from throughline.spec import NetworkSpec


def made_of(fixed: float, per_weight: float, per_unit: float, name: str = "onnx-float32") -> SizeModel:
    sizes = []
    for k in KS:
        n_weights, n_units, *_ = counts(family(k))
        sizes.append((family(k), round(fixed + per_weight * n_weights + per_unit * n_units)))
    return fit(find_format(name), sizes)


def test_the_fit_finds_what_made_the_sizes() -> None:
    model = made_of(1000, 4, 12)
    assert (model.fixed, model.per_weight, model.per_unit) == pytest.approx((1000, 4, 12), rel=1e-3)
    assert model.largest_error < 1e-3
    spec = NetworkSpec(n_inputs=30)
    n_weights, n_units, *_ = counts(spec)
    assert model.predict(spec) == pytest.approx(1000 + 4 * n_weights + 12 * n_units + 8 * 10, rel=1e-3)


def test_the_crossing_is_the_first_network_from_which_on_the_short_type_is_smaller() -> None:
    short, base = made_of(2000, 2, 4, "onnx-float16"), made_of(1000, 4, 4)
    k = crossing(short, base)
    assert k is not None
    sizes = {each: (short.predict(family(each)), base.predict(family(each))) for each in (k - 1, k, 2 * k)}
    assert sizes[k - 1][0] >= sizes[k - 1][1]
    assert sizes[k][0] < sizes[k][1]
    assert sizes[2 * k][0] < sizes[2 * k][1]
    full = near_full_gain(short, base)
    assert full is not None
    assert full > k
    assert short.predict(family(full)) <= 0.55 * base.predict(family(full))


def test_a_format_that_never_pays_and_one_that_always_does() -> None:
    base = made_of(1000, 4, 4)
    assert crossing(made_of(1000, 5, 4, "onnx-float16"), base) is None
    assert crossing(made_of(500, 2, 2, "onnx-float16"), base) == 1


@pytest.mark.xdist_group("tensorflow")
def test_real_exports_turn_where_the_fit_says() -> None:
    record = measure_sizes((1, 4, 16, 48))
    assert {model.name for model in record.models} == {form.name for form in measured_formats()}
    for model in record.models:
        sizes = [export.size_bytes for export in model.exports]
        assert sizes == sorted(sizes)
    for name in ("onnx-float16", "tflite-float16"):
        (payoff,) = (entry for entry in record.payoffs if entry.name == name)
        assert payoff.confirmed
        assert payoff.just_above is not None
        assert payoff.just_above[1] < payoff.just_above[2]


def test_the_measurement_of_the_package_can_be_read() -> None:
    record = load_measured()
    assert record is not None
    seed = NetworkSpec(n_inputs=20)
    for model in record.models:
        (export,) = (e for e in model.exports if e.layer_sizes == [20, 64, 32, 1])
        assert model.predict(seed) == pytest.approx(export.size_bytes, rel=model.largest_error + 1e-9)
