"""The notebook runs from top to bottom, the committed one fits its source, and the builder refuses what is not fit."""

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

import throughline.run
from throughline.__main__ import _exit_status
from throughline.claims.book import all_claims
from throughline.claims.claim import tell_all
from throughline.errors import ThroughlineError, UsageError
from throughline.notebook import build, build_notebook, find_faults, show
from throughline.notebook import claims as notebook_claims
from throughline.notebook.__main__ import main
from throughline.notebook.build import METADATA, CellError
from throughline.notebook.exercises import solutions, with_solutions
from throughline.notebook.parameters import Parameters
from throughline.notebook.readers_copy import readers_copy
from throughline.record import load_record

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


def test_notebook_tells_every_chapter_where_a_link_finds_it_and_holds_its_claims():
    notebook = jupytext.read(SOURCE)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for chapter in range(1, 8):
        assert f'<a id="chapter-{chapter}"></a>\n\n## Chapter {chapter}: ' in prose
        assert f"](#chapter-{chapter})" in prose
        assert f"\nhold({chapter})\nshow.talking_point(record, {chapter})" in code
    assert "\nhold(8)\nshow.talking_point(record, 8)" in code  # why several formats
    assert "\nhold(0)\n" in code  # the run as a whole


# --- the reader's own copy --------------------------------------------------------------------------------------------


def shown_text(notebook):
    found = (o for cell in notebook.cells for o in cell.get("outputs", []) if "text/markdown" in o.get("data", {}))
    return "\n".join(output.data["text/markdown"] for output in found)


@pytest.fixture(scope="module")
def copy_of_run(finished_run, tmp_path_factory):
    """What the command was asked to run, what it said, and the notebook that it wrote."""
    asked = []

    def run(request, on_event):  # the fixture has made this very run
        asked.append(request)
        return finished_run.record, finished_run.folder

    out = tmp_path_factory.mktemp("copies") / "mine.ipynb"
    arguments = ["--data", str(finished_run.data), "--target", "diagnosis", "--seed", "0", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throughline.run, "run", run)
        assert _exit_status(["notebook", *arguments]) == 0
    return asked, out


@pytest.mark.xdist_group("run")
def test_command_asks_for_the_run_and_writes_an_executed_copy(finished_run, copy_of_run, capsys):
    asked, out = copy_of_run
    assert [(r.task, r.data, r.target, r.seed) for r in asked] == [(None, finished_run.data, "diagnosis", 0)]
    notebook, record = read(out), finished_run.record
    assert list(find_faults(notebook)) == []
    (parameters,) = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert parameters.endswith('TARGET = "diagnosis"\nSEED = 0')
    text = shown_text(notebook)
    assert "from `breast.csv`: is `diagnosis` `benign` or `malignant`?" in text
    told = [each for each in tell_all(record) if each.verdict != "missing" and each.claim.write not in show.CLOCKS]
    assert text.count(" | held |") == sum(each.verdict == "held" for each in told) > 30
    assert text.count(" | **contradicted** |") == sum(each.verdict == "contradicted" for each in told)

    again = ["notebook", str(finished_run.folder), "--data", str(finished_run.data), "--out", str(out)]
    assert _exit_status(again) == 2
    assert "exists" in capsys.readouterr().err  # it may hold its reader's answers


@pytest.mark.xdist_group("run")
def test_every_folded_solution_runs_and_all_else_comes_out_the_same_again(finished_run, copy_of_run, tmp_path_factory):
    _, plain = copy_of_run
    copy = readers_copy(finished_run.folder, finished_run.data, tmp_path_factory.mktemp("solved") / "mine.ipynb")
    titles = []
    copy.build(lambda number, n_cells, title: titles.append((number, n_cells, title)), solved=True)
    built, solved = read(plain), read(copy.out)
    for place, code in solutions(built):
        assert solved.cells.pop(place + 1).source == code
    for cell in (*built.cells, *solved.cells):
        cell.pop("execution_count", None)  # the solutions count too
        for output in cell.get("outputs", []):
            output.pop("execution_count", None)
    assert built.cells == solved.cells
    assert [number for number, _, _ in titles] == list(range(1, titles[0][1] + 1))
    assert {f"Chapter {n}" for n in range(1, 8)} <= {title.split(":")[0] for _, _, title in titles}


