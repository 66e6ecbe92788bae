"""The notebook runs from top to bottom, the committed one fits its source, and the builder refuses what is not fit."""

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from throughline.errors import ThroughlineError, UsageError
from throughline.notebook import build_notebook, find_faults, show
from throughline.notebook.__main__ import main
from throughline.notebook.build import METADATA

SOURCE = Path(__file__).parent.parent / "notebooks" / "neural_networks.py"
COMMITTED = SOURCE.with_suffix(".ipynb")
TINY = """# %% [markdown]
# Two is $1 + 1$.

# %% tags=["parameters"]
ONE = 1

# %%
print(ONE)
print(ONE + ONE)
{"two": ONE + ONE}
"""


def read(path):
    return nbformat.read(path, as_version=4)


def cells(notebook):
    return [(cell.cell_type, cell.source.strip(), cell.metadata.get("tags", [])) for cell in notebook.cells]


def outputs(notebook):
    """Kinds of output of every cell: what is drawn and written, but not which figures."""
    return [
        [(output.output_type, sorted(output.get("data", {}))) for output in cell.get("outputs", [])]
        for cell in notebook.cells
    ]


def write(folder, text):
    path = folder / "tiny.py"
    path.write_text(text, encoding="utf-8")
    return path


# --- the notebook itself ---------------------------------------------------------------------------------------------


def test_notebook_runs_and_gives_the_outputs_that_are_committed(tmp_path):
    build_notebook(SOURCE, tmp_path / "built.ipynb")
    built, committed = read(tmp_path / "built.ipynb"), read(COMMITTED)
    assert list(find_faults(built)) == []
    assert built.metadata == METADATA
    assert [cell.id for cell in built.cells] == [cell.id for cell in committed.cells]
    assert outputs(built) == outputs(committed)


def test_committed_notebook_has_the_cells_of_its_source():
    assert cells(read(COMMITTED)) == cells(jupytext.read(SOURCE))


def test_committed_notebook_shows_no_error_warning_or_local_path():
    notebook = read(COMMITTED)
    assert list(find_faults(notebook)) == []
    assert notebook.metadata == METADATA
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    nbformat.validate(notebook)


def test_notebook_tells_every_chapter_and_asserts_its_bars():
    notebook = jupytext.read(SOURCE)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for chapter in range(1, 8):
        assert f"\n## Chapter {chapter}: " in f"\n{prose}"
        assert f"assert all(bar.met for bar in bars({chapter}))" in code
        assert f"show.talking_point(record, {chapter})" in code
    assert "show.talking_point(record, 8)" in code  # why several formats


# --- the builder -----------------------------------------------------------------------------------------------------


def test_build_is_byte_identical_and_names_no_machine(tmp_path):
    source = write(tmp_path, TINY)
    build_notebook(source, tmp_path / "one.ipynb")
    build_notebook(source, tmp_path / "two.ipynb")
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    notebook = read(tmp_path / "one.ipynb")
    nbformat.validate(notebook)
    assert notebook.metadata == METADATA
    assert notebook.cells[1].metadata == {"tags": ["parameters"]}
    assert [output.output_type for output in notebook.cells[2].outputs] == ["stream", "execute_result"]
    assert notebook.cells[2].outputs[0].text == "1\n2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.ipynb", "tiny.py", "two.ipynb"]


def test_kernel_is_this_interpreter_whatever_is_installed(tmp_path, monkeypatch):
    kernel = tmp_path / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "wrong", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    profile = tmp_path / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "00.py").write_text("print('a startup file of the user')")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    source = write(tmp_path, f"# %%\nimport sys\n\nprint(sys.executable == {sys.executable!r})\n")
    build_notebook(source, tmp_path / "out.ipynb")
    assert read(tmp_path / "out.ipynb").cells[0].outputs[0].text == "True\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('old')", "stderr"),
        ("from pathlib import Path\nprint(Path('x').resolve())", "of this machine"),
        ("object()", "of this machine"),
    ],
)
def test_unfit_notebook_is_refused_and_the_older_one_stays(tmp_path, code, said):
    out = tmp_path / "out.ipynb"
    out.write_text("older")
    with pytest.raises(ThroughlineError, match=said):
        build_notebook(write(tmp_path, f"# %%\n{code}\n"), out)
    assert out.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.ipynb", "tiny.py"]


def test_missing_source_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"^SOURCE must be a file that can be read, but got .*none\.py"):
        build_notebook(tmp_path / "none.py", tmp_path / "none.ipynb")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (new_output("error", ename="ValueError", evalue="", traceback=[]), "ends in ValueError"),
        (new_output("stream", name="stderr", text="careful"), "stderr"),
        (new_output("stream", text="saved in /home/ada/run"), "/home/"),
        (new_output("display_data", data={"text/markdown": r"C:\Users\ada"}), "of this machine"),
        (new_output("execute_result", data={"text/plain": "<object at 0x7f0123456789>"}), "0x7f"),
    ],
)
def test_find_faults_names_what_must_not_be_kept(output, said):
    (fault,) = find_faults(new_notebook(cells=[new_code_cell("x", execution_count=1, outputs=[output])]))
    assert said in fault


def test_find_faults_accepts_links_and_fractions():
    text = "see https://example.org/usr/x, models/keras/file.tflite, 1/2 and a/b"
    cell = new_code_cell("x", execution_count=1, outputs=[new_output("stream", text=text)])
    assert list(find_faults(new_notebook(cells=[cell]))) == []
    assert list(find_faults(new_notebook(cells=[new_code_cell("x")]))) == ["cell 0 was not executed"]


def test_command_builds_beside_the_source_and_checks_without_keeping(tmp_path, capsys):
    source = write(tmp_path, TINY)
    assert main([str(source), "--check"]) == 0
    assert not source.with_suffix(".ipynb").exists()
    assert main([str(source)]) == 0
    assert source.with_suffix(".ipynb").exists()
    assert main([str(tmp_path / "none.py")]) == 2
    assert "SOURCE must be" in capsys.readouterr().err


# --- what its cells show ---------------------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    texts = []
    monkeypatch.setattr(show, "_markdown", texts.append)
    return texts


def test_source_shows_code_without_docstrings(shown):
    show.source("scratch.mlp:MLP.backward")
    (text,) = shown
    assert text.startswith("```python\n# throughline/scratch/mlp.py, MLP.backward\ndef backward(self")
    assert "dkernel = a.T @ dz" in text
    assert '"""' not in text


def test_source_shows_an_excerpt_moved_to_the_margin(shown):
    show.source("scratch.perceptron:Perceptron.fit", start="for epoch in", stop="self.n_epochs_")
    first, *_, last, fence = shown[0].splitlines()[1:]
    assert first.startswith("# throughline/")
    assert shown[0].splitlines()[2].startswith("for epoch in")
    assert last.strip() == "break"
    assert fence == "```"


def test_source_imports_no_framework():
    code = (
        "import sys; from throughline.notebook import show; show.source('frameworks.torch_net:PyTorchNN');"
        "show.source('frameworks.keras_net:build'); sys.exit(bool({'torch', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_table_escapes_what_would_part_its_cells(shown):
    show.table(("a", "b"), [("x|y", 1)])
    assert shown == ["| a | b |\n| :-- | --: |\n| x\\|y | 1 |"]
