"""README and CONTRIBUTING say what was measured, and would be caught if they did not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.claims.check import Sources, check_file, check_text
from throughline.claims.fill import fill
from throughline.errors import DataError
from throughline.record import load_record

ROOT = Path(__file__).resolve().parents[2]
RECORD = load_record(ROOT / "docs" / "record.json")
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
UNREAD = re.compile(r"^```.*?^```|<!--.*?-->|`[^`\n]*`|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
# Only what is cited: of a constant, another digit may be another constant, and `check_text` says so or not.
SAID = [
    place
    for comment in re.finditer(r"<!-- figures\n.*?-->", TEXT, re.DOTALL)
    for line in comment[0].splitlines()[1:-1]
    for place in [TEXT.rfind(line.split(" = ")[0], 0, comment.start())]
]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_figure_is_backed(name: str) -> None:
    checked = check_file(ROOT / name, RECORD)
    assert [str(fault) for fault in checked.faults] == []
    assert checked.n_cited >= 3


def test_prose_of_the_notebook_types_no_figure() -> None:
    assert [str(fault) for fault in check_file(ROOT / "notebooks" / "neural_networks.ipynb", RECORD).faults] == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_false_figure_in_a_copy_is_found(data: st.DataObject) -> None:
    unread = {place for found in UNREAD.finditer(TEXT) for place in range(*found.span())}
    digits = [place for place, character in enumerate(TEXT) if character.isascii() and character.isdigit()]
    cited = [place for place in digits if place not in unread and any(0 <= place - start < 8 for start in SAID)]
    place = data.draw(st.sampled_from(cited))
    digit = data.draw(st.sampled_from("0123456789").filter(lambda other: other != TEXT[place]))
    copy = TEXT[:place] + digit + TEXT[place + 1 :]
    assert check_text(copy, README, RECORD).faults, copy[max(0, place - 60) : place + 30]


def test_a_sentence_with_a_figure_of_its_own_is_found() -> None:
    (fault,) = check_text(f"{TEXT}\nIt is 17 times faster.\n", README, RECORD).faults
    assert (fault.figure, fault.sentence) == ("17", "It is 17 times faster.")
    assert "cites no field" in fault.reason


def test_filling_in_mends_what_is_false_and_changes_nothing_else() -> None:
    sources = Sources(RECORD, ROOT)
    assert fill(TEXT, sources) == TEXT
    fields = {
        "12.3 %": "evaluation.networks[keras].accuracy.value",
        "four minutes": "docs/measurements/tests.json:seconds",
        "0.51": "formats[tflite-float16].size_bytes /",
    }
    right = {false: re.search(rf"^(.+) = {re.escape(field)}", TEXT, re.MULTILINE)[1] for false, field in fields.items()}  # type: ignore[index]
    wrong = TEXT
    for false, said in right.items():
        assert false not in TEXT
        wrong = wrong.replace(said, false)
    mended = fill(wrong, sources)
    for false, said in right.items():
        assert mended.count(said) == TEXT.count(said)
        assert false not in mended
    assert check_text(mended, README, RECORD).faults == []


@pytest.mark.parametrize(
    ("comment", "reason"),
    [("9 = wall_s", "says 9 above its comment"), ("2 = nothing", "'nothing'"), ("2 = task.name", "cites a number")],
)
def test_a_comment_that_does_not_fit_is_refused(comment: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        fill(f"There are 2 of them.\n\n<!-- figures\n{comment}\n-->\n", Sources(RECORD, ROOT))


def test_pages_that_are_written_from_a_kept_measurement_are_as_it_says() -> None:
    from throughline.sizes.page import sizes_page
    from throughline.sizes.record import load_measured

    measured = load_measured()
    assert measured is not None
    assert (ROOT / "docs" / "sizes.md").read_text(encoding="utf-8") == sizes_page(measured)
