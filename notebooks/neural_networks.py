# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One neural network, followed all the way
#
# A network is written by hand, checked, trained again in Keras and in PyTorch, compared, exported to every format of
# this project, and proven to be the same network in each. There are seven chapters:
#
# | | chapter | question |
# | --- | --- | --- |
# | 1 | [Perceptron](#chapter-1) | What can one neuron learn, and how fast? |
# | 2 | [Multi-layer perceptron](#chapter-2) | How does an error find the weight that caused it? |
# | 3 | [Keras](#chapter-3) | What does a framework do for us, and what does it decide for us? |
# | 4 | [PyTorch](#chapter-4) | Is it the same network, and the same gradient? |
# | 5 | [Evaluation](#chapter-5) | Is it good, and is one of them better? |
# | 6 | [TFLite](#chapter-6) | What is left of it on a phone? |
# | 7 | [ONNX](#chapter-7) | What is left of it in anyone else's runtime? |
# | | [Why several formats](#formats) | Which file goes where? |
#
# Two rules hold throughout. The mathematics is defined once, in the package `throughline`: the cells show its code and
# run it. And no measured number is typed into the text: it is printed by a cell, and where the text claims something, a
# cell asserts it.
#
# Each chapter has an exercise with a folded solution, and ends with what is claimed of it, held against the record, and
# a script to say aloud, as one would in an interview.
#
# Every cell can be run again with rows of your own: change the parameters below, or let `throughline notebook` put them
# in and execute all of it.

# %% tags=["parameters"]
RUN = None  # folder of a finished run, to be told from its record; None: run now
TASK = "make-classification"  # or "breast-cancer"
DATA = None  # instead of a task, a CSV file of your own with numbers and a header row,
TARGET = None  # and the column with its two classes
SEED = 0

# %%
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from throughline.data.of_run import rows_of_run
from throughline.data.scaling import fit_scaling, scale
from throughline.data.tasks import TASKS, separable, two_moons, xor
from throughline.notebook import pictures, show
from throughline.notebook.claims import contradicted, open_claims
from throughline.record import load_record
from throughline.report.formatting import count, decimal, framework_title, p_value, percent, scientific, size
from throughline.run import RunRequest, run

pictures.use_style()

# %% [markdown]
# <a id="run"></a>
#
# ## The whole story, measured once
#
# `throughline run` on the command line and `run` here are the same job. It trains Keras and PyTorch side by side, each
# in a process of its own: the two libraries bring their own copies of the same native code, and a process that has
# loaded both is no witness for either. Every exported file is opened in yet another process, which gets the file and
# the rows and nothing else. This notebook itself never imports TensorFlow or PyTorch.
#
# What comes back is a record of everything that was measured, and a folder with the models.

# %%
workspace = TemporaryDirectory(prefix="throughline-")
data = None if DATA is None else Path(DATA)
if RUN is None:
    task = TASK if data is None else None
    request = RunRequest(task=task, data=data, target=TARGET, seed=SEED, out=Path(workspace.name) / "run")
    record, folder = run(request, show.Progress())
else:
    record, folder = load_record(Path(RUN)), Path(RUN)
    asked = (SEED, TASK if data is None else record.task.name)
    assert (record.seed, record.task.name) == asked, "RUN has other parameters: RUN = None makes a run with these"
    show.run(record)

# %% [markdown]
# The rows it ran on. A run keeps none: they are loaded again, and their checksum must be the one in the record.

# %%
split = rows_of_run(record, data)
if data is None:
    show.say(f"**{record.task.name}**: {' '.join(TASKS[TASK].__doc__.split())}")
else:
    first, second = record.task.class_names
    show.say(f"**{record.task.name}**, from `{record.task.source}`: is `{TARGET}` `{first}` or `{second}`?")
parts = {
    "training": (split.X_train, split.y_train),
    "validation": (split.X_val, split.y_val),
    "test": (split.X_test, split.y_test),
}
show.table(
    ("part", "rows", "features", f"share of '{record.task.class_names[1]}'"),
    [(name, count(len(X)), X.shape[1], percent(y.mean())) for name, (X, y) in parts.items()],
)

# %% [markdown]
# Columns may have very different scales, and a network learns badly from such rows. So every network here begins with
# $(x - \mu)/\sigma$, and $\mu$ and $\sigma$ come **from the training rows alone**: statistics of all rows would carry
# news of the test rows into training. They are part of the network and of each exported file, so that a file takes raw
# rows and nobody has to remember how to prepare them.

# %%
mean, std = fit_scaling(split.X_train)
scaled = scale(split.X_train, mean, std)
assert np.allclose(scaled.mean(axis=0), 0, atol=1e-3)
varies = np.ptp(split.X_train, axis=0) > 0
assert np.allclose(scaled.std(axis=0)[varies], 1, atol=1e-3)
show.say(
    f"Standard deviations of the columns: from {scientific(std.min())} to {scientific(std.max())}, a factor of "
    f"{count(std.max() / std.min())}. After scaling each is 1."
)

# %% [markdown]
# ### What is claimed
#
# The package keeps a list of claims, each with the field of the record that it cites and a bar that was set before the
# run. At the end of each chapter they are held against this record, and the cell fails if it contradicts one.
#
# Some are open. That float16 halves a file depends on the size of the network. How accurate a network gets, and how
# soon it stops, depends on the rows: it was promised of the parameters as they came, and on rows of your own a miss is
# a finding. Such a claim is rewritten to what was measured. No claim that a gradient is right or that two files are the
# same network is ever open.


# %%
def hold(chapter):
    """Hold the claims of a chapter against the record; one that is contradicted must be an open one."""
    told = show.claims(record, chapter)
    wrong = contradicted(told) - open_claims(record)
    assert not wrong, f"the record contradicts {', '.join(sorted(wrong))}"


# %% [markdown]
# <a id="chapter-1"></a>
#
# ## Chapter 1: Perceptron
#
# One neuron: a weighted sum, then a step.
#
# $$\hat y = \begin{cases} 1 & \text{if } w\cdot x + b > 0 \\ 0 & \text{otherwise} \end{cases}$$
#
# $w\cdot x + b = 0$ is a line in the plane (a hyperplane in more dimensions); $w$ stands at right angles to it.
# Rosenblatt's rule (1958) learns only from mistakes. With $s = +1$ for class 1 and $s = -1$ for class 0, a row is a
# mistake when $s\,(w\cdot x + b) \le 0$, and then
#
# $$w \leftarrow w + s\,x \qquad b \leftarrow b + s .$$
#
# The package's loop is no longer than that:

# %%
show.source("scratch.perceptron:Perceptron.fit", start="for epoch in", stop="self.n_epochs_")

