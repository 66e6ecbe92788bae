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
# | 1 | Perceptron | What can one neuron learn, and how fast? |
# | 2 | Multi-layer perceptron | How does an error find the weight that caused it? |
# | 3 | Keras | What does a framework do for us, and what does it decide for us? |
# | 4 | PyTorch | Is it the same network, and the same gradient? |
# | 5 | Evaluation | Is it good, and is one of them better? |
# | 6 | TFLite | What is left of it on a phone? |
# | 7 | ONNX | What is left of it in anyone else's runtime? |
#
# Two rules hold throughout. The mathematics is defined once, in the package `throughline`: the cells show its code and
# run it. And no measured number is typed into the text: it is printed by a cell, and where the text claims something, a
# cell asserts it.
#
# Each chapter ends with a script to say aloud, as one would in an interview.

# %% tags=["parameters"]
TASK = "make-classification"  # or "breast-cancer"
SEED = 0

# %%
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from throughline.data.scaling import fit_scaling, scale
from throughline.data.split import split_rows
from throughline.data.tasks import TASKS, load_task, separable, two_moons, xor
from throughline.notebook import pictures, show
from throughline.report.formatting import count, decimal, framework_title, p_value, percent, scientific, size
from throughline.run import RunRequest, run

pictures.use_style()

# %% [markdown]
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
record, folder = run(RunRequest(task=TASK, seed=SEED, out=Path(workspace.name) / "run"), show.Progress())

# %% [markdown]
# The rows it ran on:

# %%
table = load_task(TASK, SEED)
split = split_rows(table, SEED)
assert split.sha256 == record.split.sha256  # the very rows of the run

show.say(f"**{table.task.name}**: {' '.join(TASKS[TASK].__doc__.split())}")
parts = {
    "training": (split.X_train, split.y_train),
    "validation": (split.X_val, split.y_val),
    "test": (split.X_test, split.y_test),
}
show.table(
    ("part", "rows", "features", f"share of '{table.task.class_names[1]}'"),
    [(name, count(len(X)), X.shape[1], percent(y.mean())) for name, (X, y) in parts.items()],
)

# %% [markdown]
# The columns have very different scales, and a network learns badly from such rows. So every network here begins with
# $(x - \mu)/\sigma$, and $\mu$ and $\sigma$ come **from the training rows alone**: statistics of all rows would carry
# news of the test rows into training. They are part of the network and of each exported file, so that a file takes raw
# rows and nobody has to remember how to prepare them.

# %%
mean, std = fit_scaling(split.X_train)
scaled = scale(split.X_train, mean, std)
assert np.allclose(scaled.mean(axis=0), 0, atol=1e-3)
assert np.allclose(scaled.std(axis=0), 1, atol=1e-3)
show.say(
    f"Standard deviations of the columns: from {scientific(std.min())} to {scientific(std.max())}, a factor of "
    f"{count(std.max() / std.min())}. After scaling each is 1."
)


# %%
def bars(chapter):
    """What a chapter had to reach, and reached: shown, and returned for the assertion."""
    found = [bar for bar in record.bars if bar.chapter == chapter]
    show.bars(found)
    return found


# %% [markdown]
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

# %%
assert all(bar.met for bar in bars(1))
show.talking_point(record, 1)

# %% [markdown]
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
for rate in (0.01, 0.1, 1.0, 30.0):
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
assert best.val_accuracy > 0.9
show.say(
    f"Trained again here, from the same start: {percent(best.val_accuracy)} on the validation rows after epoch "
    f"{best.number}, as in the run."
)

# %%
assert all(bar.met for bar in bars(2))
show.talking_point(record, 2)

# %% [markdown]
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
assert keras.val_accuracy > 0.9
assert keras.losses[0] > keras.val_losses[0]
pictures.learning([keras])

# %% [markdown]
# The loss on the training rows lies *above* that on the validation rows at first. That is no mistake: the one is
# measured with dropout on, while the weights still move; the other after the epoch, with dropout off.
#
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

# %%
assert all(bar.met for bar in bars(3))
show.talking_point(record, 3)

# %% [markdown]
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
assert all(training.val_accuracy > 0.9 for training in trainings)
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

# %%
assert all(bar.met for bar in bars(4))
show.talking_point(record, 4)

# %% [markdown]
# ## Chapter 5: Evaluation
#
# From here on nothing knows which framework answered: labels and probabilities go in, figures come out. The test rows
# are looked at now, once, after every choice has been made.

