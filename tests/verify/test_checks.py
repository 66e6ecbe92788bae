"""Every check by itself: what it lets pass, what it stops, and by which name."""

from __future__ import annotations

import numpy as np
import pytest

from throughline import errors
from throughline.errors import (
    AxisError,
    BatchError,
    DamagedFileError,
    HygieneError,
    LabelFlipError,
    MetricError,
    NotFiniteError,
    OutputShapeError,
    OutputValueError,
    PortNameError,
    PortTypeError,
    VerificationError,
    WeightError,
)
from throughline.formats.base import Port, file_sha256
from throughline.record import CHECKS
from throughline.verify import checks
from throughline.verify.record import Finding
from throughline.verify.tolerance import Tolerance

N_ROWS = 40
EXPECTED = np.linspace(0.02, 0.97, N_ROWS)


def allowed(width, rounding=None, explanation="explained (float16 weights)"):
    return Tolerance(np.full(N_ROWS, width), np.full(N_ROWS, rounding or width), "for this test", explanation)


def ports(name="features", dtype="float32", shape=(None, 3)):
    return [Port(name=name, dtype=dtype, shape=None if shape is None else list(shape))]


def test_each_check_is_a_function_and_has_an_exception_of_its_own():
    own = {
        "file": DamagedFileError,
        "names": PortNameError,
        "dtypes": PortTypeError,
        "axes": AxisError,
        "shapes": OutputShapeError,
        "weights": WeightError,
        "values": OutputValueError,
        "labels": LabelFlipError,
        "metric": MetricError,
        "batches": BatchError,
        "hygiene": HygieneError,
    }
    assert tuple(own) == CHECKS
    assert all(callable(getattr(checks, f"check_{name}")) for name in CHECKS)
    assert all(issubclass(error, VerificationError) and error.exit_status == 1 for error in own.values())
    for name in [*(error.__name__ for error in own.values()), "NotFiniteError"]:
        assert f"── {name} " in errors.__doc__


def test_file_must_be_there_and_be_the_recorded_one(tmp_path):
    path = tmp_path / "some.onnx"
    with pytest.raises(DamagedFileError, match=r"There is no some\.onnx"):
        checks.check_file(path, "0" * 64)
    path.write_bytes(b"weights")
    sha256 = file_sha256(path)
    assert "as recorded" in checks.check_file(path, sha256)
    assert "no checksum" in checks.check_file(path, None)
    path.write_bytes(b"weightt")
    with pytest.raises(DamagedFileError, match=r"but .* was recorded"):
        checks.check_file(path, sha256)


def test_names_must_be_those_that_were_agreed():
    wanted = ("features", "probability")
    assert checks.check_names(ports(), ports("probability"), wanted) == "features in, probability out"
    assert checks.check_names(ports(), ports("anything"), None) is None
    with pytest.raises(PortNameError, match="output must be called 'probability', but it declares 'output_0'"):
        checks.check_names(ports(), ports("output_0"), wanted)
    with pytest.raises(PortNameError, match="input must be called 'features', but it declares 'features', 'more'"):
        checks.check_names(ports() + ports("more"), ports("probability"), wanted)
    with pytest.raises(PortNameError, match="declares none"):
        checks.check_names([], [], wanted)


def test_types_are_taken_from_the_declaration_and_from_the_answers():
    answers = {"1": np.zeros((3, 1), np.float32)}
    assert "declared and answered" in checks.check_dtypes(ports(), ports(), answers, "float32")
    assert checks.check_dtypes([], [], answers, "float32") == "float32, answered"
    with pytest.raises(PortTypeError, match="declares its output as float16"):
        checks.check_dtypes(ports(), ports(dtype="float16"), answers, "float32")
    with pytest.raises(PortTypeError, match="answered the cut '1' in float64"):
        checks.check_dtypes([], [], {"1": np.zeros(3)}, "float32")
    with pytest.raises(PortTypeError, match="neither declared nor answered"):
        checks.check_dtypes([], [], {}, "float32")


def test_batch_must_be_free_as_declared_and_as_used():
    assert "declared and used" in checks.check_axes(ports(), ports(shape=(None, 1)), {}, 3)
    assert "as used" in checks.check_axes(ports(shape=None), [], {}, 3)
    with pytest.raises(AxisError, match=r"first axis of its input must be free, but the file declares \[1, 3\]"):
        checks.check_axes(ports(shape=(1, 3)), [], {}, 3)
    with pytest.raises(AxisError, match=r"of its output must be free, but the file declares \[1, 1\]"):
        checks.check_axes(ports(), ports(shape=(1, 1)), {}, 3)
    with pytest.raises(AxisError, match=r"must take 4 features, but the file declares \[free, 3\]"):
        checks.check_axes(ports(), [], {}, 4)
    with pytest.raises(AxisError, match="refuses 2 of the batch sizes, first '2': Got 2"):
        checks.check_axes([], [], {"2": "Got 2", "7": "Got 7"}, 3)


