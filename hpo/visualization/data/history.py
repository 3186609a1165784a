"""The history of an optimization: values in the order of the trials, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.visualization.data.parts import (
    MOST_MARKS,
    N_SERIES,
    Axis,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    Studies,
    Target,
    TargetFunction,
    TrialColumns,
    best_in,
    counted,
    finite,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    several,
    targets_of,
    trial_layers,
)

_KIND, _TITLE = "optimization_history", "Optimization history"
_MOST_STEPS = 1_000


def optimization_history(
    study: Studies,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    error_bar: bool = False,
    direction: str | None = None,
    log: bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return the values of the trials by number, with the best so far; a panel for each objective.

    The line of the best begins with the first complete and feasible trial, is a step at each one that is better, and
    ends at the study's best value. Trials without a value stand below all others.

    Args:
        study: A study or its state, or several of them: a sequence, or a mapping by name. Up to six studies are drawn
            one over the other; of more, as with `error_bar`, their mean.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        error_bar: Whether to draw several studies as one: for each number the mean with the standard deviation, and the
            mean of the best so far with a band from the worst to the best study.
        direction: ``"minimize"`` or ``"maximize"``, for a target: without it there is no best so far.
        log: Whether to draw the values on a log axis.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=value) for value in (3.0, 1.0, 2.0)])
        >>> (panel,) = optimization_history(study).panels
        >>> [(layer.role, layer.y.tolist()) for layer in panel.layers]
        [('best so far', [3.0, 1.0, 1.0]), ('complete', [3.0, 1.0, 2.0]), ('best', [1.0])]
    """
    studies = several(study, select)
    if sentence := sentence_of(studies):
        return nothing(_KIND, _TITLE, sentence)
    by_study = [targets_of(columns, target, target_name, direction) for columns in studies]
    n_panels = min(map(len, by_study))
    together = error_bar or len(studies) > N_SERIES
    panels, drawn = [], 0
    for place in range(n_panels):
        targets = [targets[place] for targets in by_study]
        panel, drawn = (_means if together else _panel)(studies, targets, log, n_panels)
        panels.append(panel)
    notes = notes_of(studies, [t for targets in by_study for t in targets], None if together else drawn)
    if len(studies) > 1 and together:
        notes.insert(0, f"Means of {counted(len(studies), 'study', 'studies')}.")
    return Plot(_KIND, _TITLE, panels, notes=notes)


def best_so_far(columns: TrialColumns, target: Target) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numbers of the trials from the first complete and feasible one, and the best value up to each, ``(k,)``."""
    counted_ones = columns.is_status("complete") & ~np.isnan(target.values)
    if not counted_ones.any() or not target.sign:
        return np.empty(0), np.empty(0)
    losses = np.where(counted_ones, target.losses, np.inf)
    first = int(np.argmax(counted_ones))
    return columns.number[first:], target.sign * np.minimum.accumulate(losses)[first:]


def _panel(studies: Sequence[TrialColumns], targets: Sequence[Target], log: bool, n_panels: int) -> tuple[Panel, int]:
    values = np.concatenate([target.values for target in targets])
    x = numeric("Trial", np.concatenate([columns.number for columns in studies]))
    y = numeric(targets[0].name, values, log=log, lane="no value")
    layers, drawn, at = [], 0, 0
    for place, (columns, target) in enumerate(zip(studies, targets, strict=True)):
        here = slice(at, at := at + len(columns))
        own_x, own_y = (Placed(axis.axis, axis.positions[here], axis.inside[here]) for axis in (x, y))
        best = best_in(columns, [target])
        points, n = trial_layers(columns, target, own_x, own_y, most=MOST_MARKS // (len(studies) * n_panels), best=best)
        drawn += n
        numbers, best_values = best_so_far(columns, target)
        line = _steps(numbers, best_values, y.axis)
        if len(studies) == 1:
            layers += [_line("best so far", "best so far", *line), *points] if len(numbers) else points
        else:
            layers += _one_of_several(place, columns.name, line, points)
    return Panel(x.axis, y.axis, layers), drawn


def _one_of_several(
    place: int, name: str, line: tuple[NDArray[np.float64], NDArray[np.float64]], points: Sequence[Layer]
) -> list[Layer]:
    """Return the layers of one study among others: its line, its complete trials, and all others as one layer."""
    series = f"series {place}"
    layers = [_line(label(name), series, *line)] if len(line[0]) else []
    complete = [layer for layer in points if layer.role == "complete"]
    others = [layer for layer in points if layer.role not in ("complete", "best")]
    for role, name_of, group in ((series, label(name), complete), ("other", "not complete or not feasible", others)):
        if group:
            x, y, numbers = (np.concatenate([getattr(layer, c) for layer in group]) for c in ("x", "y", "number"))
            texts = tuple(text for layer in group for text in layer.text)
            has_texts = all(layer.text for layer in group)
            layers.append(Layer("points", name_of, role, x=x, y=y, number=numbers, text=texts if has_texts else ()))
    return layers


def _line(name: str, role: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> Layer:
    return Layer("steps", name, role, x=x, y=y)


def _steps(
    x: NDArray[np.float64], y: NDArray[np.float64], axis: Axis
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points of a line of steps that matter, if there are many: those where it changes, and the last one."""
    if len(x) > _MOST_STEPS:
        changes = np.flatnonzero(np.diff(y, prepend=np.nan) != 0)
        if len(changes) > _MOST_STEPS:
            changes = changes[np.linspace(0, len(changes) - 1, _MOST_STEPS).astype(np.int64)]
        keep = np.unique(np.append(changes, len(x) - 1))
        x, y = x[keep], y[keep]
    low, high = axis.range
    return x, np.clip(y, low, high)


