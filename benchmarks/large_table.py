"""Time and peak memory of reading, recognising, encoding and splitting a large table, and of a whole run on it.

    python benchmarks/large_table.py                       # everything, and its part of docs/datasets.md
    python benchmarks/large_table.py --rows 100000         # another size, printed

It writes a table of 20 columns (12 numbers, 5 categories, 2 dates, 1 truth value; a twentieth of the cells empty) and a
target as CSV and as Parquet; each file is read in a process of its own. A run of all seven chapters on the Parquet file
follows, whose memory is that of all its processes, what they share counted once.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

USUAL_ROWS = 1_000_000
PAGE = Path(__file__).parent.parent / "docs" / "datasets.md"
BEGIN, END = "<!-- large table: begin -->\n", "<!-- large table: end -->\n"
N_NUMBERS, N_CATEGORIES, N_DATES = 12, 5, 2


def write(n_rows: int, folder: Path) -> list[Path]:
    """Write the same table in both forms."""
    import polars as pl

    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n_rows)
    columns = {f"x{i}": (rng.normal(size=n_rows) * 10.0**i + y).round(4) for i in range(-4, N_NUMBERS - 4)}
    columns |= {f"c{i}": rng.choice([f"label {j}" for j in range(4 ** (i + 1))], n_rows) for i in range(N_CATEGORIES)}
    days = np.datetime64("2020-01-01") + rng.integers(0, 2000, (N_DATES, n_rows))
    columns |= {f"d{i}": days[i] for i in range(N_DATES)}
    frame = pl.DataFrame(columns | {"b": rng.choice([True, False], n_rows)})
    frame = frame.with_columns(
        pl.when(pl.Series(rng.uniform(size=n_rows) < 0.05)).then(None).otherwise(pl.col(name)).alias(name)
        for name in frame.columns
    ).with_columns(y=pl.Series(np.where(y == 1, "yes", "no")))
    frame.write_csv(folder / "table.csv")
    frame.write_parquet(folder / "table.parquet")
    return [folder / "table.csv", folder / "table.parquet"]


def measure(path: Path) -> None:
    """Read one file and print a line; runs in a process of its own."""
    from throughline.data.features import fit_columns
    from throughline.data.read import read_cells
    from throughline.data.split import split_rows
    from throughline.data.table import TableRequest, read_table

    clock = [time.perf_counter()]
    read_cells(path)
    clock.append(time.perf_counter())
    table = read_table(TableRequest(data=path, target="y"), seed=0)
    clock.append(time.perf_counter())
    split = split_rows(table, 0)
    columns, _, _ = fit_columns(split.X_train, table.columns)
    clock.append(time.perf_counter())
    read_s, whole_s, split_s = np.diff(clock)
    # Linux counts in KiB, macOS in bytes.
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    n_features = sum(column.n_features for column in columns)
    print(
        f"| {path.suffix[1:]} | {path.stat().st_size / 1e6:.0f} | {len(table.y):,} | {n_features} | {read_s:.1f} "
        f"| {whole_s:.1f} | {split_s:.1f} | {peak_gb:.1f} |",
        flush=True,
    )


def measure_run(path: Path, out: Path) -> str:
    """Run all chapters, and say wall time, the peak of all processes' memory, and what took longest."""
    from throughline.cli.time_spent import longest_sentence
    from throughline.record import load_record

    command = [sys.executable, "-m", "throughline", "run", "--data", str(path), "--target", "y", "--seeds", "1"]
    started, peak_bytes = time.perf_counter(), 0
    process = subprocess.Popen([*command, "--out", str(out)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak_bytes = max(peak_bytes, sum(map(proportional_bytes, family(process.pid))))
        time.sleep(0.2)
    if process.returncode:
        sys.exit(process.returncode)
    wall_s, record = time.perf_counter() - started, load_record(out)
    return (
        f"A whole run on the Parquet file, all seven chapters, took {wall_s:.0f} s and at most "
        f"{peak_bytes / 1e9:.2f} GB in all its processes together.\n{longest_sentence(record)}\nFiles were proven on "
        f"{record.split.n_answered:,} of the {record.split.n_test:,} test rows.\n"
    )


def family(pid: int) -> list[int]:
    """Return a process and those that it started; Linux."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += family(int(child))
    return found


def proportional_bytes(pid: int) -> int:
    """Return the memory of a process, each page divided by the number of processes that have it; 0 if it has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return 0


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=USUAL_ROWS)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one)
        return
    told = "| file | MB | rows | features | read s | read to encoded rows s | split and scaling s | peak GB |\n"
    told += "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    with tempfile.TemporaryDirectory() as folder:
        for path in write(given.rows, Path(folder)):
            command = [sys.executable, __file__, "--one", str(path)]
            told += subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        told += "\n" + measure_run(path, Path(folder) / "run")
    print(told)
    if given.rows == USUAL_ROWS:
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        found = f"{BEGIN}Measured on {date}:\n\n{told}{END}"
        PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: found, PAGE.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