@pytest.mark.xdist_group("run_of_amounts")
def test_a_run_of_amounts_is_told_with_all_its_solutions(run_of_amounts, tmp_path):
    copy = readers_copy(run_of_amounts.folder, run_of_amounts.data, tmp_path / "mine.ipynb")
    copy.build(lambda number, n_cells, title: None, solved=True)
    notebook = read(copy.out)
    assert list(find_faults(notebook)) == []
    text = shown_text(notebook)
    assert "from `progress.csv`: how much is `progress`?" in text
    assert "| mean of the target | standard deviation |" in text
    assert "| network | R² | 95 % interval | RMSE | mean absolute error | bias |" in text
    assert "| framework | kept epoch | validation loss | validation R² |" in text
    assert "Wilcoxon's test" in text
    assert "labels changed |" not in text
    assert text.count("OutputValueError") >= 3  # each of the mistakes that are made on purpose is caught


@pytest.mark.xdist_group("run")
def test_a_claim_that_is_contradicted_fails_its_cell(finished_run, tmp_path, capsys):
    folder = Path(shutil.copytree(finished_run.folder, tmp_path / "run"))
    record = load_record(folder)
    worse = dataclasses.replace(record, perceptron=dataclasses.replace(record.perceptron, test_accuracy=0.5))
    (folder / "record.json").write_text(worse.to_json(), encoding="utf-8")
    assert _exit_status(["notebook", str(folder), "--data", str(finished_run.data)]) == 1
    said = capsys.readouterr().err
    assert "'Chapter 1: Perceptron' failed with AssertionError: the record contradicts perceptron-accuracy." in said
    assert "Traceback" not in said
    assert not (folder / "notebook.ipynb").exists()


@pytest.mark.xdist_group("run")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--data must be the file 'breast.csv'"),
        (["--seed", "3"], "--seed must be left out when a finished run is told"),
        (["--task", "breast-cancer"], "--task must be left out when a finished run is told"),
        (["--out", "mine.txt"], "--out must be a new file that ends in .ipynb"),
        (["--out", "none/mine.ipynb"], "'none', which is no folder"),
    ],
)
def test_misuse_is_refused_in_a_sentence(finished_run, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert _exit_status(["notebook", str(finished_run.folder), *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [({"chapters": [3, 6]}, "must be a run of all chapters"), ({}, "must be the folder of a run with its models")],
)
def test_a_run_without_chapters_or_models_is_refused(tmp_path, change, said):
    record = json.loads((SOURCE.parent.parent / "docs" / "record.json").read_text(encoding="utf-8"))
    (tmp_path / "record.json").write_text(json.dumps(record | change), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        readers_copy(tmp_path)


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch, capsys):
    monkeypatch.setattr(build, "NEEDED", ("nbformat", "nbabsent"))
    assert _exit_status(["notebook"]) == 2  # before a run is made
    assert "pip install 'throughline[notebook]'" in capsys.readouterr().err


def test_open_claims_exist_and_none_of_them_says_what_a_proof_must():
    names = {claim.name for claim in all_claims()}
    opened = notebook_claims.OF_THE_SIZE | notebook_claims.OF_THE_ROWS | notebook_claims.OF_OTHER_FORMATS
    assert opened <= names
    proofs = {name for name in names if re.search("proven|gradient-?(autograd)?$|start|novikoff|batch|explains", name)}
    assert len(proofs) >= 10
    assert not opened & proofs


def test_open_claims_are_those_of_the_size_alone_where_all_is_as_promised():
    record = load_record(SOURCE.parent.parent / "docs" / "record.json")
    assert notebook_claims.open_claims(record) == notebook_claims.OF_THE_SIZE
    other = dataclasses.replace(record, seed=1)
    assert notebook_claims.open_claims(other) == notebook_claims.OF_THE_SIZE | notebook_claims.OF_THE_ROWS
    assert notebook_claims.contradicted(tell_all(record)) <= notebook_claims.OF_THE_SIZE


# --- parameters and exercises -----------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    wanted=st.builds(
        Parameters,
        run=st.none() | TEXTS,
        task=st.none() | TEXTS,
        data=st.none() | TEXTS,
        target=st.none() | TEXTS,
        seed=st.integers(0, 2**32 - 1),
    )
)
def test_parameters_come_back_from_their_cell(wanted):
    found = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(wanted.to_source()).body}
    assert found == {name.upper(): value for name, value in dataclasses.asdict(wanted).items()}


