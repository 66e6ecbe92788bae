"""The claims, one file a chapter: each holds a constant ``CLAIMS``, and the folder is walked."""

from __future__ import annotations

from functools import cache

from throughline.claims.claim import Claim
from throughline.registry import by_name, declared


@cache
def all_claims() -> tuple[Claim, ...]:
    """Return every claim, in the order of the files; two of one name are refused.

    Examples
    --------
    >>> all_claims()[0].name
    'perceptron-accuracy'
    """
    return tuple(by_name(declared(__name__, "CLAIMS", Claim), "claims").values())