# %% [markdown]
# ### One update by hand
#
# Why should adding a row to the weights help? Put the new weights into the row's own score:
#
# $$s\,\big((w + s\,x)\cdot x + b + s\big) = s\,(w\cdot x + b) + \lVert x\rVert^2 + 1 .$$
#
# The score of the row that was wrong rises, always by $\lVert x\rVert^2 + 1$. Three rows, one pass:

# %%
from throughline.scratch import Perceptron, margin, novikoff_bound

X3, y3 = np.array([[1.0, 2.0], [2.0, 0.5], [-1.0, 1.0]]), np.array([1, 0, 1])
by_hand = Perceptron(max_epochs=1).fit(X3, y3)


def score(weights, row):
    """How far the row is on its proper side; a mistake when not above 0."""
    return (2 * y3[row] - 1) * (weights[:2] @ X3[row] + weights[2])


rows = []
for (_, row), before, after in zip(by_hand.updates_, by_hand.path_, by_hand.path_[1:], strict=False):
    rows.append((X3[row], y3[row], before, score(before, row), after, score(after, row)))
    assert np.isclose(score(after, row) - score(before, row), X3[row] @ X3[row] + 1)
show.table(("wrong row x", "class", "[w, b] before", "score before", "[w, b] after", "score after"), rows)

# %% [markdown]
# A correction for one row can spoil another; that is why the rule goes on, pass after pass.
#
# ### On points that a line separates
#
# The points are drawn in a square, with a corridor left free along a random line. A quarter is kept for the test.

# %%
points = separable(SEED)
n_test = len(points.X) // 4
X, y, X_test, y_test = points.X[n_test:], points.y[n_test:], points.X[:n_test], points.y[:n_test]
perceptron = Perceptron().fit(X, y)
pictures.moving_line(X, y, perceptron.path_, perceptron.mistakes_)

# %%
assert perceptron.converged_
assert perceptron.score(X, y) == 1
assert perceptron.score(X_test, y_test) > 0.95
show.say(
    f"{sum(perceptron.mistakes_)} corrections for {len(X)} rows; every training row is on its proper side, and "
    f"{percent(perceptron.score(X_test, y_test))} of the {len(X_test)} test rows."
)

# %% [markdown]
# ### Why it must stop: Novikoff's theorem
#
# Append a constant 1 to each row, so that the bias is one more weight. Let $u$ be the unit vector of *any* line that
# separates the classes, $\gamma$ the smallest distance $s\,(u\cdot x)$ of a row from it, and $R$ the length of the
# longest row. Start at $w_0 = 0$ and look at the weights after $k$ mistakes.
#
# - **Progress.** Each correction adds $s\,x$, so $w\cdot u$ grows by at least $\gamma$: $\;w_k\cdot u \ge k\,\gamma$.
# - **Length.** The row was on the wrong side, so the middle term of $\lVert w + s\,x\rVert^2 = \lVert w\rVert^2 +
#   2\,s\,w\cdot x + \lVert x\rVert^2$ is not positive: $\;\lVert w_k\rVert^2 \le k\,R^2$.
# - **Together**, since $w_k\cdot u \le \lVert w_k\rVert$: $\;k\,\gamma \le \sqrt{k}\,R$, hence $k \le (R/\gamma)^2$
#   (Novikoff, 1962).
#
# A line cannot stay below a square root for ever. The bound knows nothing of the number of rows or of dimensions.
# Its two halves can be watched while the perceptron learns, with $u$ from the line that made the points:

# %%
bound = novikoff_bound(X, y, points.coef, points.intercept)
gamma = margin(points.coef, points.intercept, X, y)
separator = np.append(points.coef, points.intercept)
u = separator / np.linalg.norm(separator)
k = np.arange(len(perceptron.path_))
progress, length = perceptron.path_ @ u, np.linalg.norm(perceptron.path_, axis=1)
pictures.squeeze(perceptron.path_, u, gamma, radius=gamma * np.sqrt(bound))

# %%
tiny = 1e-9
assert np.all(progress >= k * gamma - tiny)
assert np.all(progress <= length + tiny)
assert np.all(length <= np.sqrt(k * bound) * gamma + tiny)
assert len(k) - 1 == record.perceptron.n_mistakes <= bound
show.say(
    f"{len(k) - 1} mistakes, against a bound of {count(bound)}. The bound is for the worst rows in the worst order: "
    f"what it says is *that* the learning ends."
)

# %% [markdown]
# ### What one line cannot do
#
# In XOR opposite corners share a class. No line separates them, so there is no $u$, no $\gamma$, and no end.

# %%
X_xor, y_xor = xor(SEED)
line = Perceptron(max_epochs=50).fit(X_xor, y_xor)
assert not line.converged_
assert line.score(X_xor, y_xor) < 0.8  # three of four corners is the most a line can have
show.say(
    f"After {line.n_epochs_} passes it still makes {line.mistakes_[-1]} mistakes on {len(X_xor)} rows, "
    f"and gets {percent(line.score(X_xor, y_xor), 0)} right."
)

# %% [markdown]
# ### Exercise: does the order matter?
#
# Novikoff's bound says nothing about the order of the rows. Does the number of mistakes depend on it? Let a perceptron
# learn the training points in twenty orders, and compare the fewest and the most mistakes with the bound.
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# orders = [np.random.default_rng(i).permutation(len(X)) for i in range(20)]
# totals = [sum(Perceptron().fit(X[order], y[order]).mistakes_) for order in orders]
# assert max(totals) <= bound
# show.say(f"From {min(totals)} to {max(totals)} mistakes, and a bound of {count(bound)}.")
# ```
#
# It does. Each order is another path to a separating line, and often to another line; the proof uses only that each
# correction is one for a row that was wrong, whichever row that is.
#
# </details>

# %%
# Your turn.

# %%
hold(1)
show.talking_point(record, 1)

# %% [markdown]
# <a id="chapter-2"></a>
#
# ## Chapter 2: Multi-layer perceptron
#
# Put neurons behind neurons. Each layer is a linear map, then a bend $f$; without the bend the stack would be one
# linear map again. With $a_0 = X$, one row a sample:
#
# $$z_l = a_{l-1} W_l + b_l \qquad a_l = f_l(z_l) .$$
#
# The step of chapter 1 has slope 0 wherever it has a slope, so no gradient passes it. Smooth bends do better, and cheap
# derivatives help. For the sigmoid $\sigma(z) = 1/(1+e^{-z})$:
#
# $$\sigma'(z) = \frac{e^{-z}}{(1+e^{-z})^2} = \sigma(z)\,\big(1 - \sigma(z)\big),$$
#
# which the forward pass has computed already. It is at most $1/4$, so a deep stack of sigmoids shrinks gradients layer
# by layer; ReLU has slope 1 wherever it is on.

# %%
from throughline.scratch import ACTIVATIONS, LOSSES, MLP, Adam, GradientDescent, gradient_check, sigmoid

