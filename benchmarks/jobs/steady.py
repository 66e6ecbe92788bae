"""Train a small set for many epochs and print, as JSON, microseconds a step and memory at the beginning and the end.

Units die and gradients fade in so long a training: what subnormal numbers or a leak would cost shows here.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from throughline.scratch import MLP, Adam, Plan

N_ROWS, EDGE = 512, 500


def peak_mib() -> float:
    """Return the most memory that this process has used."""
    status = Path("/proc/self/status")
    if status.exists():  # the kernel's ru_maxrss would begin with that of the process which started this one
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


n_epochs = int(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.normal(size=(N_ROWS, 20)).astype(np.float32)
y = (X @ rng.normal(size=(20, 1)) > 0).astype(np.float32)
plan = Plan(MLP((20, 64, 32, 1), dtype=np.float32), Adam(), n_samples=N_ROWS, batch_size=32)
edge = min(EDGE, n_epochs // 2)
times, memory = np.empty(n_epochs), []
for epoch in range(n_epochs):
    start = time.perf_counter()
    losses = plan.run_epoch(X, y)
    times[epoch] = (time.perf_counter() - start) / plan.n_steps * 1e6
    if epoch in {edge, n_epochs - 1}:
        memory.append(peak_mib())
print(
    json.dumps(
        {
            "n_epochs": n_epochs,
            "first_us": float(np.median(times[:edge])),
            "last_us": float(np.median(times[-edge:])),
            "first_mib": memory[0],
            "last_mib": memory[1],
            "last_loss": float(losses.mean()),
        }
    )
)
