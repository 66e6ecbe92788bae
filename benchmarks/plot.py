"""The plot of the page: how many times longer than ours each peer takes, on a logarithmic axis."""

import math
from html import escape
from typing import Any

Record = dict[str, Any]

WIDTH, LEFT, RIGHT, BAR, GAP = 860, 210, 70, 15, 34
LOW, HIGH = 0.25, 100.0
SLOWER, FASTER = "#3b6ea5", "#c2571a"
NOT_PEERS = {"ours", "products", "floor", "estimator", "predict"}


def _x(ratio: float) -> float:
    share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def svg(result: Record, labels: dict[str, str]) -> str:
    """Return the plot as SVG.

    Parameters
    ----------
    result : dict
        What the result file holds.
    labels : dict
        Name of each peer.

    Returns
    -------
    str
        A drawing that needs no font, script or file besides.
    """
    body: list[str] = []
    y = 56.0
    for task in result["tasks"].values():
        peers = {
            name: record["ratio"]
            for name, record in task["peers"].items()
            if "ratio" in record and name not in NOT_PEERS
        }
        if not peers:
            continue
        body.append(f'<text x="12" y="{y + 11:.0f}" font-weight="bold">{escape(task["title"])}</text>')
        y += 20
        for name, ratio in sorted(peers.items(), key=lambda item: item[1]["median"]):
            body += _bar(labels[name], ratio, y)
            y += BAR + 3
        y += GAP - 20
    height = y + 14
    lines = []
    for tick in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100):
        x, color = _x(tick), "#333" if tick == 1 else "#ddd"
        lines.append(f'<line x1="{x:.1f}" y1="44" x2="{x:.1f}" y2="{height - 10:.0f}" stroke="{color}"/>')
        lines.append(f'<text x="{x:.1f}" y="40" text-anchor="middle" fill="#555">{tick:g}</text>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            'font-family="sans-serif" font-size="12" role="img">',
            "<title>Time of each peer divided by ours</title>",
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>',
            '<text x="12" y="20" font-size="14">Time of each peer divided by ours, median and quartiles of paired '
            "rounds (right of 1: ours is faster)</text>",
            *lines,
            *body,
            "</svg>\n",
        ]
    )


def _bar(label: str, ratio: dict[str, float], y: float) -> list[str]:
    median = ratio["median"]
    one, end, middle = _x(1), _x(median), y + BAR / 2
    color = SLOWER if median >= 1 else FASTER
    return [
        f'<text x="{LEFT - 8}" y="{y + 12:.1f}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{min(one, end):.1f}" y="{y:.1f}" width="{abs(end - one):.1f}" height="{BAR}" fill="{color}"/>',
        f'<line x1="{_x(ratio["q1"]):.1f}" y1="{middle:.1f}" x2="{_x(ratio["q3"]):.1f}" y2="{middle:.1f}" '
        'stroke="#000" stroke-width="2"/>',
        f'<text x="{max(_x(ratio["q3"]), one) + 6:.1f}" y="{y + 12:.1f}">{median:.3g}</text>',
    ]