def _means(studies: Sequence[TrialColumns], targets: Sequence[Target], log: bool, n_panels: int) -> tuple[Panel, int]:
    """Return the panel of several studies as one, and the number of numbers."""
    numbers = np.unique(np.concatenate([columns.number for columns in studies]))
    counted_ones = [
        columns.is_status("complete") & finite(t.values) for columns, t in zip(studies, targets, strict=True)
    ]
    sums, squares, counts = (np.zeros(len(numbers)) for _ in range(3))
    best = np.full((len(studies), len(numbers)), np.nan)
    for row, (columns, target, counts_here) in enumerate(zip(studies, targets, counted_ones, strict=True)):
        places = np.searchsorted(numbers, columns.number[counts_here])
        sums[places] += target.values[counts_here]
        counts[places] += 1
        own_numbers, own_best = best_so_far(columns, target)
        if len(own_numbers):
            after = np.searchsorted(own_numbers, numbers, side="right") - 1
            best[row] = np.where(after >= 0, own_best[after], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / counts
        for columns, target, counts_here in zip(studies, targets, counted_ones, strict=True):
            places = np.searchsorted(numbers, columns.number[counts_here])
            squares[places] += (target.values[counts_here] - means[places]) ** 2
        deviations = np.sqrt(squares / counts)
    shown = counts > 0
    every = np.flatnonzero(shown)[:: max(int(shown.sum()) // MOST_MARKS + 1, 1)]
    best = np.where(finite(best), best, np.nan)
    from_all = ~np.isnan(best).any(axis=0)
    keep = np.flatnonzero(from_all)[:: max(int(from_all.sum()) // _MOST_STEPS + 1, 1)]
    extent = [means[shown] - deviations[shown], means[shown] + deviations[shown], best[:, from_all].ravel()]
    y = numeric(targets[0].name, np.concatenate([np.empty(0), *extent]), log=log)
    x = numeric("Trial", numbers)
    low, high = y.axis.range
    layers = []
    if len(keep):
        name = "best so far, from the worst to the best study"
        layers = [
            Layer(
                "band",
                name,
                "interval 1",
                x=numbers[keep],
                low=best[:, keep].min(axis=0),
                high=best[:, keep].max(axis=0),
            ),
            _line("best so far, mean", "best so far", numbers[keep], best[:, keep].mean(axis=0)),
        ]
    if len(every):
        name = "mean and standard deviation"
        middle, lowest, highest = (
            np.clip(side, low, high)[every] for side in (means, means - deviations, means + deviations)
        )
        layers.append(Layer("points", name, "series 0", x=numbers[every], y=middle, low=lowest, high=highest))
    others = [columns.number[~counts_here] for columns, counts_here in zip(studies, counted_ones, strict=True)]
    lost = np.unique(np.concatenate(others))
    if len(lost):
        lost = lost[:: len(lost) // MOST_MARKS + 1]
        name = "a trial that is not complete or not feasible"
        layers.append(Layer("points", name, "other", x=lost, y=np.full(len(lost), low)))
    return Panel(x.axis, y.axis, layers), len(numbers)
