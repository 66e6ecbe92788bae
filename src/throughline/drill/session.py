"""A drill from its seed to its grade: which bug, what is shown of it, what an answer is worth."""

from __future__ import annotations

import random
from dataclasses import dataclass

from throughline.drill.answer import understand
from throughline.drill.bug import Bug, FigureName
from throughline.drill.bugs import find_bug, load_bugs
from throughline.drill.mutation import diff
from throughline.drill.record import Compared, Curves, Evidence, Symptoms, finite
from throughline.drill.trial import FIGURES, Trial, run_trial
from throughline.errors import UsageError

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Drill:
    """A bug and the seed of everything that is random about it.

    Attributes
    ----------
    bug : Bug
    seed : int
    """

    bug: Bug
    seed: int

    @property
    def broken(self) -> Trial:
        """The run with the bug."""
        return run_trial(self.bug, self.bug.case, self.seed)

    @property
    def sound(self) -> Trial:
        """The run without it."""
        return run_trial(None, self.bug.case, self.seed)

    @property
    def causes(self) -> list[Bug]:
        """What is offered as its cause, the cause among them, in an order drawn from the seed."""
        offered = sorted({self.bug.name, *self.bug.confused_with})
        # The name joins in: the place of the cause would otherwise be the same in every drill of a seed.
        random.Random(f"{self.seed} {self.bug.name}").shuffle(offered)
        return [find_bug(name) for name in offered]


def draw_drill(name: str | None, seed: int | None) -> Drill:
    """Choose a drill.

    Parameters
    ----------
    name : str or None
        Of the bug; None draws one from the seed.
    seed : int or None
        Of bug, rows, weights and batches; None draws one.

    Returns
    -------
    Drill

    Raises
    ------
    UsageError
        If there is no such bug, or the seed is out of range.

    Examples
    --------
    >>> draw_drill("no-zero-grad", 3).bug.title
    'Gradients are not set to zero between steps'
    """
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UsageError("--seed", f"a whole number from 0 to {LARGEST_SEED}", str(seed), "pass for example --seed 7")
    seed = random.randrange(10_000) if seed is None else seed
    if name is not None:
        return Drill(find_bug(name), seed)
    return Drill(random.Random(seed).choice(list(load_bugs().values())), seed)


def symptoms_of(drill: Drill, n_hints: int = 0) -> Symptoms:
    """Run the drill and its sound twin, and return what may be seen of them.

    Parameters
    ----------
    drill : Drill
    n_hints : int
        How many hints come with it.
    """
    broken, sound, log = drill.broken, drill.sound, drill.broken.training
    return Symptoms(
        seed=drill.seed,
        case=drill.bug.case.said,
        curves=Curves(
            train_loss=[finite(value) for value in log.losses],
            val_loss=[finite(value) for value in log.val_losses],
            train_accuracy=[finite(value) for value in log.accuracies],
            val_accuracy=[finite(value) for value in log.val_accuracies],
        ),
        figures=[_compared(name, broken, sound) for name in FIGURES],
        choices=[bug.title for bug in drill.causes],
        hints=list(drill.bug.hints[:n_hints]),
    )


def judge(drill: Drill, answer: str, n_hints: int) -> Evidence:
    """Hold an answer against the cause, and return what tells it.

    Parameters
    ----------
    drill : Drill
    answer : str
        A number among the choices, a name, or words.
    n_hints : int
        How many hints it took.

    Returns
    -------
    Evidence

    Raises
    ------
    UsageError
        If the answer is empty or a number that is not among the choices.
    """
    bug, understood = drill.bug, understand(answer, drill.causes)
    correct = understood is bug
    probe = bug.probe
    return Evidence(
        name=bug.name,
        title=bug.title,
        answer=answer,
        understood=understood.title if understood else "",
        correct=correct,
        grade=grade(correct, n_hints),
        symptom=_compared(bug.sign.figure, drill.broken, drill.sound) if bug.sign else None,
        probe=Compared(
            name="probe",
            title=probe.title,
            unit=probe.unit,
            measured=finite(probe.measure(drill.broken)),
            expected=finite(probe.measure(drill.sound)),
        ),
        diff=diff(bug),
        why=bug.why,
    )


def grade(correct: bool, n_hints: int) -> str:
    """Return the grade of an answer, in the words of spaced repetition.

    Examples
    --------
    >>> grade(True, 0), grade(True, 1), grade(True, 2), grade(False, 0)
    ('easy', 'good', 'hard', 'again')
    """
    if not correct:
        return "again"
    return ("easy", "good")[n_hints] if n_hints < 2 else "hard"


def _compared(name: FigureName, broken: Trial, sound: Trial) -> Compared:
    title, unit = FIGURES[name]
    return Compared(
        name=name,
        title=title,
        unit=unit,
        measured=finite(broken.figures[name]),
        expected=finite(sound.figures[name]),
    )
