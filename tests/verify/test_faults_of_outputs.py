"""Faults in networks with several classes and with a value: built in for real, exported, and caught by their check."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from throughline.data.scaling import fit_scaling
from throughline.data.split import Split
from throughline.formats import find_format
from throughline.formats.base import file_sha256
from throughline.frameworks import numpy_net
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child
from throughline.spec import NetworkSpec, TrainSpec
from throughline.verify import faults
from throughline.verify.artefact import Expected, Network, Search, examined_from, judge, verify_artefact
from throughline.verify.faults import Case
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import initial_weights

N_CLASSES = 4
pytestmark = pytest.mark.xdist_group("torch")


def transposed_square_kernel(case):
    kernels = [*case.weights.kernels]
    kernels[1] = np.ascontiguousarray(kernels[1].T)
    return dataclasses.replace(case.weights, kernels=tuple(kernels))


def two_classes_swapped(case):
    kernel, bias = (
        arrays[-1][..., [1, 0, *range(2, N_CLASSES)]] for arrays in (case.weights.kernels, case.weights.biases)
    )
    weights = case.weights
    return dataclasses.replace(
        weights,
        kernels=(*weights.kernels[:-1], np.ascontiguousarray(kernel)),
        biases=(*weights.biases[:-1], np.ascontiguousarray(bias)),
    )


def one_percent_of_one_weight(case):
    kernels = [kernel.copy() for kernel in case.weights.kernels]
    kernels[-1].flat[np.abs(kernels[-1]).argmax()] *= np.float32(1.01)
    return dataclasses.replace(case.weights, kernels=tuple(kernels))


# By name: what is done to the weights, and the checks of which one must be the first to fail.
IN_WEIGHTS = {
    "transposed-kernel": (transposed_square_kernel, ("values",)),
    "swapped-columns": (faults.swapped_columns, ("values",)),
    "scaler-left-out": (faults.scaler_left_out, ("values",)),
    "scaler-of-other-rows": (faults.scaler_from_wrong_split, ("values",)),
    "nan-in-a-weight": (faults.nan_in_a_weight, ("values", "file")),  # C has no word for it and does not compile
    "earlier-epoch": (faults.earlier_epoch, ("values",)),
    "one-percent": (one_percent_of_one_weight, ("values",)),
}
OF_CLASSES = {
    "classes-reversed": (faults.reversed_classes, ("values",)),
    "two-classes-swapped": (two_classes_swapped, ("values",)),
}
IN_NETWORK = {"answered-twice": ("answer_twice", ("shapes",)), "dropout-left-on": ("leave_dropout_on", ("values",))}
IN_NETWORK_OF_CLASSES = {"softmax-twice": ("apply_sigmoid_twice", ("values",))}


def faults_of(output):
    weights, network = IN_WEIGHTS, IN_NETWORK
    return (weights | OF_CLASSES, network | IN_NETWORK_OF_CLASSES) if output == "softmax" else (weights, network)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network, and by fault and format the file with it."""

    spec: NetworkSpec
    case: Case
    folder: Path
    made: dict

    def expected(self, name, fault, rows=slice(None), **more):
        form, X = find_format(name), self.case.split.X_test[rows]
        path = Path(self.made[fault][name]["path"])
        weights = self.case.weights
        return Expected(
            form=form,
            path=path,
            X=X,
            answers=numpy_answers(self.spec, weights, X),
            tolerance=derive_tolerance(self.spec, weights, X, form.stored_as),
            labels=self.case.split.y_test[rows],
            sha256=file_sha256(path),
            port_names=form.names_for(self.spec),
            **more,
        )


