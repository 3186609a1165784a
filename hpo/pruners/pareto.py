"""Successive halving for several objectives, by non-domination."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
from immutables import Map

from hpo.core import BuiltInPruner, Decision, FrozenTrial, StudyState, Verdict, checked_text
from hpo.core.memory.rows import Rows
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.numerics.pareto import n_before
from hpo.pruners.reports import loss_of, other_unfinished
from hpo.pruners.rungs import Rungs, whole


def _names(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidType(f"metrics is a list of names, got {given!r}")
    names = tuple(checked_text(name, "a metric's name") for name in given)
    if not names or len({*names}) < len(names):
        raise InvalidArgument(f"metrics has at least one name and none twice, got {list(names)}")
    return names


def _directions(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    directions = (given,) if isinstance(given, str) else tuple(given)
    unknown = [direction for direction in directions if direction not in {"minimize", "maximize"}]
    if unknown:
        raise InvalidArgument(f"each of the directions is 'minimize' or 'maximize', got {unknown[0]!r}")
    return directions


@attrs.frozen
class ParetoHalvingPruner(BuiltInPruner):
    """Stops trials at milestones unless they are among the best in several metrics, by non-domination.

    The milestone of rung k is ``min_resource * reduction_factor**k``, as for `SuccessiveHalvingPruner`. At its first report at a rung a
    trial goes on if it is among the best n // `reduction_factor` of the n trials that have reported there, at least the first one. Trials
    are ordered by non-domination: those which no other one dominates are the first front, and so on. Within the front that is divided,
    trials come first which spread over it. So a trial is always before those that it dominates, and nothing but the order of values in each
    metric counts.

    Trials report by metric name, ``trial.report({"loss": 0.3, "latency": 12.0}, step)``. A trial with a metric that is NaN, or missing, is the worst of
    all and never goes on. Equal trials are treated alike. The reason names the front, and how many trials of better fronts
    and of the same front come before. O(n log n) at a milestone, for the n trials at the rung.

    Source: Schmucker, Donini, Zafar, Salinas and Archambeau, "Multi-Objective Asynchronous Successive Halving", 2021
    (arXiv 2106.12639), with stopping in place of promotion.

    Args:
        min_resource: The milestone of the first rung, at least 1, in steps.
        reduction_factor: The ratio between rungs, at least 2: one of so many trials goes on.
        metrics: The names of the metrics that count. None means the objectives, by the metric names of the study.
        directions: ``"minimize"`` or ``"maximize"`` for each of the `metrics`. None means that of the objective with the name, and
            ``"minimize"`` for other metrics.

    Raises:
        InvalidArgument: an option is outside of its range, or there are not as many directions as metrics.
        InvalidType: an option has the wrong type.

    Example:
        >>> import hpo
        >>> pruner = ParetoHalvingPruner(1, 2, metrics=["loss", "latency"])
        >>> study = hpo.create_study(directions=["minimize", "minimize"], pruner=pruner)
        >>> stops = []
        >>> for loss, latency in [(0.5, 9.0), (0.9, 1.0), (0.6, 9.5), (0.1, 12.0)]:
        ...     trial = study.ask()
        ...     trial.report({"loss": loss, "latency": latency}, step=1)
        ...     stops.append(trial.should_prune())
        >>> stops
        [False, True, True, False]
    """

    min_resource: int = whole(1, 1)
    reduction_factor: int = whole(2, 3)
    metrics: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    directions: tuple[str, ...] | None = attrs.field(default=None, converter=_directions)

    def __attrs_post_init__(self) -> None:
        if self.directions is not None and len(self.directions) != len(self.metrics or ()):
            raise InvalidArgument(f"directions has one for each of the metrics {self.metrics}, got {self.directions}")

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether to stop `trial`, if it has just reached a rung.

        Raises:
            SeveralObjectives: the study has several objectives without names, and `metrics` is not given.
        """
        seen = self._metrics_of(state)
        rungs = Rungs(self.min_resource, self.reduction_factor)
        mine = seen.points(trial)
        rung = rungs.reached(mine)
        if rung is None:
            return Decision.CONTINUE
        step = max(mine)
        found = state.finished.fold(_PointsByRung(rungs, seen)).get(rung)
        others = [found.array] if found is not None else []
        for other in other_unfinished(state, trial.number):
            points = seen.points(other)
            at = rungs.step_at(rung, points)
            if at is not None:
                others.append(np.array([points[at]]))
        losses = np.concatenate([*others, np.array([mine[step]])])
        kept = max(len(losses) // self.reduction_factor, 1)
        better, beside = n_before(losses, len(losses) - 1, kept)
        reason = {
            "rule": "pareto",
            "step": step,
            "rung": rung,
            "values": seen.values(trial, step),
            "better": better,
            "before": better + beside,
            "trials": len(losses),
            "kept": kept,
        }
        stop = math.inf in mine[step] or better + beside >= kept
        return Verdict(Decision.STOP if stop else Decision.CONTINUE, reason)

    def _metrics_of(self, state: StudyState) -> _Metrics:
        objectives = state.metric_names or ()
        if self.metrics is None:
            if len(state.directions) == 1:
                return _Metrics((None,), state.directions)
            if not objectives:
                raise SeveralObjectives(type(self).__name__, "metrics=[...] for it, or Study.set_metric_names")
            return _Metrics(objectives, state.directions)
        known = dict(zip(objectives, state.directions, strict=False))
        directions = self.directions or tuple(known.get(name, "minimize") for name in self.metrics)
        return _Metrics(self.metrics, directions)


@attrs.frozen
class _Metrics:
    """The metrics that count, with their directions; one without a name is the only objective of a study."""

    names: tuple[str | None, ...]
    directions: tuple[str, ...]

    def points(self, trial: FrozenTrial) -> Mapping[int, tuple[float, ...]]:
        """Return the losses of a trial by step, for steps at which it has reported some of the metrics."""
        if self.names == (None,):
            return {step: (loss_of(self.directions[0], v),) for step, v in trial.intermediate_values.items()}
        return {
            step: self._losses(by_name)
            for step, by_name in trial.metrics.items()
            if any(name in by_name for name in self.names)
        }

    def _losses(self, by_name: Mapping[str, float]) -> tuple[float, ...]:
        values = [by_name.get(name or "", math.nan) for name in self.names]
        if any(value != value for value in values):  # else the best value of another metric would save it
            return (math.inf,) * len(values)
        return tuple(map(loss_of, self.directions, values))

    def values(self, trial: FrozenTrial, step: int) -> dict[str, float]:
        """Return the values of a trial at a step by name, for a reason."""
        if self.names == (None,):
            return {"value": trial.intermediate_values[step]}
        by_name = trial.metrics[step]
        return {name: by_name.get(name, math.nan) for name in self.names if name is not None}


@attrs.frozen
class _PointsByRung:
    """Fold: the losses that finished trials had, by rung, ``(n, metrics)``."""

    rungs: Rungs
    metrics: _Metrics

    def init(self) -> Map[int, Rows]:
        return Map()

    def step(self, carry: Map[int, Rows], trial: FrozenTrial) -> Map[int, Rows]:
        points = self.metrics.points(trial)
        if not points:
            return carry
        for rung in range((self.rungs.of(max(points)) or 0) + 1):
            at = self.rungs.step_at(rung, points)
            if at is not None:
                rows = carry.get(rung, Rows(len(self.metrics.names)))
                carry = carry.set(rung, rows.with_row(points[at]))
        return carry