z = np.linspace(-8, 8, 1001)
assert np.isclose(ACTIVATIONS["sigmoid"].derivative(z, sigmoid(z)).max(), 1 / 4)
pictures.activations(ACTIVATIONS)

# %% [markdown]
# ### Forward
#
# The output is one number, the logit $z_L$, and $p = \sigma(z_L)$ is the probability of class 1. The loss is the mean
# of $-\,y\log p - (1-y)\log(1-p)$: the binary cross-entropy, the negative log-likelihood of the labels.

# %%
show.source("scratch.mlp:MLP.forward", start="for layer", stop="return")

# %% [markdown]
# A network small enough to look at: two inputs, three hidden units, one output, on the four corners of XOR.

# %%
corners, targets = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
small = MLP((2, 3, 1), hidden="sigmoid", seed=SEED)
trace = small.forward(corners)
show.table(
    ("quantity", "formula", "shape"),
    [
        ("$a_0$", "$X$", trace.activations[0].shape),
        ("$W_1$", "", small.kernels[0].shape),
        ("$z_1$", "$a_0 W_1 + b_1$", trace.z[0].shape),
        ("$a_1$", r"$\sigma(z_1)$", trace.activations[1].shape),
        ("$W_2$", "", small.kernels[1].shape),
        ("$z_2$", "$a_1 W_2 + b_2$", trace.logits.shape),
    ],
    left=2,
)
assert np.array_equal(trace.z[0], corners @ small.kernels[0] + small.biases[0])

# %% [markdown]
# ### Backward
#
# Backpropagation (Rumelhart, Hinton and Williams, 1986) is the chain rule, from the loss towards the input, with each
# product reused. Write $\mathrm{d}q$ for $\partial L/\partial q$; it has the shape of $q$.
#
# At the output, for one row:
#
# $$\frac{\partial L}{\partial p}\,\frac{\partial p}{\partial z} = \frac{p-y}{p\,(1-p)}\cdot p\,(1-p) = p - y .$$
#
# The cancellation matters. A sigmoid that is confidently wrong has almost no slope, and the logarithm is steep by
# exactly as much. Below the output:
#
# $$\mathrm{d}W_l = a_{l-1}^{\top}\,\mathrm{d}z_l \qquad
# \mathrm{d}b_l = \textstyle\sum_{\text{rows}} \mathrm{d}z_l \qquad
# \mathrm{d}a_{l-1} = \mathrm{d}z_l\,W_l^{\top} \qquad
# \mathrm{d}z_{l-1} = \mathrm{d}a_{l-1} \odot f'(z_{l-1}) .$$
#
# Shapes alone nearly force these formulas: there is one way to get $(\text{fan in}, \text{fan out})$ out of
# $a_{l-1}$ and $\mathrm{d}z_l$.

# %%
show.source("scratch.mlp:MLP.backward")

# %%
gradients = small.backward(trace, targets)
dz = LOSSES["binary_cross_entropy"].gradient(trace.logits, targets)
assert np.allclose(dz, (sigmoid(trace.logits) - targets) / len(corners))  # p - y, and 1/n for the mean
assert np.allclose(gradients[2], trace.activations[1].T @ dz)
show.table(
    ("gradient", "shape", "norm"),
    [
        (name, g.shape, decimal(np.linalg.norm(g)))
        for name, g in zip(("$dW_1$", "$db_1$", "$dW_2$", "$db_2$"), gradients, strict=True)
    ],
)

# %% [markdown]
# On its way down the gradient meets a factor $f'$ in every layer. With sigmoids that is at most $1/4$ each time, and it
# shows: five hidden layers, start weights, two moons.

# %%
X_moons, y_moons = two_moons(SEED)
norms = {}
for hidden in ("sigmoid", "relu"):
    deep = MLP((2, 16, 16, 16, 16, 16, 1), hidden=hidden, seed=SEED)
    kernels = deep.backward(deep.forward(X_moons), y_moons[:, None])[0::2]
    norms[hidden] = [np.linalg.norm(kernel) for kernel in kernels]
show.table(
    ("norm of the gradient", *(f"$dW_{layer}$" for layer in range(1, 7))),
    [(hidden, *map(scientific, found)) for hidden, found in norms.items()],
)
vanishing, steady = (found[0] / found[-1] for found in norms.values())
assert vanishing < steady

# %% [markdown]
# ### Is the gradient right?
#
# A wrong gradient often still learns, only worse, so that nobody notices. The definition of the derivative is the
# witness, since it knows nothing of the chain rule:
#
# $$\frac{\partial L}{\partial w} \approx \frac{L(w+h) - L(w-h)}{2h} .$$
#
# Its error falls with $h^2$, but the loss itself is rounded, which costs $\epsilon/h$. The sum is smallest near
# $h = \epsilon^{1/3}$. That can be seen:

# %%
nudges = np.logspace(-8, -1, 15)
errors = [gradient_check(small, corners, targets, step=h).largest for h in nudges]
pictures.step_sizes(nudges, errors, default=np.finfo(np.float64).eps ** (1 / 3), bar=1e-6)

# %%
check = gradient_check(small, corners, targets)
assert check.largest < 1e-6
show.say(f"{check.n_checked} parameters, largest relative error {scientific(check.largest)}.")

# %% [markdown]
# A check that cannot fail proves nothing. So forget one factor, $1-\sigma$, in the derivative:

# %%
broken = MLP((2, 3, 1), hidden="sigmoid", seed=SEED)
broken.hidden = (replace(ACTIVATIONS["sigmoid"], derivative=lambda z, a: a),)
caught = gradient_check(broken, corners, targets)
assert caught.largest > 1e-2
show.table(
    ("array", "right", "one factor missing"),
    [
        (name, scientific(right), scientific(wrong))
        for name, right, wrong in zip(
            ("$W_1$", "$b_1$", "$W_2$", "$b_2$"), check.relative_errors, caught.relative_errors, strict=True
        )
    ],
)

# %% [markdown]
# The last layer passes, the first does not: the error sits between them. The table says where to look.

# %%
assert max(caught.relative_errors[2:]) < 1e-6 < 1e-2 < min(caught.relative_errors[:2])

# %% [markdown]
# ### What one line could not do
#
# Now let a network learn XOR, and look at its boundary on the way. It has six hidden units. Three can do it too, but
# then some starts end in a local minimum; spare units leave more ways out.

# %%
views = []
mlp = MLP((2, 6, 1), hidden="tanh", seed=SEED)
optimizer = Adam(0.05)
for n_epochs, total in ((0, 0), (4, 4), (8, 12), (48, 60)):
    if n_epochs:
        mlp.fit(X_xor, y_xor[:, None], optimizer=optimizer, n_epochs=n_epochs, batch_size=32, rng_seed=SEED + total)
    kept = MLP((2, 6, 1), hidden="tanh", parameters=mlp.parameters)
    views.append((f"after {total} epochs", lambda places, kept=kept: kept.predict_proba(places)[:, 0]))
