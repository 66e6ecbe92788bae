"""The model card: what a person should know before using the network, every figure from the manifest."""

from __future__ import annotations

from throughline.bundle.manifest import CHECK_NAME, ROWS_NAME, SUMS_NAME, Manifest, Trained
from throughline.own_model.source import TITLES
from throughline.record import AmountEvaluation, Evaluation, Interval
from throughline.report.formatting import NARROW_SPACE, count, percent, scientific, size
from throughline.spec import FRAMEWORK_TITLES

MOST_FEATURES = 60  # listed one by one; manifest.json has all of them


def model_card(manifest: Manifest) -> str:
    """Write the card as Markdown.

    Parameters
    ----------
    manifest : Manifest
        Complete but for `model_card` and the checksums.

    Returns
    -------
    str
    """
    parts = [
        [f"# {_plain(manifest.name)}"],
        _what(manifest),
        _inputs(manifest),
        _figures(manifest),
        _artefacts(manifest),
        _proof(manifest),
        _limits(manifest),
    ]
    return ("\n".join(line for part in parts for line in [*part, ""]).rstrip() + "\n").replace(NARROW_SPACE, " ")


def _what(manifest: Manifest) -> list[str]:
    about = _of_trained(manifest.trained) if manifest.trained else _of_brought(manifest)
    return [
        *about,
        f"| made | {manifest.created}, Throughline {manifest.environment.throughline} |",
        f"| licence | {_plain(manifest.licence) or 'none was stated: ask the sender before using it'} |",
    ]


def _of_trained(trained: Trained) -> list[str]:
    network = trained.network
    sizes = "-".join(map(str, network.layer_sizes))
    return [
        f"A dense network, {sizes}, {network.hidden_activation} in its hidden layers and {network.output} at the end, "
        f"{count(network.n_parameters)} trained numbers. {_purpose(trained)}",
        "",
        "| | |",
        "| --- | --- |",
        f"| trained with | {FRAMEWORK_TITLES[trained.framework]} |",
        f"| trained on | {_plain(trained.task.source)} |",
        f"| weights | SHA-256 `{trained.weights_digest}` |",
    ]


def _purpose(trained: Trained) -> str:
    names = [f"`{_plain(name)}`" for name in trained.task.class_names[:MOST_FEATURES]]
    if not names:
        return "It answers an amount."
    if trained.network.output == "sigmoid":
        return f"It tells {names[1]} from {names[0]}."
    return f"It tells {len(trained.task.class_names)} classes apart: {', '.join(names)}."


def _of_brought(manifest: Manifest) -> list[str]:
    brought = manifest.brought
    assert brought is not None  # what was not trained was brought
    return [
        f"A model of {count(brought.n_parameters)} numbers, brought as it was: what it was trained on, and for what, "
        "its sender knows.",
        "",
        "| | |",
        "| --- | --- |",
        f"| brought as | {_plain(brought.model)} ({TITLES.get(brought.kind, brought.kind)}) |",
    ]


def _inputs(manifest: Manifest) -> list[str]:
    if manifest.trained is not None:
        return _features(manifest, manifest.trained)
    lines = ["## In and out", "", "| | name | type | shape of a row |", "| --- | --- | --- | --- |"]
    for kind, tensors in (("in", manifest.inputs), ("out", manifest.outputs)):
        for entry in tensors:
            shape = " × ".join(map(str, entry.shape[1:])) or "a number"
            lines.append(f"| {kind} | `{_plain(entry.name)}` | {entry.dtype} | {shape} |")
    batch = manifest.inputs[0].shape[0]
    lines += ["", "Any number of rows at a time." if batch is None else f"Exactly {batch} rows at a time: no other "
              "number can be asked of the model itself."]  # fmt: skip
    if manifest.classes is not None:
        tells = (
            "Its largest number is that of the class"
            if manifest.classes.threshold is None
            else (f"A number above {manifest.classes.threshold:g} is class 1, any other class 0")
        )
        lines.append(f"`{_plain(manifest.classes.output)}` tells the class. {tells}, counted from 0.")
    return lines


