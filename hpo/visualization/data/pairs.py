"""Pairs of parameters: where the best values are, and the rank of every trial."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Unpack

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, StudyState
from hpo.errors import HpoError
from hpo.visualization.data.parts import (
    MOST_MARKS,
    Axis,
    ColorScale,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    Target,
    TargetFunction,
    TrialColumns,
    best_in,
    columns_of,
    counted,
    finite,
    notes_of,
    nothing,
    numeric,
    parameter,
    sentence_of,
    targets_of,
    trial_layers,
)
from hpo.visualization.data.slicing import NO_MODEL, Predict, asked, chosen_parameters, values_along

_MOST_PARAMETERS = 5
_MOST_CELLS = 24  # along an axis
_MODEL_CELLS = 15


def contour(
    study: StudyState | HasState,
    params: Sequence[str] | None = None,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    direction: str | None = None,
    log: bool = False,
    predict: Predict | bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return for each pair of parameters the best value in each cell of a grid, with all trials on it.

    The darker a cell, the better. Trials that do not have one of the parameters stand in the margin, under "not set". With
    one parameter, the other axis is the trial's number. A study with several objectives has the panels of each.

    Args:
        study: A study or its state.
        params: The names of the parameters; by default the first five.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        direction: ``"minimize"`` or ``"maximize"``, for a target.
        log: Whether the colours are logarithmic.
        predict: Whether to ask the study for the model of the Gaussian process, or a function such as its method
            `predict_many`. Its mean, with the other parameters as in the best trial, takes the place of the best values.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or no trial has a parameter with one of the names.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(9):
        ...     trial = study.ask({"x": hpo.FloatDistribution(0, 1), "y": hpo.IntDistribution(1, 9)})
        ...     _ = study.tell(trial, trial.params["x"])
        >>> [layer.mark for layer in contour(study).panels[0].layers]
        ['cells', 'points', 'points']
    """
    pairs = _pairs_of("contour", "Best values", study, params, target, target_name, direction, select)
    if isinstance(pairs, Plot):
        return pairs
    model, modelled = asked(study, predict), 0
    panels, drawn, seen = [], [], []
    for goal, ((x_name, x), (y_name, y)) in itertools.product(pairs.targets, pairs.axes):
        best = best_in(pairs.columns, pairs.targets)
        cells = None
        if model is not None:
            place = pairs.targets.index(goal)
            cells = _model_cells(pairs.columns, (x_name, y_name), (x, y), best, model, place)
            modelled += cells is not None
        cells = cells or _best_cells(pairs.columns, goal, x, y)
        layers, n = trial_layers(pairs.columns, goal, x, y, most=pairs.most, best=best)
        drawn.append(n)
        if cells is not None:
            assert cells.color is not None
            seen.append(cells.color)
        title = goal.name if len(pairs.targets) > 1 else ""
        panels.append(Panel(x.axis, y.axis, [*([] if cells is None else [cells]), *layers], title))
    scale = _scale(pairs.targets, seen, log)
    if scale is None:  # no cell has a value: only points are left
        panels = [attrs.evolve(panel, layers=[x for x in panel.layers if x.mark != "cells"]) for panel in panels]
    return pairs.plot(panels, min(drawn), scale, [NO_MODEL] if model is not None and not modelled else [])


def rank(
    study: StudyState | HasState,
    params: Sequence[str] | None = None,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    direction: str | None = None,
    **select: Unpack[Select],
) -> Plot:
    """Return for each pair of parameters all trials, coloured by the rank of their values: the darker, the better.

    Ranks are those of the complete and feasible trials, and equal values share their mean rank; the others have the colours
    of their states. Arguments and margins are those of `contour`.

    Args:
        study: A study or its state.
        params: The names of the parameters; by default the first five.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        direction: ``"minimize"`` or ``"maximize"``, for a target: whether the first ranks are the lowest values.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or no trial has a parameter with one of the names.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(direction="maximize")
        >>> space = {"x": hpo.FloatDistribution(0, 1)}
        >>> study.add_trials([hpo.create_trial(value=x, params={"x": x}, distributions=space) for x in (0.5, 0.2, 0.5)])
        >>> rank(study).panels[0].layers[0].color.tolist()
        [1.5, 3.0, 1.5]
    """
    pairs = _pairs_of("rank", "Ranks", study, params, target, target_name, direction, select)
    if isinstance(pairs, Plot):
        return pairs
    panels, drawn, worst = [], [], 2.0
    for goal in pairs.targets:
        ranks = ranks_of(pairs.columns, goal)
        worst = max(worst, float(np.nanmax(ranks, initial=2.0)))
        for (_, x), (_, y) in pairs.axes:
            best = best_in(pairs.columns, pairs.targets)
            layers, n = trial_layers(pairs.columns, goal, x, y, most=pairs.most, color=ranks, best=best)
            drawn.append(n)
            panels.append(Panel(x.axis, y.axis, layers, goal.name if len(pairs.targets) > 1 else ""))
    return pairs.plot(panels, min(drawn), ColorScale("Rank", 1.0, worst))


