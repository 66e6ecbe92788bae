"""What is claimed of the PyTorch network."""

from throughline.claims.claim import AMOUNTS, BUILT_IN, CLASSES, OWN, Claim

CLAIMS = (
    Claim(
        name="pytorch-validation",
        chapter=4,
        rows=BUILT_IN,
        field="pytorch.val_accuracy",
        kind="above",
        bar=0.90,
        held="PyTorch reaches a validation accuracy of {{ value }}.",
        contradicted="PyTorch reaches a validation accuracy of only {{ value }}; above {{ bar }} was promised.",
    ),
    Claim(
        name="pytorch-above-commonest",
        chapter=4,
        kinds=CLASSES,
        rows=OWN,
        field="pytorch.val_accuracy",
        kind="above",
        bar="split.largest_shares[1]",
        held=(
            "PyTorch gets {{ value }} of the validation rows right; "
            "always giving the commonest class would get {{ bar }}."
        ),
        contradicted=(
            "PyTorch gets only {{ value }} of the validation rows right, "
            "no more than the {{ bar }} of always giving the commonest class."
        ),
    ),
    Claim(
        name="pytorch-r2",
        chapter=4,
        kinds=AMOUNTS,
        field="pytorch.val_accuracy",
        kind="above",
        bar=0,
        write="r2",
        held=(
            "PyTorch has an R² of {{ value }} on the validation rows; always answering their mean would have {{ bar }}."
        ),
        contradicted=(
            "PyTorch has an R² of {{ value }} on the validation rows, no better than always answering their mean."
        ),
    ),
    Claim(
        name="same-start",
        chapter=4,
        field="distinct(mlp.training.initial_digest, keras.initial_digest, pytorch.initial_digest)",
        kind="at most",
        bar=1,
        write="count",
        held="NumPy, Keras and PyTorch start from {{ value }} set of weights, by its checksum.",
        contradicted=(
            "NumPy, Keras and PyTorch start from {{ value }} different sets of weights, so they are no fair comparison."
        ),
    ),
    Claim(
        name="same-architecture",
        chapter=4,
        field="distinct(pytorch.n_parameters, keras.n_parameters)",
        kind="at most",
        bar=1,
        write="count",
        held="Both frameworks train the same {{ field('pytorch.n_parameters') | count }} parameters.",
        contradicted=(
            "PyTorch trains {{ field('pytorch.n_parameters') | count }} parameters and Keras "
            "{{ field('keras.n_parameters') | count }}: they are not the same network."
        ),
    ),
    Claim(
        name="pytorch-stops-early",
        chapter=4,
        rows=BUILT_IN,
        field="len(pytorch.losses)",
        kind="below",
        bar="train.max_epochs",
        write="count",
        held="Early stopping ended its training after {{ value }} of {{ bar }} epochs.",
        contradicted="Nothing ended its training early: it used all {{ value }} epochs.",
    ),
    Claim(
        name="torchscript-proven",
        chapter=4,
        field="formats[torchscript].share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="The TorchScript file is the same network: no row uses more than {{ value }} of what rounding allows it.",
        contradicted="The TorchScript file is not the same network: a row uses {{ value }} of what rounding allows it.",
    ),
    Claim(
        name="torch-export-proven",
        chapter=4,
        field="formats[torch-export].share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="The torch.export file is the same network: no row uses more than {{ value }} of what rounding allows it.",
        contradicted=(
            "The torch.export file is not the same network: a row uses {{ value }} of what rounding allows it."
        ),
    ),
)
