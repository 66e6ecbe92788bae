"""Walks are as long as promised, at any pace, on every kind of record."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import UsageError
from throughline.record import RunRecord
from throughline.report.resume import Project
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words
from throughline.report.talking_points import talking_points
from throughline.report.walks import LENGTHS, Kind, Walk, clock, compose_walk, lengths_of_walks

from .test_talking_points import RECORDS

PROJECT = Project(
    name="Fraud Radar", technology="PyTorch and ONNX Runtime", result="an answer takes 8 ms, not 40", chapters=(4, 7)
)
WHOLE = [name for name, record in RECORDS.items() if len(record.chapters) == 7]
PACES = [100, 125, 150, 175, 200]


def check(walk: Walk, wpm: int) -> None:
    low, high = LENGTHS[walk.kind]
    spoken = sum(count_words(passage.text) for passage in walk.passages)
    assert spoken == walk.n_words
    assert low <= 60 * spoken / wpm <= high, (walk.kind, spoken)


def test_there_are_enough_whole_records() -> None:
    assert len(WHOLE) >= 20


@pytest.mark.parametrize("wpm", PACES)
@pytest.mark.parametrize("name", WHOLE)
def test_every_walk_keeps_its_promise(name: str, wpm: int) -> None:
    record, speaker = RECORDS[name], Speaker(wpm, (PROJECT,) if wpm % 50 else ())
    full, quick = compose_walk(record, "full", speaker), compose_walk(record, "quick", speaker)
    check(full, wpm)
    check(quick, wpm)
    assert [passage.chapter for passage in full.passages] == [point.chapter for point in talking_points(record)]
    assert {passage.chapter for passage in quick.passages} <= {3, 4, 6, 7}
    for passage in full.passages:
        check(compose_walk(record, "deep", speaker, passage.chapter), wpm)


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(RECORDS)), wpm=st.integers(100, 200), kind=st.sampled_from(["full", "quick"]))
def test_a_walk_is_as_long_as_promised_or_refused(name: str, wpm: int, kind: Kind) -> None:
    record = RECORDS[name]
    if len(record.chapters) == 7 or name == "only chapters 6 and 7":
        check(compose_walk(record, kind, Speaker(wpm)), wpm)
    elif kind == "full":
        with pytest.raises(UsageError, match="--walk deep"):
            compose_walk(record, kind, Speaker(wpm))


@pytest.mark.parametrize("kind", ["full", "quick"])
@pytest.mark.parametrize("wpm", PACES)
def test_what_must_be_said_is_said_in_every_walk(kind: Kind, wpm: int) -> None:
    text = " ".join(passage.text for passage in compose_walk(RECORDS["all failed"], kind, Speaker(wpm)).passages)
    assert text.count("failed verification") == 4
    missed = compose_walk(RECORDS["many bars missed"], kind, Speaker(wpm))
    assert all("I missed a bar" in passage.text for passage in missed.passages if passage.chapter < 8)
    assert "bars did not pass" in missed.passages[-1].text


@pytest.mark.parametrize("wpm", PACES)
def test_a_project_is_told_in_its_chapters_and_in_no_other(wpm: int) -> None:
    told = "I used this in Fraud Radar, with PyTorch and ONNX Runtime: an answer takes 8 ms, not 40."
    for kind in ("full", "quick"):
        walk = compose_walk(RECORDS["usual"], kind, Speaker(wpm, (PROJECT,)))
        assert [passage.chapter for passage in walk.passages if told in passage.text] == [4, 7]


def test_a_deep_walk_asks_itself_what_others_would_ask() -> None:
    (passage,) = compose_walk(RECORDS["usual"], "deep", Speaker(), 6).passages
    assert "Why did float16 not halve the file? 17.1 kilobytes became 10.1 kilobytes, a ratio of 0.59." in passage.text


@pytest.mark.parametrize(
    ("kind", "chapter", "sentence"),
    [
        ("slow", None, "--walk must be one of full, quick, deep, but got 'slow': choose one."),
        ("full", 3, "--chapter must be left out, but got 3: pass --walk deep with it."),
        ("deep", None, "--chapter must be one that this run tells (6, 7 and 8), but got none: pass for example"),
        ("deep", 3, "--chapter must be one that this run tells (6, 7 and 8), but got 3: pass for example"),
    ],
)
def test_misuse_is_refused_in_a_sentence(kind: Kind, chapter: int | None, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        compose_walk(RECORDS["only chapters 6 and 7"], kind, chapter=chapter)
    assert str(caught.value).startswith(sentence)


def test_lengths_are_listed_and_what_is_too_little_is_said() -> None:
    rows = lengths_of_walks(RECORDS["only chapters 1 and 2"], Speaker())
    assert rows[:2] == [("full", "too few in this run", "–", "–"), ("quick", "too few in this run", "–", "–")]
    assert [(row[0], row[1]) for row in rows[2:]] == [("deep", "1"), ("deep", "2")]


def test_same_record_gives_the_same_walk(record: RunRecord) -> None:
    assert compose_walk(record) == compose_walk(record)


@given(st.floats(-5000, 5000))
def test_a_clock_is_within_half_a_second(seconds: float) -> None:
    minutes, rest = clock(seconds).lstrip("-").split(":")
    assert abs(60 * int(minutes) + int(rest) - abs(seconds)) <= 0.5
    assert clock(seconds).startswith("-") == (seconds <= -0.5 and clock(seconds).lstrip("-") != "0:00")