# %%
networks = record.evaluation.networks
pictures.confusions(networks, record.task.class_names)
for network_figures in networks:
    (tn, fp), (fn, tp) = network_figures.confusion
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    positive = network_figures.classes[1]
    assert np.isclose(positive.precision, precision)  # of those called 1, how many are
    assert np.isclose(positive.recall, recall)  # of those that are 1, how many were called
    assert np.isclose(positive.f1, 2 * precision * recall / (precision + recall))
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
show.source("evaluate:mcnemar", start="labels =", stop="return PairedTest")

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
assert paired.agreement > 0.9
assert n_apart <= (1 - paired.agreement) * len(split.y_test) + 1e-6

# %%
assert all(bar.met for bar in bars(5))
show.talking_point(record, 5)

# %% [markdown]
# ## Chapter 6: TFLite
#
# A phone has no TensorFlow. TFLite is one flat file that a small interpreter (now called LiteRT) reads in place. It is
# converted from the SavedModel of chapter 3, so that the phone runs what the server runs; once as it is, and once with
# its weights stored in float16.

# %%
show.source("formats.tflite:export_float16")

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
from throughline.verify.prove import numpy_answers
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
# The result is a bound for each row. Far from the threshold the sigmoid is flat, and less is allowed.

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
    nearest, farthest = np.argsort(np.abs(exact - 0.5))[[0, -1]]
    assert tolerance.per_row[farthest] < tolerance.per_row[nearest]
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

# %%
assert all(bar.met for bar in bars(6))
show.talking_point(record, 6)

# %% [markdown]
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
from throughline.verify.worker import BATCH_SIZES, answer_in_batches

torch_weights, torch_spec = load_weights(folder / record.pytorch.weights_path)
assert torch_weights.digest == record.pytorch.weights_digest
exact_torch = numpy_answers(torch_spec, torch_weights, split.X_test)
tolerance = derive_tolerance(torch_spec, torch_weights, split.X_test, "float32")
with formats["onnx-float32"].load(folder / onnx_entry.path) as runner:
    batches = {b: answer_in_batches(runner, split.X_test, b) for b in (*BATCH_SIZES, len(split.X_test))}

show.table(
    ("rows at a time", "largest difference to NumPy", "labels changed"),
    [
        (b, scientific(np.abs(a[:, 0] - exact_torch).max()), int(np.sum((a[:, 0] > 0.5) != (exact_torch > 0.5))))
        for b, a in batches.items()
    ],
    left=0,
)
show.say(
    f"Allowed at most: {scientific(tolerance.per_row.max())}. {tolerance.reason[0].upper()}{tolerance.reason[1:]}."
)

# %%
from throughline.verify.compare import compare, raise_if_failed

honest = compare(batches, exact_torch, tolerance)
raise_if_failed(honest, batches, exact_torch, tolerance)
assert honest.verdict in ("identical", "rounding")
show.say(
    f"Verdict: **{honest.verdict}**. The worst row uses {percent(honest.share_of_tolerance)} of what it is allowed. "
    f"Between batch sizes a row moves by at most {scientific(honest.batch_difference)}."
)

# %% [markdown]
# ### And would it be noticed?
#
# Three mistakes that are made every day, each put to the same comparison: two columns swapped, rows that were scaled
# already and are scaled again, and weights of another training.

# %%
from throughline.errors import VerificationError

swapped = split.X_test.copy()
swapped[:, [0, 1]] = swapped[:, [1, 0]]
twice = scale(split.X_test, torch_weights.mean, torch_weights.std)
mistakes = {
    "two columns swapped": answers("onnx-float32", swapped),
    "scaled twice": answers("onnx-float32", twice),
    "weights of another training": numpy_answers(keras_spec, keras_weights, split.X_test),
}
rows = []
for what, answer in mistakes.items():
    found = compare({len(answer): answer}, exact_torch, tolerance)
    try:
        raise_if_failed(found, {len(answer): answer}, exact_torch, tolerance)
    except VerificationError as error:
        rows.append((what, type(error).__name__, scientific(found.largest_difference), found.n_flips))
show.table(("mistake", "caught as", "largest difference", "labels changed"), rows, left=2)
assert len(rows) == len(mistakes)

# %%
assert all(bar.met for bar in bars(7))
show.talking_point(record, 7)

# %% [markdown]
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
show.talking_point(record, 8)

# %% [markdown]
# ## With what it was made

# %%
assert not {"tensorflow", "torch"} & set(sys.modules)  # the claim of the beginning
show.table(("package", "version"), record.environment.packages.items(), left=2)
workspace.cleanup()
