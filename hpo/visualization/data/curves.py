"""Learning curves: what trials reported step by step, and what pruning has made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Unpack

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, HasState, StudyState, TrialState
from hpo.visualization.data.parts import (
    STATUS,
    STATUS_ROLES,
    Axis,
    Layer,
    Panel,
    Plot,
    Select,
    TrialColumns,
    best_in,
    columns_of,
    counted,
    finite,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    targets_of,
)

_MOST_CURVES, _MOST_POINTS = 300, 12_000
_ENOUGH = 5  # complete trials from which on there is a median
_ROLES = {"failed": "thin failed", "infeasible": "thin infeasible", "complete": "thin", "pruned": "thin pruned"}
_ROLES |= {"paused": "thin running", "running": "thin running"}


@attrs.frozen(eq=False)
class _Reports:
    """All reports of one metric, trial by trial.

    Attributes:
        trial: The place of the trial that made each, ``(r,)``, ascending.
        step: Its step, ascending for each trial, ``(r,)``.
        value: Its value, ``(r,)``.
    """

    trial: NDArray[np.int64]
    step: NDArray[np.float64]
    value: NDArray[np.float64]

    def of(self, trials: NDArray[np.bool_]) -> _Reports:
        """Return the reports of some trials, ``(n,)``."""
        keep = trials[self.trial]
        return _Reports(self.trial[keep], self.step[keep], self.value[keep])


def intermediate_values(study: StudyState | HasState, *, log: bool = False, **select: Unpack[Select]) -> Plot:
    """Return the reported values of each trial by step, as a line for each trial that looks like its state.

    Pruned trials end with a square. The best trial stands out; from five complete trials on there are their median at each
    step, and a band with eight tenths of them. Of more than 300 trials, the curves of the best one and of others at even
    distances are drawn, and the band is that of all. Reports by name have a panel for each name.

    Args:
        study: A study or its state.
        log: Whether to draw the values on a log axis.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trial(hpo.create_trial(value=1.0, intermediate_values={0: 3.0, 1: 2.0}))
        >>> layer = intermediate_values(study).panels[0].layers[0]
        >>> layer.x.tolist(), layer.y.tolist()
        ([0.0, 1.0, nan], [3.0, 2.0, nan])
    """
    kind, title = "intermediate_values", "Intermediate values"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    by_metric = _reports_by_metric(columns)
    if not by_metric:
        return nothing(kind, title, "There is nothing to draw: no trial has reported a value.", notes_of([columns]))
    best = best_in(columns, targets_of(columns, None, "Value"))
    shown = _evenly(np.unique(np.concatenate([reports.trial for reports in by_metric.values()])), best, _MOST_CURVES)
    panels = [_panel(columns, name, reports, shown, best, log) for name, reports in by_metric.items()]
    reporting = np.unique(np.concatenate([reports.trial for reports in by_metric.values()]))
    notes = []
    if len(shown) < len(reporting):
        notes.append(f"{len(shown):,} of {len(reporting):,} curves drawn: the best, and others at even distances.")
    if silent := len(columns) - len(reporting):
        notes.append(f"{counted(silent, 'trial')} without reports.")
    if not_finite := sum(int((~finite(r.value)).sum()) for r in by_metric.values()):
        notes.append(
            f"{counted(not_finite, 'report that is not finite is a gap', 'reports that are not finite are gaps')}."
        )
    return Plot(kind, title, panels, notes=[*notes, *notes_of([columns])])


def pruning_audit(
    study: StudyState | HasState,
    *,
    curves: Mapping[int, Sequence[float]] | Callable[[Mapping[str, Any]], Sequence[float]] | None = None,
    log: bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return the curves of the pruned trials, what they were compared with when they were stopped, and where they would go.

    A square marks the report after which a trial was stopped, and a cross the limit that the pruner compared it with, as far
    as the reason that the journal keeps says so. The curve of the best trial is there to compare.

    Args:
        study: A study or its state.
        curves: Full learning curves, by the trial's number or as a function of its parameters, one value for each step that
            the trial reported and those after it; as for `hpo.audit_pruning`. They are drawn dotted from the stop on.
        log: Whether to draw the values on a log axis.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> print(pruning_audit(study).sentence)
        There is nothing to draw yet: the study has no trials.
    """
    kind, title = "pruning_audit", "Pruned trials"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    reports = _reports_by_metric(columns).get("")
    pruned = columns.status == STATUS["pruned"]
    if reports is None or not pruned[reports.trial].any():
        return nothing(kind, title, "There is nothing to draw: no trial with reports was pruned.", notes_of([columns]))
    best = best_in(columns, targets_of(columns, None, "Value"))
    places = np.unique(reports.trial[pruned[reports.trial]])
    shown = _evenly(places, None, _MOST_CURVES)
    limits = [
        (step, limit, columns.trials[p].number) for p in shown.tolist() for step, limit in _limits(columns.trials[p])
    ]
    futures = [_future(columns.trials[place], curves) for place in shown.tolist()]
    ahead = [value for future in futures for value in future[1]]
    y = _value_axis(reports.value, log, [limit for _, limit, _ in limits] + ahead)
    steps = [step for future in futures for step in future[0]]
    x = numeric("Step", reports.step, also=[*steps, *(step for step, _, _ in limits)]).axis
    layers = [_curve_layer(columns, reports, shown, "pruned", "thin pruned", y)]
    if any(future[0] for future in futures):
        xs = np.array([*chain.from_iterable((*future[0], np.nan) for future in futures)], dtype=np.float64)
        ys = np.array([*chain.from_iterable((*future[1], np.nan) for future in futures)], dtype=np.float64)
        layers.append(Layer("line", "without pruning", "thin failed", x=xs, y=_inside(ys, y)))
    if best is not None and best in reports.trial:
        layers.append(_curve_layer(columns, reports, np.array([best]), "best", "best so far", y))
    layers.append(_ends(columns, reports, shown, y))
    if limits:
        at, limit, numbers = (np.array(side, dtype=np.float64) for side in zip(*limits, strict=True))
        layers.append(Layer("points", "limit", "limit", x=at, y=np.clip(limit, *y.range), number=numbers))
    notes = [f"Stopped by {', '.join(f'{rule} {n}' for rule, n in _rules(columns, places).items())}."]
    if len(shown) < len(places):
        notes.append(f"{len(shown):,} of {len(places):,} pruned trials drawn, at even distances.")
    others = len(columns) - len(places)
    if others:
        notes.append(f"{counted(others, 'other trial')} not drawn.")
    return Plot(kind, title, [Panel(x, y, layers)], notes=[*notes, *notes_of([columns])])


