"""One peer in a process of its own: it prepares, says that it is ready, and then runs a round whenever it is asked to.

``python worker.py PEER FOLDER`` reads task.json and data.npz from the folder, writes PEER.npz there (the result of one
epoch without dropout, for the check), and answers each line of its standard input with one line of JSON.
"""

import os
import sys

if os.environ.get("BENCHMARK_ONE_CORE"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before any library counts the cores

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from peers import PEERS, Peer
from tasks import Data, Task


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def start(kind: type[Peer], task: Task, data: Data, settings: dict[str, Any]) -> tuple[Peer, float]:
    """Return a peer that has run one epoch, and how long that took from its construction."""
    begin = time.perf_counter()
    peer = kind(task, data, **settings)
    peer.run(1)
    return peer, time.perf_counter() - begin


def fastest(kind: type[Peer], task: Task, data: Data) -> tuple[dict[str, Any], float]:
    """Return those of a peer's candidate settings with the fastest epoch, and what the first start of all took."""
    candidates, times, first_s = kind.candidates(task), [], 0.0
    for settings in candidates:
        peer, start_s = start(kind, task, data, settings)
        first_s = first_s or start_s
        times.append(min(seconds(lambda peer=peer: peer.run(1)) for _ in range(3)))  # type: ignore[misc]
    return candidates[int(np.argmin(times))], first_s


def main() -> None:
    """Prepare, report, and run rounds until the input ends."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    # Libraries may print; only answers go to the parent.
    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)

    def answer(**record: Any) -> None:
        print(json.dumps(record), file=answers, flush=True)

    try:
        task, data = Task.load(folder / "task.json"), Data.load(folder / "data.npz")
        begin = time.perf_counter()
        kind = PEERS[name].load()
        import_s = time.perf_counter() - begin
        settings, first_s = fastest(kind, task, data)
        checked, _ = start(kind, task.for_check(), data, settings)
        result = checked.result()
        if result is not None:
            np.savez(folder / f"{name}.npz", *result)
        del checked
        peer, _ = start(kind, task, data, settings)
    except Exception as error:  # reported in the table, whatever it is
        answer(reason=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
        os._exit(0)

    versions = {package: version(package) for package in PEERS[name].packages if package != "tensorflow"}
    if "tensorflow" in sys.modules:
        versions["tensorflow"] = sys.modules["tensorflow"].__version__
    answer(
        settings=settings,
        epsilon_inside=kind.epsilon_inside,
        import_s=import_s,
        first_epoch_s=first_s,
        versions=versions,
    )
    for _ in sys.stdin:
        peer.run(1)  # caches and clocks come back to where they are in a long training
        answer(seconds=seconds(lambda: peer.run(task.epochs)))
    os._exit(0)  # the teardown of some libraries takes a second


if __name__ == "__main__":
    main()
