"""The service reads the columns in another order."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import rows_in_service
from throughline.drill.trial import Trial


def columns_elsewhere(trial: Trial) -> float:
    """Return how many columns of the service's rows are not those of the table."""
    return float(np.sum(np.any(rows_in_service(trial) != trial.table.X_new, axis=0)))


BUG = Bug(
    name="columns-reordered",
    title="The service puts the columns into another order",
    before="rows = np.array([[record[name] for name in names] for record in records])",
    after="rows = np.array([[record[name] for name in sorted(record)] for record in records])",
    sign=Sign(figure="service_accuracy", direction="below", by=0.1),
    probe=Probe(
        title="columns of the rows in service that are another column of the table",
        measure=columns_elsewhere,
        unit="count",
        apart=10,
    ),
    hints=(
        "Everything is as expected until the new rows arrive.",
        "The file answers the test rows well. What does a new row go through that a test row does not?",
        "The columns are called x1, x2, ... x12, and records have names. In which order would you put those?",
    ),
    why="A record has names and a network has positions. Sorted as text, x10, x11 and x12 come before x2: eleven of "
    "twelve columns end up in another's place, each scaled with another's mean. The number of columns is right, "
    "so nothing complains. The file is proven and the service is not: only its own rows, compared with those of "
    "the table, show it.",
    confused_with=("scaled-twice", "train-val-overlap", "transposed-kernel", "scaler-leak"),
    said_as=("feature order wrong at inference", "columns swapped", "columns sorted", "wrong column order"),
)
