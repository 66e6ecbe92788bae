"""The page: the same for the same record, whole for any record, readable by anyone, and of the record's figures."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throughline.claims.check import check_text
from throughline.record import CHECKS, EquivalenceTest, FormatRecord, Interval, RunRecord, load_record, make_bar
from throughline.report import plots
from throughline.report.formatting import (
    count,
    decimal,
    duration,
    microseconds,
    percent,
    points,
    ratio,
    scientific,
    size,
)
from throughline.report.page import NOTEBOOK, SECTIONS, render_page, write_report
from throughline.report.plots.canvas import Picture
from throughline.report.view import build_view

from .page_reader import PageReader
from .record_factory import equivalence, failed, make_record, not_run, without_new_parts

ABSENT = {
    "perceptron": "The perceptron",
    "mlp": "The multi-layer perceptron",
    "keras": "Keras",
    "pytorch": "PyTorch",
    "evaluation": "The evaluation",
}
NOTHING: dict[str, Any] = {**dict.fromkeys(ABSENT), "formats": [], "bars": [], "spans": [], "ledger": None}


@pytest.fixture(scope="session")
def page(record: RunRecord) -> str:
    return render_page(record)


@pytest.fixture(scope="session")
def drawn(record: RunRecord) -> dict[str, Picture]:
    return plots.draw_pictures(record)


@pytest.fixture
def read_text(drawn: dict[str, Picture], monkeypatch: pytest.MonkeyPatch) -> Callable[[RunRecord], str]:
    """Render with pictures that are drawn once, which is quicker, and return what is to be read."""
    monkeypatch.setattr(plots, "draw_pictures", lambda _: drawn)
    return lambda changed: PageReader(render_page(changed)).text


# The same record, the same bytes


def test_same_record_gives_same_bytes_in_another_process(record: RunRecord, page: str, tmp_path: Path) -> None:
    assert render_page(record) == page
    (tmp_path / "record.json").write_text(record.to_json(), encoding="utf-8")
    code = (
        "import hashlib, sys; from pathlib import Path; from throughline.record import load_record\n"
        "from throughline.report.page import render_page\n"
        "print(hashlib.sha256(render_page(load_record(Path(sys.argv[1]))).encode()).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert found.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


def test_the_users_own_plot_settings_change_nothing(record: RunRecord, page: str) -> None:
    import matplotlib as mpl

    mine = {
        "axes.grid": False,
        "font.size": 30.0,
        "lines.linewidth": 9.0,
        "svg.fonttype": "path",
        "axes.facecolor": "red",
    }
    with mpl.rc_context(mine):
        assert render_page(record) == page
        assert mpl.rcParams["font.size"] == 30.0


def test_importing_the_page_loads_no_plotting() -> None:
    code = (
        "import sys, throughline.report.page\n"
        "print([name for name in ('matplotlib', 'jinja2', 'torch', 'tensorflow', 'sklearn') if name in sys.modules])"
    )
    path = os.pathsep.join(filter(None, sys.path))
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert found.stdout.strip() == "[]"


def test_report_is_put_in_place_whole(record: RunRecord, page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(record, path)
    assert path.read_text(encoding="utf-8") == page
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_first_screen_tells_the_result_in_five_figures(record: RunRecord) -> None:
    headlines = build_view(record).headlines
    assert len(headlines) == 5
    assert len({headline.field for headline in headlines}) == 5


def test_figures_link_to_the_notebook_where_there_is_one(record: RunRecord, tmp_path: Path) -> None:
    write_report(record, tmp_path / "report.html")
    assert "in the notebook" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / NOTEBOOK).write_text("{}")
    write_report(record, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    cells = (Path(__file__).parents[2] / "notebooks" / "neural_networks.py").read_text(encoding="utf-8")
    for field, section in SECTIONS.items():
        assert re.search(rf'from <code>{field}[^<]*</code>, <a href="{NOTEBOOK}#{section}">in the notebook</a>', page)
        assert f'<a id="{section}"></a>' in cells
    assert check_text(page, Path("report.html"), record).faults == []


def test_report_that_cannot_be_rendered_leaves_the_old_one(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_report(record, path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.html", "old")]


# Whole, offline, readable by anyone


def assert_sound(page: str) -> PageReader:
    reader = PageReader(page)
    assert reader.faults == []
    assert len(reader.ids) == len(set(reader.ids)), sorted({name for name in reader.ids if reader.ids.count(name) > 1})
    assert set(reader.references) <= set(reader.ids)
    assert {address[1:] for address in reader.addresses if address.startswith("#")} <= set(reader.ids)
    assert reader.unlabelled == []
    assert reader.unscoped == []
    assert reader.n_captions == reader.n_tables
    assert reader.headings.count(1) == 1
    steps = zip([0, *reader.headings], reader.headings, strict=False)
    assert all(deeper <= level + 1 for level, deeper in steps), reader.headings
    return reader


def test_page_is_sound(page: str) -> None:
    reader = assert_sound(page)
    assert reader.n_plots == 15


def test_page_fetches_nothing(page: str) -> None:
    assert all(address.startswith("#") for address in PageReader(page).addresses)
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "<script" not in page


def test_page_has_landmarks_and_a_skip_link(page: str) -> None:
    for tag in ("<header", "<nav", "<main", "<footer", '<html lang="en"', 'class="skip"', 'name="viewport"'):
        assert page.count(tag) == 1, tag


def test_every_colour_of_a_plot_follows_the_page(page: str) -> None:
    drawn = "".join(re.findall(r'<svg class="plot".*?</svg>', page, re.DOTALL))
    assert re.findall(r"(?:fill|stroke): #\w+", drawn) == []
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    assert used <= set(re.findall(r"(--[\w-]+):", page))


def test_figures_in_the_words_of_a_plot_keep_their_digits(record: RunRecord) -> None:
    drawn = plots.draw_pictures(_with(record, "ledger.lines.4.gap", 0.0071))
    assert ">0.0071<" in drawn["ledger-gaps"].svg


def test_text_from_outside_is_escaped(record: RunRecord) -> None:
    evil = "<script>alert(1)</script>"
    task = dataclasses.replace(record.task, name=evil, class_names=(evil, evil), source=evil)
    formats = [failed(dataclasses.replace(record.formats[0], title=evil), reason=evil)]
    ledger = _with(record, "ledger.lines.1.title", evil).ledger
    ledger = _with(_with(ledger, "lines.2.sentence", evil), "lines.2.torch_stands_for", evil)
    page = render_page(make_record(task=task, formats=formats, name=evil, ledger=ledger))
    assert "<script" not in page
    assert_sound(page)


# A chapter that did not run


@pytest.mark.parametrize("chapter", ABSENT)
def test_a_missing_chapter_is_said(chapter: str) -> None:
    reader = assert_sound(render_page(make_record(**{chapter: None})))
    assert f"{ABSENT[chapter]} was not part of this run." in reader.text


def test_a_run_without_exports() -> None:
    text = assert_sound(render_page(make_record(formats=[]))).text
    for what in ("TFLite", "ONNX", "The export to deployment formats"):
        assert f"{what} was not part of this run." in text
    assert "No exported file was verified." in text


def test_a_run_of_nothing() -> None:
    reader = assert_sound(render_page(make_record(**NOTHING)))
    assert reader.n_plots == 0
    assert reader.text.count("was not part of this run.") == 9


@pytest.mark.parametrize("kept", ["perceptron", "mlp", "keras", "pytorch"])
def test_a_run_of_one_chapter(record: RunRecord, kept: str) -> None:
    reader = assert_sound(render_page(make_record(**{**NOTHING, kept: getattr(record, kept)})))
    assert reader.n_plots == {"perceptron": 2, "mlp": 6, "keras": 2, "pytorch": 2}[kept]


def test_a_record_of_an_older_release(record: RunRecord) -> None:
    page = render_page(without_new_parts(record))
    reader = assert_sound(page)
    assert reader.n_plots == 11
    assert 'class="interval"' not in page.split('<section id="claims"')[0]
    assert "interval of the accuracy (Wilson)" in reader.text
    assert "bootstrap" not in reader.text
    assert "throughline run --task make-classification --seeds 10 --seed 7" in reader.text
    assert reader.text.count("throughline parity --ledger --run RUN") == 1
    assert 'href="#ledger"' not in page
    assert 'href="#ledger"' in render_page(record)


def test_one_network_without_intervals(record: RunRecord) -> None:
    reader = assert_sound(render_page(_with(record, "evaluation.networks.1.intervals", {})))
    assert "bootstrap interval" in reader.text


# What went wrong is said


@pytest.mark.parametrize("position", range(6))
def test_a_failed_format_is_prominent(record: RunRecord, position: int, read_text: Callable[[RunRecord], str]) -> None:
    formats = list(record.formats)
    formats[position] = failed(formats[position], reason="row 17 differs")
    text = read_text(make_record(formats=formats))
    first_screen = text[: text.index("What each chapter had to reach")]
    assert "1 of 6 exported files failed" in first_screen
    assert f"Failed verification: {formats[position].title}." in first_screen
    assert f"failed {formats[position].title} : check 'values': row 17 differs" in text
    assert "failed values" in text  # in the table, beside the status
    assert f"the first that fails names the fault: {', '.join(CHECKS)}." in text
    assert "Everything that ran held" not in text


def test_formats_that_did_not_run_are_listed_with_the_reason(record: RunRecord) -> None:
    formats = [not_run(entry, "LiteRT is missing") if entry.chapter == 6 else entry for entry in record.formats]
    text = assert_sound(render_page(make_record(formats=formats))).text
    assert "4 of 6" in text
    assert "2 not run" in text
    assert "Not run here: TFLite float32, TFLite float16." in text
    assert "not run TFLite float16 : LiteRT is missing" in text
    assert "Everything that ran held" in text


@pytest.mark.parametrize("change", [failed, not_run])
def test_formats_none_of_which_passed(record: RunRecord, change: Callable[[FormatRecord], FormatRecord]) -> None:
    text = assert_sound(render_page(make_record(formats=[change(entry) for entry in record.formats]))).text
    assert "0 of 6" in text
    assert "none of this run’s was proven" in text


def test_a_format_that_failed_before_it_could_be_measured(record: RunRecord) -> None:
    broken = dataclasses.replace(not_run(record.formats[-1], "the converter raised"), status="failed")
    text = assert_sound(render_page(make_record(formats=[*record.formats[:-1], broken]))).text
    assert text.count("the converter raised") >= 2


def test_a_missed_bar_is_said(record: RunRecord, read_text: Callable[[RunRecord], str]) -> None:
    bar = make_bar(3, "Keras, validation accuracy", 0.871, "above", 0.9)
    text = read_text(make_record(bars=[*record.bars, bar]))
    assert "1 of 7 bars missed" in text
    assert "Missed: chapter 3, Keras, validation accuracy." in text
    assert f"missed 3 Keras, validation accuracy above {_spaced(percent(0.9))} {_spaced(percent(0.871, 2))}" in text


def test_networks_that_differ_are_said_to_differ(record: RunRecord, read_text: Callable[[RunRecord], str]) -> None:
    assert "do not differ significantly" in read_text(record)
    changed = _with(record, "evaluation.paired.p_value", 0.0004)
    assert "the two differ at the" in read_text(changed)


@pytest.mark.parametrize(
    ("test", "verdict", "remark"),
    [
        (equivalence(), "equivalent within 1 percentage point , p", "t-tests. from evaluation.equivalence"),
        (equivalence(0.004, 0.001), "equivalent within 1 percentage point , p", "a difference is there, too small"),
        (equivalence(0.004, 0.03), "not shown to be equivalent within 1 percentage point , p", "differ either"),
        (equivalence(-0.009, 0.003), "not shown to be equivalent within 1 percentage point , p", "is likely"),
        (equivalence(-0.03, 0.003), "different by more than 1 percentage point , p", "outside that margin"),
        (equivalence(0.03, 0.003, margin=0.005), "different by more than 0.5 percentage points , p", "outside that"),
    ],
)
def test_equivalence_is_said_as_it_was_found(
    record: RunRecord, test: EquivalenceTest, verdict: str, remark: str, read_text: Callable[[RunRecord], str]
) -> None:
    text = read_text(_with(record, "evaluation.equivalence", test))
    told = text[text.index("Over 8 seeds") : text.index("Scores on the test rows")]
    assert f": {verdict}" in told
    assert remark in told
    assert f"is {points(test.difference)} percentage points on average" in told
    assert f"{points(test.low)} to {points(test.high)}" in told
    assert "--seeds" not in text


def test_every_line_of_the_ledger_is_told(record: RunRecord, page: str) -> None:
    assert record.ledger is not None
    text = PageReader(page).text
    for line in record.ledger.lines:
        for part in (line.title, line.keras_does, line.torch_does, line.sentence):
            assert part in text
    assert "scikit-learn: what PyTorch does about l2" in text
    assert "one default alone opens the widest gap, initial weights" in text


def test_ledger_stands_from_aligned_through_the_largest_to_all(record: RunRecord, page: str) -> None:
    places = [
        page.index(f"The sentence about {name} ") for name in ("aligned", "initialisation", "l2", "float32", "all")
    ]
    assert places == sorted(places)
    assert (
        page.index('id="evaluation"') < page.index('id="ledger"') < places[0] < places[-1] < page.index('id="tflite"')
    )


@pytest.mark.parametrize("kept", [slice(0, 1), slice(0, 2), slice(4, 5), slice(0, 0)])
def test_a_short_ledger(record: RunRecord, kept: slice) -> None:
    assert record.ledger is not None
    lines = record.ledger.lines[kept]
    reader = assert_sound(render_page(_with(record, "ledger.lines", lines)))
    assert reader.n_plots == (15 if lines else 13)
    assert "opens the widest gap" not in reader.text


def test_pictures_of_the_ledger_tell_their_figures(record: RunRecord, drawn: dict[str, Picture]) -> None:
    assert record.ledger is not None
    for line in record.ledger.lines:
        assert f"{line.title} {scientific(line.gap)} (" in drawn["ledger-gaps"].alt
        assert f"{line.title} {points(line.accuracy_difference.value)} (" in drawn["ledger-accuracies"].alt


# Every figure comes from the record


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("seed", 987_001, "987001"),
        ("wall_s", 47.3, duration(47.3)),
        ("split.sha256", "c0ffee" * 10, "c0ffee" * 10),
        ("split.n_train", 3217, count(3217)),
        ("perceptron.test_accuracy", 0.9777, percent(0.9777)),
        ("perceptron.n_mistakes", 61, count(61)),
        ("perceptron.novikoff_bound", 871.2, count(871.2)),
        ("perceptron.margin_found", 0.0777, scientific(0.0777)),
        ("perceptron.task_test_accuracy", 0.7123, percent(0.7123)),
        ("mlp.gradient.largest_relative_error", 8.7e-11, scientific(8.7e-11)),
        ("mlp.gradient.autograd_largest_relative_error", 5.5e-13, scientific(5.5e-13)),
        ("mlp.gradient.n_checked", 7654, count(7654)),
        ("mlp.problems.0.perceptron_accuracy", 0.4321, percent(0.4321)),
        ("mlp.problems.1.test_accuracy", 0.9123, percent(0.9123)),
        ("keras.val_loss", 0.87654, decimal(0.87654, 4)),
        ("keras.best_epoch", 9, "9"),
        ("pytorch.fit_s", 71.0, duration(71.0)),
        ("evaluation.networks.1.accuracy.value", 0.8765, percent(0.8765)),
        ("evaluation.networks.2.accuracy.low", 0.8123, percent(0.8123)),
        ("evaluation.networks.0.roc_auc", 0.8181, decimal(0.8181)),
        ("evaluation.networks.0.confusion", [[403, 98], [97, 402]], "403"),
        ("evaluation.networks.1.classes.0.f1", 0.7531, percent(0.7531)),
        ("evaluation.paired.only_first_right", 173, count(173)),
        ("evaluation.paired.agreement", 0.8642, percent(0.8642)),
        ("evaluation.networks.1.intervals.accuracy.low", 0.8888, percent(0.8888)),
        ("evaluation.networks.0.intervals.roc_auc.high", 0.9891, decimal(0.9891)),
        ("evaluation.networks.2.intervals.average_precision.low", 0.8891, decimal(0.8891)),
        ("evaluation.networks.2.intervals.log_loss.low", 0.1891, decimal(0.1891)),
        ("evaluation.networks.2.intervals.brier.high", 0.0891, decimal(0.0891)),
        ("evaluation.networks.0.intervals.precision_1.low", 0.7171, percent(0.7171)),
        ("evaluation.networks.1.intervals.recall_0.high", 0.9797, percent(0.9797)),
        ("evaluation.networks.2.intervals.f1_1.low", 0.7373, percent(0.7373)),
        ("evaluation.equivalence.p_value", 0.0171, "0.017"),
        ("evaluation.equivalence.n_seeds", 23, "Over 23 seeds"),
        ("ledger.n_steps", 731, "731 steps"),
        ("ledger.n_train", 2917, count(2917)),
        ("ledger.n_test", 1717, count(1717)),
        ("ledger.seeds", [3, 1, 4, 1, 5], "5 seeds for each line"),
        ("ledger.lines.0.gap_high", 3.3e-16, scientific(3.3e-16)),
        ("ledger.lines.1.gap", 1.9e-3, scientific(1.9e-3)),
        ("ledger.lines.1.gap_low", 2.9e-6, scientific(2.9e-6)),
        ("ledger.lines.2.gap_high", 0.021, scientific(0.021)),
        ("ledger.lines.2.share", 1.77, ratio(1.77)),
        ("ledger.lines.2.keras_does", "begins at random", "begins at random"),
        ("ledger.lines.2.accuracy_difference", Interval(value=0.0047, low=0.0031, high=0.0063), points(0.0047)),
        ("ledger.lines.2.accuracy_difference", Interval(value=0.0047, low=0.0031, high=0.0063), points(0.0063)),
        ("ledger.lines.4.torch_accuracy", 0.9123, percent(0.9123, 2)),
        ("ledger.equivalence.difference", 0.0079, points(0.0079)),
        ("formats.4.size_bytes", 13_579, size(13_579)),
        ("formats.4.size_bytes", 13_579, decimal(13_579 / 17_300, 2)),
        ("formats.5.largest_difference", 6.6e-8, scientific(6.6e-8)),
        ("formats.5.tolerance", 7.7e-7, scientific(7.7e-7)),
        ("formats.5.n_flips", 19, "19 labels flipped"),
        ("formats.0.latency_us", 543.0, microseconds(543.0)),
        ("formats.2.rows_per_s", 123_456.0, count(123_456)),
        ("formats.3.good_for", "a toaster", "a toaster"),
        ("bars.2.measured", 0.9639, percent(0.9639, 2)),
        ("spans.3.seconds", 0.777, duration(0.777)),
        ("environment.python", "3.12.99", "3.12.99"),
    ],
)
def test_a_changed_field_changes_its_figure(
    record: RunRecord, field: str, value: object, shown: str, read_text: Callable[[RunRecord], str]
) -> None:
    shown = _spaced(shown)
    changed = read_text(_with(record, field, value))
    assert changed.count(shown) > read_text(record).count(shown)


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("perceptron.picture.lines", [(1.0, 1.0, 0.0)], "boundary"),
        ("perceptron.mistakes_per_epoch", [30, 12, 0], "mistakes"),
        ("mlp.problems.1.picture.grid", [[0.2, 0.9], [0.1, 0.6]], "surface-1"),
        ("keras.val_losses", [0.5, 0.4, 0.3], "losses"),
        ("pytorch.val_accuracies", [0.8, 0.9], "accuracies"),
        ("evaluation.networks.0.roc", [(0.0, 0.0), (0.4, 0.9), (1.0, 1.0)], "roc"),
        ("evaluation.networks.0.precision_recall", [(0.0, 1.0), (1.0, 0.6)], "precision-recall"),
        ("evaluation.networks.2.calibration", [(0.1, 0.3, 500), (0.9, 0.8, 500)], "calibration"),
        ("evaluation.networks.2.calibration", [(0.1, 0.3, 500), (0.9, 0.8, 500)], "calibration-counts"),
        ("ledger.lines.3.gap_low", 1e-10, "ledger-gaps"),
        ("ledger.lines.1.gap", 0.0, "ledger-gaps"),
        ("ledger.lines.2.accuracy_difference", Interval(value=0.02, low=0.01, high=0.03), "ledger-accuracies"),
        ("ledger.equivalence.margin", 0.005, "ledger-accuracies"),
        ("formats.0.latency_us", 7.0, "trade-off"),
    ],
)
def test_a_changed_series_changes_its_picture(
    record: RunRecord, drawn: dict[str, Picture], field: str, value: object, name: str
) -> None:
    assert plots.draw_pictures(_with(record, field, value))[name].svg != drawn[name].svg


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("perceptron.picture.lines", []),
        ("perceptron.picture.lines", [(0.0, 0.0, 1.0), (0.0, 2.0, 1.0), (2.0, 0.0, 1.0)]),
        ("perceptron.mistakes_per_epoch", [0]),
        ("perceptron.mistakes_per_epoch", list(range(60, 0, -1))),
        ("perceptron.novikoff_bound", 0.0),
        ("mlp.problems", []),
        ("mlp.problems.0.picture.grid", [[0.7, 0.7], [0.7, 0.7]]),
        ("mlp.gradient.autograd_largest_relative_error", None),
        ("keras.losses", [0.5]),
        ("evaluation.networks", []),
        ("evaluation.networks.0.calibration", []),
        ("evaluation.networks.0.intervals", {"accuracy": Interval(value=0.9, low=0.8, high=1.0)}),
        ("evaluation.equivalence.p_value", 0.0),
        ("evaluation.equivalence.n_seeds", 1),
        ("ledger.lines.4.gap", 0.0),
        ("ledger.lines.4.share", float("nan")),
        ("ledger.lines.2.gap_high", 1e9),
        ("ledger.equivalence.margin", 0.0),
        ("wall_s", 0.0),
        ("formats.0.latency_us", 0.0),
        ("arguments", {}),
    ],
)
def test_the_edges_of_a_record(record: RunRecord, field: str, value: object) -> None:
    assert_sound(render_page(_with(record, field, value)))


def test_a_record_from_disk_gives_the_same_page(record: RunRecord, page: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(record.to_json(), encoding="utf-8")
    assert render_page(load_record(tmp_path)) == page


def _with(part: Any, field: str, value: object) -> Any:
    """Copy a record with one field of it, named by its path, replaced."""
    name, _, rest = field.partition(".")
    if isinstance(part, list):
        return [
            (_with(item, rest, value) if rest else value) if str(place) == name else item
            for place, item in enumerate(part)
        ]
    if isinstance(part, dict):
        return part | {name: _with(part[name], rest, value) if rest else value}
    return dataclasses.replace(part, **{name: _with(getattr(part, name), rest, value) if rest else value})


def _spaced(text: str) -> str:
    return " ".join(text.split())  # as `PageReader.text` gives it: narrow spaces are spaces