pictures.boundaries(X_xor, y_xor, views)

# %%
accuracy = np.mean(mlp.predict(X_xor) == y_xor)
assert accuracy > 0.95
show.say(f"{percent(accuracy)} right, where the line had {percent(line.score(X_xor, y_xor), 0)}.")

# %% [markdown]
# How? The last layer is still a single neuron, and can still only draw a line. The hidden layer moved the points to
# where a line is enough:

# %%
pictures.hidden_space(mlp, X_xor, y_xor)

# %% [markdown]
# The run did the same with a deeper network. The titles give the accuracy on rows that were kept for the test:

# %%
pictures.solved_problems(record.mlp.problems)
for problem in record.mlp.problems:
    assert problem.test_accuracy > 0.95
    assert problem.perceptron_accuracy < problem.test_accuracy

# %% [markdown]
# ### Descent
#
# The gradient points uphill; gradient descent takes a small step the other way, $w \leftarrow w - \eta\,\mathrm{d}w$.
# A batch of rows gives a noisy estimate of the gradient for a fraction of the price, and many cheap noisy steps beat
# few exact ones. How small is small?

# %%
last_losses = []
rows = []
for rate in (0.01, 0.1, 1.0, 100.0):
    moons = MLP((2, 16, 1), hidden="tanh", seed=SEED)
    history = moons.fit(
        X_moons, y_moons[:, None], optimizer=GradientDescent(rate), n_epochs=60, batch_size=32, rng_seed=SEED
    )
    last_losses.append(history.losses[-1])
    rows.append((rate, decimal(history.losses[0]), decimal(history.losses[-1])))
show.table(("learning rate", "loss, first epoch", "loss, last epoch"), rows, left=0)
assert last_losses[0] > last_losses[1] > last_losses[2]  # too timid to arrive
assert last_losses[3] > last_losses[2]  # and too bold

# %% [markdown]
# ### The run's own task, in NumPy
#
# The network that the frameworks will train, with nothing but `scratch` behind it. The architecture and every number
# of the training stand in two specs, from which all three versions are built:

# %%
spec, train = record.network, record.train
show.table(
    ("setting", "value"),
    [
        ("layers", " → ".join(map(str, spec.layer_sizes))),
        ("parameters", count(spec.n_parameters)),
        ("hidden activation", spec.hidden_activation),
        ("dropout", spec.dropout),
        ("initial kernels", spec.init),
        ("arithmetic", spec.dtype),
        ("loss", train.loss),
        ("optimizer", f"{train.optimizer}, learning rate {train.learning_rate:g}"),
        ("batch", f"{train.batch_size} rows"),
        ("epochs", f"at most {train.max_epochs}, {train.patience} without a better validation loss end it"),
    ],
    left=2,
)

# %% [markdown]
# **Dropout** (Srivastava et al., 2014) sets each hidden output to 0 with probability $p$ during training, and
# multiplies the others by $1/(1-p)$, so that the mean stays what it was and prediction needs no correction. No unit can
# rely on one particular other.
#
# **Glorot's rule** (2010) draws kernels uniformly from $\pm\sqrt{6/(\text{fan in} + \text{fan out})}$, a compromise
# that keeps the variance of outputs and that of gradients about equal from layer to layer.

# %%
from throughline.frameworks import numpy_net
from throughline.weights import initial_weights

initial = initial_weights(spec, mean, std)
assert initial.digest == record.mlp.training.initial_digest
network = numpy_net.build(spec, initial)
with threadpool_limits(1):  # matrices as small as these are slower with more threads
    epochs = numpy_net.fit(network, train, split, lambda epoch: None)
best = min(epochs, key=lambda epoch: epoch.val_loss)
assert best.number == record.mlp.training.best_epoch
assert np.isclose(best.val_loss, record.mlp.training.val_loss)
show.say(
    f"Trained again here, from the same start: {percent(best.val_accuracy)} on the validation rows after epoch "
    f"{best.number}, as in the run."
)

# %% [markdown]
# ### Exercise: backpropagation by hand
#
# Do the backward pass of `small` on the four corners yourself, with NumPy and no loop, from $\mathrm{d}z_2 = (p - y)/n$
# down to $\mathrm{d}W_1$ and $\mathrm{d}b_1$. Hold your four arrays against `gradients`. Then a second question: what
# becomes of a network that starts with all its weights at zero?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# _, a1 = trace.activations
# dz2 = (sigmoid(trace.logits) - targets) / len(corners)
# dW2, db2 = a1.T @ dz2, dz2.sum(axis=0)
# dz1 = dz2 @ small.kernels[1].T * a1 * (1 - a1)
# dW1, db1 = corners.T @ dz1, dz1.sum(axis=0)
# for mine, theirs in zip((dW1, db1, dW2, db2), gradients, strict=True):
#     assert np.allclose(mine, theirs)
#
# zeros = MLP((2, 3, 1), hidden="sigmoid", parameters=[np.zeros_like(p) for p in small.parameters])
# zeros.fit(X_xor, y_xor[:, None], optimizer=Adam(0.05), n_epochs=30, batch_size=32, rng_seed=SEED)
# assert np.allclose(zeros.kernels[0], zeros.kernels[0][:, :1])
# show.say(f"From zero weights: {percent(np.mean(zeros.predict(X_xor) == y_xor))} of XOR.")
# ```
#
# From zero weights all hidden units get the same gradient in every step, so they stay copies of one another: the
# network has in truth one hidden unit. Random starts are there to break this symmetry.
#
# </details>

# %%
# Your turn.

# %%
hold(2)
show.talking_point(record, 2)

# %% [markdown]
# <a id="chapter-3"></a>
#
# ## Chapter 3: Keras
#
# What took the last chapter a module is a few lines in a framework. They are not less: the same layers, the same loss,
# the same descent, compiled. From here on the code shown ran in its own process, during the run above.

# %%
show.source("frameworks.keras_net:build", start="network = keras.Sequential")

# %% [markdown]
# Kernels and biases are set to the start weights of chapter 2. Keras would draw its own, by the same rule from another
# generator, and nothing after that could be compared.

# %%
show.source("frameworks.keras_net:fit", start="network.compile", stop="return")

# %%
keras = record.keras
assert keras.initial_digest == initial.digest
assert keras.n_parameters == spec.n_parameters
pictures.learning([keras])

# %% [markdown]
# Do not compare the two losses of an epoch with each other. The one on the training rows is measured with dropout on,
# while the weights still move, the one on the validation rows after the epoch, with dropout off: at first the training
# rows often look *worse* than the validation rows, and that is no mistake.

