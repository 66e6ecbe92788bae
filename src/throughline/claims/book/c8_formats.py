"""What is claimed of all exported files together."""

from throughline.claims.claim import CLASSES, Claim

CLAIMS = (
    Claim(
        name="exports-proven",
        chapter=8,
        field="count(formats.status, 'passed')",
        kind="at least",
        bar="len(formats)",
        write="count",
        held="{{ value }} of {{ bar }} exported files are proven to be the network that they came from.",
        contradicted="Only {{ value }} of {{ bar }} exported files are proven to be the network that they came from.",
    ),
    Claim(
        name="no-label-flips",
        chapter=8,
        kinds=CLASSES,
        field="max(formats.n_flips)",
        kind="at most",
        bar=0,
        write="count",
        held="In the worst of these files {{ value }} test rows change their label.",
        contradicted="In the worst of these files {{ value }} test rows change their label; none was promised.",
    ),
    Claim(
        name="rounding-explains-all",
        chapter=8,
        field="max(formats.share_of_tolerance)",
        kind="at most",
        bar=1.0,
        held="Rounding explains every difference: the furthest row of all files uses {{ value }} of its tolerance.",
        contradicted="Rounding does not explain every difference: a row uses {{ value }} of its tolerance.",
    ),
    Claim(
        name="quick-everywhere",
        chapter=8,
        field="max(formats.latency_us)",
        kind="below",
        bar=1000,
        write="microseconds",
        held="No format needs a millisecond for a row: the slowest takes {{ value }}.",
        contradicted="Not every format answers a row within {{ bar }}: the slowest takes {{ value }}.",
    ),
)