def _panel(
    columns: TrialColumns, name: str, reports: _Reports, shown: NDArray[np.int64], best: int | None, log: bool
) -> Panel:
    y = _value_axis(reports.value, log, ())
    x = numeric("Step", reports.step).axis
    layers = _band(columns, reports, y)
    for role, thin in _ROLES.items():
        places = shown[columns.status[shown] == STATUS[role]]
        if len(places):
            layer = _curve_layer(columns, reports, places, role, thin, y)
            layers += [layer] if len(layer) else []
    if layers and layers[0].mark == "band":  # the median goes over the curves
        layers.append(layers.pop(1))
    if best is not None and best in reports.trial:
        layers.append(_curve_layer(columns, reports, np.array([best]), "best", "best so far", y))
    pruned = shown[columns.status[shown] == STATUS["pruned"]]
    if len(pruned) and np.isin(pruned, reports.trial).any():
        layers.append(_ends(columns, reports, pruned, y))
    return Panel(x, y, layers, label(name) if name else "")


def _value_axis(values: NDArray[np.float64], log: bool, also: Sequence[float]) -> Axis:
    drawable = values[finite(values)]
    return numeric(
        "Intermediate Value", drawable[drawable > 0] if log and (drawable > 0).any() else drawable, log=log, also=also
    ).axis


def _inside(values: NDArray[np.float64], axis: Axis) -> NDArray[np.float64]:
    """Return values as a line on an axis: those that have no place are gaps."""
    low, high = axis.range
    return np.where(finite(values) & (values >= low) & (values <= high), values, np.nan)


def _curve_layer(
    columns: TrialColumns, reports: _Reports, places: NDArray[np.int64], name: str, role: str, axis: Axis
) -> Layer:
    """Return the curves of some trials as one line with gaps; of long curves every so many-th report."""
    chosen = np.zeros(len(columns), dtype=np.bool_)
    chosen[places] = True
    own = reports.of(chosen)
    if len(own.trial) > _MOST_POINTS:
        every = len(own.trial) // _MOST_POINTS + 1
        last = np.append(own.trial[1:] != own.trial[:-1], True)
        keep = last | (np.arange(len(own.trial)) % every == 0)
        own = _Reports(own.trial[keep], own.step[keep], own.value[keep])
    ends = (
        np.flatnonzero(np.append(own.trial[1:] != own.trial[:-1], True)) + 1
        if len(own.trial)
        else np.empty(0, np.int64)
    )
    return Layer(
        "line",
        name,
        role,
        x=np.insert(own.step, ends, np.nan),
        y=np.insert(_inside(own.value, axis), ends, np.nan),
        number=np.insert(columns.number[own.trial], ends, np.nan),
    )


def _ends(columns: TrialColumns, reports: _Reports, places: NDArray[np.int64], axis: Axis) -> Layer:
    last = np.flatnonzero(np.append(reports.trial[1:] != reports.trial[:-1], True))
    last = last[np.isin(reports.trial[last], places) & finite(reports.value[last])]
    texts = tuple(_stop_text(columns.trials[place]) for place in reports.trial[last].tolist())
    y = np.clip(reports.value[last], *axis.range)
    return Layer(
        "points", "pruned", "pruned", x=reports.step[last], y=y, number=columns.number[reports.trial[last]], text=texts
    )