def ranks_of(columns: TrialColumns, target: Target) -> NDArray[np.float64]:
    """Return the ranks of the complete and feasible trials, 1 for the best, and NaN for all others, ``(n,)``; O(n log n)."""
    ranked = np.flatnonzero(columns.is_status("complete") & ~np.isnan(target.values))
    ranks = np.full(len(columns), np.nan)
    _, inverse, counts = np.unique(target.losses[ranked], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks[ranked] = (last - (counts - 1) / 2.0)[inverse]
    return ranks


@attrs.frozen(eq=False)
class _Pairs:
    """The trials, targets and pairs of axes of a plot."""

    kind: str
    title: str
    columns: TrialColumns
    targets: list[Target]
    axes: list[tuple[tuple[str | None, Placed], tuple[str | None, Placed]]]
    omitted: int

    @property
    def most(self) -> int:
        """How many points a panel may have."""
        return max(MOST_MARKS // (len(self.axes) * len(self.targets)), 1)

    def plot(self, panels: Sequence[Panel], drawn: int, color: ColorScale | None, more: Sequence[str] = ()) -> Plot:
        """Return the plot of some panels."""
        notes = [*notes_of([self.columns], self.targets, drawn), *more]
        if self.omitted:
            notes.append(f"{counted(self.omitted, 'parameter')} not shown: choose with params.")
        return Plot(self.kind, self.title, panels, math.ceil(math.sqrt(len(panels))), notes, color=color)


def _pairs_of(
    kind: str,
    title: str,
    study: StudyState | HasState,
    params: Sequence[str] | None,
    target: TargetFunction | None,
    target_name: str,
    direction: str | None,
    select: Select,
) -> _Pairs | Plot:
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    names, omitted = chosen_parameters(columns, params, _MOST_PARAMETERS)
    if not names:
        return nothing(kind, title, "There is nothing to draw: no trial has a parameter.", notes_of([columns]))
    placed: list[tuple[str | None, Placed]] = [(name, parameter(columns, name)) for name in names]
    if len(placed) == 1:
        placed.append((None, numeric("Trial", columns.number)))
    targets = targets_of(columns, target, target_name, direction)
    return _Pairs(kind, title, columns, targets, [*itertools.combinations(placed, 2)], omitted)


def _edges(axis: Axis, placed: Placed, most: int) -> NDArray[np.float64]:
    """Return the edges of cells along an axis: one for each category, or even ones over the numbers that there are."""
    if axis.scale == "category":
        return np.arange(-0.5, round(axis.range[1] + 0.5)) if placed.inside.any() else np.array([-0.5, 0.5])
    inside = placed.positions[placed.inside]
    low, high = (float(inside.min()), float(inside.max())) if len(inside) else axis.range
    if axis.scale == "log":
        low, high = (low, high) if high > low * 1.000001 else axis.range
        return np.geomspace(low, high, most + 1)
    low, high = (low, high) if high - low > abs(high) * 1e-9 else axis.range
    return np.linspace(low, high, most + 1)


def _best_cells(columns: TrialColumns, target: Target, x: Placed, y: Placed) -> Layer | None:
    counts = columns.is_status("complete") & finite(target.values) & x.inside & y.inside
    if not counts.any():
        return None
    most = int(np.clip(math.sqrt(counts.sum()), 4, _MOST_CELLS))
    x_edges, y_edges = _edges(x.axis, x, most), _edges(y.axis, y, most)
    columns_at = np.clip(np.searchsorted(x_edges, x.positions[counts], side="right") - 1, 0, len(x_edges) - 2)
    rows_at = np.clip(np.searchsorted(y_edges, y.positions[counts], side="right") - 1, 0, len(y_edges) - 2)
    best = np.full((len(y_edges) - 1, len(x_edges) - 1), np.inf)
    np.minimum.at(best, (rows_at, columns_at), target.losses[counts])
    color = np.where(np.isfinite(best), -best if target.sign < 0 else best, np.nan)
    return Layer("cells", "", "cells", x=x_edges, y=y_edges, color=color.ravel())


def _model_cells(
    columns: TrialColumns,
    names: tuple[str | None, str | None],
    axes: tuple[Placed, Placed],
    best: int | None,
    predict: Predict,
    objective: int,
) -> Layer | None:
    """Return cells with the mean of a model in their middle, or None if it says nothing about this pair."""
    if names[0] is None or names[1] is None:
        return None
    others = dict(columns.trials[best].params) if best is not None else {}
    along = [
        (_edges(placed.axis, placed, _MODEL_CELLS), name) for placed, name in zip(axes, names, strict=True) if name
    ]
    values: list[Sequence[Any]] = [values_along(columns, name, edges) for edges, name in along]
    configurations = [{**others, names[0]: x, names[1]: y} for y in values[1] for x in values[0]]
    try:
        means = np.array([each[objective].mean for each in predict(configurations)], dtype=np.float64)
    except HpoError:  # there is no model yet, or it does not know one of the values
        return None
    if not np.isfinite(means).any():
        return None
    return Layer("cells", "", "cells", x=along[0][0], y=along[1][0], color=means)


def _scale(targets: Sequence[Target], seen: Sequence[NDArray[np.float64]], log: bool) -> ColorScale | None:
    numbers = np.concatenate([np.empty(0), *seen])
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        return None
    log = log and bool((numbers > 0).any())
    numbers = numbers[numbers > 0] if log else numbers
    low, high = float(numbers.min()), float(numbers.max())
    if high - low <= abs(high) * 1e-12:
        low, high = (low / 2, high * 2) if log else (low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5))
    title = targets[0].name if len(targets) == 1 else "Value"
    return ColorScale(title, low, high, reverse=targets[0].sign < 0, log=log)
