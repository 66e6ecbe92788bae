"""The page's pictures, one file a topic; each function takes a part of the record and returns a `Picture`."""

from __future__ import annotations

from throughline.record import RunRecord
from throughline.report.plots.canvas import Picture
from throughline.score import score_of


def draw_pictures(record: RunRecord) -> dict[str, Picture]:
    """Draw every picture that the record has figures for.

    Returns
    -------
    dict of str to Picture
        By the picture's name, in the order of the page; a part that did not run has none.
    """
    from throughline.report.plots import amounts, canvas, cost, curves, ledger, plane, scores, tradeoff, units
    from throughline.report.view import build_ledger

    with canvas.style():
        pictures: list[Picture] = []
        if record.perceptron is not None:
            pictures += [plane.boundary(record.perceptron), curves.mistakes(record.perceptron)]
        if record.mlp is not None:
            pictures += [plane.surface(problem, position) for position, problem in enumerate(record.mlp.problems)]
            pictures += [
                units.draw(problem, position) for position, problem in enumerate(record.mlp.problems) if problem.units
            ]
        if record.trainings():
            pictures += curves.learning(record.trainings(), record.train.loss, score_of(record.task.kind))
        if record.evaluation is not None and record.evaluation.networks:
            pictures += scores.draw(record.evaluation.networks)
        if record.evaluation is not None and record.evaluation.amounts:
            pictures += amounts.draw(record.evaluation.amounts)
        if (defaults := build_ledger(record.ledger)) is not None:
            pictures += ledger.draw(defaults)
        if any(entry.status != "not_run" and entry.size_bytes > 0 for entry in record.formats):
            pictures.append(tradeoff.bytes_and_latency(record.formats))
        if record.bench is not None:
            pictures.append(cost.size_latency_accuracy(record.bench.artefacts))
    return {picture.name: picture for picture in pictures}
