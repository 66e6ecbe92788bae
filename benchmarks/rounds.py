"""Paired rounds: every peer is a process that stays alive, and one after the other runs a round, A B C A B C ..."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peers import OURS, PEERS
from tasks import Data, FloatArray, Task, full_loss, make_data, reference

Record = dict[str, Any]
Say = Callable[[str], None]

WORKER = Path(__file__).parent / "worker.py"
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Worker:
    """A peer in its process.

    Parameters
    ----------
    name : str
        A key of `PEERS`.
    task : Task
        What it trains; task.json and data.npz lie in `folder`.
    folder : Path
        Where it reads them and writes its result.
    """

    def __init__(self, name: str, task: Task, folder: Path) -> None:
        self.name, entry = name, PEERS[name]
        environment = os.environ | entry.environment | dict.fromkeys(THREAD_VARIABLES, str(task.threads))
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
        environment["JAX_ENABLE_X64"] = str(int(task.dtype == "float64"))
        if entry.one_core and task.threads == 1:
            environment["BENCHMARK_ONE_CORE"] = "1"
        self._log = (folder / f"{name}.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), name, str(folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def listen(self) -> Record:
        """Return its next answer, or why there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return {"reason": f"The process ended with exit status {self._process.wait()}."}
        answer: Record = json.loads(line)
        return answer

    def round(self) -> Record:
        """Let it run a round."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("round\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `listen` says how it ended
        return self.listen()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._log.close()


def run_task(task: Task, names: Sequence[str], rounds: int, say: Say) -> Record:
    """Prepare the peers of a task, check their results, and time those that are right.

    Parameters
    ----------
    task : Task
    names : sequence of str
        Keys of `PEERS`, ours among them.
    rounds : int
        Timed rounds of each peer.
    say : callable
        Gets lines of progress.

    Returns
    -------
    dict
        ``peers``: by name either a ``reason`` or the figures; ``reference_loss`` of the check.
    """
    data = make_data(task)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        task.save(folder / "task.json")
        data.save(folder / "data.npz")
        peers, workers = _prepare(task, data, names, folder, say)
        times: dict[str, list[float]] = {name: [] for name in workers}
        for number in range(rounds):
            for name in list(workers):
                answer = workers[name].round()
                if "seconds" in answer:
                    times[name].append(answer["seconds"])
                else:
                    peers[name] = answer
                    workers.pop(name).stop()
            say(f"{task.name}: round {number + 1} of {rounds}")
        for worker in workers.values():
            worker.stop()
    for name in workers:
        peers[name] |= _figures(task, times[name], times.get(OURS[task.kind], []))
    expected = reference(task, data, epsilon_inside=False)
    loss = None if task.kind == "predict" else full_loss(task, data, expected)
    return {"title": task.title, "reference_loss": loss, "peers": peers}


def _prepare(
    task: Task, data: Data, names: Sequence[str], folder: Path, say: Say
) -> tuple[dict[str, Record], dict[str, Worker]]:
    """Start the peers one after the other; return their records and the workers of those that may be timed."""
    peers: dict[str, Record] = {}
    workers: dict[str, Worker] = {}
    for name in names:
        worker = Worker(name, task, folder)
        peers[name] = worker.listen()
        if "reason" not in peers[name]:
            peers[name] |= _check(task, data, folder / f"{name}.npz", peers[name]["epsilon_inside"])
        if "reason" in peers[name]:
            worker.stop()
            say(f"{task.name}: {name} is not timed: {peers[name]['reason']}")
        else:
            workers[name] = worker
            say(f"{task.name}: {name} is ready, {peers[name]['settings'] or 'one way'}")
    return peers, workers


def _check(task: Task, data: Data, path: Path, epsilon_inside: bool) -> Record:
    """Return how far a result lies from ours, with a reason not to time it if that is too far."""
    if not path.exists():
        return {"difference": None}  # the products alone: nothing is trained
    with np.load(path) as file:
        result: list[FloatArray] = [file[f"arr_{i}"] for i in range(len(file.files))]
    expected = reference(task, data, epsilon_inside=epsilon_inside)
    if [w.shape for w in result] != [w.shape for w in expected]:
        return {"difference": None, "reason": "The result does not have the shapes of ours."}
    if {w.dtype for w in result} != {np.dtype(task.dtype)}:
        return {"difference": None, "reason": f"The result is {result[0].dtype}, not {task.dtype}."}
    if not all(np.isfinite(w).all() for w in result):
        return {"difference": None, "reason": "Wrong: the result holds NaN or infinity."}
    if task.kind == "predict":
        difference = float(np.abs(result[0] - expected[0]).max())
    else:
        difference = abs(full_loss(task, data, result) - full_loss(task, data, expected))
    if difference > task.tolerance:
        reason = f"Wrong: differs by {difference:.1e}, allowed are {task.tolerance:.0e}."
        return {"difference": difference, "reason": reason}
    return {"difference": difference}


def _figures(task: Task, times: list[float], ours: list[float]) -> Record:
    """Return times in microseconds a step (or a call), and quartiles of the ratios to ours."""
    us = np.array(times) * 1e6 / (task.epochs * task.n_steps)
    record: Record = {"us": {"median": float(np.median(us)), "min": float(us.min()), "rounds": us.tolist()}}
    if ours:
        record["ratio"] = quartiles(np.array(times) / np.array(ours[: len(times)]))
    return record


def quartiles(values: FloatArray) -> dict[str, float]:
    """Return median and quartiles."""
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return {"median": median, "q1": q1, "q3": q3}
