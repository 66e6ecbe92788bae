"""The claims, one file a chapter: each holds a constant ``CLAIMS``, and the folder is walked."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from throughline.claims.claim import Claim


@cache
def all_claims() -> tuple[Claim, ...]:
    """Return every claim, in the order of the files; two of one name are refused.

    Examples
    --------
    >>> all_claims()[0].name
    'perceptron-accuracy'
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    claims = [claim for name in names for claim in import_module(f"{__name__}.{name}").CLAIMS]
    twice = {claim.name for claim in claims if sum(other.name == claim.name for other in claims) > 1}
    if twice:
        raise ValueError(f"claims of one name: {', '.join(sorted(twice))}")
    return tuple(claims)
