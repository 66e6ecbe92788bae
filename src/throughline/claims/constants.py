"""Every digit that no record has to back, with the reason. Any other has to say where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """A way of writing digits that states no measurement.

    Attributes
    ----------
    pattern : str
        Regular expression of the digits with as much around them as it takes to know what they are.
    reason : str
    """

    pattern: str
    reason: str


CONSTANTS = (
    Constant(
        r"\b(?:b?float|u?int)(?:8|16|32|64)\b|\b(?:four|two) bytes|\bone byte\b|\b(?:7|8|16|32) bits\b",
        "types and their widths",
    ),
    Constant(r"\baarch64\b|\bmacOS 14\b|\b64-bit\b", "platforms"),
    Constant(r"\bSHA-256\b|\bC99\b|\bUTF-8\b|\bx86_64\b|\bx86-64\b|\bF1\b|\bF_1\b|\bL2\b", "names"),
    Constant(
        r"^(?:1\.? Perceptron|2\.? Multi-layer|3(?: · 4|\.) (?:Keras|The same)|4\. PyTorch|5\.? Evaluation)\b"
        r"|^(?:6\.? TFLite|7\.? ONNX)\b",
        "headings of chapters",
    ),
    Constant(r"\b[Cc]hapters? [1-8](?:(?:, | and | to |–)[1-8])*\b", "numbers of chapters"),
    Constant(
        r"\| 1 \| Perceptron\b|\| 2 \| Multi-layer\b|\| 3 \| Keras\b|\| 4 \| PyTorch\b",
        "numbers of chapters in a table",
    ),
    Constant(r"\| 5 \| Evaluation\b|\| 6 \| TFLite\b|\| 7 \| ONNX\b", "numbers of chapters in a table"),
    Constant(r"\b[Ss]even chapters\b", "how many there are"),
    Constant(r"\bclass [01]\b", "how the two classes are coded"),
    Constant(r"s\(1 - s\)", "the derivative of the sigmoid"),
    Constant(r"\b95 %(?= (?:bootstrap )?intervals?\b)|(?<=\()95 %(?= interval\b)", "level of every `record.Interval`"),
    Constant(r"(?<=where )95 %(?= intervals overlap)", "level of the intervals of a benchmark"),
    Constant(r"\b90 %(?= interval\b)", "level of the interval of `record.EquivalenceTest`"),
    Constant(r"\b5 %(?= (?:level|of the intervals)\b)", "level of significance, and what 95 % leaves out"),
    Constant(r"\b(?:5|95) % quantile\b", "which quantiles of the errors an `AmountEvaluation` has"),
    Constant(r"(?<=add up to )100 %", "a whole"),
    Constant(r"(?<=counted as spoken, at )\d+(?= words a minute)", "pace of the speaker, who chooses it"),
    Constant(r"^\| walk \| chapters \| words as spoken \|.*", "chapters of the walks, and lengths of their own words"),
    Constant(
        r"\b30 to 60 seconds(?= for each chapter)", "bounds that scripts are fitted to, in `report.talking_points`"
    ),
    Constant(
        r"Exit status: 0 done, 1 a verification failed[^,]*, 2 misuse, 130 interrupted", "statuses, fixed in `errors`"
    ),
    Constant(r"exits with 0 only|with 3 if a runtime is missing", "statuses of `bundle/check.py`"),
    Constant(r"\b1,000 steps\b", "length of the trainings of `throughline parity`"),
    Constant(r"\bPython 3\.1[12](?: or 3\.1[12])?", "versions that the package supports; tested by its own checks"),
    Constant(r"\bApache-2\.0\b|\bCC0-1\.0\b", "names of licences"),
    Constant(
        r"\(\d{4}\)|, (?:19|20)\d\d\)|\bin (?:19|20)\d\d\b|\((?:[A-Z][\w' ]+, )?(?:19|20)\d\d\)", "years of papers"
    ),
)
ANY_CONSTANT = re.compile("|".join(f"(?:{constant.pattern})" for constant in CONSTANTS), re.DOTALL)
