"""An answer understood: a number among the choices, a name, or words of one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from throughline.drill.bug import Bug
from throughline.drill.bugs import load_bugs
from throughline.errors import UsageError, quoted

LEAST_LIKENESS = 0.45
SMALL_WORDS = r"\b(a|an|and|are|be|by|for|has|have|i|in|is|it|of|someone|that|the|they|to|was|were|what|with|you)\b"


def understand(answer: str, causes: Sequence[Bug]) -> Bug | None:
    """Return the cause that an answer names.

    Parameters
    ----------
    answer : str
        A number from 1 among the choices, a bug's name, or words, typing errors allowed.
    causes : sequence of Bug
        The choices.

    Returns
    -------
    Bug or None
        Words may also name a bug that is not among the choices. None if they name none.

    Raises
    ------
    UsageError
        If the answer is empty, or a number that is not among the choices.

    Examples
    --------
    >>> understand("someone forgot zero_grad", []).name
    'no-zero-grad'
    >>> understand("the weather", []) is None
    True
    """
    answer = answer.strip()
    if not answer:
        raise UsageError("--answer", "a number among the choices or the cause in words", "nothing", "pass --answer 1")
    if answer.lstrip("-").isdecimal():
        if answer.startswith("-") or len(answer) > 3 or not 1 <= int(answer) <= len(causes):
            allowed = f"a number from 1 to {len(causes)}, or the cause in words"
            raise UsageError("--answer", allowed, quoted(answer), "choose one of these")
        return causes[int(answer) - 1]
    return load_bugs().get(answer) or _nearest(answer)


def _without_small(words: str) -> str:
    """Leave out the words that every sentence has: they would make all of them alike."""
    return re.sub(SMALL_WORDS, " ", words.lower())


def _nearest(answer: str) -> Bug | None:
    """Return the bug with the phrase that shares the most with the answer, in pieces of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    phrases = [(phrase, bug) for bug in load_bugs().values() for phrase in (bug.name, bug.title, *bug.said_as)]
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, preprocessor=_without_small)
    known = vectorizer.fit_transform([phrase for phrase, _ in phrases])
    likeness = (known @ vectorizer.transform([answer]).T).toarray()[:, 0]
    best = int(likeness.argmax())
    return phrases[best][1] if likeness[best] >= LEAST_LIKENESS else None
