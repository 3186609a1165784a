"""Several objectives: the Pareto front, and the hypervolume that it dominates over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Unpack

import attrs
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hpo.core import FrozenDict, FrozenTrial, HasState, StudyState, TrialState
from hpo.errors import InvalidArgument, InvalidType
from hpo.numerics.pareto.hypervolume import hypervolume
from hpo.numerics.pareto.nondomination import nondomination_ranks
from hpo.visualization.data.parts import (
    MOST_MARKS,
    STATUS,
    Axis,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    Target,
    TrialColumns,
    columns_of,
    counted,
    finite,
    hover_texts,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    states_not_drawn,
    targets_of,
    thinned,
    trial_layers,
)

_MOST_OBJECTIVES = 5
_MOST_VOLUMES = 200


def pareto_front(
    study: StudyState | HasState,
    *,
    target_names: Sequence[str] | None = None,
    include_dominated_trials: bool = True,
    constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    targets: Callable[[FrozenTrial], Sequence[float]] | None = None,
    log: bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return the trials by their objectives, with the Pareto front: two on axes, three in space, more in pairs.

    The front is that of the complete and feasible trials. With two objectives, a line of steps bounds what it dominates.

    Args:
        study: A study with two or more objectives, or its state.
        target_names: The names of the objectives, or of what `targets` returns.
        include_dominated_trials: Whether to draw the trials that are not on the front.
        constraints_func: Returns the constraint values of a complete trial, which is feasible if all are <= 0; None for those
            that the trials have.
        targets: Returns what is drawn of a complete trial instead of its objectives. The front stays that of the objectives.
        log: Whether the axes are logarithmic.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or there is not one name for each objective.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 1.0], [2.0, 2.0], [2.0, 0.0])])
        >>> [(layer.name, layer.x.tolist()) for layer in pareto_front(study).panels[0].layers if layer.mark == "points"]
        [('complete', [2.0]), ('Pareto front', [1.0, 2.0])]
    """
    kind, title = "pareto_front", "Pareto front"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    if constraints_func is not None:
        columns = attrs.evolve(columns, trials=[_constrained(trial, constraints_func) for trial in columns.trials])
    goals = _goals(columns, targets, target_names)
    if len(goals) < 2:
        return nothing(
            kind, title, "There is nothing to draw: a Pareto front needs two objectives.", notes_of([columns])
        )
    values = np.column_stack([goal.values for goal in goals])
    drawable = np.logical_not(np.isnan(values).any(axis=1))
    objectives = targets_of(columns, None, "Objective")
    front = _front(columns, np.column_stack([goal.losses for goal in objectives])) & drawable
    if not drawable.any():
        return nothing(kind, title, "There is nothing to draw: no trial is complete.", notes_of([columns]))
    others = drawable & ~front if include_dominated_trials else np.zeros_like(drawable)
    axes = [_placed(goal, drawable, log) for goal in goals]
    notes, panels, drawn = [], [], []
    if len(goals) == 3:
        panels.append(_in_space(columns, goals, axes, front, others))
        drawn.append(sum(len(layer) for layer in panels[0].layers))
    else:
        pairs = [*itertools.combinations(range(min(len(goals), _MOST_OBJECTIVES)), 2)]
        most = MOST_MARKS // (2 * len(pairs))
        for i, j in pairs:
            layers, n = trial_layers(columns, goals[i], axes[i], axes[j], most=most, of=others)
            points = _front_points(columns, goals, (axes[i], axes[j]), front, most)
            line = _staircase(goals, (axes[i], axes[j]), front) if len(goals) == 2 and targets is None else []
            panels.append(Panel(axes[i].axis, axes[j].axis, [*line, *layers, *points]))
            drawn.append(n + sum(map(len, points)))
    notes.append(f"{counted(int(front.sum()), 'trial')} on the front.")
    notes += _rest(columns, drawable, others | front, min(drawn), len(goals))
    return Plot(kind, title, panels, math.ceil(math.sqrt(len(panels))), [*notes, *notes_of([columns], goals)])


