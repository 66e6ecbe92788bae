"""Child processes: results, events and errors come back; nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from throughline.errors import DataError, WorkerError
from throughline.processes import Child


@pytest.fixture(autouse=True)
def _functions_for_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jobs.py").write_text(
        "import os, sys\n"
        "from throughline.errors import DataError\n"
        "def count(n, emit):\n"
        "    for i in range(n):\n"
        "        emit({'i': i})\n"
        "    return {'sum': sum(range(n))}\n"
        "def noisy(emit):\n"
        "    print('printed'); os.write(1, b'written\\n'); return 'clean'\n"
        "def refuse(emit):\n"
        "    raise DataError('--data', 'a', 'b', 'c')\n"
        "def crash(emit):\n"
        "    raise ZeroDivisionError('nothing to divide by')\n"
        "def die(emit):\n"
        "    print('last words', file=sys.stderr, flush=True); os._exit(7)\n"
        "def sees(name, emit):\n"
        "    import importlib\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError:\n"
        "        return 'hidden'\n"
        "    return 'there'\n"
        "def pid(emit):\n"
        "    return [os.getpid(), os.environ.get('GREETING'), os.environ['OMP_NUM_THREADS']]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


def test_result_and_events_come_back_in_order(tmp_path: Path) -> None:
    seen: list[int] = []
    with Child("counter", log=tmp_path / "log") as child:
        result = child.call("jobs:count", {"n": 4}, lambda event: seen.append(event["i"]))
    assert (result, seen) == ({"sum": 6}, [0, 1, 2, 3])


def test_a_package_that_reports_each_import_to_its_maker_is_hidden_from_every_child(tmp_path: Path) -> None:
    (tmp_path / "openvino_telemetry.py").write_text(
        "import pathlib\npathlib.Path(__file__).with_name('reported').touch()\n"
    )
    with Child("silent", log=tmp_path / "log") as child:
        assert child.call("jobs:sees", {"name": "openvino_telemetry"}) == "hidden"
    assert not (tmp_path / "reported").exists()


def test_prints_go_to_the_log_and_not_into_the_answer(tmp_path: Path) -> None:
    with Child("noisy", log=tmp_path / "log") as child:
        assert child.call("jobs:noisy", {}) == "clean"
    assert (tmp_path / "log").read_text().split() == ["printed", "written"]


def test_our_own_errors_keep_their_kind_and_sentence(tmp_path: Path) -> None:
    with (
        Child("refuser", log=tmp_path / "log") as child,
        pytest.raises(DataError, match="--data must be a, but got b: c"),
    ):
        child.call("jobs:refuse", {})


def test_a_foreign_exception_is_named_and_its_trace_kept(tmp_path: Path) -> None:
    with (
        Child("crasher", log=tmp_path / "log") as child,
        pytest.raises(WorkerError, match=r"ZeroDivisionError.*nothing"),
    ):
        child.call("jobs:crash", {})
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_death_is_told_with_status_and_last_words(tmp_path: Path) -> None:
    with Child("dier", log=tmp_path / "log") as child, pytest.raises(WorkerError, match=r"status 7.*last words"):
        child.call("jobs:die", {})


def test_a_hidden_package_cannot_be_imported(tmp_path: Path) -> None:
    with Child("blind", preload=["!colorsys"], log=tmp_path / "log") as child:
        assert child.call("jobs:sees", {"name": "colorsys"}) == "hidden"
    with Child("seeing", preload=["colorsys"], log=tmp_path / "log") as child:
        assert child.call("jobs:sees", {"name": "colorsys"}) == "there"


def test_environment_reaches_the_child(tmp_path: Path) -> None:
    with Child("greeted", log=tmp_path / "log", environment={"GREETING": "hello"}) as child:
        assert child.call("jobs:pid", {})[1:] == ["hello", "1"]


def test_stop_ends_a_child_that_waits(tmp_path: Path) -> None:
    child = Child("waiter", log=tmp_path / "log")
    child.stop()
    child.stop()
    assert not _alive(child._process.pid)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from throughline.processes import Child\n"
        f"child = Child('orphan', log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child._process.pid, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)  # the child notices the closed pipe by itself; there is no event to wait for
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie of a killed parent is dead, though its number is still taken until somebody collects it.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_one_child_answers_several_calls(tmp_path: Path) -> None:
    with Child("several", log=tmp_path / "log") as child:
        answers = [child.call("throughline.processes:echo", {"value": value}) for value in (1, "two", [3])]
    assert answers == [1, "two", [3]]
