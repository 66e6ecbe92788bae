"""RunRecord: everything a run measured, in one JSON file.

Report, talking points and notebook take every figure from here (rule 7), so they cannot disagree. The
series a picture needs are in it too, rounded to what a picture can show; weights and models are files.

    RunRecord
    ├── task, split, network, train     what was asked for
    ├── table                           what was found in the file, if the rows come from one
    ├── perceptron                      chapter 1
    ├── mlp                             chapter 2
    ├── keras, pytorch                  chapters 3 and 4
    ├── evaluation                      chapter 5
    ├── formats                         chapters 3, 4, 6, 7: every exported file and its verification
    ├── bars                            what each chapter had to reach, and what it reached
    ├── ledger                          which default of a framework does how much, if that was measured
    ├── bench                           what every artefact costs, over several processes, if that was measured
    └── spans, environment              where the time went, and on what

A chapter that was not asked for is ``None``.
"""

from throughline.record.bars import Bar, make_bar
from throughline.record.bench import ArtefactBench, BenchRecord, BenchVerdict, ByteAccount, Measured, Processors
from throughline.record.checks import CHECKS, Certificate, Check, CheckName, Status
from throughline.record.environment import Environment, Span
from throughline.record.evaluation import (
    AmountEvaluation,
    ClassFigures,
    EquivalenceTest,
    Evaluation,
    EvaluationRecord,
    Interval,
    PairedErrors,
    PairedTest,
)
from throughline.record.formats import BatchCheck, FormatRecord
from throughline.record.ledger import LedgerLine, LedgerRecord
from throughline.record.rows import ColumnRecord, SplitRecord, TableRecord, TableWarning
from throughline.record.run import (
    NOT_REPRODUCED,
    SCHEMA_VERSION,
    RunRecord,
    json_schema,
    load_record,
    reproducible_figures,
)
from throughline.record.training import (
    GradientRecord,
    MlpRecord,
    PerceptronRecord,
    PlanePicture,
    PlaneProblem,
    TrainingRecord,
)

__all__ = [
    "CHECKS",
    "NOT_REPRODUCED",
    "SCHEMA_VERSION",
    "AmountEvaluation",
    "ArtefactBench",
    "Bar",
    "BatchCheck",
    "BenchRecord",
    "BenchVerdict",
    "ByteAccount",
    "Certificate",
    "Check",
    "CheckName",
    "ClassFigures",
    "ColumnRecord",
    "Environment",
    "EquivalenceTest",
    "Evaluation",
    "EvaluationRecord",
    "FormatRecord",
    "GradientRecord",
    "Interval",
    "LedgerLine",
    "LedgerRecord",
    "Measured",
    "MlpRecord",
    "PairedErrors",
    "PairedTest",
    "PerceptronRecord",
    "PlanePicture",
    "PlaneProblem",
    "Processors",
    "RunRecord",
    "Span",
    "SplitRecord",
    "Status",
    "TableRecord",
    "TableWarning",
    "TrainingRecord",
    "json_schema",
    "load_record",
    "make_bar",
    "reproducible_figures",
]