@pytest.mark.parametrize("shape", [(N_ROWS, 2), (N_ROWS - 1, 1), (0, 1), (1, N_ROWS), ()])
def test_a_wrong_number_of_answers_is_stopped(shape):
    with pytest.raises(OutputShapeError, match="in the cut '7' they have"):
        checks.check_shapes({"1": EXPECTED, "7": np.zeros(shape)}, N_ROWS)


def test_nothing_to_compare_is_stopped():
    for answers, n_rows in (({}, 3), ({"1": np.zeros(0)}, 0), ({}, 0)):
        with pytest.raises(OutputShapeError, match="nothing to compare"):
            checks.check_shapes(answers, n_rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_a_name_of_its_own(value):
    answer = EXPECTED.copy()
    answer[5] = value
    with pytest.raises(NotFiniteError, match=r"1 of 40 answers are NaN or infinite \(cut '33'\)"):
        checks.check_values({"1": EXPECTED, "33": answer}, EXPECTED, allowed(1.0))
    with pytest.raises(NotFiniteError, match="source network"):
        checks.check_values({"1": EXPECTED}, answer, allowed(1.0))


def test_values_are_judged_row_by_row_in_every_cut():
    answer = EXPECTED.copy()
    answer[7] += 2e-3
    assert checks.check_values({"1": EXPECTED, "2": answer}, EXPECTED, allowed(3e-3)).startswith("rounding: 2.0e-03")
    with pytest.raises(OutputValueError, match=r"row 7 is 2.0e-03, 2 times what is allowed there"):
        checks.check_values({"1": EXPECTED, "2": answer}, EXPECTED, allowed(1e-3))
    with pytest.raises(OutputValueError, match="prove nothing"):
        checks.check_values({"1": EXPECTED}, EXPECTED, allowed(0.2))


def test_labels_may_flip_where_the_margin_allows_it_only():
    near = int(np.abs(EXPECTED - 0.5).argmin())
    answer = EXPECTED.copy()
    answer[near] = 1 - EXPECTED[near]
    assert checks.check_labels({"1": answer}, EXPECTED, allowed(0.05)) == "1 of 40 flipped"
    with pytest.raises(LabelFlipError, match=rf"1 labels flipped in the cut '1' .* row {near} went from"):
        checks.check_labels({"1": answer}, EXPECTED, allowed(1e-6))


def test_accuracy_may_differ_by_the_rows_that_may_flip():
    labels = (EXPECTED > 0.5).astype(int)
    assert checks.check_metric(EXPECTED, EXPECTED, labels, allowed(1e-6), 1.0).endswith("100.00%, as recorded")
    worse = np.where(np.arange(N_ROWS) == 3, 0.9, EXPECTED)
    with pytest.raises(MetricError, match=r"97\.50% where the source network has 100\.00%, but only 0 of 40"):
        checks.check_metric(worse, EXPECTED, labels, allowed(1e-6), None)
    with pytest.raises(MetricError, match=r"100\.00% where the record says 90\.00%"):
        checks.check_metric(EXPECTED, EXPECTED, labels, allowed(1e-6), 0.9)
    assert "recorded 97.50%" in checks.check_metric(EXPECTED, EXPECTED, labels, allowed(0.05), 0.975)


def test_an_answer_that_depends_on_its_batch_is_stopped_though_each_is_within_its_tolerance():
    answer = EXPECTED.copy()
    answer[9] += 5e-4
    answers = {"1": EXPECTED, "uneven": answer}
    float16 = allowed(1e-3, rounding=1e-6)
    assert checks.check_values(answers, EXPECTED, float16).startswith("explained (float16 weights)")
    with pytest.raises(BatchError, match=r"Row 9 is answered .* in the cut '1' and .* in 'uneven', apart by 5.0e-04"):
        checks.check_batches(answers, float16)
    # Where sums are rounded to steps, an answer may fall to the next one.
    assert checks.check_batches(answers, allowed(1e-3, 1e-6, "explained (int8)")).endswith("5.0e-04 apart at most")


def test_a_finding_is_told_with_its_place():
    assert "no local path" in checks.check_hygiene([])
    found = [Finding(kind="local path", where="net.onnx", what="/home/ada/x")] * 2
    with pytest.raises(HygieneError, match=r"A local path in net\.onnx: /home/ada/x, and 1 more\."):
        checks.check_hygiene(found)