@pytest.fixture(scope="module", params=["softmax", "linear"])
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"faults-{request.param}")
    spec, case = train(request.param)
    in_weights, in_network = faults_of(request.param)
    np.save(folder / "rows.npy", case.split.X_train)
    altered = {name: alter(case) for name, (alter, _) in in_weights.items()}
    changes = {"sound": "", **dict.fromkeys(altered, ""), **{name: change for name, (change, _) in in_network.items()}}
    for name in changes:
        altered.get(name, case.weights).save(folder / f"{name}.safetensors", spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        with Child("faults", preload=PRELOAD["torch"], log=folder / "export.log") as child:
            arguments = {"folder": str(folder), "names": ["torchscript", "c99"], "changes": changes}
            made = child.call("contract:export_changed", arguments)
            few = {"folder": str(folder), "names": ["onnx-float32"], "changes": {"sound": "", "swapped-columns": ""}}
            for name, files in child.call("contract:export_changed", few).items():
                made[name] |= files
    return Trained(spec, case, folder, made)


def train(output):
    """Train 12-16-16 and an end for some epochs on columns of unlike scale."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(1400, 12))
    true = z[:, :6] @ rng.normal(size=(6, N_CLASSES)) + z[:, [0]] * z[:, [7]] + 0.3 * rng.normal(size=(1400, N_CLASSES))
    y = true.argmax(axis=1) if output == "softmax" else 40 * true[:, 0] + 300
    std = 10.0 ** rng.uniform(-2, 3, 12)
    X = (std * rng.uniform(-2, 2, 12) + std * z).astype(np.float32)
    split = Split(X[:900], y[:900], X[900:1000], y[900:1000], X[1000:], y[1000:])
    spec = NetworkSpec(
        n_inputs=12,
        hidden_units=(16, 16),
        output=output,
        n_outputs=N_CLASSES if output == "softmax" else 1,
        dropout=0.1,
        seed=1,
    )
    initial = initial_weights(spec, *fit_scaling(split.X_train))
    kept = []
    for n_epochs in (12, 10):
        network = numpy_net.build(spec, initial)
        plan = TrainSpec(loss=spec.loss, max_epochs=n_epochs, patience=None, keep="last", learning_rate=1e-2)
        numpy_net.fit(network, plan, split, lambda epoch: None)
        kept.append(numpy_net.get_weights(network))
    return spec, Case(weights=kept[0], earlier=kept[1], split=split)


@pytest.mark.parametrize("name", ["torchscript", "c99"])
def test_each_fault_is_caught_by_its_check_and_a_sound_file_passes(trained, name):
    form = find_format(name)
    caught_by = {fault: checks for table in faults_of(trained.spec.output) for fault, (_, checks) in table.items()}
    if name == "c99":  # it is written from the weights: what is in the live network does not reach it
        caught_by = {
            fault: checks for fault, checks in caught_by.items() if fault not in IN_NETWORK | IN_NETWORK_OF_CLASSES
        }
    jobs = {fault: job(trained, name, fault) for fault in ["sound", *caught_by]}
    with Child(name, preload=form.preload, log=trained.folder / f"{name}.log") as child:
        examined = child.call("throughline.verify.worker:examine_artifacts", {"jobs": list(jobs.values())})
    first = {}
    for (fault, asked), answer in zip(jobs.items(), examined, strict=True):
        found = judge(trained.expected(name, fault), lambda: examined_from(answer, Path(asked["answers"])))  # noqa: B023
        first[fault] = found.failed[0].name if found.failed else "passed"
    assert first.pop("sound") == "passed"
    assert {fault: check for fault, check in first.items() if check not in caught_by[fault]} == {}


def job(trained, name, fault):
    return {
        "format_name": name,
        "path": trained.made[fault][name]["path"],
        "rows": rows_of(trained),
        "answers": str(trained.folder / f"{name}-{fault}.npz"),
    }


def rows_of(trained):
    path = trained.folder / "test-rows.npy"
    np.save(path, trained.case.split.X_test)
    return str(path)


def test_labels_and_metric_are_wrong_too(trained):
    if trained.spec.output == "linear":
        found = verify_artefact(trained.expected("torchscript", "scaler-left-out"), Search(most_rows=0))
        assert [check.name for check in found.failed][:2] == ["values", "metric"]
        assert found.error > 2 * found.source_error
        return
    found = verify_artefact(trained.expected("torchscript", "classes-reversed"), Search(most_rows=0))
    assert [check.name for check in found.failed] == ["values", "labels", "metric"]
    assert found.flips[0].margin > found.flips[0].allowed
    assert sum(found.flips[0].classes) == N_CLASSES - 1


def test_no_rows_prove_nothing(trained):
    found = verify_artefact(trained.expected("torchscript", "sound", slice(0, 0)))
    assert found.failed[0].name == "shapes"


def test_a_sound_file_is_searched_for_its_worst_input(trained):
    path = trained.folder / "sound.safetensors"
    network = Network(spec=trained.spec, weights=trained.case.weights, path=path)
    found = verify_artefact(trained.expected("onnx-float32", "sound", network=network), Search(longest_s=1.0))
    assert (found.status, found.verdict) == ("passed", "rounding")
    said = {check.name: (check.status, check.said) for check in found.checks}
    assert (
        found.worst.difference
        >= found.worst.held_out_difference
        == max(cut.largest_difference for cut in found.answers)
    )
    assert 0 < found.worst.share_of_tolerance < 1
    if trained.spec.output == "softmax":
        assert said["names"][1] == "features in, probabilities out"
        assert (found.certificate.n_flips, found.certificate.output) == (0, "softmax")
        assert found.accuracy == found.source_accuracy > 0.7
        assert found.worst.output < N_CLASSES
    else:
        assert said["names"][1] == "features in, value out"
        assert said["labels"] == ("not_run", "a value is no label")
        assert found.certificate is found.accuracy is None
        assert found.error == pytest.approx(found.source_error, rel=1e-5)
        assert found.error < 0.6 * np.std(trained.case.split.y_test)


def test_the_layer_is_named_at_which_a_file_parts(trained):
    network = Network(spec=trained.spec, weights=trained.case.weights, path=trained.folder / "sound.safetensors")
    found = verify_artefact(trained.expected("onnx-float32", "swapped-columns", network=network))
    assert [check.name for check in found.failed[:2]] == ["weights", "values"]
    assert found.layers_reason.startswith("they part at layer 1 of 3: ")
