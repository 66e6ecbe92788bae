"""What is claimed of the Keras network."""

from throughline.claims.claim import AMOUNTS, BUILT_IN, CLASSES, OWN, Claim

CLAIMS = (
    Claim(
        name="keras-validation",
        chapter=3,
        rows=BUILT_IN,
        field="keras.val_accuracy",
        kind="above",
        bar=0.90,
        held="Keras reaches a validation accuracy of {{ value }}.",
        contradicted="Keras reaches a validation accuracy of only {{ value }}; above {{ bar }} was promised.",
    ),
    Claim(
        name="keras-above-commonest",
        chapter=3,
        kinds=CLASSES,
        rows=OWN,
        field="keras.val_accuracy",
        kind="above",
        bar="split.largest_shares[1]",
        held=(
            "Keras gets {{ value }} of the validation rows right; "
            "always giving the commonest class would get {{ bar }}."
        ),
        contradicted=(
            "Keras gets only {{ value }} of the validation rows right, "
            "no more than the {{ bar }} of always giving the commonest class."
        ),
    ),
    Claim(
        name="keras-r2",
        chapter=3,
        kinds=AMOUNTS,
        field="keras.val_accuracy",
        kind="above",
        bar=0,
        write="r2",
        held=(
            "Keras has an R² of {{ value }} on the validation rows; always answering their mean would have {{ bar }}."
        ),
        contradicted=(
            "Keras has an R² of {{ value }} on the validation rows, no better than always answering their mean."
        ),
    ),
    Claim(
        name="keras-stops-early",
        chapter=3,
        rows=BUILT_IN,
        field="len(keras.losses)",
        kind="below",
        bar="train.max_epochs",
        write="count",
        held="Early stopping ended its training after {{ value }} of {{ bar }} epochs.",
        contradicted="Nothing ended its training early: it used all {{ value }} epochs.",
    ),
    Claim(
        name="keras-keeps-the-best",
        chapter=3,
        field="keras.val_loss - min(keras.val_losses)",
        kind="at most",
        bar=1e-4,
        write="small",
        held=(
            "The weights that it keeps are those of its best epoch: "
            "their validation loss is within {{ bar }} of the lowest."
        ),
        contradicted=(
            "The weights that it keeps are not its best: their validation loss is {{ value }} above the lowest."
        ),
    ),
    Claim(
        name="savedmodel-proven",
        chapter=3,
        field="formats[savedmodel].share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="The SavedModel is the same network: no row uses more than {{ value }} of what rounding allows it.",
        contradicted="The SavedModel is not the same network: a row uses {{ value }} of what rounding allows it.",
    ),
    Claim(
        name="savedmodel-labels",
        chapter=3,
        kinds=CLASSES,
        field="formats[savedmodel].n_flips",
        kind="at most",
        bar=0,
        write="count",
        held="Of {{ field('split.n_test') | count }} test rows, {{ value }} change their label in the SavedModel.",
        contradicted=(
            "In the SavedModel {{ value }} of {{ field('split.n_test') | count }} test rows change their label."
        ),
    ),
)