# %%
first_epoch = (keras.losses[0], keras.val_losses[0])
show.say("In the first epoch: {} on the training rows, {} on the validation rows.".format(*map(decimal, first_epoch)))

# %% [markdown]
# ### What Adam does, and what "the same Adam" means
#
# Adam (Kingma and Ba, 2015) keeps running means of the gradient and of its square,
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2 ,$$
#
# divides out that both began at 0, and steps by their ratio:
#
# $$w \leftarrow w - \eta\,\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon} .$$
#
# In the first step the ratio is $g/(|g| + \epsilon)$: the step is the learning rate, whatever the size of the gradient.
#
# Now the detail. The paper's section 2 rearranges this for speed, and then $\epsilon$ is added to $\sqrt{v}$ *before*
# the correction is divided out. Keras does that, PyTorch follows the first form. The same $\epsilon$ is then not the
# same setting:

# %%
sizes = np.logspace(-9, 0, 91)
moves = {}
for title, inside in (("ε after the correction (PyTorch)", False), ("ε before the correction (Keras)", True)):
    weights_there = np.zeros_like(sizes)
    adam = Adam(
        train.learning_rate, train.beta_1, train.beta_2, epsilon=train.epsilon, epsilon_inside_correction=inside
    )
    adam.update([weights_there], [sizes])
    moves[title] = -weights_there / train.learning_rate
pictures.adam_steps(sizes, moves)

# %%
after, before = moves.values()
assert np.allclose(after, sizes / (sizes + train.epsilon))
assert np.all(before <= after)
apart = int(np.argmax(after - before))
show.say(
    f"With ε = {scientific(train.epsilon)} in both, a gradient of {scientific(sizes[apart])} moves a weight by "
    f"{percent(after[apart], 0)} of the learning rate in one framework and by {percent(before[apart], 0)} in the "
    f"other. Ordinary gradients are larger, and there the two agree."
)

# %% [markdown]
# ### SavedModel
#
# The export is a folder: the graph, the weights, and a signature with names, `serving_default`, which is what
# TensorFlow Serving calls. It was opened in a process of its own and answered the test rows at several batch sizes.

# %%
saved = record.format_named("savedmodel")
assert saved.status == "passed"
facts = {name: saved.facts[name] for name in ("exporter", "signature", "input", "output", "runtime")}
show.table(("read back from the file", ""), facts.items(), left=2)
show.table(
    ("rows at a time", "rows compared", "largest difference", "labels changed"),
    [(c.batch_size, count(c.n_rows), scientific(c.largest_difference), c.n_flips) for c in saved.checks],
    left=0,
)

# %% [markdown]
# ### Exercise: Adam without its correction
#
# Leave out both corrections, $1-\beta_1^t$ and $1-\beta_2^t$. How many learning rates long is the first step then? And
# if the gradient stays the same, in which step is the effect largest, and when is it below a hundredth?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# t = np.arange(1, 20_000)
# stretch = (1 - train.beta_1**t) / np.sqrt(1 - train.beta_2**t)  # of a step, without the corrections
# assert np.isclose(stretch[0], (1 - train.beta_1) / np.sqrt(1 - train.beta_2))
# assert stretch[-1] - 1 < 0.01
# settled = t[np.abs(stretch - 1) >= 0.01].max() + 1
# show.say(f"The first step is {decimal(stretch[0], 2)} learning rates long.")
# show.say(f"Largest effect: step {t[np.argmax(stretch)]}; below a hundredth from step {count(settled)} on.")
# ```
#
# The mean of squares is the slower of the two: after $t$ steps it has seen a share $1-\beta_2^t$ of its final value,
# and the step is divided by its root. Without the correction training begins with steps that are far too long.
#
# </details>

# %%
# Your turn.

# %%
hold(3)
show.talking_point(record, 3)

# %% [markdown]
# <a id="chapter-4"></a>
#
# ## Chapter 4: PyTorch
#
# The same architecture. `mean` and `std` are *buffers*: saved and exported with the network, but not parameters, so
# the optimizer does not touch them.

# %%
show.source("frameworks.torch_net:PyTorchNN")

# %% [markdown]
# PyTorch leaves the loop to us. Each step is five lines, and their order is the story of chapter 2: forget the old
# gradients (`backward` *adds* to them), forward, loss, backward, step.

# %%
show.source("frameworks.torch_net:fit", start="network.train()", stop="network.eval()")

# %% [markdown]
# `network.train()` and `network.eval()` switch dropout on and off. To forget the second is a classic: the network then
# answers the same row differently each time.
#
# PyTorch keeps kernels as (fan out, fan in), Keras and NumPy as (fan in, fan out). The transpose happens in this one
# place; scattered about, it is the usual way in which two "same" networks differ.

# %%
show.source("frameworks.torch_net:set_weights")

# %% [markdown]
# ### Three networks, one start

# %%
trainings = record.trainings()
assert [training.framework for training in trainings] == ["numpy", "keras", "torch"]
assert {training.initial_digest for training in trainings} == {initial.digest}
pictures.learning(trainings)

# %%
show.table(
    ("framework", "kept epoch", "validation loss", "validation accuracy"),
    [(framework_title(t.framework), t.best_epoch, decimal(t.val_loss, 4), percent(t.val_accuracy)) for t in trainings],
)

# %% [markdown]
# They start at the same weights, bit by bit, and end apart: each framework shuffles rows and draws dropout masks with a
# generator of its own. What must agree exactly is not the end but the *gradient at one and the same point*. Take the
# weights that PyTorch ended with, and the same rows, and ask both autograd and our backward pass, in float64:

# %%
gradient = record.mlp.gradient
assert gradient.autograd_framework == "torch"
assert gradient.autograd_largest_relative_error < 1e-6
show.table(
    ("our backward pass against", "largest relative error"),
    [
        ("central differences, at the start weights", scientific(gradient.largest_relative_error)),
        ("PyTorch's autograd, at the trained weights", scientific(gradient.autograd_largest_relative_error)),
    ],
)
assert gradient.autograd_largest_relative_error < gradient.largest_relative_error

# %% [markdown]
# Central differences are limited by their own formula; autograd does the same chain rule as we do, so that only
# rounding is left between the two.
#
# ### TorchScript and torch.export
#
# TorchScript compiles the module's own Python to a language that C++ can run without Python. It is deprecated, and
# still asked for. Its successor `torch.export` traces the module to a graph. Both files were opened alone and compared:

# %%
exported = [entry for entry in record.formats if entry.chapter == 4]
assert exported
assert all(entry.status == "passed" for entry in exported)
show.table(
    ("file", "made by", "size", "largest difference", "labels changed"),
    [(e.title, e.facts["exporter"], size(e.size_bytes), scientific(e.largest_difference), e.n_flips) for e in exported],
    left=2,
)