def _features(manifest: Manifest, trained: Trained) -> list[str]:
    (features,), names, scaling = manifest.inputs, trained.task.feature_names, trained.preprocessing
    lines = [
        "## In and out",
        "",
        f"**In:** `{features.name}`, {features.dtype}, any number of rows of {len(names)} raw features in "
        f"this order. Scaling, `{scaling.formula}`, is {scaling.where}: nothing is to be done to a row.",
        "",
        {
            "standard": "| | feature | mean in training | standard deviation |",
            "robust": "| | feature | median in training | interquartile range / 1.349 |",
        }[trained.network.scaling],
        "| ---: | --- | ---: | ---: |",
    ]
    shown = list(zip(names, scaling.mean, scaling.std, strict=True))[:MOST_FEATURES]
    lines += [f"| {i} | {_plain(name)} | {mean:.6g} | {std:.6g} |" for i, (name, mean, std) in enumerate(shown)]
    if len(names) > len(shown):
        lines.append(f"| | and {len(names) - len(shown)} more, in manifest.json | | |")
    return [*lines, "", _answer(manifest), *_cells(manifest)]


def _answer(manifest: Manifest) -> str:
    (answer,), classes = manifest.outputs, manifest.classes
    out = f"**Out:** `{answer.name}`, {answer.dtype}, "
    if classes is None:
        return f"{out}the amount, in the unit of the rows that it was trained on."
    names = [f"`{_plain(name)}`" for name in classes.names]
    if classes.threshold is None:
        named = ", ".join(names[:MOST_FEATURES])
        return f"{out}the probability of each class, in the order {named}; the largest is the answer."
    said = f"{out}the probability of {names[1]}; above {classes.threshold:g} the answer is {names[1]}, "
    return f"{said}otherwise {names[0]}."


def _cells(manifest: Manifest) -> list[str]:
    """Tell how the cells of a table become a row of numbers."""
    table = manifest.table
    if table is None:
        return []
    texts = [column for column in table.columns if column.codes]
    dates = [column for column in table.columns if not column.codes and column.encoding != "number"]
    lines = [
        "",
        "## From a table to a row",
        "",
        "`manifest.json` has under `table` what each cell becomes, with examples; `encode` in `check.py` does it in "
        "Python, and `throughline predict` for whole files. A cell that is empty, or says "
        f"{' or '.join(f'`{text}`' for text in table.missing if text)} in letters of any size, is NaN.",
    ]
    if texts:
        other = "`other` is the code of a text that is not in it, or null where none is allowed"
        lines.append(f"Of texts, `codes` is the table, and {other}.")
    if dates:
        lines.append("Parts of dates are those of the calendar; `weekday` 1 is Monday, `days` counts from 1970-01-01.")
    for entry in manifest.column_graphs:
        lines.append(
            f"`{entry.path}` ({entry.title}) needs no codes: it takes each column by the name of its `port`, texts as "
            "they are, an empty text where the cell is empty; parts of dates as numbers."
        )
    return lines


def _figures(manifest: Manifest) -> list[str]:
    found = manifest.trained.evaluation if manifest.trained else None
    if manifest.trained is not None and manifest.trained.amounts is not None:
        return _of_amounts(manifest, manifest.trained.amounts)
    if found is not None:
        return [
            "## How good it is",
            "",
            f"On {count(manifest.rows.n_rows)} rows that were held out from training, with 95 % intervals:",
            "",
            "| figure | value | interval |",
            "| --- | ---: | --- |",
            *_rows_of(found),
        ]
    if manifest.trained is not None:
        return ["## How good it is", "", "The run measured no figures for it (chapter 5 was left out)."]
    accuracy = manifest.brought.accuracy if manifest.brought else None
    if accuracy is None:
        return ["## How good it is", "", "Not known here: the rows came without their classes."]
    said = f"{percent(accuracy)} of the {count(manifest.rows.n_rows)} rows of this bundle are told right."
    return ["## How good it is", "", f"{said} Whether it has been trained on them, its sender knows."]


