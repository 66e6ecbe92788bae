"""What is claimed of ONNX: the same network, at any batch size."""

from throughline.claims.claim import CLASSES, Claim

_ONNX = "formats[onnx-float32]"

CLAIMS = (
    Claim(
        name="onnx-proven",
        chapter=7,
        field=f"{_ONNX}.largest_difference",
        kind="at most",
        bar=f"{_ONNX}.tolerance",
        write="small",
        held="The ONNX file differs from its source by at most {{ value }}; rounding explains {{ bar }}.",
        contradicted="The ONNX file differs from its source by {{ value }}, and rounding explains only {{ bar }}.",
    ),
    Claim(
        name="onnx-rows",
        chapter=7,
        field=f"{_ONNX}.share_of_tolerance",
        kind="at most",
        bar=1.0,
        held="Row by row, none uses more than {{ value }} of its own tolerance.",
        contradicted="Row by row, one uses {{ value }} of its own tolerance.",
    ),
    Claim(
        name="dynamic-batch",
        chapter=7,
        field=f"count({_ONNX}.checks.n_rows, split.n_test)",
        kind="at least",
        bar=f"len({_ONNX}.checks)",
        write="count",
        held="Its batch is free: at {{ value }} of {{ bar }} batch sizes it answered every test row.",
        contradicted="Its batch is not free: only at {{ value }} of {{ bar }} batch sizes it answered every test row.",
    ),
    Claim(
        name="batch-does-not-matter",
        chapter=7,
        field=f"{_ONNX}.batch_difference",
        kind="at most",
        bar=f"{_ONNX}.tolerance",
        write="small",
        held="A row's answer hardly depends on its batch: it moves by at most {{ value }}.",
        contradicted="A row's answer depends on its batch: it moves by {{ value }}, more than {{ bar }}.",
    ),
    Claim(
        name="onnx-labels",
        chapter=7,
        kinds=CLASSES,
        field=f"{_ONNX}.n_flips",
        kind="at most",
        bar=0,
        write="count",
        held="Of {{ field('split.n_test') | count }} test rows, {{ value }} change their label in ONNX Runtime.",
        contradicted="In ONNX Runtime {{ value }} of {{ field('split.n_test') | count }} test rows change their label.",
    ),
)
