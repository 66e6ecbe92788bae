"""Whole runs on real tables against scikit-learn's networks of the same size, over several seeds.

    python benchmarks/datasets.py                          # everything, and the table in docs/datasets.md
    python benchmarks/datasets.py --sets iris --seeds 1    # a part of it, printed

Each table is written as CSV and as Parquet; `throughline run` gets the one or the other in turn and knows nothing but
file and target. scikit-learn's `MLPClassifier` or `MLPRegressor` has the same hidden layers, else its defaults, the
same training rows, prepared in the same way, and the same test rows. More than its 200 iterations make it no better on
any of these tables: it overfits.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TARGET = "target"
POINTS = 0.01  # by so much a mean may lie below scikit-learn's
CHAPTERS = (3, 4, 5)
ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "datasets.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def real(name: str) -> Any:
    """Return one of scikit-learn's sets as a table, its classes by name."""
    import polars as pl
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(bunch.data, schema=[str(feature) for feature in bunch.feature_names])
    classes = getattr(bunch, "target_names", None)
    target = bunch.target if classes is None else [str(classes[code]) for code in bunch.target]
    return frame.with_columns(pl.Series(TARGET, target))


def mixed() -> Any:
    """Return a table of numbers, categories, dates and truth values, a twentieth of its cells empty.

    What there is to find depends on all of them; a tenth of the labels is wrong.
    """
    import polars as pl

    rng = np.random.default_rng(0)
    n_rows = 2000
    income, age = rng.lognormal(10.5, 0.5, n_rows), rng.integers(18, 90, n_rows)
    city = rng.choice(["Zürich", "Bern", "Genève", "Lugano", "Chur"], n_rows, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    plan = rng.choice(["free", "basic", "plus"], n_rows)
    since = np.datetime64("2019-01-01") + rng.integers(0, 2400, n_rows)
    member = rng.choice(["yes", "no"], n_rows)
    years = (np.datetime64("2026-01-01") - since).astype(int) / 365
    score = np.log(income / 36_000) + 0.02 * (age - 50) + 0.8 * (plan == "plus") - 0.6 * (plan == "free")
    score = score + 0.5 * np.isin(city, ["Zürich", "Genève"]) + 0.25 * (years - 3.5) + 0.6 * (member == "yes") - 0.5
    stays = (score > 0) ^ (rng.uniform(size=n_rows) < 0.1)
    frame = pl.DataFrame(
        {"income": income.round(2), "age": age, "city": city, "plan": plan, "since": since, "member": member}
    ).with_columns(
        pl.when(pl.Series(rng.uniform(size=n_rows) < 0.05)).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("income", "age", "city", "plan", "since", "member")
    )
    return frame.with_columns(pl.Series(TARGET, np.where(stays, "stays", "leaves")))


SETS: dict[str, Callable[[], Any]] = {
    "breast cancer": lambda: real("breast_cancer"),
    "wine": lambda: real("wine"),
    "iris": lambda: real("iris"),
    "digits": lambda: real("digits"),
    "diabetes": lambda: real("diabetes"),
    "mixed": mixed,
}


def write(frame: Any, name: str, folder: Path) -> list[Path]:
    """Write a table as CSV and as Parquet."""
    paths = [folder / f"{name.replace(' ', '-')}{suffix}" for suffix in (".csv", ".parquet")]
    frame.write_csv(paths[0])
    frame.write_parquet(paths[1])
    return paths


def measure(path: Path, seed: int, work: Path, chapters: tuple[int, ...] = CHAPTERS) -> dict[str, Any]:
    """Run on one file with one seed, and train scikit-learn's network on the same rows."""
    from throughline.data.features import features_of
    from throughline.data.of_run import rows_of_run
    from throughline.frameworks import numpy_net
    from throughline.frameworks.rows import score
    from throughline.run import RunRequest, run
    from throughline.weights import load_weights

    began = time.perf_counter()
    request = RunRequest(
        data=path, target=TARGET, seed=seed, seeds=1, chapters=chapters, out=work / f"run-{seed}", embed=False
    )
    record, folder = run(request)
    run_s = time.perf_counter() - began
    networks = {entry.framework: load_weights(folder / entry.weights_path) for entry in record.trainings()}
    split = rows_of_run(record, path)
    scores = {  # of the weights, in NumPy: what each framework answers is proven to be the same
        framework: score(numpy_net.predict(numpy_net.build(spec, weights), split.X_test), split.y_test, spec.output)
        for framework, (weights, spec) in networks.items()
    }
    weights, spec = networks["torch"]
    X, X_test = (features_of(spec, weights, rows) for rows in (split.X_train, split.X_test))
    scores["scikit-learn"] = sklearn_score(spec.hidden_units, X, split.y_train, X_test, split.y_test, spec.output, seed)
    proven = sum(entry.status == "passed" for entry in record.formats)
    return {
        "kind": record.task.kind,
        "output": spec.output,
        "bars_missed": sum(not bar.met for bar in record.bars),
        "file": path.suffix[1:],
        "n_rows": record.split.n_train + record.split.n_val + record.split.n_test,
        "n_inputs": spec.n_inputs,
        "n_features": spec.n_features,
        "n_classes": len(record.task.class_names),
        "scores": scores,
        "proven": [proven, len(record.formats)],
        "run_s": run_s,
    }


def sklearn_score(hidden: tuple[int, ...], X: Any, y: Any, X_test: Any, y_test: Any, output: str, seed: int) -> float:
    """Return accuracy or R^2 of scikit-learn's network on the test rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)
    kind = MLPRegressor if output == "linear" else MLPClassifier
    network = kind(hidden_layer_sizes=hidden, random_state=seed)
    return float(network.fit(X, y).score(X_test, y_test))


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Write the results as Markdown; a share is in percent, R² a number."""
    lines = [
        "| table | rows | columns → features | to predict | Keras | PyTorch | scikit-learn | files proven |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, runs in results.items():
        first, amounts = runs[0], runs[0]["kind"] == "regression"
        scores = {who: np.array([entry["scores"][who] for entry in runs]) for who in ("keras", "torch", "scikit-learn")}

        def written(who: str, scores: dict[str, Any] = scores, amounts: bool = amounts) -> str:
            mean, low, high = scores[who].mean(), scores[who].min(), scores[who].max()
            if amounts:
                text = f"{mean:.3f} ({low:.3f} to {high:.3f})"
            else:
                text = f"{100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
            behind = who != "scikit-learn" and mean < scores["scikit-learn"].mean() - POINTS
            return f"**{text}**" if behind else text

        wanted = "amount, R²" if amounts else f"{first['n_classes']} classes, accuracy"
        proven, of = (sum(entry["proven"][i] for entry in runs) for i in (0, 1))
        lines.append(
            f"| {name} | {first['n_rows']:,} | {first['n_inputs']} → {first['n_features']} | {wanted} | "
            f"{written('keras')} | {written('torch')} | {written('scikit-learn')} | {proven} of {of} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write page and result file unless only a part was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="throughline-datasets-") as folder:
        for name in chosen.sets:
            paths = write(SETS[name](), name, Path(folder))
            for seed in range(chosen.seeds):
                work = Path(folder) / name
                work.mkdir(exist_ok=True)
                results.setdefault(name, []).append(measure(paths[seed % 2], seed, work))
                found = results[name][-1]
                print(name, seed, {who: round(score, 4) for who, score in found["scores"].items()}, flush=True)
    print(table(results))
    if chosen.sets != list(SETS):
        return
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    kept = {"date": date, "n_seeds": chosen.seeds, "results": results}
    (ROOT / "benchmarks" / "results" / f"datasets-{date}.json").write_text(json.dumps(kept, indent=1) + "\n")
    head = f"Means over {chosen.seeds} seeds, smallest and largest in brackets; measured on {date}.\n\n"
    page = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}{head}{table(results)}{END}", PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
