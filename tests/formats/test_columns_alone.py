"""Networks whose columns are all of one kind, so that the others have no features at all, through torch.export."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import numpy as np, torch
from throughline.frameworks import torch_net
from throughline.spec import Column, NetworkSpec
from throughline.weights import initial_weights

number, label = (Column(name="c", source="c", encoding=kind, labels=labels)
                 for kind, labels in (("number", ()), ("category", ("a", "b"))))
for columns in ((number,), (label,)):
    spec = NetworkSpec(n_inputs=1, columns=columns, seed=3)
    network = torch_net.build(spec, initial_weights(spec, np.zeros(1), np.ones(1))).eval()
    rows = torch.tensor([[0.0], [1.0], [2.0], [torch.nan]])
    torch.export.save(torch.export.export(network, (rows,)), sys.argv[1])
    answered = torch.export.load(sys.argv[1]).module()(rows)
    assert torch.equal(answered, network(rows)), (answered, network(rows))
    print(len(torch.unique(answered)))
"""


def test_torch_export_keeps_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "network.pt2")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # An empty number counts as its fill, 0; a label and no label are told apart.
    assert done.stdout.split() == ["3", "3"]