# %% [markdown]
# ### Exercise: forget `eval()`
#
# Take the weights that PyTorch ended with, and let NumPy answer the first test row a thousand times with dropout *on*,
# as a network does whose `eval()` was forgotten. How far do the answers spread? And why are the survivors divided by
# their share?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# from throughline.weights import load_weights
#
# trained, _ = load_weights(folder / record.pytorch.weights_path)
# rng = np.random.default_rng(SEED)
#
#
# def answer_once(kept):
#     """Answer the first test row; each hidden output survives with probability `kept`."""
#     a = scale(split.X_test[:1], trained.mean, trained.std)
#     for kernel, bias in zip(trained.kernels[:-1], trained.biases[:-1], strict=True):
#         a = np.maximum(a @ kernel + bias, 0)
#         a = a * (rng.random(a.shape) < kept) / kept
#     return sigmoid(a @ trained.kernels[-1] + trained.biases[-1]).item()
#
#
# forgotten = [answer_once(1 - spec.dropout) for _ in range(1000)]
# assert answer_once(1) == answer_once(1)
# assert len(set(forgotten)) > 1
# show.say(f"Dropout off: {answer_once(1):.4f}. On: from {min(forgotten):.4f} to {max(forgotten):.4f}.")
# ```
#
# Divided by their share, the survivors have the mean that all outputs had together, so that the next layer sees numbers
# of the size that it was trained on, and nothing has to be corrected when dropout is off.
#
# </details>

# %%
# Your turn.

# %%
hold(4)
show.talking_point(record, 4)

# %% [markdown]
# <a id="chapter-5"></a>
#
# ## Chapter 5: Evaluation
#
# From here on nothing knows which framework answered: labels and probabilities go in, figures come out. The test rows
# are looked at now, once, after every choice has been made.

# %%
networks = record.evaluation.networks
pictures.confusions(networks, record.task.class_names)
for network_figures in networks:
    (tn, fp), (fn, tp) = network_figures.confusion
    precision, recall = tp / max(tp + fp, 1), tp / (tp + fn)
    positive = network_figures.classes[1]
    assert np.isclose(positive.precision, precision)  # of those called 1, how many are
    assert np.isclose(positive.recall, recall)  # of those that are 1, how many were called
    assert np.isclose(positive.f1, 2 * tp / (2 * tp + fp + fn))  # their harmonic mean, in counts
    assert np.isclose(network_figures.accuracy.value, (tp + tn) / split.y_test.size)

# %% [markdown]
# With true and false positives and negatives counted in the matrix,
#
# $$\text{precision} = \frac{TP}{TP+FP} \qquad \text{recall} = \frac{TP}{TP+FN} \qquad
# F_1 = \frac{2\,\text{precision}\cdot\text{recall}}{\text{precision}+\text{recall}} .$$
#
# scikit-learn's report for the Keras network, both classes:

# %%
by_name = {figures.framework: figures for figures in networks}
print(by_name["keras"].report)

# %% [markdown]
# ### Beyond one threshold
#
# The matrix depends on where probability turns into a label. The curves go through all thresholds. The area under the
# **ROC** curve is the probability that a random row of class 1 gets a higher score than a random row of class 0.
# **Precision and recall** say more when one class is rare. **Calibration** asks something else: of the rows that were
# told a probability of seven in ten, did seven in ten belong to class 1?

# %%
pictures.scores(networks)
show.table(
    ("network", "accuracy", "95 % interval", "ROC AUC", "average precision", "log loss", "Brier"),
    [
        (
            framework_title(n.framework),
            percent(n.accuracy.value),
            f"{percent(n.accuracy.low)} to {percent(n.accuracy.high)}",
            decimal(n.roc_auc, 4),
            decimal(n.average_precision, 4),
            decimal(n.log_loss, 4),
            decimal(n.brier, 4),
        )
        for n in networks
    ],
)

# %% [markdown]
# ### How sure, and who is better?
#
# An accuracy from $n$ rows is an estimate. The usual $\hat p \pm 1.96\sqrt{\hat p(1-\hat p)/n}$ fails near 1, where it
# reaches beyond. Wilson (1927) asks instead which true shares $p$ would make the observed one plausible, and solves
# $|\hat p - p| \le 1.96\sqrt{p(1-p)/n}$ for $p$.
#
# Two intervals that overlap do *not* show that two networks are alike: both answered the same rows, and mostly fail on
# the same ones. McNemar's test (1947) uses the pairing. Rows on which both are right, or both wrong, say nothing about
# the difference. Of the others, if the networks are equally good, each row is the toss of a coin:

# %%
show.source("evaluate.pairs:mcnemar", start="labels =", stop="return PairedTest")

# %%
paired = record.evaluation.paired
n_apart = paired.only_first_right + paired.only_second_right
first, second = (framework_title(name) for name in paired.frameworks)
verdict = (
    "That is what a fair coin does: no difference is shown, which does not prove that there is none"
    if paired.p_value >= 0.05
    else "A fair coin seldom does that: the two differ, and it is said here plainly"
)
show.say(
    f"{first} and {second} give the same label to {percent(paired.agreement)} of the rows. {first} alone is right on "
    f"{paired.only_first_right} rows, {second} alone on {paired.only_second_right}: "
    f"p = {p_value(paired.p_value)}. {verdict}."
)
assert n_apart <= (1 - paired.agreement) * len(split.y_test) + 1e-6

# %% [markdown]
# ### Exercise: a threshold with a price
#
# Say that to miss a row of the second class costs five times as much as a false alarm. Which threshold is cheapest?
# Choose it on the validation rows, with the network of chapter 2 (`numpy_net.predict(network, split.X_val)`), and see
# what it saves on the test rows. What would theory say?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# def price(threshold, said, truth):
#     """Five for a row of class 1 that was missed, one for a false alarm."""
#     return 5 * np.sum((said <= threshold) & (truth == 1)) + np.sum((said > threshold) & (truth == 0))
#
#
# said_val, said_test = (numpy_net.predict(network, part) for part in (split.X_val, split.X_test))
# thresholds = np.linspace(0.01, 0.99, 99)
# prices = [price(threshold, said_val, split.y_val) for threshold in thresholds]
# cheapest = thresholds[np.argmin(prices)]
# assert min(prices) <= price(0.5, said_val, split.y_val)
# show.say(f"Cheapest on the validation rows: {decimal(cheapest, 2)}. In theory: {decimal(1 / 6, 2)}.")
# was, now = (price(threshold, said_test, split.y_test) for threshold in (0.5, cheapest))
# show.say(f"Price on the test rows: {was} at one half, {now} at this threshold.")
# ```
#
# A row with probability $p$ costs $5p$ if it is called class 0, and $1-p$ if it is called class 1. The two are equal at
# $p = 1/6$: that is the best threshold if the probabilities are calibrated. On the test rows it may save less, or
# nothing; a threshold is fitted too, and to few rows.
#
# </details>