def _stop_text(trial: FrozenTrial) -> str:
    return f"trial {trial.number} ({STATUS_ROLES[STATUS['pruned']]})" + (
        f"\n{label(trial.reason, 90)}" if trial.reason else ""
    )


def _band(columns: TrialColumns, reports: _Reports, axis: Axis) -> list[Layer]:
    """Return the band and the median of the complete trials, where there are enough of them."""
    own = reports.of(columns.status == STATUS["complete"])
    drawable = finite(own.value)
    own = _Reports(own.trial[drawable], own.step[drawable], own.value[drawable])
    order = np.lexsort((own.value, own.step))
    step, value = own.step[order], own.value[order]
    steps, first, counts = np.unique(step, return_index=True, return_counts=True)
    enough = counts >= _ENOUGH
    if not enough.any():
        return []
    steps, first, counts = steps[enough], first[enough], counts[enough]
    every = slice(None, None, len(steps) // 1000 + 1)
    low, middle, high = (
        np.clip(value[first + np.round(share * (counts - 1)).astype(np.int64)], *axis.range)[every]
        for share in (0.1, 0.5, 0.9)
    )
    return [
        Layer("band", "8 of 10 complete trials", "interval", x=steps[every], low=low, high=high),
        Layer("line", "median of complete trials", "reference", x=steps[every], y=middle),
    ]


def _evenly(places: NDArray[np.int64], best: int | None, most: int) -> NDArray[np.int64]:
    """Return at most so many places at even distances, the best one among them."""
    if len(places) > most:
        even = places[np.linspace(0, len(places) - 1, most - 1).astype(np.int64)]
        places = np.unique(even if best is None or best not in places else np.append(even, best))
    return places


def _reports_by_metric(columns: TrialColumns) -> dict[str, _Reports]:
    """Return the reports of each metric that trials reported by name, and those without a name under ``""``."""
    found = {}
    plain = [
        (place, trial.intermediate_values) for place, trial in enumerate(columns.trials) if trial.intermediate_values
    ]
    if plain:
        found[""] = _sorted_reports(plain)
    named: dict[str, list[tuple[int, dict[int, float]]]] = {}
    for place, trial in enumerate(columns.trials):
        if trial.metrics:
            own: dict[str, dict[int, float]] = {}
            for step, by_name in trial.metrics.items():
                for name, value in by_name.items():
                    own.setdefault(name, {})[step] = value
            for name, curve in own.items():
                named.setdefault(name, []).append((place, curve))
    return found | {name: _sorted_reports(curves) for name, curves in named.items()}


def _sorted_reports(curves: Sequence[tuple[int, Mapping[int, float]]]) -> _Reports:
    entries = [*chain.from_iterable([curve.items() for _, curve in curves])]
    counts = [len(curve) for _, curve in curves]
    trial = np.repeat(np.array([place for place, _ in curves], dtype=np.int64), counts)
    step = np.fromiter(map(itemgetter(0), entries), dtype=np.float64, count=len(entries))
    value = np.fromiter(map(itemgetter(1), entries), dtype=np.float64, count=len(entries))
    ascending = (step[1:] >= step[:-1]) | (trial[1:] != trial[:-1])
    if not ascending.all():
        order = np.lexsort((step, trial))
        trial, step, value = trial[order], step[order], value[order]
    return _Reports(trial, step, value)


_LIMIT = re.compile(r"\blimit (-?[\d.]+(?:e[+-]?\d+)?)")
_STEP = re.compile(r"\bstep (\d+)")


def _limits(trial: FrozenTrial) -> list[tuple[float, float]]:
    """Return the step and the limit of the comparison that stopped a trial, if its reason has them, and else nothing."""
    limit, step = _LIMIT.search(trial.reason or ""), _STEP.search(trial.reason or "")
    if limit is None or trial.last_step is None:
        return []
    return [(float(step[1]) if step else float(trial.last_step), float(limit[1]))]


def _rules(columns: TrialColumns, places: NDArray[np.int64]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for place in places.tolist():
        rule = (columns.trials[place].reason or "a rule that is not on record").partition(":")[0]
        counts[label(rule)] = counts.get(label(rule), 0) + 1
    return counts


def _future(
    trial: FrozenTrial, curves: Mapping[int, Sequence[float]] | Callable[[Mapping[str, Any]], Sequence[float]] | None
) -> tuple[list[float], list[float]]:
    """Return the steps and values from the stop on, the last report first, or nothing if the curve is not known."""
    curve = curves(trial.params) if callable(curves) else (curves or {}).get(trial.number, ())
    steps = sorted(trial.intermediate_values)
    rest = [float(value) for value in curve][len(steps) :]
    if not rest or not steps or trial.state is not TrialState.PRUNED:
        return [], []
    stride = steps[-1] - steps[-2] if len(steps) > 1 else 1
    after = [float(steps[-1] + stride * k) for k in range(len(rest) + 1)]
    return after, [float(trial.intermediate_values[steps[-1]]), *rest]
