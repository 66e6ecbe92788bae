"""What only whole processes show: the time from start to exit, and whether a long training stays fast."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rounds import THREAD_VARIABLES, Record, Say, quartiles

JOBS = Path(__file__).parent / "jobs"
COMMANDS = {
    "job": [str(JOBS / "seed_task.py")],
    "import torch": ["-c", "import torch"],
    "import jax": ["-c", "import jax"],
}


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    # Bytecode is kept, as it is of any installed package: this one may be installed from its source folder.
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONDONTWRITEBYTECODE": ""}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


def whole_processes(rounds: int, say: Say) -> Record:
    """Time the seed task in a fresh process against the imports of PyTorch and JAX alone, paired.

    Parameters
    ----------
    rounds : int
        Processes of each kind, after one of each that only warms the disk cache.
    say : callable
        Gets lines of progress.

    Returns
    -------
    dict
        By command: seconds and the ratio job / command, or a reason.
    """
    record: dict[str, Any] = {}
    commands = dict(COMMANDS)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name in list(commands):
            start = time.perf_counter()
            done = _run(commands[name])
            if done.returncode:
                record[name] = {"reason": done.stderr.strip().splitlines()[-1]}
                del commands[name]
            elif number:
                times[name].append(time.perf_counter() - start)
        say(f"processes: round {number} of {rounds}")
    for name in commands:
        seconds = np.array(times[name])
        record[name] = {"s": {"median": float(np.median(seconds)), "min": float(seconds.min())}}
        if "job" in commands:
            record[name]["ratio"] = quartiles(np.array(times["job"]) / seconds)
    return record


def steadiness(n_epochs: int, say: Say) -> Record:
    """Train for many epochs in a fresh process; return its figures, or a reason.

    Parameters
    ----------
    n_epochs : int
        5,000 in a full run.
    say : callable
        Gets lines of progress.

    Returns
    -------
    dict
        As printed by jobs/steady.py, with the ratio of the last epochs' step to the first ones'.
    """
    done = _run([str(JOBS / "steady.py"), str(n_epochs)])
    say(f"steady: {n_epochs} epochs")
    if done.returncode:
        return {"reason": done.stderr.strip().splitlines()[-1]}
    record: Record = json.loads(done.stdout)
    ratio, growth = record["last_us"] / record["first_us"], record["last_mib"] - record["first_mib"]
    return record | {"ratio": ratio, "growth_mib": growth}
