"""What is claimed of the networks on the test rows, and of the difference between the frameworks."""

from throughline.claims.claim import AMOUNTS, BUILT_IN, CLASSES, OWN, Claim

EXPECTED = (0.92, 0.95)  # test accuracy of both frameworks
EXPECTED_OF = "make-classification"
_OUTSIDE = (
    "gets {{ value }} of the test rows right ({{ low }} to {{ high }}), outside the {{ bar }} to {{ upper }} that are "
    "expected of the built-in task."
)


def _test_accuracy(framework: str, title: str) -> Claim:
    return Claim(
        name=f"{framework}-test",
        chapter=5,
        rows=EXPECTED_OF,
        field=f"evaluation.networks[{framework}].accuracy.value",
        kind="from",
        bar=EXPECTED[0],
        upper=EXPECTED[1],
        interval=f"evaluation.networks[{framework}].accuracy",
        held=f"{title} gets {{{{ value }}}} of the test rows right ({{{{ low }}}} to {{{{ high }}}}).",
        contradicted=f"{title} {_OUTSIDE}",
    )


def _better_than_the_commonest(framework: str, title: str) -> Claim:
    return Claim(
        name=f"{framework}-test-above-commonest",
        chapter=5,
        kinds=CLASSES,
        rows=OWN,
        field=f"evaluation.networks[{framework}].accuracy.value",
        kind="above",
        bar="split.largest_shares[2]",
        interval=f"evaluation.networks[{framework}].accuracy",
        held=(
            f"{title} gets {{{{ value }}}} of the test rows right ({{{{ low }}}} to {{{{ high }}}}); always giving the "
            "commonest class would get {{ bar }}."
        ),
        contradicted=(
            f"{title} gets only {{{{ value }}}} of the test rows right ({{{{ low }}}} to {{{{ high }}}}), no more than "
            "the {{ bar }} of always giving the commonest class."
        ),
    )


def _explains_something(framework: str, title: str) -> Claim:
    return Claim(
        name=f"{framework}-test-r2",
        chapter=5,
        kinds=AMOUNTS,
        field=f"evaluation.amounts[{framework}].r2.value",
        kind="above",
        bar=0,
        write="r2",
        interval=f"evaluation.amounts[{framework}].r2",
        held=f"{title} has an R² of {{{{ value }}}} on the test rows ({{{{ low }}}} to {{{{ high }}}}).",
        contradicted=(
            f"{title} has an R² of {{{{ value }}}} on the test rows ({{{{ low }}}} to {{{{ high }}}}): "
            "it explains nothing."
        ),
    )


def _better_than_the_mean(framework: str, title: str) -> Claim:
    return Claim(
        name=f"{framework}-rmse",
        chapter=5,
        kinds=AMOUNTS,
        field=f"evaluation.amounts[{framework}].rmse.value",
        kind="below",
        bar=f"evaluation.amounts[{framework}].baseline_rmse",
        write="amount",
        interval=f"evaluation.amounts[{framework}].rmse",
        held=(
            f"The root mean square error of {title} is {{{{ value }}}} ({{{{ low }}}} to {{{{ high }}}}), in the "
            "target's unit; always answering the mean of the training rows would have {{ bar }}."
        ),
        contradicted=(
            f"The root mean square error of {title} is {{{{ value }}}} ({{{{ low }}}} to {{{{ high }}}}), in the "
            "target's unit, no less than the {{ bar }} of always answering the mean of the training rows."
        ),
    )


