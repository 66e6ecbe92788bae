"""Every command explains itself with an example, and does so without anything heavy."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import throughline
from throughline.__main__ import _exit_status
from throughline.cli import COMMANDS, GROUPS

NAMES = [command.__name__ for command in COMMANDS]
# A command of a group is called by both names.
GROUPED = [f"{group.name[0]} {name}" for group in GROUPS for name in group if not name.startswith("-")]
HEAVY = """
numpy scipy sklearn pandas polars matplotlib tensorflow keras torch jax onnx onnxruntime onnxscript
ai_edge_litert safetensors msgspec jinja2 markdown_it pygments rich.markdown rich.live rich.progress rich.syntax
textual fsrs platformdirs
"""


def test_all_commands_are_known() -> None:
    assert " ".join(NAMES) == (
        "run report compare notebook rehearse claims verify bundle predict bench sizes export parity formats tasks"
    )
    assert GROUPED == ["drill bug", "drill chain-rule"]


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_the_commands_and_what_the_status_means(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status([flag]) == 0
    out = capsys.readouterr().out
    for name in (*NAMES, *(group.name[0] for group in GROUPS)):
        assert f"│ {name} " in out
    assert "Exit status: 0 done, 1 a verification failed, 2 misuse, 130 interrupted." in out


@pytest.mark.parametrize("name", [*NAMES, *GROUPED])
def test_help_of_a_command_shows_examples_and_fits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status([*name.split(), "--help"]) == 0
    captured = capsys.readouterr()
    assert f"    throughline {name}" in captured.out
    assert "Exit status:" in captured.out
    assert "`" not in captured.out
    assert "*" not in re.sub(r"│ \*  (?=[A-Z-])", "", captured.out)  # which marks what must be given
    assert max(map(len, captured.out.splitlines())) <= 80
    assert captured.err == ""


@pytest.mark.parametrize(
    "option", ["task", "data", "target", "out", "seed", "chapters", "wpm", "resume", "no-embed", "strict", "json"]
)
def test_every_option_of_run_is_explained(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    _exit_status(["run", "--help"])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(f"│ --{option} "))
    assert len(line.strip("│ ").split()) > 3


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["--version"]) == 0
    assert capsys.readouterr().out.strip() == throughline.__version__


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], *([*name.split(), "--help"] for name in [*NAMES, "drill", *GROUPED])]
)
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    # In a fresh process: the one that tests has imported everything already.
    code = (
        "import sys; from throughline.__main__ import _exit_status; status = _exit_status(sys.argv[2:]);"
        "print([name for name in sys.argv[1].split() if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, " ".join(HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


@pytest.mark.parametrize("name", ["formats", "tasks"])
def test_lists_are_printed_for_people_and_for_programs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert _exit_status([name]) == 0
    table = capsys.readouterr().out
    assert _exit_status([name, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    for row in rows:
        assert row["name"] in table
    assert max(map(len, table.splitlines())) <= 80
