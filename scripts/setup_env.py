"""Set up this checkout's environment, then do a job in it.

    python3 scripts/setup_env.py run [ARGUMENTS OF throughline run]
    python3 scripts/setup_env.py test [ARGUMENTS OF pytest]
    python3 scripts/setup_env.py check        formatting, lint, types, docs, tests
    python3 scripts/setup_env.py format       reformat, and mend what lint can mend
    python3 scripts/setup_env.py notebook     execute notebooks/*.py into *.ipynb
    python3 scripts/setup_env.py readme       fill the figures of README.md in from docs/record.json; with --run, anew
    python3 scripts/setup_env.py lock [--upgrade]
    python3 scripts/setup_env.py setup        everything `test` and `check` need, no job
    python3 scripts/setup_env.py exec COMMAND [ARGUMENTS]
    python3 scripts/setup_env.py clean        remove .venv and the caches

The environment is `.venv` in the checkout, with exactly the packages of `requirements/lock.txt` (for `run`) and
`requirements/lock-dev.txt` (added for all else), by hash, and this package installed for editing. A stamp in `.venv`
holds the digest of what was installed; while it fits, nothing is installed again. `make` calls this script and does
nothing else, so it works the same without make.

Any Python from 3.6 on can read this file, so that an old one ends in a sentence and not in a syntax error. The
environment itself is made with Python 3.11 or 3.12. Only the standard library is used.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUPPORTED = ((3, 11), (3, 12))
WINDOWS = os.name == "nt"
# A layer is what a job needs; each is a list of files in requirements/. "dev" is "run" and more, in the same .venv.
LAYERS = {"run": ("lock.txt",), "dev": ("lock.txt", "lock-dev.txt")}
TORCH_CPU = "torch-cpu.txt"
CUDA = "torch-cuda.txt"
# Free disk asked for before a file of packages is installed, in GB: what it takes unpacked (3.1, 0.2 and 3.7 on Linux
# x86-64, measured), plus its downloads.
NEEDED_GB = {"lock.txt": 4.0, "lock-dev.txt": 0.5, CUDA: 6.0}
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
LOCKED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
# Asked of the new environment: the packages that the torch in it requires on this machine.
TORCH_REQUIRES = """
from importlib import metadata
from packaging.requirements import Requirement
for line in metadata.requires("torch") or ():
    requirement = Requirement(line)
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        print(requirement.name.lower().replace("_", "-").replace(".", "-"))
"""
# What pip says -> what to do about it. The first pattern found in the end of its output counts.
ADVICE = (
    (
        r"No space left|Errno 28|not enough space",
        "The disk is full. Free some space (`pip cache purge` helps; TMPDIR may name another disk), then try again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A downloaded file is not the one that the lock names: a broken cache or a mirror that alters files. "
        "Run `pip cache purge`, then try again; if it stays, do not install that file.",
    ),
    (
        r"NewConnectionError|Connection (refused|reset|aborted)|timed? ?out|name resolution|SSLError|ProxyError"
        r"|from versions: none",
        "The package index could not be reached, or does not have this package. Check the network, the proxy "
        "(HTTPS_PROXY) and pip's own settings (`pip config list`), then try again: what was already fetched is kept in "
        "pip's cache.",
    ),
    (
        r"No matching distribution|Could not find a version",
        "The index that pip is set to has no build of this package for this machine. Supported are Linux (x86-64, "
        "aarch64), macOS 14 or newer on Apple silicon and 64-bit Windows, each with CPython 3.11 or 3.12.",
    ),
    (r"Permission denied|Access is denied", "A file could not be written. Check who owns the checkout and `.venv`."),
)


class SetupError(Exception):
    """One sentence for the person at the terminal: what is wrong and what to do."""


class PipError(SetupError):
    """A pip that failed, with the end of what it said."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


def say(text: str) -> None:
    """Print a line of our own, at once and marked, between the lines of the tools."""
    print(f"throughline: {text}", flush=True)


def dotted(version: "tuple[int, ...]") -> str:
    """Write (3, 11) as 3.11."""
    return ".".join(str(part) for part in version)


# What would lead a command to another Python's packages, and what make tells makes that it starts itself.
NOT_INHERITED = (
    *("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"),
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL"),
)


