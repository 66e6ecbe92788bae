"""Export sound networks by the real routes, let each file answer alone, and make every check on the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from throughline.errors import ThroughlineError
from throughline.formats import find_format, with_made_from
from throughline.formats.base import EXPORTING_FRAMEWORKS, Format, FrameworkName, Quantization, file_sha256
from throughline.frameworks.base import PRELOAD, load_framework
from throughline.processes import Child, Emit
from throughline.train import export_all, export_inputs
from throughline.verify.artefact import Expected, Network, examined_from, judge
from throughline.verify.compare import PROVES_NOTHING
from throughline.verify.record import Verification
from throughline.verify.reference import numpy_answers
from throughline.verify.sound_networks.draw import Drawn
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array, load_weights


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one sound network in one format.

    Attributes
    ----------
    number : int
        Of the network.
    sizes : list of int
        Of its layers.
    activation, output : str
    source, format : str
        Framework whose network was exported, and to what.
    alarm : str
        The first check that failed and what it said; empty as it should be.
    verdict : str
        What explains the largest difference.
    share : float
        Largest difference as a share of what is allowed in its place.
    n_checks : int
        Checks that passed.
    """

    number: int
    sizes: list[int]
    activation: str
    output: str
    source: str
    format: str
    alarm: str
    verdict: str
    share: float
    n_checks: int

    @property
    def too_coarse(self) -> bool:
        """Whether it was refused since answers as uncertain as its type makes them prove nothing."""
        return PROVES_NOTHING in self.alarm


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured of one format.

    Attributes
    ----------
    date : str
    n_rows : int
        On which each file was judged.
    versions : dict
        Of the format's runtime.
    outcomes : list of Outcome
    """

    date: str
    n_rows: int
    versions: dict[str, str]
    outcomes: list[Outcome]

    def to_json(self) -> str:
        """Write it as JSON, an outcome a line."""
        head = msgspec.json.encode(dataclasses.replace(self, outcomes=[])).decode().removesuffix("[]}")
        lines = ",\n ".join(msgspec.json.encode(outcome).decode() for outcome in self.outcomes)
        return f"{head}[\n {lines}\n]}}\n"


def routes(names: Sequence[str]) -> list[tuple[FrameworkName, str]]:
    """Return by which frameworks' own exporters formats are made; where weights suffice, by one of them.

    Examples
    --------
    >>> routes(["openvino", "c99"])
    [('keras', 'openvino'), ('torch', 'openvino'), ('torch', 'c99')]
    """
    found = []
    for source in EXPORTING_FRAMEWORKS:
        for name in names:
            form = find_format(name)
            begins = form.route_from(source).framework
            if begins == source or (begins == "any" and source == form.framework):
                found.append((source, name))
    return found


def measure(
    networks: dict[int, Drawn],
    names: Sequence[str],
    folder: Path,
    tell: Callable[[str], None] = lambda said: None,
    sources: Sequence[FrameworkName] = EXPORTING_FRAMEWORKS,
) -> list[Outcome]:
    """Export networks to formats, and judge each file.

    Parameters
    ----------
    networks : dict of int to Drawn
        By number.
    names : sequence of str
        Formats.
    folder : Path
        Where the files go.
    tell : callable
        Receives what is done next.
    sources : sequence of {"keras", "torch"}
        Frameworks whose exporters are asked.

    Returns
    -------
    list of Outcome
        One for each network and each of `routes`.
    """
    for number, network in networks.items():
        network.weights.save(folder / f"{number}.safetensors", network.spec)
        np.save(folder / f"{number}.npy", network.X)
        np.save(folder / f"{number}-training.npy", network.training_rows)
    found = []
    for source in sources:
        wanted = [name for framework, name in routes(names) if framework == source]
        if not wanted:
            continue
        tell(f"export from {source}")
        arguments = {"source": source, "folder": str(folder), "names": wanted, "numbers": list(networks)}
        with Child(f"export {source}", preload=PRELOAD[source], log=folder / f"export-{source}.log") as child:
            made = child.call("throughline.verify.sound_networks.measure:export_networks", arguments)
        for name in wanted:
            tell(f"verify {name} from {source}")
            found += _judge_format(find_format(name), source, networks, made[name], folder)
    return found


Made = dict[str, dict[str, dict[str, Any]]]


def export_networks(source: str, folder: str, names: list[str], numbers: list[int], emit: Emit) -> Made:
    """Build networks from their weights and export them; return by format and number what `export_all` says."""
    framework, net = cast(FrameworkName, source), load_framework(source)
    made: Made = {name: {} for name in names}
    for number in numbers:
        weights, spec = load_weights(Path(folder) / f"{number}.safetensors")
        out = Path(folder) / f"{source}-{number}"
        out.mkdir()
        inputs = export_inputs(
            net.build(spec, weights), spec, weights, np.load(Path(folder) / f"{number}-training.npy")
        )
        files = export_all(source, inputs, with_made_from(names, framework), out, lambda event: None)
        for name in names:
            made[name][str(number)] = files[name]
    return made


def _judge_format(
    form: Format, source: str, networks: dict[int, Drawn], made: dict[str, dict[str, Any]], folder: Path
) -> list[Outcome]:
    """Let one child answer from every file, and judge."""
    jobs = {
        number: {
            "format_name": form.name,
            "path": made[str(number)]["path"],
            "rows": str(folder / f"{number}.npy"),
            "answers": str(folder / f"{source}-{form.name}-{number}.npz"),
        }
        for number in networks
        if "error" not in made[str(number)]
    }
    log = folder / f"{source}-{form.name}.log"
    with Child(form.name, preload=form.preload, log=log, environment=form.environment) as child:
        examined = child.call("throughline.verify.worker:examine_artifacts", {"jobs": list(jobs.values())})
    by_number = dict(zip(jobs, examined, strict=True))
    found = []
    for number, network in networks.items():
        named = _named(number, network, source, form)
        if number in jobs:
            found.append(_judge_file(form, network, made[str(number)], by_number[number], jobs[number], named))
        else:
            alarm = f"export: {made[str(number)]['error']}"
            found.append(Outcome(**named, alarm=alarm, verdict="", share=0.0, n_checks=0))
    return found


def _judge_file(
    form: Format,
    network: Drawn,
    made: dict[str, Any],
    examined: dict[str, Any],
    job: dict[str, Any],
    named: dict[str, Any],
) -> Outcome:
    path, answers = Path(made["path"]), Path(job["answers"])
    expected = expectation(form, path, network, made["quantization"])
    try:
        verified = judge(expected, lambda: examined_from(examined, answers))
    except ThroughlineError as error:
        return Outcome(**named, alarm=f"the verifier itself failed: {error}", verdict="", share=0.0, n_checks=0)
    return Outcome(
        **named,
        alarm=_alarm(verified),
        verdict=verified.verdict,
        share=verified.share_of_tolerance,
        n_checks=sum(check.status == "passed" for check in verified.checks),
    )


def expectation(form: Format, path: Path, network: Drawn, steps: Any) -> Expected:
    """Return what is known about the file of a network: everything but a framework's own answers."""
    spec, weights, X = network.spec, network.weights, network.X
    answers = numpy_answers(spec, weights, X)
    quantization = None if steps is None else msgspec.convert(steps, Quantization)
    return Expected(
        form=form,
        path=path,
        X=X,
        answers=answers,
        tolerance=derive_tolerance(spec, weights, X, form.stored_as, form.computed_in, quantization),
        labels=_labels(answers, spec.output),
        sha256=file_sha256(path),
        port_names=form.names_for(spec),
        quantization=quantization,
        network=Network(spec=spec, weights=weights),
    )


def _labels(answers: Array, output: str) -> Array:
    """Return labels that the network has right in part, so that the metric says something."""
    rng = np.random.default_rng(0)
    if output == "linear":
        return answers + 0.1 * np.std(answers) * rng.normal(size=len(answers))
    labels = answers.argmax(axis=1) if output == "softmax" else (answers > np.median(answers)).astype(int)
    return np.where(rng.random(len(labels)) < 0.1, 0, labels)


def _alarm(verified: Verification) -> str:
    return f"{verified.failed[0].name}: {verified.failed[0].said}" if verified.failed else ""


def _named(number: int, network: Drawn, source: str, form: Format) -> dict[str, Any]:
    spec = network.spec
    return {
        "number": number,
        "sizes": list(spec.layer_sizes),
        "activation": spec.hidden_activation,
        "output": spec.output,
        "source": source,
        "format": form.name,
    }
