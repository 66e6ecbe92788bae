"""The set-up script, without a network: pip is replaced, Python and the files are real."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FILES = ["lock.txt", "lock-dev.txt", "torch-cpu.txt", "torch-cuda.txt"]
posix_only = pytest.mark.skipif(os.name == "nt", reason="2026-11-22: stand-in commands are shell scripts")


def load(name):
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup_env = load("setup_env")
lock = load("lock")


def entries(name):
    return lock.entries((ROOT / "requirements" / name).read_text(encoding="utf-8"))


def requirements(name):
    return [Requirement(line) for line in entries(name)]


@pytest.fixture
def checkout(tmp_path):
    """A project of one line, with a .venv that looks whole: its python is the one running the tests."""
    root = tmp_path / "a project"  # with a blank, as people have
    (root / "requirements").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    for name in FILES:
        (root / "requirements" / name).write_text(f"{name[:-4]}==1 \\\n    --hash=sha256:00\n")
    return setup_env.Checkout(root)


@pytest.fixture
def pip(checkout, monkeypatch):
    """Replace pip and venv; return the list of what pip was asked for. `pip.fails` maps an argument to an error."""
    calls = []
    fails = {}

    def fake_pip(*arguments, doing, total=0):
        calls.append(" ".join(Path(part).name for part in arguments))
        for word, error in fails.items():
            if word in calls[-1]:
                raise error

    def fake_venv():
        checkout.bin.mkdir(parents=True, exist_ok=True)
        checkout.python.touch()

    monkeypatch.setattr(checkout, "pip", fake_pip)
    monkeypatch.setattr(checkout, "ensure_venv", fake_venv)
    monkeypatch.setattr(checkout, "torch_wants_cuda", lambda: False)
    return SimpleNamespace(calls=calls, fails=fails)


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


# ------------------------------------------------------------------------------------------------------------- stamp


def test_first_call_installs_and_second_does_not(checkout, pip):
    checkout.ensure("run")
    installed = len(pip.calls)
    assert any("-r lock.txt" in call for call in pip.calls)
    assert not any("lock-dev.txt" in call for call in pip.calls)
    checkout.ensure("run")
    assert len(pip.calls) == installed


def test_dev_adds_to_run_and_run_needs_nothing_more(checkout, pip):
    checkout.ensure("dev")
    assert any("-r lock.txt -r lock-dev.txt" in call for call in pip.calls)
    installed = len(pip.calls)
    checkout.ensure("run")
    assert len(pip.calls) == installed


def test_every_package_is_installed_by_hash_and_nothing_is_resolved(checkout, pip):
    checkout.ensure("dev")
    for call in pip.calls:
        if "-r" in call.split():
            assert "--no-deps --require-hashes --only-binary :all:" in call
    assert any("--no-index --no-build-isolation --editable" in call for call in pip.calls)


@pytest.mark.parametrize("name", ["pyproject.toml", *(f"requirements/{name}" for name in FILES)])
def test_a_changed_file_installs_again(checkout, pip, name):
    checkout.ensure("dev")
    path = checkout.root / name
    path.write_text(path.read_text() + "# changed\n")
    assert not checkout.is_ready("dev")


def test_a_change_of_the_dev_lock_leaves_run_ready(checkout, pip):
    checkout.ensure("dev")
    (checkout.root / "requirements" / "lock-dev.txt").write_text("other==1\n")
    assert checkout.is_ready("run")
    assert not checkout.is_ready("dev")


def test_a_moved_checkout_is_not_ready(checkout, pip, tmp_path):
    checkout.ensure("run")
    moved = tmp_path / "elsewhere"
    shutil.copytree(checkout.root, moved)
    assert not setup_env.Checkout(moved).is_ready("run")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": "0"}'])
def test_a_stamp_that_cannot_be_right_counts_as_none(checkout, pip, content):
    checkout.ensure("run")
    checkout.stamp.write_text(content)
    assert not checkout.is_ready("run")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)])
def test_an_interrupted_install_leaves_no_stamp_but_a_mark(checkout, pip, stop):
    checkout.ensure("run")
    pip.fails["lock-dev.txt"] = stop
    with pytest.raises(type(stop)):
        checkout.ensure("dev")
    assert checkout.stamps() == {}
    assert checkout.unfinished.exists()


def test_a_pip_that_failed_leaves_neither(checkout, pip):
    pip.fails["-r lock.txt"] = setup_env.PipError("no", "no")
    with pytest.raises(setup_env.PipError):
        checkout.ensure("run")
    assert checkout.stamps() == {}
    assert not checkout.unfinished.exists()


def test_a_dev_layer_that_failed_leaves_run_ready(checkout, pip):
    checkout.ensure("run")
    pip.fails["lock-dev.txt"] = setup_env.PipError("no", "no network")
    with pytest.raises(setup_env.PipError):
        checkout.ensure("dev")
    assert checkout.is_ready("run")
    assert not checkout.is_ready("dev")


@posix_only
def test_a_second_command_waits_for_the_first(checkout, capsys):
    # Two processes; the second must enter only after the first has left.
    code = (
        "import importlib.util, sys, time\n"
        f"spec = importlib.util.spec_from_file_location('s', {str(checkout.root / 'setup_env.py')!r})\n"
        "s = importlib.util.module_from_spec(spec); spec.loader.exec_module(s)\n"
        "with s.Checkout(__import__('pathlib').Path('.')).one_at_a_time():\n"
        "    print('in', time.monotonic(), flush=True); time.sleep(0.5); print('out', time.monotonic(), flush=True)\n"
    )
    shutil.copy(ROOT / "scripts" / "setup_env.py", checkout.root)
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    spans = sorted(tuple(float(t) for t in re.findall(r"\d+\.\d+", process.communicate()[0])) for process in both)
    assert spans[0][1] <= spans[1][0]


# -------------------------------------------------------------------------------------------------------- torch, CUDA


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(setup_env.sys, "platform", "linux")


def test_torch_is_asked_for_as_a_cpu_build_first(checkout, pip, linux):
    checkout.ensure("run")
    names = [re.findall(r"-r (\S+)", call) for call in pip.calls]
    assert names[:2] == [["torch-cpu.txt"], ["lock.txt"]]
    assert not any("torch-cuda.txt" in call for call in pip.calls)


def test_without_a_cpu_build_the_cuda_packages_follow(checkout, pip, linux, monkeypatch, capsys):
    pip.fails["torch-cpu.txt"] = setup_env.PipError("...", "ERROR: No matching distribution found for torch==1+cpu")
    monkeypatch.setattr(checkout, "torch_wants_cuda", lambda: True)
    checkout.ensure("run")
    assert [re.findall(r"-r (\S+)", call) for call in pip.calls][:3] == [
        ["torch-cpu.txt"],
        ["lock.txt"],
        ["torch-cuda.txt"],
    ]
    assert "PIP_EXTRA_INDEX_URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said",
    [
        "THESE PACKAGES DO NOT MATCH THE HASHES",
        "Could not find a version that satisfies the requirement torch==1+cpu (from versions: none)\n"
        "No matching distribution found for torch==1+cpu",
    ],
)
def test_another_failure_is_not_taken_for_a_missing_cpu_build(checkout, pip, linux, said):
    pip.fails["torch-cpu.txt"] = setup_env.PipError("...", said)
    with pytest.raises(setup_env.PipError):
        checkout.ensure("run")


def test_other_systems_take_torch_from_the_lock(checkout, pip, monkeypatch):
    monkeypatch.setattr(setup_env.sys, "platform", "darwin")
    checkout.ensure("run")
    assert not any("torch-cpu.txt" in call for call in pip.calls)


@posix_only
@pytest.mark.parametrize(("said", "expected"), [("filelock\nsetuptools", False), ("filelock\ntorch-cuda\n", True)])
def test_the_installed_torch_decides_about_cuda(checkout, said, expected):
    executable(checkout.python, f"#!/bin/sh\nprintf '{said}'\n")
    assert checkout.torch_wants_cuda() is expected


def test_the_question_to_torch_works_in_a_real_environment():
    answer = subprocess.run([sys.executable, "-c", setup_env.TORCH_REQUIRES], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "sympy" in answer.stdout.split()
    assert "opt-einsum" not in answer.stdout.split()  # only with an extra


# ------------------------------------------------------------------------------------------------------ error sentences


def test_a_full_disk_is_said_before_anything_is_begun(checkout, pip, monkeypatch):
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda path: SimpleNamespace(free=1.5e9))
    with pytest.raises(setup_env.SetupError, match=r"1\.5 GB free in .*take up to 4\.0 GB"):
        checkout.ensure("run")
    assert pip.calls == []


@posix_only
def test_a_name_on_path_that_does_not_run_is_passed_over(tmp_path, monkeypatch):
    shim = executable(tmp_path / "python3.11", "#!/bin/sh\necho 'python3.11: command not found' >&2\nexit 127\n")
    real = executable(tmp_path / "python3.12", "#!/bin/sh\necho cpython 3 12\n")
    assert setup_env.probe([str(shim)]) is None
    assert setup_env.probe([str(real)]) == (3, 12)
    monkeypatch.setattr(setup_env.sys, "executable", str(shim))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup_env.find_python() == ["python3.12"]


@posix_only
def test_no_python_that_will_do_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env.sys, "executable", str(executable(tmp_path / "p", "#!/bin/sh\necho cpython 3 13\n")))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup_env.SetupError, match=r"Python 3\.11 or 3\.12 is needed; this is .*make PYTHON="):
        setup_env.find_python()


@posix_only
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("The virtual environment was not created because ensurepip is not available.", "apt install python3-venv"),
        ("No module named venv", "without the venv or ensurepip module"),
        ("Error: it rains", "-m venv .venv` failed: Error: it rains"),
    ],
)
def test_a_venv_that_cannot_be_made_says_why(checkout, tmp_path, monkeypatch, said, sentence):
    fake = executable(
        tmp_path / "python3.11", f'#!/bin/sh\n[ "$2" = venv ] && echo "{said}" && exit 1\necho cpython 3 11\n'
    )
    monkeypatch.setattr(setup_env, "find_python", lambda: [str(fake)])
    with pytest.raises(setup_env.SetupError, match=re.escape(sentence)):
        checkout.ensure_venv()
    assert not checkout.venv.exists()


def test_a_folder_that_is_no_environment_is_left_alone(checkout):
    checkout.venv.mkdir()
    (checkout.venv / "precious").touch()
    with pytest.raises(setup_env.SetupError, match="not a virtual environment; move it away"):
        checkout.ensure_venv()
    assert (checkout.venv / "precious").exists()


@posix_only
def test_an_environment_of_another_python_is_named(checkout):
    executable(checkout.python, "#!/bin/sh\necho cpython 3 9\n")
    (checkout.venv / "pyvenv.cfg").touch()
    with pytest.raises(setup_env.SetupError, match=r"made with Python 3\.9; 3\.11 or 3\.12 is needed.*make clean"):
        checkout.ensure_venv()


@posix_only
@pytest.mark.parametrize("broken", ["interrupted", "python is gone", "no pip"])
def test_half_an_environment_is_made_anew(checkout, tmp_path, monkeypatch, broken):
    answer = '[ "$2" = pip ] && exit 1\necho cpython 3 11\n' if broken == "no pip" else "echo cpython 3 11\n"
    executable(checkout.python, f"#!/bin/sh\n{answer}")
    (checkout.venv / "pyvenv.cfg").touch()
    if broken == "interrupted":
        checkout.unfinished.touch()
    if broken == "python is gone":
        checkout.python.unlink()
    made = tmp_path / "made"
    fake = executable(tmp_path / "python3.11", f'#!/bin/sh\n[ "$2" = venv ] && touch {made}\necho cpython 3 11\n')
    monkeypatch.setattr(setup_env, "find_python", lambda: [str(fake)])
    checkout.ensure_venv()
    assert made.exists()


@posix_only
@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "not the one that the lock names",
        ),
        ("NewConnectionError: Failed to establish a new connection", "could not be reached"),
        ("ERROR: Could not find a version that satisfies x==1 (from versions: none)", "could not be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build of this package for this machine"),
        ("ERROR: it rains", "make clean"),
    ],
)
def test_a_failing_pip_shows_its_end_and_what_to_do(checkout, line, advice):
    executable(checkout.python, f"#!/bin/sh\nseq 100\necho '{line}'\nexit 1\n")
    with pytest.raises(setup_env.PipError) as caught:
        checkout.pip("install", "x", doing="installing x")
    message = str(caught.value)
    assert line in message
    assert advice in message
    assert "    100\n" in message
    assert "    50\n" not in message
    assert checkout.log.read_text().startswith("1\n2\n")  # all of it is kept


@posix_only
def test_being_stopped_takes_pip_along(checkout, tmp_path):
    pid = tmp_path / "pid"
    executable(checkout.python, f"#!/bin/sh\necho $$ > {pid}\nexec sleep 60\n")
    code = (
        "import importlib.util, pathlib, signal, sys\n"
        f"spec = importlib.util.spec_from_file_location('s', {str(ROOT / 'scripts' / 'setup_env.py')!r})\n"
        "s = importlib.util.module_from_spec(spec); spec.loader.exec_module(s)\n"
        "s.JOBS['run'] = lambda checkout, arguments: checkout.pip('install', doing='x')\n"
        f"sys.exit(s.main(['run'], pathlib.Path({str(checkout.root)!r})))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_unknown_job_lists_the_known_ones(capsys, tmp_path):
    assert setup_env.main(["walk"], tmp_path) == 2
    assert "run, test, check" in capsys.readouterr().out


def test_without_a_job_the_help_is_shown(capsys, tmp_path):
    assert setup_env.main([], tmp_path) == 0
    shown = capsys.readouterr().out
    assert [job for job in setup_env.JOBS if f"setup_env.py {job}" not in shown] == []


# -------------------------------------------------------------------------------------------------------------- jobs


@posix_only
def test_run_hands_over_arguments_folder_and_exit_status(checkout, tmp_path, pip):
    # A script of its own checkout, ready by its stamp: nothing is replaced but the command at the end.
    root = checkout.root
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup_env.py", root / "scripts")
    shutil.copy(ROOT / "Makefile", root)
    checkout.ensure("run")
    executable(checkout.bin / "throughline", '#!/bin/sh\nprintf "[%s]" "$@"\npwd\nexit 5\n')
    command = [sys.executable, str(root / "scripts" / "setup_env.py"), "run", "--data", "my file.csv"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 5, answer.stderr
    assert answer.stdout == f"[run][--data][my file.csv]{tmp_path}\n"
    if shutil.which("make"):
        made = ["make", "--no-print-directory", f"PYTHON={sys.executable}", "run", "ARGS=--data 'my file.csv'"]
        answer = subprocess.run(made, cwd=root, capture_output=True, text=True)
        assert answer.stdout == f"[run][--data][my file.csv]{root}\n", answer.stderr
        assert answer.returncode == 2  # make's own


@posix_only
def test_check_does_every_step_and_fails_if_one_did(checkout, capfd):
    steps = [("one", ["true"]), ("two", ["false"]), ("last", ["echo", "3 passed"])]
    assert setup_env.steps(checkout, steps) == 1
    out = capfd.readouterr().out
    assert "failed so far: two" in out
    assert out.endswith("3 passed\n")
    assert setup_env.steps(checkout, [steps[0], steps[2]]) == 0


def test_children_are_not_led_to_another_pythons_packages(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/other")
    monkeypatch.setenv("PIP_TARGET", "/opt/other")
    assert not {"PYTHONPATH", "PIP_TARGET"} & set(setup_env.child_environment())


def test_clean_keeps_runs_and_a_folder_that_is_no_environment(checkout):
    for name in (".venv", "runs", ".ruff_cache"):
        (checkout.root / name).mkdir()
    setup_env.clean(checkout, [])
    assert (checkout.root / ".venv").exists()
    assert (checkout.root / "runs").exists()
    assert not (checkout.root / ".ruff_cache").exists()
    (checkout.root / ".venv" / "pyvenv.cfg").touch()
    setup_env.clean(checkout, [])
    assert not (checkout.root / ".venv").exists()


def test_an_old_python_can_read_the_script():
    compile_as_36 = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 6))"
    script = str(ROOT / "scripts" / "setup_env.py")
    subprocess.run([sys.executable, "-c", compile_as_36, script], check=True)
    text = Path(script).read_text(encoding="utf-8")
    assert "from __future__ import annotations" not in text  # unknown before 3.7
    assert "capture_output" not in text
    assert "text=True" not in text


# ------------------------------------------------------------------------------------------------------------ the lock


@pytest.mark.parametrize("name", [*FILES, "lock-tools.txt"])
def test_every_requirement_is_one_version_with_hashes_and_no_host(name):
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text
    found = entries(name)
    assert len(found) == len(re.findall(r"^[^\s#]", text, re.M))
    for line, block in found.items():
        assert re.fullmatch(r"[a-z0-9-]+==[^\s*]+( ; .+)?", line)
        assert "--hash=sha256:" in block


def test_no_package_is_locked_twice():
    pins = [
        (r.name, str(r.marker)) for name in ("lock.txt", "lock-dev.txt", "torch-cuda.txt") for r in requirements(name)
    ]
    assert len(pins) == len(set(pins))


def test_lock_has_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run = {requirement.name: requirement for requirement in requirements("lock.txt")}
    dev = run | {requirement.name: requirement for requirement in requirements("lock-dev.txt")}
    wanted = [(run, line) for line in project["project"]["dependencies"] + project["build-system"]["requires"]]
    extras = project["project"]["optional-dependencies"]
    wanted += [(dev, line) for name in ("notebook", "test", "dev") for line in extras[name]]
    wanted += [({"uv": requirements("lock-tools.txt")[0]}, line) for line in project["dependency-groups"]["lock"]]
    for pinned, line in wanted:
        requirement = Requirement(line)
        if requirement.name != "throughline":
            version = next(iter(pinned[requirement.name].specifier)).version
            assert requirement.specifier.contains(version), f"{line}: {version} is locked; run `make lock`"


def test_torch_is_listed_with_both_builds_and_cuda_apart():
    text = next(block for line, block in entries("lock.txt").items() if line.startswith("torch=="))
    (cpu_line, cpu_block), *rest = entries("torch-cpu.txt").items()
    assert rest == []
    cpu = set(re.findall(r"sha256:(\w{64})", cpu_block))
    assert len(cpu) == 4
    assert cpu < set(re.findall(r"sha256:(\w{64})", text))
    version = next(r for r in requirements("lock.txt") if r.name == "torch").specifier
    assert next(iter(version)).version + "+cpu" == next(iter(Requirement(cpu_line).specifier)).version
    assert not [r.name for r in requirements("lock.txt") if re.match("nvidia|cuda|triton", r.name)]
    assert all("linux" in str(r.marker) for r in requirements("torch-cuda.txt"))


def test_cuda_packages_are_those_that_only_torch_on_linux_asks_for():
    mark = "sys_platform == 'linux'"
    resolved = {
        "torch==1": "torch==1\n    # via throughline (pyproject.toml)\n",
        f"cuda-kit==1 ; {mark}": "\n    # via torch\n",
        f"nv-blas==1 ; {mark}": "\n    # via\n    #   cuda-kit\n    #   torch\n",
        f"shared==1 ; {mark}": "\n    # via\n    #   keras\n    #   torch\n",
        "sympy==1": "\n    # via torch\n",
    }
    assert lock.cuda_only(resolved) == {"cuda-kit", "nv-blas"}


def test_a_torch_of_another_version_needs_new_cpu_hashes():
    with pytest.raises(SystemExit, match=r"torch 9\.9\.9 was locked, and torch-cpu\.txt is for another version"):
        lock.with_cpu_builds("torch==9.9.9", "torch==9.9.9\n    # via throughline\n")


def test_what_is_installed_is_what_is_locked():
    # True in the environment that set-up made; elsewhere (someone's own) there is nothing to compare.
    stamp = Path(sys.prefix) / "throughline-stamp.json"
    if not stamp.exists() or "dev" not in json.loads(stamp.read_text(encoding="utf-8")):
        pytest.skip("2026-11-22: not run in the environment of `make test`")
    for requirement in requirements("lock.txt") + requirements("lock-dev.txt"):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(metadata.version(requirement.name)), requirement.name