def child_environment() -> "dict[str, str]":
    """Return the environment of every command that is started here."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


# ---------------------------------------------------------------------------------------------------- finding Python


def probe(command: "list[str]") -> "tuple[int, int] | None":
    """Return the version of a Python by running it, or None where it does not run.

    A name on PATH is not enough: version managers put a `python3.12` there that only prints an error.
    """
    question = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [*command, "-c", question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=True,
            env=child_environment(),
        ).stdout.decode()
        name, major, minor = answer.split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return (int(major), int(minor)) if name == "cpython" else None


def find_python() -> "list[str]":
    """Return the command of a supported Python: the one running this if it will do, else one from PATH."""
    here = probe([sys.executable]) if sys.executable else None
    if here in SUPPORTED:
        return [sys.executable]
    for version in SUPPORTED:
        names = ([["py", f"-{dotted(version)}"]] if WINDOWS else []) + [[f"python{dotted(version)}"]]
        for command in names:
            if probe(command) == version:
                return command
    raise SetupError(
        f"Python {' or '.join(map(dotted, SUPPORTED))} is needed; this is {dotted(tuple(sys.version_info[:3]))} "
        f"({sys.executable}), and no python3.11 or python3.12 that runs was found on PATH. Install one of them, or "
        "name it: `make PYTHON=/path/to/python3.11 run`."
    )


# ---------------------------------------------------------------------------------------------------- the environment


class Checkout:
    """A working tree of this project and the environment in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.bin = self.venv / ("Scripts" if WINDOWS else "bin")
        self.python = self.bin / ("python.exe" if WINDOWS else "python")
        self.stamp = self.venv / "throughline-stamp.json"
        self.unfinished = self.venv / "throughline-unfinished"
        self.log = self.venv / "install.log"

    def requirements(self, name: str) -> Path:
        """Return the path of a file of pinned packages."""
        return self.root / "requirements" / name

    def tool(self, name: str) -> str:
        """Return the path of a command in the environment."""
        return str(self.bin / (name + ".exe" if WINDOWS else name))

    def digest(self, layer: str) -> str:
        """Return one digest of all that decides what a layer installs, and of where (a moved .venv does not work)."""
        total = hashlib.sha256(str(self.root).encode())
        for path in [self.root / "pyproject.toml", *map(self.requirements, (*LAYERS[layer], TORCH_CPU, CUDA))]:
            try:
                total.update(hashlib.sha256(path.read_bytes()).digest())
            except FileNotFoundError:
                raise SetupError(f"{path} is missing; get it back (`git checkout -- .`), then try again.") from None
        return total.hexdigest()

    def stamps(self) -> "dict[str, str]":
        """Return layer -> digest of what is installed; empty if nothing, or nothing that is known to be whole."""
        try:
            found = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def is_ready(self, layer: str) -> bool:
        """Tell whether the environment holds this layer as it is locked now."""
        return self.python.exists() and self.stamps().get(layer) == self.digest(layer)

    def write_stamp(self, *layers: str) -> None:
        """Record which layers are whole. Written beside and renamed, so that half a stamp never exists."""
        stamps = {layer: self.digest(layer) for layer in layers}
        beside = self.stamp.with_suffix(".new")
        beside.write_text(json.dumps(stamps, indent=1), encoding="utf-8")
        os.replace(str(beside), str(self.stamp))

    @contextmanager
    def one_at_a_time(self):  # type: ignore[no-untyped-def]
        """Let a second command wait while a first one installs. The lock goes with the process; no file is left."""
        if fcntl is None:
            yield
            return
        with open(__file__, encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another command is setting up this checkout; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # a file system without locks: go on without
                pass
            yield

    def ensure(self, layer: str) -> None:
        """Make the environment hold a layer. Does nothing, in milliseconds, when it already does."""
        if self.is_ready(layer):
            return
        with self.one_at_a_time():
            if self.is_ready(layer):
                return
            start = time.monotonic()
            files = LAYERS[layer]
            # Where something is installed already, what changes is small.
            self.check_disk(NEEDED_GB["lock-dev.txt"] if self.stamps() else sum(NEEDED_GB[name] for name in files))
            self.ensure_venv()
            had_run = self.is_ready("run")
            if self.stamp.exists():
                self.stamp.unlink()
            self.log.write_text("", encoding="utf-8")
            self.unfinished.touch()
            try:
                self.install(files)
            except PipError:  # pip undoes what it could not finish; only an interruption leaves half a package
                self.unfinished.unlink()
                if had_run:
                    self.write_stamp("run")
                raise
            self.unfinished.unlink()
            self.write_stamp("run", layer)
            say(f"the environment is ready; that took {time.monotonic() - start:.0f} s.")

    def install(self, files: "tuple[str, ...]") -> None:
        """Install the packages of a layer and this package, and look whether they fit together."""
        self.install_torch_for_cpu()
        self.install_locked(files)
        if self.torch_wants_cuda():
            self.check_disk(NEEDED_GB[CUDA])
            self.install_locked((CUDA,))
        self.install_package()
        self.pip("check", doing="checking that the packages fit together")

    def check_disk(self, needed: float) -> None:
        """Refuse to begin what the disk cannot hold. The figure is in GB."""
        free = shutil.disk_usage(str(self.root)).free / 1e9
        if free < needed:
            raise SetupError(
                f"The disk is nearly full: {free:.1f} GB free in {self.root}, and the packages and their downloads "
                f"take up to {needed:.1f} GB. Free some space, or move the checkout to a larger disk."
            )
        room = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
        if room < needed / 4:
            raise SetupError(
                f"The folder for temporary files is nearly full: {room:.1f} GB free in {tempfile.gettempdir()}, and "
                f"pip keeps its downloads there (up to {needed / 4:.1f} GB). Free some space, or set TMPDIR to a "
                "folder on a larger disk."
            )

    def ensure_venv(self) -> None:
        """Make .venv where there is none that works."""
        configuration = self.venv / "pyvenv.cfg"
        exists = self.venv.is_dir() and any(self.venv.iterdir())
        if exists and not configuration.exists():
            raise SetupError(f"{self.venv} is not a virtual environment; move it away, then try again.")
        version = probe([str(self.python)]) if exists else None
        if version is not None and version not in SUPPORTED:
            raise SetupError(
                f"{self.venv} was made with Python {dotted(version)}; {' or '.join(map(dotted, SUPPORTED))} is needed. "
                "Run `make clean` (or delete the folder), then try again."
            )
        whole = version is not None and not self.unfinished.exists() and self.runs("-m", "pip", "--version")
        if exists and whole:
            return
        if exists:
            say("an earlier set-up was interrupted or its Python is gone; making .venv anew.")
        python = find_python()
        say(f"making .venv with Python {dotted(probe(python) or ())} ({' '.join(python)}).")
        made = subprocess.run(
            [*python, "-m", "venv", "--clear", str(self.venv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(),
        )
        if made.returncode != 0:
            shutil.rmtree(str(self.venv), ignore_errors=True)
            said = made.stdout.decode(errors="replace").strip()
            if re.search(r"ensurepip|No module named '?venv", said):
                raise SetupError(
                    f"This Python ({' '.join(python)}) comes without the venv or ensurepip module. On Debian and "
                    "Ubuntu: `sudo apt install python3-venv` (or python3.11-venv); elsewhere use another Python: "
                    f"`make PYTHON=/path/to/python3.11 run`. It said: {said.splitlines()[-1] if said else 'nothing'}"
                )
            raise SetupError(f"`{' '.join(python)} -m venv .venv` failed: {said[-1000:] or 'it said nothing'}")

    def runs(self, *arguments: str) -> bool:
        """Tell whether the environment's Python does this without an error."""
        asked = subprocess.run(
            [str(self.python), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(),
        )
        return asked.returncode == 0

    def install_locked(self, files: "tuple[str, ...]") -> None:
        """Install the packages of files in requirements/, exactly these versions and files."""
        paths = [self.requirements(name) for name in files]
        total = sum(len(re.findall(r"^[A-Za-z0-9].*==", path.read_text(encoding="utf-8"), re.M)) for path in paths)
        say(f"installing up to {total} pinned packages ({', '.join(files)}); this takes minutes the first time.")
        options = [part for path in paths for part in ("-r", str(path))]
        self.pip("install", *LOCKED, *options, doing=f"installing {', '.join(files)}", total=total)

    def install_torch_for_cpu(self) -> None:
        """Install torch's CPU build where pip knows of one; otherwise it comes with lock.txt.

        A step of its own, because pip prefers a file whose index states its hash to one in a plain folder: asked for
        both at once it would take the registry's CUDA build although the CPU build lies at hand.
        """
        if not sys.platform.startswith("linux"):
            return
        path = str(self.requirements(TORCH_CPU))
        say("installing torch's CPU build, if pip can find it.")
        try:
            self.pip("install", *LOCKED, "-r", path, doing="looking for torch's CPU build")
        except PipError as error:
            # It has other versions of torch, but not this build: that, and no other failure, is the reason to go on.
            if "No matching distribution found for torch" not in error.said or "from versions: none" in error.said:
                raise
            say(
                "pip is set to no index that has torch's CPU build, so the registry's CUDA build is installed, with "
                "the CUDA packages it needs: 7 GB altogether instead of 3. It works without a GPU. To spare the disk, "
                "press Ctrl-C, set PIP_EXTRA_INDEX_URL to PyTorch's CPU wheel index (its install page names it), and "
                "begin again."
            )

    def torch_wants_cuda(self) -> bool:
        """Tell whether the installed torch itself requires packages of the CUDA file (its CPU build does not)."""
        answer = subprocess.run(
            [str(self.python), "-c", TORCH_REQUIRES],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
        )
        if answer.returncode != 0:
            raise SetupError(
                f"The installed torch could not be asked what it needs: {answer.stderr.decode(errors='replace')[-500:]}"
                "\nRun `make clean`, then try again."
            )
        pinned = set(re.findall(r"^([a-z0-9-]+)==", self.requirements(CUDA).read_text(encoding="utf-8"), re.M))
        return not pinned.isdisjoint(answer.stdout.decode().split())

    def install_package(self) -> None:
        """Install this package for editing, with the locked build backend and without asking any index."""
        options = ("--no-deps", "--no-index", "--no-build-isolation")
        self.pip("install", *options, "--editable", str(self.root), doing="installing this package")

    def pip(self, command: str, *arguments: str, doing: str, total: int = 0) -> None:
        """Run pip, follow its output, and end in a sentence if it fails."""
        call = [str(self.python), "-m", "pip", command, *arguments]
        call[4:4] = PIP_OPTIONS[:2] if command == "check" else PIP_OPTIONS
        process = subprocess.Popen(
            call,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            cwd=str(self.root),
        )
        tail: "deque[str]" = deque(maxlen=15)
        with process:
            try:
                with open(str(self.log), "a", encoding="utf-8") as log:
                    follow(process, tail, log, total)
                status = process.wait()
            except BaseException:  # Ctrl-C, or a signal turned into an exception: leave no pip behind
                process.terminate()
                raise
        if status < 0:
            raise SetupError(f"pip was ended by signal {-status} while {doing}; try again.")
        if status != 0:
            said = "\n".join(f"    {line}" for line in tail)
            message = f"pip failed while {doing}. It ended with:\n{said}\n{advise(list(tail), self.log)}"
            raise PipError(message, said)


def follow(process: "subprocess.Popen[bytes]", tail: "deque[str]", log: object, total: int) -> None:
    """Copy pip's lines to the log, and tell how far it has come: in place on a terminal, else now and then."""
    assert process.stdout is not None
    terminal, told, fetched = sys.stdout.isatty(), time.monotonic(), 0
    for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip()
        print(line, file=log, flush=True)  # type: ignore[call-overload]
        tail.append(line)
        now = ""
        package = re.match(r"(?:Collecting|Processing|Ignoring|Requirement already satisfied:) (\S+)", line)
        if package:
            fetched += 1
            now = f"{fetched} of {total}: {Path(package.group(1).rstrip(':')).name}"
        elif line.startswith("Installing collected packages"):
            now = f"unpacking {line.count(',') + 1} packages"
        if total and now and (terminal or time.monotonic() - told > 20 or now.startswith("unpacking")):
            told = time.monotonic()
            print(f"\r\033[K  {now}" if terminal else f"  {now}", end="" if terminal else "\n", flush=True)
    if terminal and total:
        print("\r\033[K", end="", flush=True)


def advise(lines: "list[str]", log: Path) -> str:
    """Return what to do about the end of pip's output."""
    said = "\n".join(lines)
    for pattern, advice in ADVICE:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{advice} The whole output is in {log}."
    return f"The whole output is in {log}. `make clean` and a second try begin from nothing."


# -------------------------------------------------------------------------------------------------------------- jobs


def become(checkout: Checkout, command: "list[str]", folder: "Path | None" = None) -> int:
    """Hand over to a command of the environment, so that signals and the exit status are its own."""
    environment = child_environment()
    environment["VIRTUAL_ENV"] = str(checkout.venv)
    environment["PATH"] = str(checkout.bin) + os.pathsep + environment.get("PATH", "")
    sys.stdout.flush()
    if folder is not None:
        os.chdir(str(folder))
    if not WINDOWS:
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the child has had the same Ctrl-C; wait for it to end in its own way
            continue


def steps(checkout: Checkout, commands: "list[tuple[str, list[str]]]") -> int:
    """Run commands one after the other, all of them even after a failure, and return 1 if any failed.

    What failed is said before the last command, so that the last line printed is that command's own.
    """
    environment = child_environment()
    environment["PATH"] = str(checkout.bin) + os.pathsep + environment.get("PATH", "")
    failed: "list[str]" = []
    for name, command in commands:
        if name == commands[-1][0] and failed:
            say(f"failed so far: {', '.join(failed)}.")
        say(f"{name} ...")
        if subprocess.call(command, env=environment, cwd=str(checkout.root)) != 0:
            failed.append(name)
    return 1 if failed else 0


def run(checkout: Checkout, arguments: "list[str]") -> int:
    """Run the main job, in the caller's folder, so that relative paths mean what they say."""
    checkout.ensure("run")
    return become(checkout, [checkout.tool("throughline"), "run", *arguments])


def pytest(checkout: Checkout, arguments: "list[str]") -> "list[str]":
    """Return the command of the tests. Two workers; tests that share a group (TensorFlow's) share a worker."""
    return [str(checkout.python), "-m", "pytest", "-n", "2", "--dist", "loadgroup", *arguments]


def test(checkout: Checkout, arguments: "list[str]") -> int:
    """Run the tests."""
    checkout.ensure("dev")
    return become(checkout, pytest(checkout, arguments), checkout.root)


def check(checkout: Checkout, arguments: "list[str]") -> int:
    """Run all that a change must pass, the tests last."""
    checkout.ensure("dev")
    python = str(checkout.python)
    commands = [
        ("format", [checkout.tool("ruff"), "format", "--check", "."]),
        ("lint", [checkout.tool("ruff"), "check", "."]),
        ("types", [python, "-m", "mypy"]),
        ("docs", [python, "scripts/check_docs.py"]),
        ("tests", pytest(checkout, arguments)),
    ]
    return steps(checkout, commands)


def reformat(checkout: Checkout, arguments: "list[str]") -> int:
    """Reformat the code and mend what the linter can mend."""
    checkout.ensure("dev")
    ruff = checkout.tool("ruff")
    paths = arguments or ["."]
    return steps(checkout, [("format", [ruff, "format", *paths]), ("lint", [ruff, "check", "--fix", *paths])])


def notebook(checkout: Checkout, arguments: "list[str]") -> int:
    """Execute every notebook source into an .ipynb beside it; with --check, execute and keep nothing."""
    checkout.ensure("dev")
    return become(checkout, [str(checkout.python), "-m", "throughline.notebook", *arguments], checkout.root)


def readme(checkout: Checkout, arguments: "list[str]") -> int:
    """Fill in the figures that README.md and CONTRIBUTING.md cite; with --run, run the default task first."""
    checkout.ensure("dev")
    command = [str(checkout.python), "-m", "throughline.claims.fill", *arguments]
    return become(checkout, [*command, "docs/record.json", "README.md", "CONTRIBUTING.md"], checkout.root)


def lock(checkout: Checkout, arguments: "list[str]") -> int:
    """Resolve the dependencies anew. Needs only the pinned uv: the old lock may be the very thing that is wrong."""
    with checkout.one_at_a_time():
        checkout.ensure_venv()
        checkout.pip("install", *LOCKED, "-r", str(checkout.requirements("lock-tools.txt")), doing="getting uv")
    script = str(checkout.root / "scripts" / "lock.py")
    return become(checkout, [str(checkout.python), script, *arguments], checkout.root)


def setup(checkout: Checkout, arguments: "list[str]") -> int:
    """Install everything, and do nothing else."""
    checkout.ensure("dev")
    return 0


def execute(checkout: Checkout, arguments: "list[str]") -> int:
    """Run one of the environment's own commands."""
    if not arguments:
        raise SetupError("exec needs a command, such as `exec ruff check .`.")
    checkout.ensure("dev")
    command = checkout.tool(arguments[0])
    if not Path(command).exists():
        raise SetupError(f"there is no command {arguments[0]!r} in {checkout.bin}.")
    return become(checkout, [command, *arguments[1:]])


def clean(checkout: Checkout, arguments: "list[str]") -> int:
    """Remove what set-up and tools made. Runs and their results are kept."""
    names = [".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", "build", "dist"]
    if (checkout.venv / "pyvenv.cfg").exists():
        names.append(".venv")
    for path in [checkout.root / name for name in names]:
        if path.is_dir() and not path.is_symlink():
            say(f"removing {path.name}")
            shutil.rmtree(str(path))
    return 0


JOBS = {
    "run": run,
    "test": test,
    "check": check,
    "format": reformat,
    "notebook": notebook,
    "readme": readme,
    "lock": lock,
    "setup": setup,
    "exec": execute,
    "clean": clean,
}


def main(arguments: "list[str]", root: Path) -> int:
    """Do the job named first; everything after its name is the job's own."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print((__doc__ or "").strip())
        return 0
    name, *rest = arguments
    if name not in JOBS:
        say(f"unknown job {name!r}; known are {', '.join(JOBS)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: pip is ended too
    try:
        return JOBS[name](Checkout(root), rest)
    except SetupError as error:
        sys.stdout.flush()
        print(f"throughline: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("\nthroughline: interrupted; the next call takes it up again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent.parent))
