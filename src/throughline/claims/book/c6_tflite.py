"""What is claimed of TFLite: that float16 is half the size and costs nothing that matters."""

from throughline.claims.claim import AMOUNTS, CLASSES, Claim

# "Half" and "a quarter" allow a tenth more, as `sizes.model.near_full_gain` does.
HALF, QUARTER = 0.55, 0.275
_FLOAT16 = "formats[tflite-float16]"
_FLOAT32 = "formats[tflite-float32]"

CLAIMS = (
    Claim(
        name="tflite-proven",
        chapter=6,
        field=f"{_FLOAT32}.share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="The float32 file is the same network: no row uses more than {{ value }} of what rounding allows it.",
        contradicted="The float32 file is not the same network: a row uses {{ value }} of what rounding allows it.",
    ),
    Claim(
        name="float16-half",
        chapter=6,
        field=f"{_FLOAT16}.size_bytes / {_FLOAT32}.size_bytes",
        kind="at most",
        bar=HALF,
        write="ratio",
        held="float16 halves the file: {{ value }} of its size.",
        contradicted=(
            "float16 made the file {{ value }} of its size here; it nears one half only from "
            "{{ field('sizes.payoffs[tflite-float16].near_full_gain') | about }} parameters, and this network has "
            "{{ field('network.n_parameters') | count }}."
        ),
    ),
    Claim(
        name="float16-proven",
        chapter=6,
        field=f"{_FLOAT16}.share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="What float16 changes is what fewer bits explain: no row uses more than {{ value }} of its tolerance.",
        contradicted="What float16 changes is more than fewer bits explain: a row uses {{ value }} of its tolerance.",
    ),
    Claim(
        name="float16-labels",
        chapter=6,
        kinds=CLASSES,
        field=f"{_FLOAT16}.n_flips",
        kind="at most",
        bar=0,
        write="count",
        held="Of {{ field('split.n_test') | count }} test rows, {{ value }} change their label with float16.",
        contradicted="With float16 {{ value }} of {{ field('split.n_test') | count }} test rows change their label.",
    ),
    Claim(
        name="float16-accuracy",
        chapter=6,
        kinds=CLASSES,
        field=f"abs({_FLOAT16}.test_accuracy - {_FLOAT32}.test_accuracy)",
        kind="at most",
        bar=0.005,
        write="points",
        held="Its test accuracy is {{ value }} from that of the float32 file.",
        contradicted="Its test accuracy is {{ value }} from that of the float32 file, more than {{ bar }}.",
    ),
    Claim(
        name="float16-r2",
        chapter=6,
        kinds=AMOUNTS,
        field=f"abs({_FLOAT16}.test_accuracy - {_FLOAT32}.test_accuracy)",
        kind="at most",
        bar=0.005,
        write="small",
        held="Its R² on the test rows is {{ value }} from that of the float32 file.",
        contradicted="Its R² on the test rows is {{ value }} from that of the float32 file, more than {{ bar }}.",
    ),
    Claim(
        name="int8-quarter",
        chapter=6,
        field=f"formats[tflite-int8].size_bytes / {_FLOAT32}.size_bytes",
        kind="at most",
        bar=QUARTER,
        write="ratio",
        held="int8 quarters the file: {{ value }} of its size.",
        contradicted=(
            "int8 made the file {{ value }} of its size here; it nears a quarter only from "
            "{{ field('sizes.payoffs[tflite-int8].near_full_gain') | about }} parameters."
        ),
    ),
    Claim(
        name="int8-labels",
        chapter=6,
        kinds=CLASSES,
        field="formats[tflite-int8].n_flips / split.n_test",
        kind="at most",
        bar=0.01,
        held="In int8, {{ value }} of the test rows change their label.",
        contradicted="In int8, {{ value }} of the test rows change their label, more than {{ bar }}.",
    ),
)
