"""Time the perceptron against scikit-learn's compiled one, over shares of mistakes from 0.02 to 50 percent.

    python benchmarks/perceptron.py [--rounds 15] [--json FILE]

100,000 rows of 20 features, float64, in one order. Rows are normal; a known plane labels them. For few mistakes they
are pushed away from it, for many their labels are flipped; how far, or how many, is searched for until the first epoch
makes the wanted share of mistakes. Before a time counts, our weights must be those of the plain loop to the last bit,
and scikit-learn's within 1e-12 of the largest. Both are timed from the outside, `fit(X, y)` with its checks, in one
process with one BLAS thread, ours then theirs in each round. Ratios are taken within a round; tables give medians.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import sklearn.linear_model
from threadpoolctl import threadpool_info, threadpool_limits

from throughline import Perceptron
from throughline.scratch import BlockPerceptron

N_ROWS, N_FEATURES = 100_000, 20
PERCENTS = (0.02, 0.4, 1, 2, 3, 8, 18, 26, 37, 50)
Task = tuple[np.ndarray, np.ndarray]


def make(knob: float) -> Task:
    """Return rows and signs; a knob above 0 pushes rows from the plane, one below 0 flips that share of the labels."""
    rng = np.random.default_rng(2026)
    X, normal = rng.normal(size=(N_ROWS, N_FEATURES)), rng.normal(size=N_FEATURES)
    normal /= np.linalg.norm(normal)
    signs = np.where(X @ normal > 0, 1.0, -1.0)
    X += max(knob, 0.0) * signs[:, None] * normal
    signs[rng.random(N_ROWS) < -knob] *= -1
    return X, signs


def with_mistakes(percent: float) -> Task:
    """Bisect the knob until the first epoch makes about this share of mistakes."""
    low, high = -0.5, 8.0  # many, few
    for _ in range(14):
        middle = (low + high) / 2
        mistakes = BlockPerceptron(*make(middle)).run_epoch().mistakes
        low, high = (middle, high) if 100 * mistakes / N_ROWS > percent else (low, middle)
    return make(high)


def plain_loop(X: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, float]:
    """Run the rule as chapter 1 has it."""
    coef, intercept = np.zeros(X.shape[1]), 0.0
    for i in range(len(X)):
        if signs[i] * (X[i] @ coef + intercept) > 0:
            continue
        coef += 1.0 * signs[i] * X[i]
        intercept += float(signs[i])
    return coef, intercept


def seconds(call: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure(percent: float, n_rounds: int) -> dict[str, float]:
    """Return medians for one share of mistakes, in milliseconds, and the ratios."""
    X, signs = with_mistakes(percent)
    y = (signs > 0).astype(np.int64)
    shared: dict[str, Any] = {"tol": None, "shuffle": False}
    ours, theirs = Perceptron(max_iter=1, **shared), sklearn.linear_model.Perceptron(max_iter=1, **shared)
    ours_3, theirs_3 = Perceptron(max_iter=3, **shared), sklearn.linear_model.Perceptron(max_iter=3, **shared)
    began = time.perf_counter()
    coef, intercept = plain_loop(X, signs)
    plain = time.perf_counter() - began
    ours.fit(X, y)
    theirs.fit(X, y)
    if not (np.array_equal(ours.coef_[0], coef) and ours.intercept_[0] == intercept):
        raise AssertionError("the weights are not those of the plain loop")
    if np.abs(theirs.coef_ - ours.coef_).max() > 1e-12 * np.abs(coef).max():
        raise AssertionError("the weights are not scikit-learn's")
    engine = BlockPerceptron(X, signs)
    mistakes = engine.run_epoch().mistakes
    rounds = []
    for _ in range(n_rounds):
        t = [seconds(lambda fit=kind: fit.fit(X, y)) for kind in (ours, theirs, ours_3, theirs_3)]
        rounds.append([*t, seconds(lambda: BlockPerceptron(X, signs).run_epoch())])
    a, b, a3, b3, inner = zip(*rounds, strict=True)
    return {
        "mistakes_percent": 100 * mistakes / N_ROWS,
        "doubts": engine.doubts,
        "ours_ms": 1e3 * statistics.median(a),
        "engine_ms": 1e3 * statistics.median(inner),
        "scikit_learn_ms": 1e3 * statistics.median(b),
        "plain_loop_ms": 1e3 * plain,
        "ours_over_scikit_learn": statistics.median(x / z for x, z in zip(a, b, strict=True)),
        "plain_loop_over_ours": plain / statistics.median(a),
        "ours_extra_epoch_ms": 1e3 * statistics.median((z - x) / 2 for x, z in zip(a, a3, strict=True)),
        "scikit_learn_extra_epoch_ms": 1e3 * statistics.median((z - x) / 2 for x, z in zip(b, b3, strict=True)),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    blas = [f"{one['internal_api']} {one['version']}" for one in threadpool_info() if one["user_api"] == "blas"]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit_learn": sklearn.__version__,
        "blas": sorted(set(blas)),
        "blas_threads": 1,
    }


def main() -> None:
    """Measure, print the table, and write the result if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="paired rounds for each share of mistakes")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "task": {"rows": N_ROWS, "features": N_FEATURES, "dtype": "float64", "epochs": 1, "rounds": arguments.rounds},
        "machine": machine(),
        "rows": [],
    }
    print(
        "mistakes |  ours ms  engine ms  scikit-learn ms  plain loop ms | ours/sk  plain/ours | extra epoch: ours, sk"
    )
    with threadpool_limits(1):
        for percent in PERCENTS:
            row = measure(percent, arguments.rounds)
            result["rows"].append(row)
            print(
                f"{row['mistakes_percent']:7.3f}% | {row['ours_ms']:8.2f} {row['engine_ms']:10.2f}"
                f" {row['scikit_learn_ms']:16.2f} {row['plain_loop_ms']:14.1f} |"
                f" {row['ours_over_scikit_learn']:7.2f} {row['plain_loop_over_ours']:11.1f} |"
                f" {row['ours_extra_epoch_ms']:8.2f} {row['scikit_learn_extra_epoch_ms']:8.2f}"
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
