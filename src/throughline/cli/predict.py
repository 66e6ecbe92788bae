"""``throughline predict``: raw rows in, labels and probabilities out, from any format of a bundle or a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.errors import UsageError

if TYPE_CHECKING:
    from throughline.predict.rows import Predicted

MOST_NAMED = 4


def predict(
    source: Annotated[Path, Parameter(name="BUNDLE-OR-RUN", help="Folder of a bundle or of a finished run.")],
    rows: Annotated[str, Parameter(name="ROWS", help="A table of any kind that throughline run takes as --data.")],
    /,
    *,
    format: Annotated[
        str | None, Parameter(help="Format to answer with. Default: the first whose runtime is here.")
    ] = None,
    out: Annotated[Path | None, Parameter(help="New .csv or .parquet file. Default: CSV on standard output.")] = None,
    json: Annotated[bool, Parameter(help="Print what was done as JSON on standard output; needs --out.")] = False,
) -> int:
    """Answer raw rows of a table with a proven file.

    Columns are found by name, in any order; others are ignored and named. Texts
    that no training row had, and empty cells, are answered as in training; a
    column that is missing or a cell that its column cannot be is refused, and
    nothing is written then. Each row gets a label and the probability of each
    class, or a value, in the order of the table. If the table has the column that
    is predicted, the score is said. A table of any length goes through in parts.

    For example:

        throughline predict send new.csv
        throughline predict runs/patients new.xlsx --out answers.csv
        throughline predict send new.parquet --format tflite-int8 --out answers.parquet
        throughline predict send "sqlite:///ward.db?table=today" --out today.csv --json
    """
    import sys
    import tempfile

    from rich.console import Console

    from throughline.predict.rows import PredictRequest, predict_rows

    if json and out is None:
        raise UsageError("--out", "given with --json", "none", "pass a file for the answers")
    console = Console(stderr=json or out is None, highlight=False, markup=False, emoji=False)
    with tempfile.TemporaryDirectory(prefix="throughline-") as folder:
        written = out or Path(folder) / "answers.csv"
        with console.status("read") as status:
            done = predict_rows(
                PredictRequest(source, rows, written, format), lambda n: status.update(f"{n:,} rows answered")
            )
        if out is None:
            with written.open(encoding="utf-8", newline="") as answers:
                for line in answers:
                    sys.stdout.write(line)
    for sentence in sentences(done, out):
        console.print(sentence, soft_wrap=True)
    if json:
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(done), indent=1).decode() + "\n")
    return 0


def sentences(done: Predicted, out: Path | None) -> list[str]:
    """Say what was done, with what, and how good it was."""
    from throughline.errors import quoted

    rows = "1 row" if done.n_rows == 1 else f"{done.n_rows:,} rows"
    said = [f"{rows} answered by {done.title} in {done.runtime}; {done.seconds:.1f} s."]
    if done.ignored:
        more = len(done.ignored) - MOST_NAMED
        names = ", ".join(map(quoted, done.ignored[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
        said.append(f"Ignored, since the network does not take them: {names}.")
    if done.score is not None:
        of = f"{done.score.n_rows:,} rows with {quoted(done.score.target)}"
        if done.score.accuracy is not None:
            said.append(f"Right in {done.score.accuracy:.1%} of {of}.")
        else:
            r2 = "" if done.score.r2 is None else f"R² {done.score.r2:.3f}, "
            said.append(f"{r2}root mean square error {done.score.rmse:.4g} on {of}.")
        if done.score.n_others:
            said.append(f"Not counted: {done.score.n_others:,} rows with something that the network cannot answer.")
    return said + ([f"  {out}"] if out is not None else [])
