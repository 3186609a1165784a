"""Axes for values, parameters and numbers of trials: their scale, their range with a margin, and where the rest goes.

What has no place on an axis is not left out. It is drawn in the margin, outside of all that has a place: infinities at
their end, and trials without a value, or without the parameter, below the low end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, FrozenTrial
from hpo.core.values.distributions import identity_of_choice
from hpo.visualization.data.parts.trials import LARGEST, TrialColumns, finite
from hpo.visualization.data.parts.values import Axis

_MARGIN = 0.05  # of the range, at both ends
_LANE = 0.06  # of the range: how far outside of the margin the rest is drawn
_LONGEST = 40  # characters of a title
_LONGEST_TICK = 18
SMALLEST = 1e-100
"""The smallest number that has a place on a log axis; smaller ones go to its margin, like what is not positive."""
NOT_SET = "not set"
"""The label of trials that do not have the parameter."""


def label(text: object, longest: int = _LONGEST) -> str:
    r"""Return a text as one line of at most so many characters, without control characters.

    Example:
        >>> label("learning\nrate"), label("x" * 99, 5)
        ('learning rate', 'xxxx…')
    """
    line = str(text)
    if not line.isprintable():
        line = "".join(letter if letter.isprintable() else " " for letter in line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


@attrs.frozen(eq=False)
class Placed:
    """An axis, and the positions of trials on it.

    Attributes:
        axis: The axis.
        positions: Where each trial is drawn, ``(n,)``; never NaN.
        inside: Which trials have a place on the axis; the others are drawn in its margin, ``(n,)``.
    """

    axis: Axis
    positions: NDArray[np.float64]
    inside: NDArray[np.bool_]


def numeric(
    title: str,
    values: NDArray[np.float64],
    *,
    log: bool = False,
    lane: str | None = None,
    also: Iterable[float] = (),
) -> Placed:
    """Return an axis for numbers, and their positions.

    Args:
        title: What they measure.
        values: The numbers, ``(n,)``, NaN where there is none.
        log: Whether to draw them on a log axis; numbers below `SMALLEST` go to the margin of the low end. Without
            any positive number the axis is linear.
        lane: The label of the margin where numbers that are missing are drawn; None for no label.
        also: Other numbers that the axis has to show.
    """
    inside = finite(values)
    others = np.array([*also], dtype=np.float64)
    others = others[finite(others)]
    positive = inside & (values >= SMALLEST)
    log = log and bool(positive.any())
    if log:
        inside, others = positive, others[others >= SMALLEST]
    shown = np.concatenate([values[inside], others])
    place = np.log if log else np.asarray
    low, high = (float(place(shown.min())), float(place(shown.max()))) if len(shown) else (0.0, 1.0)
    if high - low <= max(abs(high) * 1e-12, 1e-290):  # all are the same, up to rounding
        half = math.log(2.0) if log else abs(high) * 0.1 or 0.5
        low, high = low - half, high + half
    span = high - low
    ticks = nice_ticks(low, high, log=log)
    below, above = low - span * _MARGIN, high + span * _MARGIN
    at_high, at_low = above + span * _LANE / 2, below - span * _LANE / 2
    positions = np.where(inside, values, at_low)
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            positions = np.where(inside, np.log(values, where=inside, out=np.zeros_like(values)), at_low)
    too_high = ~inside & (values > LARGEST)
    positions[too_high] = at_high
    if (~inside & ~too_high).any():
        below -= span * _LANE
    if too_high.any():
        above += span * _LANE
    shown_ticks: tuple[tuple[float, str], ...] | None = None
    if lane is not None and (~inside & np.isnan(values)).any():
        shown_ticks = ((math.exp(at_low) if log else at_low, lane), *ticks)
    if log:
        below, above, positions = math.exp(below), math.exp(above), np.exp(positions)
        positions[inside] = values[inside]
    return Placed(Axis(label(title), "log" if log else "linear", (below, above), shown_ticks), positions, inside)


def parameter(columns: TrialColumns, name: str) -> Placed:
    """Return an axis for a parameter, and the place of each trial on it.

    The scale is that of the newest distribution: logarithmic if that is, and all values are positive. Choices stand in
    the order in which they were declared; those of older distributions follow. Choices of different types are different:
    ``1`` and ``"1"`` get labels that tell them apart.
    """
    newest = next(
        (trial.distributions[name] for trial in reversed(columns.trials) if name in trial.distributions), None
    )
    if newest is None and columns.state.space is not None:
        newest = columns.state.space.get(name)
    trials = columns.trials
    kinds = {type(space[name]) for space in columns.spaces if name in space}
    if isinstance(newest, CategoricalDistribution) or CategoricalDistribution in kinds:
        return _choices(name, trials, newest)
    values = np.array([trial.params.get(name, math.nan) for trial in trials], dtype=np.float64)
    log = bool(getattr(newest, "log", False)) and not (values <= 0).any()
    return numeric(name, values, log=log, lane=NOT_SET)


def category(title: str, labels: Sequence[str], positions: NDArray[np.float64]) -> Placed:
    """Return an axis with categories at 0, 1, ..., and positions on it; NaN goes below the first one."""
    missing = np.isnan(positions)
    ticks = [(float(place), label(text, _LONGEST_TICK)) for place, text in enumerate(labels)]
    if missing.any():
        ticks.insert(0, (-1.0, NOT_SET))
    low = ticks[0][0] if ticks else 0.0
    axis = Axis(label(title), "category", (low - 0.5, max(len(labels) - 0.5, low + 0.5)), tuple(ticks))
    return Placed(axis, np.where(missing, -1.0, positions), ~missing)


def nice_ticks(low: float, high: float, *, log: bool = False, about: int = 5) -> tuple[tuple[float, str], ...]:
    """Return positions with labels in round numbers; for a log axis the ends are logarithms.

    Example:
        >>> [text for _, text in nice_ticks(0.0, 10.0)]
        ['0', '2', '4', '6', '8', '10']
    """
    if log:
        first, last = math.ceil(low / math.log(10) - 1e-9), math.floor(high / math.log(10) + 1e-9)
        if last - first >= 1:
            stride = max(1, math.ceil((last - first) / about))
            return tuple(
                (10.0**power, f"{10.0**power:.4g}") for power in range(first, last + 1, stride) if abs(power) < 300
            )
        return tuple((math.exp(end), f"{math.exp(end):.3g}") for end in (low, (low + high) / 2, high))
    raw = (high - low) / about
    if not raw > 1e-300:
        return ((low, f"{low:.4g}"),)
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * next((factor for factor in (1, 2, 5) if factor * size >= raw * 0.75), 10)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(4, math.ceil(math.log10(max(abs(low), abs(high), step) / step)) + 1)
    return tuple((k * step, f"{k * step:.{min(digits, 15)}g}") for k in range(first, last + 1))


def _choices(name: str, trials: Sequence[FrozenTrial], newest: Any) -> Placed:
    seen: dict[tuple[str, object], Any] = {}
    if isinstance(newest, CategoricalDistribution):
        seen |= {identity_of_choice(choice): choice for choice in newest.choices}
    positions = np.full(len(trials), np.nan)
    places = {key: place for place, key in enumerate(seen)}
    for row, trial in enumerate(trials):
        if name not in trial.params:
            continue
        choice = trial.params[name]
        key = identity_of_choice(choice)
        if key not in places:
            places[key], seen[key] = len(places), choice
        positions[row] = places[key]
    texts = [str(choice) for choice in seen.values()]
    labels = [
        repr(choice) if texts.count(text) > 1 or text in ("", NOT_SET) else text
        for text, choice in zip(texts, seen.values(), strict=True)
    ]
    return category(name, _distinct([label(text, _LONGEST_TICK) for text in labels]), positions)


def _distinct(labels: Sequence[str]) -> list[str]:
    """Return labels of which no two are equal: those that were cut to the same text get a number."""
    return [
        f"{text[: _LONGEST_TICK - 5]}… #{place}" if labels.count(text) > 1 else text
        for place, text in enumerate(labels)
    ]
