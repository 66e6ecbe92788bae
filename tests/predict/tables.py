"""A table as a German office keeps it: Windows-1252, semicolons, decimal commas, dates with the day first, gaps."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np

CITIES = ("Köln", "Zürich", "Bern", "Genève", "Rom")
NAMES = ("Größe", "Einkommen", "Stadt", "Raucher", "Eintritt", "Tarif", "Nummer", "Urteil", "Preis")
Row = dict[str, str]


def draw_rows(n_rows: int, seed: int) -> list[Row]:
    """Rows with a verdict of three classes and a price that both follow from the other columns."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_rows):
        height, income = rng.normal(170, 12), rng.lognormal(10, 1)
        city, smokes, plan = CITIES[rng.integers(5)], ("nein", "ja")[rng.integers(2)], "ABC"[rng.integers(3)]
        day = datetime.date(2001, 1, 1) + datetime.timedelta(days=int(rng.integers(9000)))
        score = (
            (height - 170) / 6 + 2 * (city in ("Köln", "Bern")) - (smokes == "ja") + (plan == "C") + rng.normal() / 4
        )
        cells = [number_text(height), number_text(income), city, smokes, day.strftime("%d.%m.%Y"), plan]
        cells = [("", "NA")[i % 2] if rng.uniform() < 0.05 else cell for i, cell in enumerate(cells)]
        verdict = "schlecht" if score < -0.5 else "mäßig" if score < 1.5 else "gut"
        rows.append(dict(zip(NAMES, [*cells, f"K-{number:05}", verdict, number_text(100 + 20 * score)], strict=True)))
    return rows


def hard_rows() -> list[Row]:
    """Rows that no training had: nothing at all, texts that nobody knows, the largest and smallest numbers."""
    plain = draw_rows(40, seed=77)
    odd = [
        dict.fromkeys(NAMES, "") | {"Nummer": "leer"},
        plain[0] | {"Stadt": "Düsseldorf", "Tarif": "Übergröße"},
        plain[1] | {"Stadt": "€uro–Stadt"},  # bytes that Latin-1 does not have
        plain[2] | {"Einkommen": "9,9e9"},
        plain[3] | {"Größe": "-1.234,5", "Einkommen": "0"},
        plain[4] | {"Größe": "?", "Einkommen": "n/a", "Stadt": "null", "Raucher": "NaN", "Eintritt": "", "Tarif": "na"},
        plain[5] | {"Raucher": "JA", "Eintritt": "1999-12-31"},
        plain[6] | {"Stadt": "köln", "Tarif": " B "},
    ]
    return [row for pair in zip(odd, plain, strict=False) for row in pair] + plain[len(odd) :]


def number_text(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def write_table(path: Path, rows: list[Row], names: tuple[str, ...] = NAMES, encoding: str = "cp1252") -> Path:
    lines = [";".join(names), *(";".join(row[name] for name in names) for row in rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path
