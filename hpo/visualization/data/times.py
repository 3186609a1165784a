"""When trials ran, and which workers ran them."""

from __future__ import annotations

import datetime
import heapq
import math
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, StudyState, as_int
from hpo.errors import InvalidType
from hpo.visualization.data.parts import (
    STATUS,
    Axis,
    Layer,
    Panel,
    Plot,
    Select,
    TrialColumns,
    category,
    columns_of,
    counted,
    hover_texts,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    targets_of,
)

_MOST_SPANS = 3_000
_MOST_TEXTS = 600
_MOST_WORKERS = 40
_DRAWN = ("complete", "infeasible", "pruned", "failed", "paused", "running")
_UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0), ("seconds", 1.0))
_NO_WORKER = "no worker"
_NO_TIMES = "There is nothing to draw: no trial has a time at which it was started."


def timeline(study: StudyState | HasState, n_recent_trials: int | None = None, **select: Unpack[Select]) -> Plot:
    """Return a bar for each trial from its start to its end, by number, and below how many trials ran at each time.

    Trials that are running end at the last time that the study knows of. Of more than 3,000 trials, the longest of each few
    neighbours are drawn.

    Args:
        study: A study or its state.
        n_recent_trials: So many trials, those with the highest numbers; as `last`.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> state, trial = hpo.ask(hpo.StudyState.create(), hpo.samplers.RandomSampler(), at=100.0)
        >>> state = hpo.tell(state, trial.number, 1.0, at=160.0)
        >>> layer = timeline(state).panels[0].layers[0]
        >>> layer.low.tolist(), layer.high.tolist()
        ([0.0], [60.0])
    """
    kind, title = "timeline", "Timeline"
    if n_recent_trials is not None:
        if as_int(n_recent_trials) is None:
            raise InvalidType(f"n_recent_trials is a number of trials or None, got {n_recent_trials!r}")
        select["last"] = n_recent_trials
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    times = _times(columns)
    if times is None:
        return nothing(kind, title, _NO_TIMES, notes_of([columns]))
    start, end, x = times
    y = numeric("Trial", columns.number[~np.isnan(start)]).axis
    layers, drawn = _spans(columns, start, end, columns.number)
    panels = [Panel(x, y, layers), _running(start, end, x)]
    return Plot(kind, title, panels, notes=[*_notes(columns, start, drawn), *notes_of([columns])])


def utilisation(study: StudyState | HasState, **select: Unpack[Select]) -> Plot:
    """Return a lane for each worker with the trials that it ran, the share of time that it was busy, and how many ran at once.

    Trials without a worker stand together in lanes of their own, as many as are needed.

    Args:
        study: A study or its state.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> state = hpo.StudyState.create()
        >>> for at, worker in ((0.0, "ann"), (1.0, "bob")):
        ...     state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), worker=worker, at=at)
        ...     state = hpo.tell(state, trial.number, 1.0, at=at + 1.0)
        >>> [text for _, text in utilisation(state).panels[0].y.ticks]
        ['bob: 50% busy', 'ann: 50% busy']
    """
    kind, title = "utilisation", "Work of the workers"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    times = _times(columns)
    if times is None:
        return nothing(kind, title, _NO_TIMES, notes_of([columns]))
    start, end, x = times
    lanes, names = _lanes(columns, start, end)
    n_more = len(names) - _MOST_WORKERS
    shown = np.where(lanes < _MOST_WORKERS, lanes, np.nan)
    names = names[:_MOST_WORKERS]
    total = float(np.nanmax(end) - np.nanmin(start)) or 1.0
    length = np.nan_to_num(end - start)
    busy = [float(length[lanes == lane].sum()) / total for lane in range(len(names))]
    texts = [f"{label(name, 12)}: {share:.0%} busy" for name, share in zip(names, busy, strict=True)]
    height = len(names) - 1
    y = category("Worker", texts[::-1], np.empty(0)).axis
    layers, drawn = _spans(columns, start, np.where(np.isnan(shown), np.nan, end), height - shown)
    notes = _notes(columns, start, drawn)
    if n_more > 0:
        notes.append(f"{counted(n_more, 'worker')} not shown.")
    panels = [Panel(x, y, layers), _running(start, end, x)]
    return Plot(kind, title, panels, notes=[*notes, *notes_of([columns])])


