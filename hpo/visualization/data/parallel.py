"""Parallel coordinates: each trial is a line through its values and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, StudyState
from hpo.visualization.data.pairs import ranks_of
from hpo.visualization.data.parts import (
    NOT_SET,
    STATUS,
    Axis,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    TargetFunction,
    TrialColumns,
    best_in,
    category,
    columns_of,
    counted,
    hover_texts,
    label,
    nice_ticks,
    notes_of,
    nothing,
    numeric,
    parameter,
    sentence_of,
    targets_of,
)
from hpo.visualization.data.slicing import chosen_parameters

_MOST_AXES = 12
_MOST_LINES = 1_500
_MOST_TEXTS = 150  # trials up to which each point of a line has the trial's text
_FIFTHS = ("best fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")
_ROLES = {"waiting": "thin running", "paused": "thin running", "running": "thin running"}
_ROLES |= {"failed": "thin failed", "infeasible": "thin infeasible", "pruned": "thin pruned"}


def parallel_coordinate(
    study: StudyState | HasState,
    params: Sequence[str] | None = None,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    direction: str | None = None,
    log: bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return a line for each trial through an axis for each objective and each parameter.

    Complete and feasible trials are drawn by fifths of their rank, the best ones darkest; infeasible, pruned, failed and
    unfinished ones look like their state. What a trial does not have, it crosses below the axis, at "not set" or "no
    value". Of more than 1,500 trials, the best and others at even distances of rank and number are drawn.

    Args:
        study: A study or its state.
        params: The names of the parameters; by default the first ones, as many as have room.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        direction: ``"minimize"`` or ``"maximize"``, for a target: which fifth is the best one.
        log: Whether the axes of the values are logarithmic.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or no trial has a parameter with one of the names.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> space = {"x": hpo.FloatDistribution(0, 1)}
        >>> study.add_trials([hpo.create_trial(value=x, params={"x": x}, distributions=space) for x in (0.0, 1.0)])
        >>> [(layer.name, layer.number.tolist()) for layer in parallel_coordinate(study).panels[0].layers if layer.name]
        [('third fifth', [1.0, 1.0, nan]), ('best fifth', [0.0, 0.0, nan]), ('best', [0.0, 0.0, nan])]
    """
    kind, title = "parallel_coordinate", "Parallel coordinates"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    targets = targets_of(columns, target, target_name, direction)
    names, omitted = chosen_parameters(columns, params, max(_MOST_AXES - len(targets), 1))
    placed = [numeric(goal.name, goal.values, log=log, lane="no value") for goal in targets]
    placed += [parameter(columns, name) for name in names]
    heights = np.column_stack([_height(each) for each in placed])
    ranks = ranks_of(columns, targets[0])
    best = best_in(columns, targets)
    shown = _shown(columns, ranks)
    layers = []
    n_ranked = max(int((~np.isnan(ranks)).sum()), 1)
    fifth = np.nan_to_num((ranks - 1) * 5 // n_ranked, nan=9.0)
    for role, look in _ROLES.items():
        layers.append(_lines(columns, heights, shown[columns.status[shown] == STATUS[role]], role, look))
    layers += [
        _lines(columns, heights, shown[fifth[shown] == place], _FIFTHS[place], f"fifth {place}")
        for place in (4, 3, 2, 1, 0)
    ]
    unranked = shown[(columns.status[shown] == STATUS["complete"]) & np.isnan(ranks[shown])]
    layers.append(_lines(columns, heights, unranked, "without this value", "thin failed"))
    if best is not None:
        layers.append(_lines(columns, heights, np.array([best]), "best", "best so far"))
    layers = [layer for layer in layers if len(layer)]
    layers.append(_labels(placed))
    titles = [label(each.axis.title, 16) for each in placed]
    x = category("", titles, np.empty(0)).axis
    notes = [] if len(targets) == 1 else [f"Fifths by {label(targets[0].name)}."]
    if len(shown) < len(columns):
        notes.append(f"{len(shown):,} of {len(columns):,} trials drawn: the best, and others at even distances.")
    if omitted:
        notes.append(f"{counted(omitted, 'parameter')} not shown: choose with params.")
    y = Axis("", "category", (-0.2, 1.12), ())
    return Plot(kind, title, [Panel(x, y, layers)], notes=[*notes, *notes_of([columns], targets)])


def _height(placed: Placed) -> NDArray[np.float64]:
    """Return positions as shares of an axis, 0 and 1 for its ends without the margin, and less than 0 in its lanes."""
    low, high = _ends(placed)
    lane = Axis("", "log" if placed.axis.scale == "log" else "linear", (low, high)).unit(placed.positions)
    return np.where(placed.inside, np.clip(lane, 0.0, 1.0), np.where(lane > 0.5, 1.06, -0.13))


def _ends(placed: Placed) -> tuple[float, float]:
    if placed.axis.scale == "category":
        return 0.0, max(round(placed.axis.range[1] - 0.5), 1)
    inside = placed.positions[placed.inside]
    if len(inside) and inside.max() > inside.min():
        return float(inside.min()), float(inside.max())
    return placed.axis.range


def _shown(columns: TrialColumns, ranks: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of the trials that are drawn, by number."""
    if len(columns) <= _MOST_LINES:
        return np.arange(len(columns))
    order = np.lexsort((columns.number, ranks))  # the best first; those without a rank last
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, _MOST_LINES).astype(np.int64))])


def _lines(
    columns: TrialColumns, heights: NDArray[np.float64], places: NDArray[np.int64], name: str, role: str
) -> Layer:
    n, axes = len(places), heights.shape[1]
    gaps = np.full((n, 1), np.nan)
    y = np.hstack([heights[places], gaps]).ravel()
    x = np.tile(np.append(np.arange(axes, dtype=np.float64), np.nan), n)
    number = np.hstack([np.repeat(columns.number[places, None], axes, axis=1), gaps]).ravel()
    texts: tuple[str, ...] = ()
    if n <= _MOST_TEXTS:
        texts = tuple(text for text in hover_texts(columns, [], places) for _ in range(axes + 1))
    return Layer("line", name if n else "", role, x=x, y=y, number=number, text=texts)


def _labels(placed: Sequence[Placed]) -> Layer:
    """Return the labels along the axes: the ends of numbers, the choices of categories, and the lanes."""
    labels: list[tuple[float, float, str]] = []
    for place, each in enumerate(placed):
        low, high = _ends(each)
        if each.axis.scale == "category":
            ticks = [tick for tick in each.axis.ticks or () if tick[0] >= 0]
            stride = len(ticks) // 8 + 1
            labels += [(place, position / high, label(text, 10)) for position, text in ticks[::stride]]
        else:
            labels += [(place, 0.0, _short(low)), (place, 1.0, _short(high))]
        lane = (each.axis.ticks or ((0.0, ""),))[0][1]
        if not each.inside.all() and lane in (NOT_SET, "no value"):
            labels.append((place, -0.13, lane))
    x, y, texts = zip(*labels, strict=True) if labels else ((), (), ())
    return Layer("labels", "", "label", x=x, y=y, text=texts)


def _short(number: float) -> str:
    (_, text), *_ = nice_ticks(number, number)
    return f"{number:.3g}" if len(text) > 8 else text