CLAIMS = (
    _test_accuracy("keras", "Keras"),
    _test_accuracy("torch", "PyTorch"),
    _better_than_the_commonest("keras", "Keras"),
    _better_than_the_commonest("torch", "PyTorch"),
    _explains_something("keras", "Keras"),
    _explains_something("torch", "PyTorch"),
    _better_than_the_mean("keras", "Keras"),
    _better_than_the_mean("torch", "PyTorch"),
    Claim(
        name="numpy-as-good",
        chapter=5,
        rows=BUILT_IN,
        field="abs(evaluation.networks[numpy].accuracy.value - evaluation.networks[keras].accuracy.value)",
        kind="at most",
        bar=0.02,
        write="points",
        held="The network from scratch is as good: {{ value }} from Keras on the test rows.",
        contradicted="The network from scratch is {{ value }} from Keras on the test rows.",
    ),
    Claim(
        name="no-significant-difference",
        chapter=5,
        kinds=CLASSES,
        field="evaluation.paired.p_value",
        kind="at least",
        bar=0.05,
        write="small",
        held="On the same rows Keras and PyTorch do not differ significantly: McNemar's p is {{ value }}.",
        contradicted="On the same rows Keras and PyTorch differ significantly: McNemar's p is {{ value }}.",
    ),
    Claim(
        name="no-significant-difference-of-errors",
        chapter=5,
        kinds=AMOUNTS,
        field="evaluation.paired_errors.p_value",
        kind="at least",
        bar=0.05,
        write="small",
        held=(
            "On the same rows the errors of Keras and PyTorch do not differ significantly: Wilcoxon's p is {{ value }}."
        ),
        contradicted=(
            "On the same rows the errors of Keras and PyTorch differ significantly: Wilcoxon's p is {{ value }}."
        ),
    ),
    Claim(
        name="agreement",
        chapter=5,
        rows=BUILT_IN,
        field="evaluation.paired.agreement",
        kind="at least",
        bar=0.95,
        held="They give the same label on {{ value }} of the test rows.",
        contradicted="They give the same label on only {{ value }} of the test rows.",
    ),
    Claim(
        name="equivalent",
        chapter=5,
        rows=BUILT_IN,
        field="evaluation.equivalence.p_value",
        kind="below",
        bar=0.05,
        write="small",
        held=(
            "Over {{ field('evaluation.equivalence.n_seeds') | count }} seeds the frameworks are equivalent within "
            "{{ field('evaluation.equivalence.margin') | points }}: p is {{ value }}."
        ),
        contradicted=(
            "Over "
            "{{ field('evaluation.equivalence.n_seeds') | count }} seeds the frameworks are not shown to be equivalent "
            "within {{ field('evaluation.equivalence.margin') | points }}: p is {{ value }}."
        ),
    ),
    Claim(
        name="mean-difference",
        chapter=5,
        rows=BUILT_IN,
        field="abs(evaluation.equivalence.difference)",
        kind="below",
        bar="evaluation.equivalence.margin",
        write="points",
        held="Their mean difference over the seeds is {{ value }}, less than the {{ bar }} that would matter.",
        contradicted="Their mean difference over the seeds is {{ value }}; {{ bar }} would matter.",
    ),
    Claim(
        name="ranking",
        chapter=5,
        rows=BUILT_IN,
        field="min(evaluation.networks.roc_auc)",
        kind="at least",
        bar=0.9,
        write="ratio",
        held="Every network ranks well: the smallest area under a ROC curve is {{ value }}.",
        contradicted=(
            "Not every network ranks well: the smallest area under a ROC curve is {{ value }}, below {{ bar }}."
        ),
    ),
    Claim(
        name="ranks-above-chance",
        chapter=5,
        kinds=("binary",),
        rows=OWN,
        field="min(evaluation.networks.roc_auc)",
        kind="above",
        bar=0.5,
        write="ratio",
        held="Every network ranks better than a coin: the smallest area under a ROC curve is {{ value }}.",
        contradicted="Not every network ranks better than a coin: the smallest area under a ROC curve is {{ value }}.",
    ),
    Claim(
        name="ranks-each-class-above-chance",
        chapter=5,
        kinds=("multiclass",),
        field="min(evaluation.networks.roc_auc)",
        kind="above",
        bar=0.5,
        write="ratio",
        held=(
            "Every network tells each class from the rest better than a coin on average: "
            "the smallest mean area under the ROC curves is {{ value }}."
        ),
        contradicted=(
            "Not every network tells each class from the rest better than a coin on average: "
            "the smallest mean area under the ROC curves is {{ value }}."
        ),
    ),
    Claim(
        name="better-than-a-coin",
        chapter=5,
        kinds=("binary",),
        field="max(evaluation.networks.brier)",
        kind="below",
        bar=0.25,
        write="ratio",
        held=(
            "Their probabilities are worth something: the largest "
            "Brier score is {{ value }}, where a coin has {{ bar }}."
        ),
        contradicted="Some probabilities are worth nothing: a Brier score is {{ value }}, where a coin has {{ bar }}.",
    ),
    Claim(
        name="better-than-equal-probabilities",
        chapter=5,
        kinds=("multiclass",),
        field="max(evaluation.networks.brier)",
        kind="below",
        bar="(1 - 1 / network.n_outputs) / 2",
        write="ratio",
        held=(
            "Their probabilities are worth something: the largest Brier score is {{ value }}, "
            "where equal probabilities for all classes have {{ bar }}."
        ),
        contradicted=(
            "Some probabilities are worth nothing: a Brier score is {{ value }}, "
            "where equal probabilities for all classes have {{ bar }}."
        ),
    ),
    Claim(
        name="losses-coincide",
        chapter=5,
        field="ledger.lines[0].gap_high",
        kind="below",
        bar=1e-12,
        write="small",
        held=(
            "With every default aligned, the losses of Keras and PyTorch coincide: they are {{ value }} apart at most."
        ),
        contradicted="With every default aligned, the losses of Keras and PyTorch are still {{ value }} apart.",
    ),
    Claim(
        name="stock-losses-part",
        chapter=5,
        field="ledger.lines[-1].gap",
        kind="above",
        bar="ledger.lines[0].gap_high",
        write="small",
        held="With the defaults of each, their losses part by {{ value }} in the median.",
        contradicted="Even with the defaults of each, their losses are only {{ value }} apart.",
    ),
    Claim(
        name="stock-equivalent",
        chapter=5,
        field="ledger.equivalence.p_value",
        kind="below",
        bar=0.05,
        write="small",
        held="The stock frameworks are equally accurate all the same: p is {{ value }}.",
        contradicted="The stock frameworks are not shown to be equally accurate: p is {{ value }}.",
    ),
)
