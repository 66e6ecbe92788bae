"""What networks are judged by."""

from __future__ import annotations

import pytest
from report.record_factory import make_amounts, make_record

from throughline.record import EvaluationRecord
from throughline.score import ACCURACY, R2, Score, score_of, scores_of
from throughline.spec import TaskKind


@pytest.mark.parametrize(("kind", "score"), [("binary", ACCURACY), ("multiclass", ACCURACY), ("regression", R2)])
def test_each_kind_of_task_has_its_score(kind: TaskKind, score: Score) -> None:
    assert score_of(kind) == score


@pytest.mark.parametrize("evaluation", [make_record().evaluation, make_amounts().evaluation])
def test_each_network_has_its_score_with_its_interval(evaluation: EvaluationRecord) -> None:
    scores = scores_of(evaluation)
    assert list(scores) == ["numpy", "keras", "torch"]
    expected = [network.accuracy for network in evaluation.networks] or [network.r2 for network in evaluation.amounts]
    assert list(scores.values()) == expected


def test_without_an_evaluation_there_is_no_score() -> None:
    assert scores_of(None) == {}