def hypervolume_history(
    study: StudyState | HasState,
    reference_point: Sequence[float] | None = None,
    **select: Unpack[Select],
) -> Plot:
    """Return the hypervolume that the complete and feasible trials dominate, by the number of the trial.

    Trials in other states, which add nothing, are marked in the margin.

    Args:
        study: A study with two or more objectives, or its state.
        reference_point: The corner up to which volume counts, one value for each objective, in its unit. By default the
            worst feasible value of each objective, and a tenth of its range beyond; the notes say which point that is.
        **select: Which trials to look at: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType: the reference point is not made of numbers.
        InvalidArgument: there is not one finite number for each objective.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "minimize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 2.0], [2.0, 2.0], [1.0, 1.0])])
        >>> hypervolume_history(study, [3.0, 3.0]).panels[0].layers[0].y.tolist()
        [2.0, 2.0, 4.0]
    """
    kind, title = "hypervolume_history", "Hypervolume"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    goals = targets_of(columns, None, "Objective")
    if len(goals) < 2:
        return nothing(
            kind, title, "There is nothing to draw: a hypervolume needs two objectives.", notes_of([columns])
        )
    losses = np.column_stack([goal.losses for goal in goals])
    signs = np.array([goal.sign for goal in goals], dtype=np.float64)
    counts = (columns.status == STATUS["complete"]) & finite(losses).all(axis=1)
    if not counts.any():
        return nothing(
            kind, title, "There is nothing to draw: no complete trial is feasible and finite.", notes_of([columns])
        )
    if reference_point is None:
        low, high = losses[counts].min(axis=0), losses[counts].max(axis=0)
        reference = high + np.where(high > low, (high - low) * 0.1, np.maximum(np.abs(high) * 0.1, 0.1))
    else:
        reference = _checked_point(reference_point, len(goals)) * signs
    volumes, evaluated = _volumes(np.where(counts[:, None], losses, np.inf), reference)
    first = int(np.argmax(counts))
    x = numeric("Trial", columns.number)
    y = numeric("Hypervolume", volumes[first:], also=[0.0] if not (~counts).any() else [])
    bottom, top = y.axis.range
    low = bottom - (top - bottom) * 0.06
    lanes = Placed(
        Axis("Hypervolume", range=(low, top), ticks=None), np.full(len(columns), (bottom + low) / 2), ~counts
    )
    target = Target("Hypervolume", volumes, -1)
    layers, drawn = trial_layers(
        columns, target, x, lanes, most=MOST_MARKS, of=~counts & (columns.status != STATUS["complete"])
    )
    numbers, steps = _changes(columns.number[first:], volumes[first:])
    line = Layer("steps", "hypervolume", "best so far", x=numbers, y=steps)
    point = ", ".join(f"{label(goal.name)} {value:.4g}" for goal, value in zip(goals, reference * signs, strict=True))
    notes = [f"Reference point: {point}."]
    if evaluated:
        notes.append(f"Computed at {evaluated} of the trials that change the front, at even distances.")
    infinite = int(((columns.status == STATUS["complete"]) & ~counts).sum())
    if infinite:
        notes.append(f"{counted(infinite, 'trial')} with a value that is not finite not counted.")
    y_axis = lanes.axis if layers else y.axis
    others = int((~counts).sum()) - infinite
    if others > drawn:
        notes.append(f"{drawn:,} of {others:,} trials in other states drawn.")
    return Plot(kind, title, [Panel(x.axis, y_axis, [line, *layers])], notes=[*notes, *notes_of([columns])])


def _constrained(trial: FrozenTrial, constraints_func: Callable[[FrozenTrial], Sequence[float]]) -> FrozenTrial:
    if trial.state is not TrialState.COMPLETE:
        return trial
    given = constraints_func(trial)
    try:
        constraints = FrozenDict({str(place): float(value) for place, value in enumerate(given)})
    except (TypeError, ValueError):
        raise InvalidType(f"constraints_func returns a sequence of numbers, got {given!r}") from None
    return replace(trial, constraints=constraints)


