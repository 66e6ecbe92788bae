"""resume.toml: what is allowed, and one sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughline.errors import DataError, UsageError
from throughline.report.resume import load_resume, project_sentences
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words

GOOD = """
[[project]]
name = "Fraud Radar"
technology = "PyTorch and ONNX Runtime"
result = "an answer takes 8 ms instead of 40."
chapters = [4, 7]

[[project]]
name = "Orchard"
technology = "TFLite"
result = "it counts apples on a phone"
chapters = [6, 7]
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "resume.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_projects_are_said_in_their_chapters(tmp_path: Path) -> None:
    projects = load_resume(written(tmp_path, GOOD))
    first, second = project_sentences(projects, 7)
    assert (
        first.text == "I used this in Fraud Radar, with PyTorch and ONNX Runtime: an answer takes 8 ms instead of 40."
    )
    assert first.value > second.value
    assert [sentence.text for sentence in project_sentences(projects, 6)] == [second.text]
    assert project_sentences(projects, 1) == []


def test_the_longest_project_takes_a_third_of_a_slow_minute(tmp_path: Path) -> None:
    longest = GOOD.replace("Fraud Radar", "a b c d e f").replace("PyTorch and ONNX Runtime", "a b c d e f g h")
    projects = load_resume(written(tmp_path, longest.replace("an answer takes 8 ms instead of 40", "a " * 16)))
    assert count_words(project_sentences(projects, 4)[0].text) <= 35


PROJECT = '[[project]]\nname = "{name}"\ntechnology = "Keras"\nresult = "it worked"\nchapters = {chapters}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "required field `project`"),
        ("project = []", "at least one project"),
        ("not toml", "Expected '='"),
        (b"\xff\xfe", "utf-8"),
        ("[[project]]\nname = 3", "Expected `str`, got `int`"),
        (GOOD + "hobby = 'chess'", "unknown field `hobby`"),
        (PROJECT.format(name="x", chapters="[9]"), "chapters from 1 to 8"),
        (PROJECT.format(name="x", chapters="[]"), "none for 'x'"),
        (PROJECT.format(name="x", chapters="[4.5]"), "Expected `int`, got `float`"),
        (PROJECT.format(name="", chapters="[4]"), "name of 1 to 6 words"),
        (PROJECT.format(name="one two three four five six seven", chapters="[4]"), "say it in fewer words"),
        (PROJECT.format(name="a\\nb", chapters="[4]"), "on one line"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        load_resume(written(tmp_path, text))
    message = str(caught.value)
    assert message.startswith("--resume must be ")
    assert said in message
    assert message.count("\n") == 0
    assert message.endswith(".")
    assert ".." not in message


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(DataError, match="--resume must be a TOML file that can be read"):
            load_resume(path)


@pytest.mark.parametrize("wpm", [0, -5, 99, 201, 10**9])
def test_a_pace_that_nobody_speaks_is_refused(wpm: int) -> None:
    with pytest.raises(UsageError, match="--wpm must be a whole number from 100 to 200"):
        Speaker(wpm)
