"""The ledger: aligned frameworks coincide, what it calls a default is one, and its sums are right."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from throughline.errors import UsageError
from throughline.parity.ledger.measure import measure_ledger
from throughline.parity.ledger.setting import ALIGNED, ENTRIES, Entry
from throughline.parity.ledger.train import cross_entropy
from throughline.record import LedgerRecord

# Its children import TensorFlow and PyTorch, each in a process of its own.
pytestmark = pytest.mark.xdist_group("tensorflow")

BY_NAME = {entry.name: entry for entry in ENTRIES}


def both(entry: Entry, name: str, **fields: object) -> Entry:
    """Return an entry whose two sides have the same setting, so that nothing may differ."""
    return replace(entry, name=name, keras=replace(ALIGNED, **fields), torch=replace(ALIGNED, **fields))


CONTROLS = [
    both(ENTRIES[0], "normalised", batch_norm="keras"),
    both(ENTRIES[0], "epsilon after", epsilon_placement="after_correction", epsilon=1e-3),
    both(ENTRIES[0], "last batch dropped", last_batch="drop"),
]


@pytest.fixture(scope="module")
def ledger() -> LedgerRecord:
    # 100 steps: past the end of the first epoch, where the last batch is incomplete.
    return measure_ledger(n_steps=100, n_seeds=3, entries=[*ENTRIES[:-1], ENTRIES[-1]])


@pytest.fixture(scope="module")
def controls() -> LedgerRecord:
    return measure_ledger(n_steps=100, n_seeds=3, entries=[*CONTROLS, BY_NAME["epsilon"]])


def test_aligned_frameworks_coincide(ledger: LedgerRecord) -> None:
    aligned = ledger.lines[0]
    assert aligned.name == "aligned"
    assert aligned.gap_high <= 1e-14
    assert aligned.accuracy_difference.value == 0


@pytest.mark.parametrize("name", [entry.name for entry in CONTROLS])
def test_what_both_sides_do_makes_no_gap(controls: LedgerRecord, name: str) -> None:
    (line,) = (line for line in controls.lines if line.name == name)
    assert line.gap_high <= 1e-12


@pytest.mark.parametrize(
    "name",
    [
        "initialisation",
        "epsilon",
        "epsilon placement",
        "l2",
        "last batch",
        "shuffling",
        "dropout",
        "batch normalisation",
        "float32",
        "all",
    ],
)
def test_a_default_switched_on_parts_them(ledger: LedgerRecord, name: str) -> None:
    (line,) = (line for line in ledger.lines if line.name == name)
    assert line.gap_low > 1e-14
    assert line.gap_low <= line.gap <= line.gap_high
    assert line.share == pytest.approx(line.gap / ledger.lines[-1].gap)


def test_small_causes_have_small_effects(ledger: LedgerRecord) -> None:
    gaps = {line.name: line.gap for line in ledger.lines}
    assert gaps["loss clipping"] <= 1e-14  # no prediction is wrong by a logit of 16 yet
    assert gaps["float32"] < gaps["epsilon"] < gaps["initialisation"]


def test_both_learn_and_the_stock_ones_are_compared(ledger: LedgerRecord) -> None:
    stock = ledger.lines[-1]
    assert min(stock.keras_accuracy, stock.torch_accuracy) > 0.8
    assert ledger.equivalence.n_seeds == 3
    assert ledger.equivalence.difference == pytest.approx(stock.accuracy_difference.value)
    assert (ledger.n_train, ledger.n_test) == (3000, 2000)


def test_sentences_can_be_said() -> None:
    for entry in ENTRIES:
        assert entry.sentence.endswith(".")
        assert 10 <= len(entry.sentence.split()) <= 45
        assert not any(sign in entry.sentence for sign in "*`=_")


DEFAULTS_OF_KERAS = """
import inspect, keras
adam = keras.optimizers.Adam()
norm = keras.layers.BatchNormalization()
dense = keras.layers.Dense(1)
print(adam.epsilon, float(adam.learning_rate.numpy()), norm.momentum, norm.epsilon,
      type(dense.kernel_initializer).__name__, type(dense.bias_initializer).__name__, dense.kernel_regularizer,
      keras.config.epsilon(), inspect.signature(keras.Model.fit).parameters["shuffle"].default, keras.config.floatx())
"""


def test_what_is_called_a_default_of_keras_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", DEFAULTS_OF_KERAS], capture_output=True, text=True, check=True)
    said = done.stdout.strip().splitlines()[-1]
    assert said == "1e-07 0.0010000000474974513 0.99 0.001 GlorotUniform Zeros None 1e-07 True float32"


DEFAULTS_OF_TORCH = """
import inspect, torch
from torch import nn
group = torch.optim.Adam([nn.Parameter(torch.zeros(1))]).param_groups[0]
norm = nn.BatchNorm1d(1)
loader = inspect.signature(torch.utils.data.DataLoader).parameters
torch.manual_seed(0)
layer = nn.Linear(400, 1000)
bound = 400**-0.5
print(group["eps"], group["lr"], group["weight_decay"], norm.momentum, norm.eps, loader["shuffle"].default,
      loader["drop_last"].default, bool(layer.weight.abs().max() <= bound), bool(layer.bias.abs().max() <= bound),
      bool(layer.weight.abs().max() > 0.99 * bound), bool(layer.bias.abs().max() > 0.9 * bound),
      torch.get_default_dtype())
"""


def test_what_is_called_a_default_of_pytorch_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", DEFAULTS_OF_TORCH], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        *("1e-08", "0.001", "0", "0.1", "1e-05", "None", "False", "True", "True", "True", "True", "torch.float32")
    ]


def test_what_is_called_a_default_of_scikit_learn_is_one() -> None:
    from sklearn.neural_network import MLPClassifier

    assert inspect.signature(MLPClassifier).parameters["alpha"].default == 1e-4


def test_loss_of_logits_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert cross_entropy(np.array([1e4, -1e4], np.float32), np.array([1.0, 1.0])) == 5000


@pytest.mark.parametrize(("arguments", "said"), [({"n_steps": 0}, "--steps"), ({"n_seeds": 2}, "--seeds")])
def test_numbers_that_are_too_small_are_refused(arguments: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        measure_ledger(**arguments)
