"""How fast the training of `throughline.scratch` is, against everything else that trains the same network.

``python benchmarks/training.py`` runs all tasks with all peers, writes results/training-DATE.json, docs/benchmarks.md
and docs/benchmarks.svg, and prints the tables. A run with ``--quick``, or with a choice of tasks or peers, only prints.
"""

import argparse
import json
import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bars import BARS
from page import tables, write_page
from peers import OURS, PEERS
from processes import steadiness, whole_processes
from rounds import Record, run_task
from tasks import TASKS

RESULTS = Path(__file__).parent / "results"
OTHER_TASKS = ("processes", "steady")
ROUNDS, QUICK_ROUNDS = 15, 3


def main() -> None:
    """Parse, measure, write, print."""
    arguments = _parser().parse_args()
    if arguments.page:
        result = json.loads(arguments.page.read_text())
        write_page(result, arguments.page.name)
    else:
        result = measure(arguments)
        is_whole = not (arguments.quick or arguments.tasks or arguments.peers)
        if is_whole or arguments.output:
            path = arguments.output or RESULTS / f"training-{result['date'][:10]}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result, indent=1) + "\n")
            say(f"written: {path.name}")
            if is_whole and not arguments.output:
                write_page(result, path.name)
    print(json.dumps(result) if arguments.json else tables(result))


def measure(arguments: argparse.Namespace) -> Record:
    """Run the tasks that were asked for.

    Parameters
    ----------
    arguments : Namespace
        Those of the command line.

    Returns
    -------
    dict
        What the result file holds.
    """
    asked = arguments.tasks or [*TASKS, *OTHER_TASKS]
    rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
    result: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "benchmarks/training.py", *sys.argv[1:]]),
        "rounds": rounds,
        "quick": arguments.quick,
        "machine": machine(),
        "versions": {package: version(package) for package in ("numpy", "scipy", "scikit-learn")},
        "tasks": {},
    }
    for name in (name for name in TASKS if name in asked):
        names = [
            peer
            for peer, entry in PEERS.items()
            if TASKS[name].kind in entry.kinds
            and (not arguments.peers or peer in arguments.peers or peer == OURS[TASKS[name].kind])
        ]
        result["tasks"][name] = run_task(TASKS[name], names, rounds, say)
        for record in result["tasks"][name]["peers"].values():
            result["versions"] |= record.pop("versions", {})
    if "processes" in asked:
        result["processes"] = whole_processes(rounds, say)
    if "steady" in asked:
        result["steady"] = steadiness(200 if arguments.quick else 5_000, say)
    result["load_at_end"] = os.getloadavg()
    result["bars"] = [bar.judge(result) for bar in BARS]
    return result


def machine() -> Record:
    """Return what the figures depend on besides versions."""
    import numpy as np
    from threadpoolctl import threadpool_info

    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if cpuinfo.exists() else []
    )
    assert np.ones((2, 2)).dot(np.ones((2, 2))).all()  # BLAS is loaded
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_at_start": os.getloadavg(),
        "blas": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture")} for pool in threadpool_info()
        ],
    }


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [*TASKS, *OTHER_TASKS]
    parser.add_argument("--tasks", nargs="+", choices=names, metavar="TASK", help=", ".join(names))
    parser.add_argument("--peers", nargs="+", choices=PEERS, metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, help=f"timed rounds of each peer; {ROUNDS}, quick {QUICK_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run at all?")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of tables")
    parser.add_argument("--output", type=Path, help="write the result to this file, and no page")
    parser.add_argument(
        "--page", type=Path, metavar="RESULT", help="measure nothing: write the page from a result file"
    )
    return parser


if __name__ == "__main__":
    main()
