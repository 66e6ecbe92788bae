"""The model card: what a person should know before using the network, every figure from the manifest."""

from __future__ import annotations

from throughline.bundle.manifest import CHECK_NAME, ROWS_NAME, SUMS_NAME, Manifest, Trained
from throughline.own_model.source import TITLES
from throughline.record import Evaluation, Interval
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
    network, (first, second) = trained.network, trained.task.class_names
    sizes = "-".join(map(str, network.layer_sizes))
    return [
        f"A dense network, {sizes}, {network.hidden_activation} in its hidden layers and {network.output} at the end, "
        f"{count(network.n_parameters)} trained numbers. It tells `{_plain(second)}` from `{_plain(first)}`.",
        "",
        "| | |",
        "| --- | --- |",
        f"| trained with | {FRAMEWORK_TITLES[trained.framework]} |",
        f"| trained on | {_plain(trained.task.source)} |",
        f"| weights | SHA-256 `{trained.weights_digest}` |",
    ]


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
    (features,), (probability,), classes = manifest.inputs, manifest.outputs, manifest.classes
    names, scaling = trained.task.feature_names, trained.preprocessing
    assert classes is not None  # a run tells classes
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
    first, second = (_plain(name) for name in classes.names)
    lines += [
        "",
        f"**Out:** `{probability.name}`, {probability.dtype}, the probability of `{second}`; above "
        f"{classes.threshold:g} the answer is `{second}`, otherwise `{first}`.",
    ]
    return lines


def _figures(manifest: Manifest) -> list[str]:
    found = manifest.trained.evaluation if manifest.trained else None
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
    for entry in manifest.artefacts:
        proof = entry.parity
        lines.append(
            f"| {entry.title} | `{entry.path}` | {size(entry.size_bytes)} | {scientific(proof.largest_difference)} | "
            f"{scientific(proof.tolerance)} | {count(proof.n_flips)} | {proof.verdict} |"
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