def _of_amounts(manifest: Manifest, found: AmountEvaluation) -> list[str]:
    lines = [
        "## How good it is",
        "",
        f"On {count(manifest.rows.n_rows)} rows that were held out from training, with 95 % intervals. Whoever always "
        f"answers the mean of the training rows has a root mean square error of {found.baseline_rmse:.4g}.",
        "",
        "| figure | value | interval |",
        "| --- | ---: | --- |",
    ]
    for title, name in (
        ("R²", "r2"),
        ("root mean square error", "rmse"),
        ("mean absolute error", "mae"),
        ("answer minus truth, mean", "bias"),
    ):
        entry: Interval = getattr(found, name)
        lines.append(f"| {title} | {entry.value:.4g} | {entry.low:.4g} to {entry.high:.4g} |")
    return lines


def _rows_of(found: Evaluation) -> list[str]:
    rows = [f"| accuracy | {percent(found.accuracy.value)} | {_shown(found.accuracy)} |"]
    for code, entry in enumerate(found.classes):
        for title, name in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
            value = percent(getattr(entry, name))
            rows.append(f"| {title} of `{_plain(entry.name)}` | {value} | {_interval(found, f'{name}_{code}')} |")
    rows.append(f"| area under the ROC curve | {percent(found.roc_auc)} | {_interval(found, 'roc_auc')} |")
    rows.append(f"| Brier score | {found.brier:.4f} | |")
    return rows


def _interval(found: Evaluation, name: str) -> str:
    measured = found.intervals.get(name)  # none in records of older releases
    return _shown(measured) if measured else ""


def _shown(interval: Interval) -> str:
    return f"{percent(interval.low)} to {percent(interval.high)}"


def _artefacts(manifest: Manifest) -> list[str]:
    lines = [
        "## The same in several formats",
        "",
        f"Each was loaded alone in its own runtime and compared with {_source(manifest)} on all "
        f"{count(manifest.rows.n_rows)} rows, in batches of {', '.join(map(count, manifest.rows.batch_sizes))}.",
        "",
        "| format | file | size | differs by | allowed | labels changed | explained as |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for entry in manifest.files_to_run:
        proof = entry.parity
        flips = "–" if proof.n_flips is None or manifest.classes is None else count(proof.n_flips)
        lines.append(
            f"| {entry.title} | `{entry.path}` | {size(entry.size_bytes)} | {scientific(proof.largest_difference)} | "
            f"{scientific(proof.tolerance)} | {flips} | {proof.verdict} |"
        )
    return lines


def _source(manifest: Manifest) -> str:
    if manifest.trained is not None:
        return f"the {FRAMEWORK_TITLES[manifest.trained.framework]} network"
    return "the model as it was brought"


def _proof(manifest: Manifest) -> list[str]:
    return [
        "## Prove it on your machine",
        "",
        "```",
        f"sha256sum -c {SUMS_NAME}",
        f"python {CHECK_NAME}",
        "```",
        "",
        f"`{CHECK_NAME}` is one file to read. It needs NumPy and the runtime of the format that you want to use, "
        f"answers the rows in `{ROWS_NAME}`, and ends with 0 only if every artefact gives those answers; 3 says that a "
        "runtime is missing and with what line to install it.",
    ]


def _limits(manifest: Manifest) -> list[str]:
    if manifest.trained is None:
        return [
            "## What this does not say",
            "",
            "That every file here is the model that was brought, on the rows of this bundle, and no more: neither what "
            "the model is good for nor how well it does on other rows was examined.",
        ]
    return [
        "## What this does not say",
        "",
        "The figures hold for rows drawn as those of the training were. Whether the classes, the features or the rows "
        "are right for another purpose, and whether groups of people are treated alike, was not examined. A row far "
        "from the means above is answered too, and without a warning.",
    ]


def _plain(text: str) -> str:
    """Take from a name what would be read as Markdown."""
    return " ".join(text.replace("|", "/").replace("`", "'").replace("<", "(").replace(">", ")").split())
