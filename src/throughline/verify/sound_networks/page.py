"""The page: how many sound networks passed in each format, how near they came to an alarm, and every alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from throughline.formats import find_format
from throughline.spec import FRAMEWORK_TITLES
from throughline.verify.sound_networks.measure import Measurement, Outcome

HEAD = """# Sound networks

How often the verifier raises an alarm where nothing is wrong. {n_networks} random networks from {smallest} to
{largest}, ending in one probability, a softmax over 2 to 10 classes or one value, with {activations} between,
were exported by the real routes, loaded alone, and put through every check of `throughline verify` on {n_rows} rows,
against NumPy in float64. This page is written by
`python -m throughline.verify.sound_networks --write docs/sound-networks.md` from the records in
[sound-networks/](sound-networks/); no number in it is typed.

A share is the largest difference in a file, divided by what the derived tolerance allows in that place: above 1 is an
alarm. The three columns behind it are medians of the share, by what a network ends in. A file is too coarse where
rounding alone may move half of its answers so far that they prove nothing: it is refused, and counted by itself. A
format with fewer files than networks was measured on the first of them.

"""


def sound_networks_page(measured: Mapping[str, Measurement]) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    measured : mapping of str to Measurement
        By format.
    """
    found = [outcome for measurement in measured.values() for outcome in measurement.outcomes]
    smallest, largest = (pick(found, key=lambda outcome: np.prod(outcome.sizes)) for pick in (min, max))
    head = HEAD.format(
        n_networks=len({outcome.number for outcome in found}),
        smallest="-".join(map(str, smallest.sizes)),
        largest="-".join(map(str, largest.sizes)),
        activations=", ".join(dict.fromkeys(outcome.activation for outcome in sorted(found, key=lambda o: o.number))),
        n_rows=next(iter(measured.values())).n_rows,
    )
    lines = [
        "| format | from | files | alarms | too coarse | largest share | probability | classes | value | measured |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, measurement in measured.items():
        for source in dict.fromkeys(outcome.source for outcome in measurement.outcomes):
            here = [outcome for outcome in measurement.outcomes if outcome.source == source]
            lines.append(_line(name, source, here, measurement.date))
    alarms = [outcome for outcome in found if outcome.alarm and not outcome.too_coarse]
    n_coarse = sum(outcome.too_coarse for outcome in found)
    summary = (
        f"{len(found):,} files: {len(found) - len(alarms) - n_coarse:,} passed every check, {n_coarse} too coarse, "
        f"{len(alarms)} false alarms."
    )
    parts = [head + "\n".join(lines), summary]
    parts += ["## Too coarse\n\n" + "\n".join(_told(o) for o in found if o.too_coarse)] if n_coarse else []
    parts += ["## Alarms\n\n" + "\n".join(_told(o) for o in alarms)] if alarms else []
    versions = {name: v for measurement in measured.values() for name, v in measurement.versions.items()}
    parts += ["## Made with\n\n" + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    return "\n\n".join(parts) + "\n"


def _line(name: str, source: str, here: Sequence[Outcome], date: str) -> str:
    judged = [outcome for outcome in here if not outcome.too_coarse]
    medians = [_median([o.share for o in judged if o.output == output]) for output in ("sigmoid", "softmax", "linear")]
    cells = [
        find_format(name).title,
        FRAMEWORK_TITLES[source],
        str(len(here)),
        str(sum(bool(outcome.alarm) for outcome in judged)),
        str(len(here) - len(judged)),
        f"{max((outcome.share for outcome in judged), default=0.0):.2f}",
        *medians,
        date,
    ]
    return f"| {' | '.join(cells)} |"


def _median(shares: Sequence[float]) -> str:
    return f"{np.median(shares):.2f}" if shares else "–"


def _told(outcome: Outcome) -> str:
    title, sizes = find_format(outcome.format).title, "-".join(map(str, outcome.sizes))
    return f"- {title}, network {outcome.number} ({sizes}, {outcome.activation}, {outcome.output}): {outcome.alarm}"