def _times(columns: TrialColumns) -> tuple[NDArray[np.float64], NDArray[np.float64], Axis] | None:
    """Return starts and ends since the first start in a unit that fits, ``(n,)``, NaN for no start, and their axis."""
    start = np.array([math.nan if t.started_at is None else t.started_at for t in columns.trials], dtype=np.float64)
    end = np.array([math.nan if t.finished_at is None else t.finished_at for t in columns.trials], dtype=np.float64)
    if np.isnan(start).all():
        return None
    latest = max(float(np.nanmax(start)), float(np.nanmax(end, initial=-math.inf)))
    end = np.where(np.isnan(end) & ~np.isnan(start), latest, end)
    end = np.maximum(start, end)  # a clock may have been set back
    first = float(np.nanmin(start))
    unit, seconds = next((u for u in _UNITS if latest - first >= 2 * u[1]), _UNITS[-1])
    start, end = (start - first) / seconds, (end - first) / seconds
    x = numeric(
        f"{unit.capitalize()} since {_when(first)}",
        np.concatenate([start, end])[~np.isnan(np.concatenate([start, end]))],
    )
    return start, end, x.axis


def _when(seconds: float) -> str:
    try:
        return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):  # not a time of the calendar
        return "the first start"


def _spans(
    columns: TrialColumns, start: NDArray[np.float64], end: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[list[Layer], int]:
    places = np.flatnonzero(~np.isnan(start) & ~np.isnan(end) & ~np.isnan(y))
    if len(places) > _MOST_SPANS:  # of so many neighbours in one lane and one state, the longest
        order = places[np.lexsort((start[places], columns.status[places]))]
        group = np.arange(len(order)) // -(-len(order) // _MOST_SPANS)
        longest = np.lexsort((start[order] - end[order], group))
        first = np.append(True, group[longest][1:] != group[longest][:-1])
        places = np.sort(order[longest[first]])
    targets = targets_of(columns, None, "Value")
    layers = []
    for role in _DRAWN:
        own = places[columns.status[places] == STATUS[role]]
        if len(own):
            texts = hover_texts(columns, targets, own.tolist()) if len(places) <= _MOST_TEXTS else ()
            layers.append(
                Layer(
                    "spans", role, role, y=y[own], low=start[own], high=end[own], number=columns.number[own], text=texts
                )
            )
    return layers, len(places)


def _running(start: NDArray[np.float64], end: NDArray[np.float64], x: Axis) -> Panel:
    """Return the panel of how many trials ran at each time."""
    known = ~np.isnan(start)
    at = np.concatenate([start[known], end[known]])
    change = np.concatenate([np.ones(known.sum()), -np.ones(known.sum())])
    order = np.lexsort((-change, at))
    at, running = at[order], np.cumsum(change[order])
    last = np.append(at[1:] != at[:-1], True)
    at, running = at[last], running[last]
    if len(at) > 1_000:  # the highest number of each of so many stretches of time
        group = np.arange(len(at)) // -(-len(at) // 1_000)
        highest = np.lexsort((-running, group))
        keep = highest[np.append(True, group[highest][1:] != group[highest][:-1])]
        keep = np.sort(np.append(keep, len(at) - 1)) if len(at) - 1 not in keep else np.sort(keep)
        at, running = at[keep], running[keep]
    y = numeric("Running", running, also=[0.0]).axis
    return Panel(x, y, [Layer("steps", "running at once", "count", x=at, y=running)])


def _lanes(
    columns: TrialColumns, start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the lane of each trial, ``(n,)``, and the names of the lanes: workers in the order in which they began."""
    lanes = np.zeros(len(columns), dtype=np.int64)
    names: dict[str, int] = {}
    order = np.argsort(start, kind="stable").tolist()
    alone = []
    for place in order:
        worker = columns.trials[place].worker
        if math.isnan(start[place]):
            continue
        if worker is None:
            alone.append(place)
        else:
            lanes[place] = names.setdefault(worker, len(names))
    free: list[tuple[float, int]] = []
    n_own = 0
    for place in alone:  # the lane that is free first, or a new one
        if free and free[0][0] <= start[place]:
            _, lane = heapq.heappop(free)
        else:
            lane, n_own = n_own, n_own + 1
        heapq.heappush(free, (float(end[place]), lane))
        lanes[place] = len(names) + lane
    return lanes, [*names, *([_NO_WORKER] if n_own == 1 else [f"{_NO_WORKER} {k + 1}" for k in range(n_own)])]


def _notes(columns: TrialColumns, start: NDArray[np.float64], drawn: int) -> list[str]:
    notes = []
    timed = int((~np.isnan(start)).sum())
    if drawn < timed:
        notes.append(f"{drawn:,} of {timed:,} trials drawn: the longest of each few neighbours.")
    if timed < len(columns):
        notes.append(f"{counted(len(columns) - timed, 'trial')} without a time of its start.")
    return notes