def _goals(
    columns: TrialColumns, targets: Callable[[FrozenTrial], Sequence[float]] | None, names: Sequence[str] | None
) -> list[Target]:
    goals = targets_of(columns, None, "Objective")
    if targets is not None:
        if not callable(targets):
            raise InvalidType(f"targets is a function of a trial, got {targets!r}")
        complete = np.flatnonzero(columns.is_status("complete", "infeasible")).tolist()
        rows = [targets(columns.trials[place]) for place in complete]
        try:
            found = np.array([[float(value) for value in row] for row in rows], dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidType("targets returns a sequence of numbers, as many for each trial") from None
        found = found.reshape(len(rows), -1) if rows else np.empty((0, len(goals)))
        values = np.full((len(columns), found.shape[1]), np.nan)
        values[complete] = found
        goals = [Target(f"Objective {place}", values[:, place], 0) for place in range(values.shape[1])]
    if names is None:
        return goals
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise InvalidType(f"target_names is a sequence of names, got {names!r}")
    if len(names) != len(goals):
        raise InvalidArgument(f"target_names has one name for each of {len(goals)} objectives, got {[*names]!r}")
    return [Target(str(name), goal.values, goal.sign) for name, goal in zip(names, goals, strict=True)]


def _front(columns: TrialColumns, losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    front = np.zeros(len(columns), dtype=np.bool_)
    places = np.flatnonzero((columns.status == STATUS["complete"]) & ~np.isnan(losses).any(axis=1))
    if len(places):
        front[places[nondomination_ranks(losses[places], enough=1) == 0]] = True
    return front


def _placed(goal: Target, drawable: NDArray[np.bool_], log: bool) -> Placed:
    """Return the axis of an objective, which has no margin for trials without a value: they are not drawn."""
    placed = numeric(goal.name, goal.values[drawable], log=log)
    positions = np.full(len(goal.values), placed.axis.range[0])
    inside = np.zeros(len(goal.values), dtype=np.bool_)
    positions[drawable], inside[drawable] = placed.positions, placed.inside
    return Placed(placed.axis, positions, inside)


def _front_points(
    columns: TrialColumns, goals: Sequence[Target], axes: tuple[Placed, Placed], front: NDArray[np.bool_], most: int
) -> list[Layer]:
    places = np.flatnonzero(front)
    x, y = (axis.positions[places] for axis in axes)
    keep = thinned(x, y, goals[0].losses[places], (axes[0].axis, axes[1].axis), most)
    texts = hover_texts(columns, goals, places[keep].tolist()) if len(keep) <= 1000 else ()
    if not len(keep):
        return []
    return [
        Layer("points", "Pareto front", "best", x=x[keep], y=y[keep], number=columns.number[places[keep]], text=texts)
    ]


def _staircase(goals: Sequence[Target], axes: tuple[Placed, Placed], front: NDArray[np.bool_]) -> list[Layer]:
    """Return the line that bounds what the front of two objectives dominates."""
    places = np.flatnonzero(front & finite(goals[0].values) & finite(goals[1].values))
    if len(places) < 2:
        return []
    places = places[np.lexsort((goals[1].losses[places], goals[0].losses[places]))]
    x, y = (axis.positions[places] for axis in axes)
    # from a point to the next, the worse value of each: along the first objective, and then along the second
    corner_x, corner_y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
    every = np.unique(np.linspace(0, len(corner_x) - 1, min(len(corner_x), 2000)).astype(np.int64))
    return [Layer("line", "bound of the front", "best so far", x=corner_x[every], y=corner_y[every])]


def _in_space(
    columns: TrialColumns,
    goals: Sequence[Target],
    axes: Sequence[Placed],
    front: NDArray[np.bool_],
    others: NDArray[np.bool_],
) -> Panel:
    keep = thinned(
        axes[0].positions,
        axes[1].positions,
        goals[2].losses,
        (axes[0].axis, axes[1].axis),
        MOST_MARKS // 2,
        columns.status,
    )
    kept = np.zeros(len(columns), dtype=np.bool_)
    kept[keep] = True
    layers = [
        (role, role, np.flatnonzero(others & kept & (columns.status == STATUS[role])))
        for role in ("infeasible", "pruned", "complete")
    ]
    layers.append(("Pareto front", "best", np.flatnonzero(front)[: MOST_MARKS // 2]))
    drawn = []
    for name, role, places in layers:
        if len(places):
            x, y, z = (axis.positions[places] for axis in axes)
            texts = hover_texts(columns, goals, places.tolist()) if len(places) <= 1000 else ()
            drawn.append(Layer("points", name, role, x=x, y=y, z=z, number=columns.number[places], text=texts))
    return Panel(axes[0].axis, axes[1].axis, drawn, z=axes[2].axis)


def _rest(
    columns: TrialColumns, drawable: NDArray[np.bool_], wanted: NDArray[np.bool_], drawn: int, n_goals: int
) -> list[str]:
    notes = []
    if drawn < wanted.sum():
        notes.append(f"{drawn:,} of {int(wanted.sum()):,} trials drawn: of those in one place the best.")
    if hidden := int((drawable & ~wanted).sum()):
        notes.append(f"{counted(hidden, 'dominated trial')} not drawn.")
    if not drawable.all():
        without = TrialColumns(
            columns.name, columns.state, [t for t, d in zip(columns.trials, drawable, strict=True) if not d]
        )
        notes += states_not_drawn([without])
    if n_goals > _MOST_OBJECTIVES:
        notes.append(f"{n_goals - _MOST_OBJECTIVES} objectives not shown.")
    return notes


def _checked_point(given: Sequence[float], m: int) -> NDArray[np.float64]:
    try:
        point = np.array([float(value) for value in given], dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidType(f"a reference point is a sequence of numbers, got {given!r}") from None
    if len(point) != m or not finite(point).all():
        raise InvalidArgument(f"a reference point has a finite number for each of {m} objectives, got {given!r}")
    return point


def _volumes(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return the hypervolume after each trial, ``(n,)``, and at how many it was computed if not at all that change it."""
    front = np.empty((0, losses.shape[1]))
    changes: list[tuple[int, NDArray[np.float64]]] = []
    for place in np.flatnonzero((losses < reference).all(axis=1)).tolist():
        new = losses[place]
        if len(front) and (front <= new).all(axis=1).any():
            continue
        front = np.vstack([front[~(new <= front).all(axis=1)], new])
        changes.append((place, front))
    evaluated = 0
    if len(changes) > _MOST_VOLUMES:
        chosen = np.unique(np.linspace(0, len(changes) - 1, _MOST_VOLUMES).astype(np.int64))
        changes, evaluated = [changes[place] for place in chosen.tolist()], len(chosen)
    volumes = np.zeros(len(losses))
    for place, points in changes:
        volumes[place:] = hypervolume(points, reference)
    return volumes, evaluated


def _changes(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(x) <= 1000:
        return x, y
    keep = np.unique(np.append(np.flatnonzero(np.diff(y, prepend=-1.0) != 0), len(x) - 1))
    return x[keep], y[keep]
