"""The whole job that a fresh process does: import, train the seed task for 50 epochs, keep the best weights, exit.

5,000 rows of 20 features of which a fifth is for validation, 20-64-32-1, dropout 0.3, batches of 32, Adam, a new order
every epoch.
"""

import numpy as np

from throughline.scratch import MLP, Adam, Plan

N_ROWS, N_TRAIN, N_EPOCHS = 5_000, 4_000, 50

rng = np.random.default_rng(0)
X = rng.normal(size=(N_ROWS, 20)).astype(np.float32)
y = (X @ rng.normal(size=(20, 1)) + rng.normal(size=(N_ROWS, 1)) > 0).astype(np.float32)
X_val, y_val = X[N_TRAIN:], y[N_TRAIN:]

mlp = MLP((20, 64, 32, 1), dropout=0.3, dtype=np.float32)
plan = Plan(mlp, Adam(), n_samples=N_TRAIN, batch_size=32)
plan.load(X[:N_TRAIN], y[:N_TRAIN])
best_loss, best = np.inf, [w.copy() for w in mlp.parameters]
for _ in range(N_EPOCHS):
    plan.epoch(rng.permutation(N_TRAIN))
    plan.write_back()
    val_loss = mlp.loss_value(X_val, y_val)
    if val_loss < best_loss:
        best_loss, best = val_loss, [w.copy() for w in mlp.parameters]
for w, kept in zip(mlp.parameters, best, strict=True):
    w[...] = kept
assert best_loss < 0.4
