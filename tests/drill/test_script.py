"""The script without a bug is right: its steps are those of `scratch.MLP`, and one of its bugs is PyTorch's own."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from throughline.drill import script
from throughline.drill.bugs import load_bugs
from throughline.drill.mutation import load_script, sound_text
from throughline.drill.probes import replaced
from throughline.drill.rows import NOISY, PLAIN, RARE, draw_table
from throughline.drill.trial import request_of
from throughline.scratch import MLP, GradientDescent, gradient_check

SIZES = (12, *script.HIDDEN_UNITS, 1)


@pytest.mark.parametrize("case", [PLAIN, RARE])
def test_training_is_that_of_the_mlp_step_by_step(case) -> None:
    """The same weights, batches and masks give the same losses, one after the other, to the last digits."""
    prepared = script.prepare(draw_table(case, 3), 3)
    ours = script.train(prepared, 3)
    mlp = MLP(SIZES, dropout=script.DROPOUT, parameters=script.initial_parameters(SIZES, 3))
    optimizer, rng = GradientDescent(script.LEARNING_RATE), np.random.default_rng((3, 1))
    X, y, weights = prepared.train.X, prepared.train.y, script.class_weights(prepared.train.y)[:, 0]
    losses = []
    for _ in range(5):
        order = rng.permutation(len(X))
        for start in range(0, len(X), script.BATCH_SIZE):
            rows = order[start : start + script.BATCH_SIZE]
            masks = mlp.draw_masks(len(rows), rng)
            losses.append(mlp.train_step(X[rows], y[rows], optimizer, masks, weights[rows]))
    np.testing.assert_allclose(ours.step_losses[: len(losses)], losses, rtol=1e-11)


def test_gradient_is_that_of_central_differences() -> None:
    prepared = script.prepare(draw_table(NOISY, 0), 0)

    class Network:
        parameters = script.initial_parameters(SIZES, 1)

        def loss(self, X, y):
            logits = script.forward(self.parameters, X, None).logits
            return script.LOSS.value(logits, y, script.class_weights(y)[:, 0])

        def gradients(self, X, y):
            gradients = [np.zeros_like(w) for w in self.parameters]
            script.backward(
                self.parameters, gradients, script.forward(self.parameters, X, None), y, script.class_weights(y)
            )
            return gradients

    assert gradient_check(Network(), prepared.train.X, prepared.train.y).passed


@pytest.mark.parametrize("case", [PLAIN, RARE])
def test_parts_share_no_row_and_scaling_is_that_of_the_training_rows(case) -> None:
    table = draw_table(case, 1)
    prepared = script.prepare(table, 1)
    parts = [prepared.train.rows, prepared.val.rows, prepared.test.rows]
    assert sorted(np.concatenate(parts)) == list(range(case.n_rows))
    np.testing.assert_allclose(prepared.train.X.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_array_equal(prepared.test.y[:, 0], table.y[prepared.test.rows])


def test_the_best_weights_are_kept() -> None:
    prepared = script.prepare(draw_table(RARE, 0), 0)
    training = script.train(prepared, 0)
    logits = script.answer(training.kept, prepared.val.X, np.random.default_rng(0))
    assert script.loss_of(logits, prepared.val.y) == min(training.val_losses)


def test_requests_come_back_as_the_rows_of_the_table() -> None:
    table = draw_table(PLAIN, 0)
    np.testing.assert_array_equal(script.read_request(request_of(table), table.names), table.X_new)


def test_text_that_is_run_is_the_module() -> None:
    text = sound_text()
    assert load_script(None).train.__code__.co_code == script.train.__code__.co_code
    assert text.count("\n") < 300


TORCH = """
import json, sys
import numpy as np, torch
torch.set_num_threads(1)
given = np.load(sys.argv[1])
X, y, w = (torch.from_numpy(given[name]) for name in ("X", "y", "w"))
layers = []
for i in range(3):
    layer = torch.nn.Linear(*given[f"p{2 * i}"].shape, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(given[f"p{2 * i}"].T.copy())
    layer.bias.data = torch.from_numpy(given[f"p{2 * i + 1}"])
    layers += [layer, torch.nn.ReLU()]
network = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
losses = []
for rows in given["batches"]:
    losses_of_rows = torch.nn.functional.binary_cross_entropy_with_logits(network(X[rows]), y[rows], reduction="none")
    loss = (losses_of_rows * w[rows]).sum() / w[rows].sum()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(losses))
"""


@pytest.mark.xdist_group("torch")
def test_without_zero_grad_is_what_pytorch_does_without_it(tmp_path) -> None:
    """A loop in PyTorch without optimizer.zero_grad() has the losses of the script with that bug."""
    broken = load_script(load_bugs()["no-zero-grad"])
    prepared = script.prepare(draw_table(PLAIN, 2), 2)
    part, size = prepared.train, script.BATCH_SIZE
    with replaced(broken, "DROPOUT", 0.0), replaced(broken, "N_EPOCHS", 1):
        ours = broken.train(prepared, 2).step_losses
    order = np.random.default_rng((2, 1)).permutation(len(part.X))  # as `train` draws it
    arrays = {f"p{i}": w for i, w in enumerate(script.initial_parameters(SIZES, 2))}
    arrays |= {"X": part.X, "y": part.y.astype(float), "w": script.class_weights(part.y)}
    given = tmp_path / "given.npz"
    np.savez(given, batches=order[: len(order) // size * size].reshape(-1, size), **arrays)
    command = [sys.executable, "-c", TORCH, str(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    assert len(theirs) == 11
    np.testing.assert_allclose(ours[: len(theirs)], theirs, rtol=1e-10)
