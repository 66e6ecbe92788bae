"""What is claimed of the network from NumPy alone."""

from throughline.claims.claim import AMOUNTS, BUILT_IN, CLASSES, OWN, Claim

CLAIMS = (
    Claim(
        name="gradient",
        chapter=2,
        field="mlp.gradient.largest_relative_error",
        kind="below",
        bar=1e-6,
        write="small",
        held="Against central differences, the largest relative error of the hand-written gradient is {{ value }}.",
        contradicted="The hand-written gradient is off by {{ value }}; an error below {{ bar }} was promised.",
    ),
    Claim(
        name="gradient-autograd",
        chapter=2,
        field="mlp.gradient.autograd_largest_relative_error",
        kind="below",
        bar=1e-6,
        write="small",
        held="Automatic differentiation of the same network differs from it by {{ value }} at most.",
        contradicted=(
            "Automatic differentiation of the same network differs from it by {{ value }}, not by less than {{ bar }}."
        ),
    ),
    Claim(
        name="gradient-kinks",
        chapter=2,
        field="mlp.gradient.n_skipped_kinks / (mlp.gradient.n_checked + mlp.gradient.n_skipped_kinks)",
        kind="at most",
        bar=0.1,
        held="Only {{ value }} of its parameters were left out, since a ReLU switched in between.",
        contradicted="As many as {{ value }} of its parameters were left out, since a ReLU switched in between.",
    ),
    Claim(
        name="xor-line",
        chapter=2,
        field="mlp.problems[XOR].perceptron_accuracy",
        kind="below",
        bar=0.8,
        held="No line solves XOR: a perceptron gets {{ value }} right.",
        contradicted="On these rows of XOR even a perceptron gets {{ value }} right; below {{ bar }} was expected.",
    ),
    Claim(
        name="xor-network",
        chapter=2,
        field="mlp.problems[XOR].test_accuracy",
        kind="above",
        bar=0.95,
        held="A small network solves XOR: {{ value }} of new points.",
        contradicted="A small network gets only {{ value }} of XOR right; above {{ bar }} was promised.",
    ),
    Claim(
        name="moons-network",
        chapter=2,
        field="mlp.problems[two moons].test_accuracy",
        kind="above",
        bar=0.95,
        held="A small network parts two moons: {{ value }} of new points.",
        contradicted="A small network gets only {{ value }} of two moons right; above {{ bar }} was promised.",
    ),
    Claim(
        name="moons-gain",
        chapter=2,
        field="mlp.problems[two moons].test_accuracy - mlp.problems[two moons].perceptron_accuracy",
        kind="above",
        bar=0,
        write="points",
        held="On two moons it is {{ value }} better than a perceptron.",
        contradicted="On two moons it is no better than a perceptron: {{ value }}.",
    ),
    Claim(
        name="numpy-validation",
        chapter=2,
        rows=BUILT_IN,
        field="mlp.training.val_accuracy",
        kind="above",
        bar=0.90,
        held="On the run's own task the NumPy network has a validation accuracy of {{ value }}.",
        contradicted=(
            "On the run's own task the NumPy network has a "
            "validation accuracy of only {{ value }}, not above {{ bar }}."
        ),
    ),
    Claim(
        name="numpy-above-commonest",
        chapter=2,
        kinds=CLASSES,
        rows=OWN,
        field="mlp.training.val_accuracy",
        kind="above",
        bar="split.largest_shares[1]",
        held=(
            "The NumPy network gets {{ value }} of the validation rows right; "
            "always giving the commonest class would get {{ bar }}."
        ),
        contradicted=(
            "The NumPy network gets only {{ value }} of the validation rows right, "
            "no more than the {{ bar }} of always giving the commonest class."
        ),
    ),
    Claim(
        name="numpy-r2",
        chapter=2,
        kinds=AMOUNTS,
        field="mlp.training.val_accuracy",
        kind="above",
        bar=0,
        write="r2",
        held=(
            "The NumPy network has an R² of {{ value }} on the validation rows; "
            "always answering their mean would have {{ bar }}."
        ),
        contradicted=(
            "The NumPy network has an R² of {{ value }} on the validation rows, "
            "no better than always answering their mean."
        ),
    ),
)