@pytest.mark.parametrize(
    ("parameters", "request_fields"),
    [
        (Parameters(task="breast-cancer", seed=4), ("breast-cancer", None, None, 4)),
        (Parameters(task="breast-cancer", data="a b.csv", target="y"), (None, Path("a b.csv"), "y", 0)),
    ],
)
def test_parameters_reach_the_run(parameters, request_fields):
    (cell,) = [cell.source for cell in jupytext.read(SOURCE).cells if cell.source.startswith("workspace =")]
    asked = []

    def run(request, on_event):
        asked.append(request)
        return None, None

    names = {"Path": Path, "RunRequest": throughline.run.RunRequest, "TemporaryDirectory": TemporaryDirectory}
    names |= {"run": run, "show": show}
    exec(f"{parameters.to_source()}\n{cell}", names)
    names["workspace"].cleanup()
    assert [(r.task, r.data, r.target, r.seed) for r in asked] == [request_fields]


def test_parameters_need_their_cell():
    with pytest.raises(UsageError, match="one cell tagged 'parameters'"):
        Parameters().put_into(new_notebook(cells=[new_code_cell("SEED = 0")]))


def test_every_chapter_has_an_exercise_whose_solution_is_folded():
    notebook = jupytext.read(SOURCE)
    found = list(solutions(notebook))
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(found) == sum(text.count("### Exercise: ") for text in prose) == 7
    assert len(found) == sum(text.count("<details>") for text in prose)
    for place, code in found:
        # Only with an empty line behind the summary is what follows read as Markdown.
        assert "<details>\n<summary><b>Solution</b></summary>\n\n```python\n" in notebook.cells[place].source
        assert "assert " in code
        assert notebook.cells[place + 1].source == "# Your turn."
    solved = with_solutions(notebook)
    assert [solved.cells[place + n + 1].source for n, (place, _) in enumerate(found)] == [code for _, code in found]


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


def test_a_failing_cell_is_named_by_its_heading_and_by_what_it_asserts(tmp_path):
    text = "# %% [markdown]\n# # All\n# ### Not this\n\n# %%\none = 1\nassert one == 2\n"
    with pytest.raises(CellError) as caught:
        build_notebook(write(tmp_path, text), tmp_path / "out.ipynb")
    assert str(caught.value) == "The cells of 'All' failed with AssertionError: assert one == 2."
    assert "Traceback" in caught.value.traceback


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


def test_claims_are_shown_with_their_verdicts_and_without_clocks(shown):
    record = load_record(SOURCE.parent.parent / "docs" / "record.json")
    told = show.claims(record, 8)
    assert len(told) == 3  # the fourth is a latency
    (table,) = shown
    assert table.count("| held |") == 3
    with pytest.raises(ThroughlineError, match="nothing to the claims of chapter 1"):
        show.claims(dataclasses.replace(record, perceptron=None), 1)


def test_table_escapes_what_would_part_its_cells(shown):
    show.table(("a", "b"), [("x|y", 1)])
    assert shown == ["| a | b |\n| :-- | --: |\n| x\\|y | 1 |"]