# %%
# Your turn.

# %%
hold(5)
show.talking_point(record, 5)

# %% [markdown]
# <a id="chapter-6"></a>
#
# ## Chapter 6: TFLite
#
# A phone has no TensorFlow. TFLite is one flat file that a small interpreter (now called LiteRT) reads in place. It is
# converted from the SavedModel of chapter 3, so that the phone runs what the server runs; once as it is, and once with
# its weights stored in float16.

# %%
show.source("formats.tflite_converter:convert_float16")

# %% [markdown]
# The converter would store the scaling in float16 too. It meets raw values, which can be large, and three digits of a
# large mean are few; so the two scaling arrays are put back in float32.
#
# ### The files, opened here
#
# This kernel has not loaded TensorFlow, so what follows needs only the file. Beside its answers: those of the NumPy
# network of chapter 2, in float64, with the weights that Keras ended with.

# %%
from throughline.formats import load_formats
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import load_weights

formats = load_formats()


def answers(name, X):
    """What the file answers to raw rows, opened in its own runtime."""
    with formats[name].load(folder / record.format_named(name).path) as runner:
        return runner.predict(X)[:, 0]


keras_weights, keras_spec = load_weights(folder / keras.weights_path)
assert keras_weights.digest == keras.weights_digest
exact = numpy_answers(keras_spec, keras_weights, split.X_test)
edge = {name: answers(name, split.X_test) for name in ("tflite-float32", "tflite-float16")}

show.table(
    ("test row", "label", "NumPy, float64", "TFLite float32", "TFLite float16"),
    [
        (i, split.y_test[i], f"{exact[i]:.9f}", f"{edge['tflite-float32'][i]:.9f}", f"{edge['tflite-float16'][i]:.9f}")
        for i in range(6)
    ],
    left=0,
)

# %% [markdown]
# ### How different may they be?
#
# A tolerance picked by taste is too wide for one file and too narrow for the next. It can be derived. Every stored
# number and every operation is off by a relative error of at most the unit roundoff $u$.
#
# 1. *Locally*: a sum of $n$ rounded products is off by about $\sqrt{n}\,u\,(|a|\,|W| + |b|)$. Rounding errors are as
#    good as independent, so they grow with the root of their number (Higham and Mary, 2019). A kernel entry in float16
#    is off by up to $2^{-11}$ of itself.
# 2. *Onwards*: how much a local error moves the output is a derivative, and backpropagation gives it: the same backward
#    pass, started with a 1 at the logit instead of the loss.
# 3. *Together*: independent contributions add as squares. The root, times a safety factor, bounds the logit, and the
#    sigmoid carries the bound to the probability.
#
# The result is a bound for each row. Far from the threshold the sigmoid is flat: the same error of the logit moves the
# probability less there, and less is allowed.

# %%
half = np.finfo(np.float16).eps / 2
show.say(
    f"Unit roundoff: float32 {scientific(np.finfo(np.float32).eps / 2)}, float16 {scientific(half)}, a factor of "
    f"{count(np.finfo(np.float16).eps / np.finfo(np.float32).eps)}."
)
measured = {}
for name, answer in edge.items():
    tolerance = derive_tolerance(keras_spec, keras_weights, split.X_test, formats[name].stored_as)
    difference = np.abs(answer - exact)
    assert np.all(difference <= tolerance.per_row)
    measured[formats[name].title] = (difference, tolerance.per_row)
pictures.against_tolerance(measured)
show.table(
    ("file", "largest difference", "mean difference", "largest allowed", "labels changed"),
    [
        (title, scientific(d.max()), scientific(d.mean()), scientific(a.max()), int(np.sum((e > 0.5) != (exact > 0.5))))
        for (title, (d, a)), e in zip(measured.items(), edge.values(), strict=True)
    ],
)

# %% [markdown]
# ### Half the bits are not half the file
#
# float16 halves the weights. The rest of the file, graph, names and scaling, does not shrink; it even grows a little,
# since something must turn the weights back into float32.

# %%
n_values = keras_spec.n_parameters
rest = {}
rows = []
for name, n_bytes in (("tflite-float32", 4), ("tflite-float16", 2)):
    entry = record.format_named(name)
    rest[name] = entry.size_bytes - n_bytes * n_values
    rows.append((entry.title, count(entry.size_bytes), count(n_bytes * n_values), count(rest[name])))
show.table(("file", "bytes", "weights", "the rest"), rows)

small_file, large_file = (record.format_named(f"tflite-float{bits}").size_bytes for bits in (16, 32))
ratio = small_file / large_file
assert ratio > 0.5
assert rest["tflite-float16"] > rest["tflite-float32"]
n = np.geomspace(100, 1e6, 200)
pictures.ratio_curve(
    n, (2 * n + rest["tflite-float16"]) / (4 * n + rest["tflite-float32"]), here=n_values, measured=ratio
)
show.say(
    f"Here the ratio is **{decimal(ratio, 2)}**. The curve is what it would be for larger and smaller networks if the "
    f"rest stayed as large as here."
)

# %% [markdown]
# ### Exercise: eight bits by hand
#
# Store each kernel of the Keras network in int8: divide by a step, round to whole numbers up to $\pm 127$, multiply
# again. Take one step for a whole kernel, then one for each of its columns. How much do the answers move, and how many
# labels change?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# def in_int8(kernel, axis):
#     """Return a kernel as int8 would give it back, with one step for all (axis None) or for each column (axis 0)."""
#     step = np.maximum(np.abs(kernel).max(axis=axis, keepdims=True), 1e-12) / 127
#     return (np.round(kernel / step) * step).astype(kernel.dtype)
#
#
# found, lost = [], []
# for what, axis in (("for a kernel", None), ("for a column", 0)):
#     coarse = replace(keras_weights, kernels=tuple(in_int8(kernel, axis) for kernel in keras_weights.kernels))
#     lost.append(max(np.abs(c - k).mean() for c, k in zip(coarse.kernels, keras_weights.kernels, strict=True)))
#     moved = numpy_answers(keras_spec, coarse, split.X_test)
#     found.append((what, scientific(np.abs(moved - exact).max()), int(np.sum((moved > 0.5) != (exact > 0.5)))))
# show.table(("one step", "largest difference", "labels changed"), found)
# assert lost[1] <= lost[0]
# ```
#
# A column whose numbers are small gets a fine step of its own, where one step for all must suit the largest number.
# That is why converters quantize kernels by channel. Inputs and inner values are still floats here; a full int8 file
# rounds them too.
#
# </details>

# %%
# Your turn.

# %%
hold(6)
show.talking_point(record, 6)

