"""Draw the mean regret of some methods by the number of epochs, as an SVG picture.

    python tests/benchmarks/curves/draw_regrets.py > docs/measured/pruners.svg

The runs are those that `compare_pruners.py` keeps; the problems are those for judging.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from compare_pruners import MEASURED, SHORT, Runs, loss_after, stored, traces
from curve_problems import JUDGING, scale_of

# method, what the picture calls it, its colour, and whether its line is broken
LINES = (
    ("hpo-tpe-none", "TPE, no pruner", "#666666", False),
    ("hpo-tpe-median", "TPE, median", "#d95f02", False),
    ("hpo-tpe-hyperband", "TPE, Hyperband", "#7570b3", False),
    ("hpo-tpe-halving", "TPE, halving", "#1b9e77", False),
    ("hpo-tpe-promotion", "TPE, promotion", "#0b5fa5", False),
    ("optuna-tpe-median", "Optuna TPE, median", "#d95f02", True),
    ("optuna-tpe-hyperband", "Optuna TPE, Hyperband", "#7570b3", True),
)
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 400, 52, 16, 180, 44


def regrets(runs: Runs, method: str, names: Sequence[str], at: Sequence[float]) -> list[float]:
    """Return the mean regret of a method after so many trainings' worth of epochs."""
    rows = []
    for name in names:
        scale = scale_of(name)
        lasts = [[loss_after(trace, n * scale.n_epochs) for n in at] for trace in traces(runs, name, method)]
        rows.append(scale.regret(np.array(lasts)).mean(0))
    return [float(each) for each in np.mean(rows, 0)]


def picture(runs: Runs, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the SVG file."""
    at = [n / 4 for n in range(2, 4 * SHORT + 1)]
    curves = {
        line: regrets(runs, line[0], names, at) for line in LINES if all(traces(runs, name, line[0]) for name in names)
    }
    top = max(max(curve) for curve in curves.values())

    def x(n: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * n / SHORT

    def y(regret: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * regret / top

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    for n in range(0, SHORT + 1, 2):
        yield f'<text x="{x(n):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{n}</text>'
    for tenth in range(int(10 * top) + 1):
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tenth / 10):.1f}" y2="{y(tenth / 10):.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y(tenth / 10) + 4:.1f}" text-anchor="end" fill="#444">{tenth / 10}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="#444">epochs, in whole trainings</text>'
    yield f'<text transform="rotate(-90)" x="{-HEIGHT / 2:.0f}" y="14" text-anchor="middle" fill="#444">mean regret</text>'
    last = -100.0
    for (_, label, colour, broken), curve in sorted(curves.items(), key=lambda item: -item[1][-1]):
        points = " ".join(f"{x(n):.1f},{y(regret):.1f}" for n, regret in zip(at, curve, strict=True))
        dashes = ' stroke-dasharray="5 4"' if broken else ""
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        last = max(y(curve[-1]), last + 14)  # labels do not cover each other
        yield f'<text x="{WIDTH - RIGHT + 8}" y="{last + 4:.1f}" fill="{colour}">{label}</text>'
    yield "</svg>"


if __name__ == "__main__":
    print("\n".join(picture(stored([MEASURED]), JUDGING)))
