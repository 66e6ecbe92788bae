"""What is claimed of the run as a whole."""

from throughline.claims.claim import BUILT_IN, Claim

CLAIMS = (
    Claim(
        name="bars-met",
        chapter=0,
        field="count(bars.met, 1)",
        kind="at least",
        bar="len(bars)",
        write="count",
        held="{{ value }} of {{ bar }} bars are met.",
        contradicted="Only {{ value }} of {{ bar }} bars are met.",
    ),
    Claim(
        name="within-a-minute",
        chapter=0,
        rows=BUILT_IN,
        field="wall_s",
        kind="below",
        bar=60,
        write="seconds",
        held="The whole run took {{ value }}.",
        contradicted="The whole run took {{ value }}, not less than {{ bar }}.",
    ),
)
