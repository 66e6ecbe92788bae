"""Fill ``docs/sound-networks.md``: ``python -m throughline.verify.sound_networks --write docs/sound-networks.md``.

Formats whose runtime is missing here are left out and said; what was measured before stays in the folder beside the
page, a file a format, and is replaced when it is measured again.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

import msgspec

from throughline.environment import installed_versions
from throughline.errors import ThroughlineError
from throughline.formats import find_format, load_formats
from throughline.formats.availability import missing_runtime
from throughline.output import write_whole
from throughline.verify.sound_networks.draw import N_NETWORKS, N_ROWS, draw
from throughline.verify.sound_networks.measure import Measurement, measure
from throughline.verify.sound_networks.page import sound_networks_page


def main(arguments: list[str] | None = None) -> int:
    """Measure, keep what was found, and write the page from all that is kept; 1 if there was a false alarm."""
    parser = argparse.ArgumentParser(prog="python -m throughline.verify.sound_networks", description=__doc__)
    parser.add_argument("--write", type=Path, default=Path("docs/sound-networks.md"), help="the page")
    parser.add_argument("--formats", default="", help="names, separated by commas; all of them if left out")
    parser.add_argument("--networks", type=int, default=N_NETWORKS, help="how many; 0: write the page alone")
    chosen = parser.parse_args(arguments)
    if chosen.networks < 0:
        parser.error(f"--networks must be a whole number from 0, but got {chosen.networks}")
    try:
        names = [find_format(name.strip()).name for name in chosen.formats.split(",") if name.strip()]
    except ThroughlineError as error:
        parser.error(str(error))
    folder: Path = chosen.write.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    if chosen.networks:
        _measure(names or list(load_formats()), chosen.networks, folder)
    kept = {name: path for name in load_formats() if (path := folder / f"{name}.json").exists()}
    if not kept:
        parser.error(f"--networks must be above 0 while {folder} is empty, but got {chosen.networks}")
    measured = {name: msgspec.json.decode(path.read_bytes(), type=Measurement) for name, path in kept.items()}
    write_whole(chosen.write, sound_networks_page(measured))
    alarms = [o for each in measured.values() for o in each.outcomes if o.alarm and not o.too_coarse]
    print(f"{len(alarms)} false alarms in {len(measured)} formats; {chosen.write}")
    return 1 if alarms else 0


def _measure(names: list[str], n_networks: int, folder: Path) -> None:
    """Measure the formats that can run here, and write a file for each."""
    for name in names:
        missing = missing_runtime(find_format(name))
        if missing:
            print(f"{name} left out: {missing}", file=sys.stderr)
    names = [name for name in names if not missing_runtime(find_format(name))]
    networks = {number: draw(number) for number in range(n_networks)}
    with tempfile.TemporaryDirectory(prefix="throughline-") as work:
        outcomes = measure(networks, names, Path(work), lambda said: print(said, file=sys.stderr, flush=True))
    for name in names:
        versions = installed_versions(("numpy", *find_format(name).distributions))
        measurement = Measurement(
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            n_rows=N_ROWS,
            versions=versions,
            outcomes=[outcome for outcome in outcomes if outcome.format == name],
        )
        write_whole(folder / f"{name}.json", measurement.to_json())


if __name__ == "__main__":
    sys.exit(main())
