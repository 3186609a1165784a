"""Draw the front of examples/choose_from_a_front.py, and what is chosen from it, as an SVG picture.

PYTHONPATH=examples python tests/benchmarks/draw_front.py > docs/how-to/choose-from-a-front.svg
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from choose_from_a_front import tuned  # type: ignore[import-not-found]

import hpo

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 52, 16, 24, 44
REFERENCE = {"error": 0.3, "seconds": 3.0}
LEAST = {"error": 0.05, "seconds": 0.0}
BOUND = 1.0


def x(seconds: float) -> float:
    """Return where seconds are."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (seconds - LEAST["seconds"]) / (REFERENCE["seconds"] - LEAST["seconds"])


def y(error: float) -> float:
    """Return where an error is."""
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (error - LEAST["error"]) / (REFERENCE["error"] - LEAST["error"])


def axes() -> Iterator[str]:
    """Yield the axes."""
    for tenths in range(0, 31, 5):
        yield f'<text x="{x(tenths / 10):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{tenths / 10}</text>'
    for hundredths in range(5, 31, 5):
        at = y(hundredths / 100)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#eee"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" fill="#444">{hundredths / 100}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="#444">seconds</text>'
    yield f'<text transform="rotate(-90)" x="{-HEIGHT / 2:.0f}" y="14" text-anchor="middle" fill="#444">error</text>'


def stairs(front: list[tuple[float, float]]) -> str:
    """Return the corners of what the front dominates, for points of (seconds, error) by seconds."""
    corners = [(front[0][0], REFERENCE["error"]), front[0]]
    for (_, before), (seconds, error) in pairwise(front):
        corners += [(seconds, before), (seconds, error)]
    corners += [(REFERENCE["seconds"], front[-1][1]), (REFERENCE["seconds"], REFERENCE["error"])]
    return " ".join(f"{x(seconds):.1f},{y(error):.1f}" for seconds, error in corners)


def picture(study: hpo.Study) -> Iterator[str]:
    """Yield the lines of the SVG file."""
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield from axes()
    front = sorted([(trial.values[1], trial.values[0]) for trial in hpo.pareto.front(study) if trial.values])
    yield f'<polygon points="{stairs(front)}" fill="#0b5fa5" fill-opacity="0.10" stroke="#0b5fa5" stroke-opacity="0.5"/>'
    yield f'<line x1="{x(BOUND):.1f}" x2="{x(BOUND):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#d95f02" stroke-dasharray="5 4"/>'
    yield f'<text x="{x(BOUND) + 6:.1f}" y="{TOP + 12}" fill="#d95f02">at most 1 second</text>'
    for trial in study.trials:
        error, seconds = trial.values or (1.0, 9.0)
        if error < REFERENCE["error"] and seconds < REFERENCE["seconds"]:
            colour = "#0b5fa5" if (seconds, error) in front else "#bbbbbb"
            yield f'<circle cx="{x(seconds):.1f}" cy="{y(error):.1f}" r="3.5" fill="{colour}"/>'
    chosen = (
        ("the knee", study.knee(), "#1b9e77"),
        ("within the bound", study.choose(bounds={"seconds": BOUND}), "#d95f02"),
    )
    for label, choice, colour in chosen:
        at, high = x(choice.values["seconds"]), y(choice.values["error"])
        yield f'<circle cx="{at:.1f}" cy="{high:.1f}" r="8" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        yield f'<text x="{at - 10:.1f}" y="{high + 20:.1f}" text-anchor="end" fill="{colour}">{label}: trial {choice.number}</text>'
    yield f'<text x="{x(2.2):.0f}" y="{y(0.2):.0f}" text-anchor="middle" fill="#0b5fa5">the hypervolume: what the front dominates</text>'
    yield "</svg>"


if __name__ == "__main__":
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    print("\n".join(picture(tuned())))