# %% [markdown]
# <a id="chapter-7"></a>
#
# ## Chapter 7: ONNX
#
# ONNX is a graph of named operations with fixed meanings, which many runtimes on many kinds of hardware read. It comes
# from the PyTorch network. The batch axis is left free: the example rows given to the exporter must not become a law.

# %%
show.source("formats.onnx_float32:export", start="example =", stop="assert")

# %% [markdown]
# ### What is in the file

# %%
import onnx

onnx_entry = record.format_named("onnx-float32")
graph = onnx.load(folder / onnx_entry.path).graph
operations = [node.op_type for node in graph.node]
show.say("Operations, in order: " + " → ".join(f"`{name}`" for name in operations))
shapes = {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in graph.input}
show.say(f"Input: `{shapes}`")
assert operations[:2] == ["Sub", "Div"]  # the scaling went along
assert "Dropout" not in operations  # and dropout, which only training needs, did not
assert isinstance(shapes["features"][0], str)  # a name instead of a number: the free axis

# %% [markdown]
# ### Does a row's answer depend on its company?
#
# It must not. An axis frozen by an exporter, or a layer left in training mode, shows when the same rows come in batches
# of different sizes. With one row at a time alone it would not.

# %%
from throughline.verify.worker import answer_cut, cuts

torch_weights, torch_spec = load_weights(folder / record.pytorch.weights_path)
assert torch_weights.digest == record.pytorch.weights_digest
exact_torch = numpy_answers(torch_spec, torch_weights, split.X_test)
tolerance = derive_tolerance(torch_spec, torch_weights, split.X_test, "float32")
with formats["onnx-float32"].load(folder / onnx_entry.path) as runner:
    batches = {
        name: answer_cut(runner, split.X_test, lengths)[:, 0] for name, lengths in cuts(len(split.X_test)).items()
    }

show.table(
    ("rows at a time", "largest difference to NumPy", "labels changed"),
    [
        (name, scientific(np.abs(a - exact_torch).max()), int(np.sum((a > 0.5) != (exact_torch > 0.5))))
        for name, a in batches.items()
    ],
    left=0,
)
show.say(
    f"Allowed at most: {scientific(tolerance.per_row.max())}. {tolerance.reason[0].upper()}{tolerance.reason[1:]}."
)

# %%
from throughline.verify.checks import check_batches, check_labels, check_values
from throughline.verify.compare import largest_share, verdict_on

check_values(batches, exact_torch, tolerance)  # each raises what it finds
check_labels(batches, exact_torch, tolerance)
check_batches(batches, tolerance)
answered = np.stack(list(batches.values()))  # (cuts, rows)
worst = np.abs(answered - exact_torch).max(axis=0)
verdict = verdict_on(worst, tolerance)
assert verdict in ("identical", "rounding")
show.say(
    f"Verdict: **{verdict}**. The worst row uses {percent(largest_share(worst, tolerance))} of what it is allowed. "
    f"Between batch sizes a row moves by at most {scientific(np.ptp(answered, axis=0).max())}."
)

# %% [markdown]
# ### And would it be noticed?
#
# Three mistakes that are made every day, each put to the same check: two columns swapped, rows that were scaled
# already and are scaled again, and weights of another training.

# %%
from throughline.errors import VerificationError

swapped = split.X_test.copy()
swapped[:, [0, -1]] = swapped[:, [-1, 0]]
twice = scale(split.X_test, torch_weights.mean, torch_weights.std)
mistakes = {
    "two columns swapped": answers("onnx-float32", swapped),
    "scaled twice": answers("onnx-float32", twice),
    "weights of another training": numpy_answers(keras_spec, keras_weights, split.X_test),
}
if swapped.shape[1] == 1:  # a single column has no other to be swapped with
    del mistakes["two columns swapped"]
rows = []
for what, answer in mistakes.items():
    off, n_changed = np.abs(answer - exact_torch).max(), int(np.sum((answer > 0.5) != (exact_torch > 0.5)))
    try:
        check_values({"all": answer}, exact_torch, tolerance)
    except VerificationError as error:
        rows.append((what, type(error).__name__, scientific(off), n_changed))
show.table(("mistake", "caught as", "largest difference", "labels changed"), rows, left=2)
assert len(rows) == len(mistakes)

# %% [markdown]
# ### Exercise: freeze the batch
#
# Write into the graph that a batch has exactly one row, and open it again. What does ONNX Runtime say to two rows? And
# why does a test with single rows not notice?
#
# <details>
# <summary><b>Solution</b></summary>
#
# ```python
# import onnxruntime
#
# frozen = onnx.load(folder / onnx_entry.path)
# frozen.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
# session = onnxruntime.InferenceSession(frozen.SerializeToString())
# one_row = session.run(None, {"features": split.X_test[:1]})[0]
# assert abs(one_row.item() - exact_torch[0]) <= tolerance.per_row[0]
# try:
#     session.run(None, {"features": split.X_test[:2]})
# except Exception as error:  # ONNX Runtime has classes of its own, without a common base
#     refused = type(error).__name__
# show.say(f"One row is answered as before; two are refused: {refused}.")
# ```
#
# With one row the frozen axis has just the size that it was frozen at. The checks of a run therefore use several batch
# sizes, and compare each row's answers between them.
#
# </details>

# %%
# Your turn.

# %%
hold(7)
show.talking_point(record, 7)

# %% [markdown]
# <a id="formats"></a>
#
# ## Why several formats
#
# Because a network is seldom run where it was trained, and each place has its own runtime. Every file of the run,
# judged alone, in its own process, on the test rows. (How long a row takes is in the run's own report: times differ
# from one run to the next, and this page does not.)

# %%
show.table(
    ("file", "good for", "runtime", "size", "largest difference", "allowed", "labels changed", "verdict"),
    [
        (
            entry.title,
            entry.good_for,
            entry.runtime,
            f"{entry.size_bytes / 1000:.0f}\u202fkB",
            scientific(entry.largest_difference),
            scientific(entry.tolerance),
            entry.n_flips,
            entry.verdict or entry.reason,
        )
        for entry in record.formats
    ],
    left=3,
)
ran = [entry for entry in record.formats if entry.status != "not_run"]
pictures.proofs(ran)
assert ran
assert record.verified

# %% [markdown]
# Size does not come from the weights alone: every file that stores float32 holds equally many. What a file carries
# besides decides where it can go. A SavedModel brings its graph and its signature, TorchScript the code of the module,
# TFLite and ONNX hardly more than the list of operations.

# %%
hold(8)
show.talking_point(record, 8)

# %% [markdown]
# <a id="environment"></a>
#
# ## With what it was made

# %%
assert not {"tensorflow", "torch"} & set(sys.modules)  # the claim of the beginning
hold(0)
show.table(("package", "version"), record.environment.packages.items(), left=2)
workspace.cleanup()
