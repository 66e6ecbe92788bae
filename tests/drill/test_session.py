"""Which bug a seed draws, what is shown of it, and what an answer is worth."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.drill.answer import understand
from throughline.drill.bugs import load_bugs
from throughline.drill.page import render, write_drill_page
from throughline.drill.record import DrillRecord
from throughline.drill.session import LARGEST_SEED, draw_drill, grade, judge, symptoms_of
from throughline.errors import UsageError

BUGS = load_bugs()


@given(st.integers(0, LARGEST_SEED))
def test_a_seed_draws_the_same_drill_again(seed: int) -> None:
    first, second = draw_drill(None, seed), draw_drill(None, seed)
    assert first == second
    assert first.causes == second.causes
    assert len(first.causes) == 5
    assert first.bug in first.causes


def test_seeds_draw_every_bug_and_put_the_cause_everywhere() -> None:
    drills = [draw_drill(None, seed) for seed in range(400)]
    assert {drill.bug.name for drill in drills} == set(BUGS)
    assert {drill.causes.index(drill.bug) for drill in drills} == set(range(5))


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1])
def test_other_seeds_are_refused(seed: int) -> None:
    with pytest.raises(UsageError, match=f"--seed must be a whole number from 0 to {LARGEST_SEED}, but got {seed}"):
        draw_drill(None, seed)


@pytest.mark.parametrize("name", ["learning-rate-too-large", "threshold-on-logits"])
def test_symptoms_do_not_say_the_name_and_are_valid_json(name: str) -> None:
    """Not even where the training left numbers that are not finite."""
    drill = draw_drill(name, 0)
    symptoms = symptoms_of(drill)
    text = DrillRecord(symptoms=symptoms, evidence=None).to_json()
    assert name not in text
    assert drill.bug.after not in text
    assert msgspec.json.decode(text, type=DrillRecord).symptoms == symptoms
    assert len(symptoms.curves.train_loss) == 60
    other = symptoms_of(draw_drill("zero-weights", 0))
    # What is shown is the same for every bug; only what was measured differs.
    assert [figure.title for figure in symptoms.figures] == [figure.title for figure in other.figures]


def test_evidence_is_measured_and_shows_the_line() -> None:
    drill = draw_drill("train-val-overlap", 4)
    number = drill.causes.index(drill.bug) + 1
    evidence = judge(drill, str(number), 1)
    assert (evidence.correct, evidence.grade, evidence.name) == (True, "good", "train-val-overlap")
    assert (evidence.probe.measured, evidence.probe.expected) == (1.0, 0.0)
    assert evidence.symptom is not None
    assert "+    val = slice(n_train - n_val, n_train)" in evidence.diff
    wrong = judge(drill, "zero_grad forgotten", 0)
    assert (wrong.correct, wrong.grade) == (False, "again")
    assert wrong.understood == BUGS["no-zero-grad"].title


PHRASES = [(phrase, bug) for bug in BUGS.values() for phrase in (bug.name, bug.title, *bug.said_as)]


@pytest.mark.parametrize(("phrase", "bug"), PHRASES, ids=[phrase for phrase, _ in PHRASES])
def test_words_are_understood_with_a_typing_error(phrase: str, bug) -> None:
    middle = len(phrase) // 2 if len(phrase) > 9 else len(phrase)
    assert understand(phrase[:middle] + phrase[middle + 1 :], []) is bug
    assert understand(phrase.upper(), []) is bug


SENTENCES = {
    "bias-gradient-sign": "the sign of the bias gradient is flipped",
    "columns-reordered": "columns in the wrong order in the service",
    "dropout-at-inference": "dropout is still on when predicting",
    "keeps-last-weights": "it keeps the last weights rather than the best",
    "learning-rate-too-large": "the learning rate is way too big",
    "learning-rate-too-small": "learning rate is much too small",
    "lost-class-weights": "imbalanced classes, the majority class wins",
    "no-zero-grad": "they forgot to zero the gradients",
    "relu-derivative-forgotten": "forgot the derivative of relu in backprop",
    "scaled-twice": "the rows are scaled two times, normalised twice",
    "scaler-leak": "the scaler was fitted on the test rows too",
    "shuffled-labels": "you shuffled the labels",
    "sigmoid-twice": "there are two sigmoids, a sigmoid after the sigmoid",
    "sum-instead-of-mean": "loss is summed instead of averaged over the batch",
    "threshold-on-logits": "the threshold is compared with logits",
    "train-val-overlap": "the validation set overlaps with the training set",
    "transposed-kernel": "a weight matrix was transposed during export",
    "zero-weights": "weights were all initialised with zeros",
}


def test_sentences_of_ones_own_are_understood() -> None:
    assert SENTENCES.keys() == BUGS.keys()
    assert {name: understand(said, []).name for name, said in SENTENCES.items()} == {name: name for name in BUGS}


@pytest.mark.parametrize(
    "answer", ["the weather", "overfitting", "nothing is wrong", "bug in the code", "xyzzy", "???"]
)
def test_words_that_name_nothing(answer: str) -> None:
    assert understand(answer, []) is None


@pytest.mark.parametrize("answer", ["", "  ", "0", "6", "-1", "99999999999999999999"])
def test_answers_that_are_none_are_refused(answer: str) -> None:
    with pytest.raises(UsageError, match="--answer must be"):
        understand(answer, draw_drill(None, 1).causes)


@given(st.booleans(), st.integers(0, 3))
def test_more_hints_never_raise_a_grade(correct: bool, n_hints: int) -> None:
    order = ["again", "hard", "good", "easy"]
    assert order.index(grade(correct, n_hints + 1)) <= order.index(grade(correct, n_hints))
    assert (grade(correct, n_hints) == "again") is not correct


def test_page_is_self_contained_and_the_same_again(tmp_path) -> None:
    drill, page = draw_drill("sigmoid-twice", 3), tmp_path / "drill.html"
    write_drill_page(drill, page)
    text = page.read_text(encoding="utf-8")
    write_drill_page(drill, page)
    assert page.read_text(encoding="utf-8") == text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    shown, folded = text.split('<section class="answer"')
    assert drill.bug.name not in shown
    assert drill.bug.hints[0].split(".")[0][:20] in shown
    assert "relu&#34;, &#34;sigmoid" in folded
    assert shown.count("<svg") == 6  # two pictures, four swatches
    assert "<details open" not in text


def test_a_template_with_a_gap_is_not_written() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("drill.html.j2")
