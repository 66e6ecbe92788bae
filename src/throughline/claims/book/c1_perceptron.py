"""What is claimed of the perceptron."""

from throughline.claims.claim import BUILT_IN, Claim

CLAIMS = (
    Claim(
        name="perceptron-accuracy",
        chapter=1,
        field="perceptron.test_accuracy",
        kind="above",
        bar=0.95,
        held="A single neuron gets {{ value }} of new points right where a line parts the classes.",
        contradicted="A single neuron gets only {{ value }} of new points right; more than {{ bar }} was promised.",
    ),
    Claim(
        name="perceptron-converges",
        chapter=1,
        field="perceptron.mistakes_per_epoch[-1]",
        kind="at most",
        bar=0,
        write="count",
        held="The perceptron comes to rest: its last epoch has {{ value }} mistakes.",
        contradicted=(
            "The perceptron had not come to rest when it was stopped: its last epoch has {{ value }} mistakes."
        ),
    ),
    Claim(
        name="perceptron-learns-its-points",
        chapter=1,
        field="perceptron.train_accuracy",
        kind="at least",
        bar=1.0,
        held="At rest it has {{ value }} of the training points on the right side.",
        contradicted="It has only {{ value }} of the training points on the right side, not all of them.",
    ),
    Claim(
        name="novikoff",
        chapter=1,
        field="perceptron.n_mistakes",
        kind="at most",
        bar="perceptron.novikoff_bound",
        write="count",
        held="It made {{ value }} mistakes, and Novikoff's theorem allows {{ bar }}.",
        contradicted=(
            "It made {{ value }} mistakes, more than the {{ bar }} that Novikoff's theorem allows: something is wrong."
        ),
    ),
    Claim(
        name="separator-found",
        chapter=1,
        field="perceptron.margin_found",
        kind="above",
        bar=0,
        write="small",
        held="The line that it found leaves a margin of {{ value }} on both sides.",
        contradicted="The line that it ended with separates nothing: its margin is {{ value }}.",
    ),
    Claim(
        name="perceptron-not-enough",
        chapter=1,
        rows=BUILT_IN,
        field="evaluation.networks[keras].accuracy.value - perceptron.task_test_accuracy",
        kind="above",
        bar=0,
        write="points",
        held=(
            "On the run's own task it gets {{ field('perceptron.task_test_accuracy') | percent }}; "
            "the Keras network is {{ value }} better."
        ),
        contradicted=(
            "On the run's own task it gets "
            "{{ field('perceptron.task_test_accuracy') | percent }}, and the Keras network, "
            "with {{ field('evaluation.networks[keras].accuracy.value') | percent }}, is no better."
        ),
    ),
)
