"""Every bug is one line, trains for real, and shows what its file says, in each of five seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from throughline.drill.bug import Bug
from throughline.drill.bugs import find_bug, load_bugs
from throughline.drill.mutation import diff, mutated_text, sound_text
from throughline.drill.trial import FIGURES, run_trial
from throughline.errors import UsageError

SEEDS = range(5)
BUGS = load_bugs()
ACCURACIES = ("train_accuracy", "val_accuracy", "test_accuracy", "service_accuracy")


@pytest.fixture(params=BUGS)
def bug(request: pytest.FixtureRequest) -> Bug:
    return BUGS[request.param]


def test_there_are_enough() -> None:
    assert len(BUGS) >= 12


def test_names_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--name must be one of bias-gradient-sign, .* but got 'overfitting'"):
        find_bug("overfitting")


def test_each_is_one_line(bug: Bug) -> None:
    changed = [line for line in diff(bug).splitlines() if line[:1] in "+-" and line.strip()]
    assert [line[1:].strip() for line in changed] == [line for line in (bug.before, bug.after) if line]
    assert abs(len(mutated_text(bug).splitlines()) - len(sound_text().splitlines())) <= 1


def test_what_is_offered_beside_it_exists_and_is_another(bug: Bug) -> None:
    assert {*bug.confused_with} <= BUGS.keys() - {bug.name}
    assert len({*bug.confused_with}) == 4


def test_hints_do_not_say_it(bug: Bug) -> None:
    assert len(bug.hints) == 3
    for words in (bug.title, *bug.said_as):
        assert words.lower() not in " ".join(bug.hints).lower()


def test_symptom_and_probe_are_there_in_every_seed(bug: Bug) -> None:
    for seed in SEEDS:
        broken, sound = run_trial(bug, bug.case, seed), run_trial(None, bug.case, seed)
        assert broken.figures.keys() == sound.figures.keys() == FIGURES.keys()
        assert abs(bug.probe.measure(broken) - bug.probe.measure(sound)) >= bug.probe.apart
        if bug.sign is None:
            continue
        moved = broken.figures[bug.sign.figure] - sound.figures[bug.sign.figure]
        assert (moved if bug.sign.direction == "above" else -moved) >= bug.sign.by


def test_only_one_bug_shows_nowhere_and_it_really_does_not() -> None:
    """Its own file says so; if its figures began to tell it, that would have to be rewritten."""
    silent = [bug for bug in BUGS.values() if bug.sign is None]
    assert [bug.name for bug in silent] == ["scaler-leak"]
    moved = {name: [] for name in FIGURES}
    for seed in range(6):
        broken, sound = run_trial(silent[0], silent[0].case, seed), run_trial(None, silent[0].case, seed)
        for name in FIGURES:
            moved[name].append(broken.figures[name] - sound.figures[name])
    for name in ACCURACIES:
        assert abs(np.mean(moved[name])) < 0.015
        assert np.max(np.abs(moved[name])) < 0.06
    for name in ("train_loss", "val_loss", "kept_val_loss"):
        assert np.max(np.abs(moved[name])) < 0.02


@pytest.mark.parametrize("name", ["columns-reordered", "scaled-twice"])
def test_what_happens_in_service_leaves_the_training_alone(name: str) -> None:
    broken, sound = run_trial(BUGS[name], BUGS[name].case, 1), run_trial(None, BUGS[name].case, 1)
    assert broken.training.losses == sound.training.losses
    assert {k for k in FIGURES if broken.figures[k] != sound.figures[k]} == {"service_accuracy"}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sound_run_is_sound(seed: int) -> None:
    """Better than what its labels' noise leaves to chance, and exported within the rounding of float32."""
    sound = run_trial(None, BUGS["shuffled-labels"].case, seed)
    assert sound.figures["test_accuracy"] > 0.8
    assert sound.figures["service_accuracy"] > 0.8
    assert sound.figures["file_difference"] < 1e-5
    assert sound.figures["file_flips"] == 0
    assert all(math.isfinite(loss) for loss in sound.training.step_losses)


def test_the_evidence_tells_a_bug_from_what_it_is_offered_beside(bug: Bug) -> None:
    """On the same rows, the probe of a bug answers otherwise for each of the others."""
    own = bug.probe.measure(run_trial(bug, bug.case, 0))
    for name in bug.confused_with[:2]:  # those that are nearest to it
        other = bug.probe.measure(run_trial(BUGS[name], bug.case, 0))
        assert not math.isclose(own, other, rel_tol=0.02, abs_tol=1e-12), name
