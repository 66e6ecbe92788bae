"""The scratch package needs NumPy and the standard library, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import throughline.scratch

FOLDER = Path(throughline.scratch.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
READING_ORDER = ["activations", "losses", "optimizers", "perceptron", "mlp", "gradcheck", "plan", "blocks"]


def imported_roots(tree):
    """Yield the top package of each import, "." standing for a relative one inside the folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level if node.level else node.module.split(".")[0]


def test_the_walk_sees_every_kind_of_import():
    source = "import a.b\ndef f():\n    from c.d import e\n    from . import g\n    from ..h import i\n"
    assert sorted(imported_roots(ast.parse(source))) == [".", "..", "a", "c"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_imports_are_numpy_standard_library_or_relative(path):
    allowed = {"numpy", "."} | set(sys.stdlib_module_names)
    assert set(imported_roots(ast.parse(path.read_text()))) <= allowed


def test_all_files_are_walked():
    assert {path.stem for path in FILES} == {"__init__", "_checks", *READING_ORDER}


@pytest.mark.parametrize("name", READING_ORDER)
def test_each_file_uses_only_earlier_ones(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1}
    assert used <= {"_checks", *READING_ORDER[: READING_ORDER.index(name)]}


def test_importing_it_loads_no_framework():
    code = (
        "import sys, throughline.scratch; print({'torch', 'tensorflow', 'keras', 'sklearn', 'scipy'} & {*sys.modules})"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


def test_public_names_are_all_there():
    listed = throughline.scratch.__all__
    assert len(set(listed)) == len(listed)
    assert all(hasattr(throughline.scratch, name) for name in listed)
