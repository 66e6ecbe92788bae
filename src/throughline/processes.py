"""Child processes: one for each heavy framework, one for each artefact under test (rules 3 and 8).

A `Child` is a fresh interpreter that starts importing its framework at once, while the parent still
prepares the rows; then it gets calls, one after the other, as JSON, and answers each with events and one
result, as JSON. Arrays travel as files. Whatever the libraries print goes to the child's log.

    parent                                child (`python -m throughline.processes tensorflow,keras`)
    Child("keras", preload=...)   ---->   import tensorflow, keras
    child.call("module:function", ...) -> function(**arguments, emit=...)
    on_event(...)                 <----   emit(...)
    result                        <----   return value
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from throughline import errors
from throughline.errors import ThroughlineError, WorkerError

# One thread a child: the matrices are small, and the children themselves run side by side.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
# Merely imported, OpenVINO reports it to its maker, from a fork that outlives the process; there is no variable for it.
HIDDEN = ("openvino_telemetry",)
STOP_GRACE_S = 3.0

Emit = Callable[[Mapping[str, Any]], None]


class Child:
    """A child process that answers calls, one at a time, until it is stopped.

    Parameters
    ----------
    name : str
        For messages and the log.
    preload : sequence of str
        Modules to import before the call comes; ``"!name"`` hides a package, as if it were not installed.
    log : Path
        Where the child's own output goes.
    environment : mapping, optional
        Further environment variables.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Child("adder", preload=["math"], log=Path(folder) / "adder.log") as child:
    ...         child.call("throughline.processes:echo", {"value": 3})
    3
    """

    def __init__(
        self, name: str, *, preload: Sequence[str] = (), log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.started = time.perf_counter()
        with log.open("wb") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "throughline.processes", ",".join(preload)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env=os.environ | ENVIRONMENT | dict(environment or {}),
                # Out of the terminal's group: Ctrl-C reaches the parent alone, which then stops its children.
                start_new_session=os.name == "posix",
            )

    def call(self, function: str, arguments: Mapping[str, Any], on_event: Emit | None = None) -> Any:
        """Run `function` in the child and wait for what it returns.

        Parameters
        ----------
        function : str
            ``"package.module:function"``; it takes the arguments and ``emit``.
        arguments : mapping
            Plain JSON data.
        on_event : callable, optional
            Receives each mapping that the function emits.

        Returns
        -------
        object
            The function's result, as JSON gives it back.

        Raises
        ------
        ThroughlineError
            The same kind that the function raised.
        WorkerError
            If the child died or raised anything else; the message names its log.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # both are pipes
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):  # a dead child shows below, with its log
            stdin.write(json.dumps({"function": function, "arguments": arguments}).encode() + b"\n")
            stdin.flush()
        for line in stdout:
            message = json.loads(line)
            if "event" in message and on_event is not None:
                on_event(message["event"])
            elif "result" in message:
                return message["result"]
            elif "error" in message:
                raise self._error(message["error"])
        raise WorkerError(f"The process '{self.name}' died with status {self._process.wait()}: {self._last_words()}")

    def stop(self) -> None:
        """End the child if it still runs; safe to call twice."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _error(self, error: dict[str, Any]) -> ThroughlineError:
        kind = getattr(errors, error["kind"], None)
        if kind is None:
            return WorkerError(
                f"The process '{self.name}' failed with {error['kind']}: {error['text']}; see {self.log}"
            )
        raised: ThroughlineError = kind(*error["args"])
        return raised

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f"its last words in {self.log} are '{lines[-1]}'" if lines else f"its log {self.log} is empty"


def echo(value: Any, emit: Emit) -> Any:
    """Give back `value`; for the tests and the example of `Child`."""
    return value


def _serve(preload: Sequence[str]) -> None:
    # Libraries write to file descriptor 1: keep the pipe under another number and send the rest to the log.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_calls, args=(sys.stdin.buffer, calls), daemon=True).start()
    try:
        for module in (*(f"!{name}" for name in HIDDEN), *preload):
            if module.startswith("!"):
                sys.modules[module[1:]] = None  # type: ignore[assignment]  # makes `import` raise ImportError
            else:
                importlib.import_module(module)
        while True:
            call = calls.get()
            module_name, function_name = call["function"].split(":")
            function = getattr(importlib.import_module(module_name), function_name)
            result = function(**call["arguments"], emit=lambda event: _send(pipe, {"event": dict(event)}))
            _send(pipe, {"result": result})
    except ThroughlineError as error:
        _send(pipe, {"error": {"kind": type(error).__name__, "text": str(error), "args": list(error.args)}})
    except Exception as error:
        traceback.print_exc()
        _send(pipe, {"error": {"kind": type(error).__name__, "text": str(error), "args": []}})
    sys.stderr.flush()
    # Interpreter teardown after a heavy framework takes up to a second and has nothing left to do.
    os._exit(0)


def _read_calls(stdin: IO[bytes], calls: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in stdin:
        calls.put(json.loads(line))
    os._exit(1)  # the parent closed the pipe or died: nobody is left to answer to


def _send(pipe: IO[str], message: Mapping[str, Any]) -> None:
    pipe.write(json.dumps(message) + "\n")
    pipe.flush()


if __name__ == "__main__":
    _serve([name for name in sys.argv[1].split(",") if name])
