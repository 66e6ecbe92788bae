"""The measurement of sizes as a page."""

from __future__ import annotations

from throughline.formats import find_format
from throughline.report.formatting import NARROW_SPACE, count, percent
from throughline.sizes.record import Payoff, SizesRecord
from throughline.spec import NetworkSpec


def sizes_page(record: SizesRecord) -> str:
    """Write tables of what was measured, what was fitted, and where shorter types pay."""
    lines = [
        "# How many bytes a network takes",
        "",
        "Written by `throughline sizes --write docs/sizes.md`; every figure is measured. Networks of the family "
        "20-2k-k-1 with random weights are exported by the same exporters as a run's; the seed network is k = 32. The "
        "size is fitted as a fixed part, bytes for every entry of a kernel, and bytes for every unit (its bias, and "
        "its step where a kernel has one a unit).",
        "",
        "## From which size on a shorter type pays",
        "",
        "The crossing is predicted by the fit, then the two networks next to it are exported to see if it is there.",
        "",
        "| format | smaller than float32 from | measured just below | measured from there | as predicted | "
        "within a tenth of the types' share from |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
        *(_payoff_line(payoff) for payoff in record.payoffs),
        "",
        "## The fit",
        "",
        "| format | fixed | a weight | a unit | the same where kernels stay in float32 | largest error of the fit |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for model in record.models:
        kept = f"{model.per_weight_kept:.3f}, {model.per_unit_kept:.2f} (below {count(model.short_from)} entries)"
        lines.append(
            f"| {model.title} | {count(model.fixed)} | {model.per_weight:.3f} | {model.per_unit:.2f} | "
            f"{kept if model.short_from else '–'} | "
            f"{percent(model.largest_error, 2)} |"
        )
    lines += ["", "## The measurement", "", "Bytes of each export, with the prediction of the fit behind it.", ""]
    titles = [model.title for model in record.models]
    lines += [f"| parameters | {' | '.join(titles)} |", f"| ---: |{' ---: |' * len(titles)}"]
    for position, export in enumerate(record.models[0].exports):
        spec = NetworkSpec(n_inputs=export.layer_sizes[0], hidden_units=tuple(export.layer_sizes[1:-1]))
        cells = [f"{count(m.exports[position].size_bytes)} ({count(m.predict(spec))})" for m in record.models]
        lines.append(f"| {count(export.n_parameters)} | {' | '.join(cells)} |")
    packages = record.environment.packages
    versions = ", ".join(f"{name} {packages[name]}" for name in ("tensorflow-cpu", "torch", "onnx") if name in packages)
    lines += ["", f"Measured with {versions}, in {record.wall_s:.0f} s."]
    return "\n".join(lines).replace(NARROW_SPACE, " ") + "\n"


def _payoff_line(payoff: Payoff) -> str:
    title = find_format(payoff.name).title
    if payoff.n_parameters is None:
        return f"| {title} | never | – | – | – | – |"
    below, above = (
        "–" if side is None else f"{count(side[0])}: {count(side[1])} against {count(side[2])}"
        for side in (payoff.just_below, payoff.just_above)
    )
    full = "–" if payoff.near_full_gain is None else f"{count(payoff.near_full_gain)} ({payoff.ratio_of_types:g})"
    found = "yes" if payoff.confirmed else "no"
    return f"| {title} | {count(payoff.n_parameters)} parameters | {below} | {above} | {found} | {full} |"
