"""The service scales rows for a file that scales them itself."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import rows_in_service
from throughline.drill.trial import Trial


def spread_in_service(trial: Trial) -> float:
    """Return the standard deviation of the service's rows over that of the training rows, median column."""
    return float(np.median(rows_in_service(trial).std(axis=0) / trial.raw(trial.prepared.train).std(axis=0)))


BUG = Bug(
    name="scaled-twice",
    title="The service scales rows that the file scales again",
    before="rows = read_request(body, names)",
    after="rows = scale(read_request(body, names), prepared.mean, prepared.std)",
    sign=Sign(figure="service_accuracy", direction="below", by=0.03),
    probe=Probe(
        title="standard deviation of a column in service over that of the training rows, median",
        measure=spread_in_service,
        unit="decimal",
        apart=0.5,
    ),
    hints=(
        "Everything is as expected until the new rows arrive.",
        "The file answers the test rows well. It takes raw rows.",
        "Compare mean and standard deviation of each column at the door of the file, in the test and in service.",
    ),
    why="The scaling is part of the file, and the service scales as well. What reaches the first layer is a column of "
    "nearly equal numbers, and the network answers about the same to every row. Columns in a wrong order look "
    "alike from outside: what tells the two apart is the spread of each column, which a change of order leaves "
    "among the columns and this takes away.",
    confused_with=("columns-reordered", "train-val-overlap", "transposed-kernel", "scaler-leak"),
    said_as=("normalised twice", "double scaling", "preprocessing applied twice", "augmented twice"),
)
