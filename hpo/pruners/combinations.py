"""Pruners made of other pruners: any of them, all of them, one from some step on, one for a metric, one with a guard."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any as AnyType, Literal

import attrs
from immutables import Map
from msgspec.structs import replace

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    History,
    InsertOnlyDict,
    NumberMap,
    Pruner,
    StudyState,
    TrialState,
    Verdict,
    ask_pruner,
    checked_pruner,
    checked_text,
    one_of,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidType
from hpo.pruners.reports import loss_of, only_direction, other_unfinished, shown_loss
from hpo.pruners.rungs import Rungs, is_stopped_at

_STRENGTH = {Decision.CONTINUE: 0, Decision.PAUSE: 1, Decision.STOP: 2}


def _pruners(given: Iterable[AnyType]) -> tuple[Pruner, ...]:
    pruners = tuple(checked_pruner(pruner) for pruner in given)
    if not pruners:
        raise InvalidType("a combination of pruners needs at least one")
    return pruners


@attrs.frozen(init=False)
class Any(BuiltInPruner):
    """Stops a trial if any of several pruners does; otherwise pauses it if any of them does.

    The reason is that of the first pruner with the decision that counts.

    Args:
        *given: The pruners, at least one.
        pruners: The same as a list.

    Raises:
        InvalidType: there is none, or one is not a pruner.

    Example:
        >>> import hpo
        >>> pruner = Any(hpo.pruners.ThresholdPruner(upper=9.0), hpo.pruners.PatientPruner(None, patience=2))
        >>> study = hpo.create_study(pruner=pruner)
        >>> trial = study.ask()
        >>> trial.report(10.0, step=0)
        >>> trial.ask_pruner().reason["rule"]
        'threshold'
    """

    pruners: tuple[Pruner, ...]

    def __init__(self, *given: Pruner, pruners: Iterable[Pruner] = ()) -> None:
        self.__attrs_init__(_pruners([*given, *pruners]))

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Verdict:
        """Return the strongest of the decisions: STOP before PAUSE before CONTINUE."""
        return max((ask_pruner(state, pruner, trial) for pruner in self.pruners), key=_strength)


@attrs.frozen(init=False)
class All(BuiltInPruner):
    """Stops a trial only if all of several pruners do; pauses it if all would at least pause it.

    The reason is that of the first pruner with the decision that counts.

    Args:
        *given: The pruners, at least one.
        pruners: The same as a list.

    Raises:
        InvalidType: there is none, or one is not a pruner.

    Example:
        >>> import hpo
        >>> pruner = All(hpo.pruners.ThresholdPruner(upper=9.0), hpo.pruners.NopPruner())
        >>> study = hpo.create_study(pruner=pruner)
        >>> trial = study.ask()
        >>> trial.report(10.0, step=0)
        >>> trial.should_prune()
        False
    """

    pruners: tuple[Pruner, ...]

    def __init__(self, *given: Pruner, pruners: Iterable[Pruner] = ()) -> None:
        self.__attrs_init__(_pruners([*given, *pruners]))

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Verdict:
        """Return the weakest of the decisions: CONTINUE before PAUSE before STOP."""
        return min((ask_pruner(state, pruner, trial) for pruner in self.pruners), key=_strength)


def _metric_name(name: object) -> str:
    return checked_text(name, "a metric's name")


def _strength(verdict: Verdict) -> int:
    return _STRENGTH[verdict.decision]


@attrs.frozen
class AfterStep(BuiltInPruner):
    """Asks another pruner from some step on, and lets every trial go on before.

    Args:
        pruner: The pruner to ask.
        step: The first step at which it is asked, at least 0.

    Raises:
        InvalidType: `pruner` is not a pruner, or `step` is not a whole number.
        InvalidArgument: `step` is negative.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=AfterStep(hpo.pruners.ThresholdPruner(upper=1.0), step=2))
        >>> trial, stops = study.ask(), []
        >>> for step in range(3):
        ...     trial.report(5.0, step)
        ...     stops.append(trial.should_prune())
        >>> stops
        [False, False, True]
    """

    pruner: Pruner = attrs.field(converter=checked_pruner)
    step: int = attrs.field(converter=to_int_if_whole, validator=whole_from(0, error=None))

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return what the other pruner decides once the trial has reported at `step` or later."""
        last = trial.last_step
        return Decision.CONTINUE if last is None or last < self.step else self.pruner(state, trial)


@attrs.frozen
class ByMetric(BuiltInPruner):
    """Shows another pruner one metric of those that trials report by name, as if it were the only objective.

    This is how trials of a study with several objectives are pruned: by one metric, or by a combination such as
    ``All(ByMetric(a, "loss"), ByMetric(b, "latency"))``.

    Args:
        pruner: The pruner to ask.
        metric: The name of the metric in ``trial.report({"loss": 0.3, "latency": 12.0}, step)``.
        direction: Whether less or more of it is better. None takes the direction of the objective with this name, or
            minimizes if there is none.

    Raises:
        InvalidType: `pruner` is not a pruner, or `metric` is not a string.
        InvalidArgument: `direction` has another value.

    Example:
        >>> import hpo
        >>> pruner = ByMetric(hpo.pruners.ThresholdPruner(upper=1.0), "loss")
        >>> study = hpo.create_study(directions=["minimize", "minimize"], pruner=pruner)
        >>> trial = study.ask()
        >>> trial.report({"loss": 1.5, "latency": 3.0}, step=0)
        >>> trial.should_prune()
        True
    """

    pruner: Pruner = attrs.field(converter=checked_pruner)
    metric: str = attrs.field(converter=_metric_name)
    direction: Literal["minimize", "maximize"] | None = attrs.field(
        default=None, validator=one_of("minimize", "maximize", optional=True)
    )

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return what the other pruner decides about the metric; CONTINUE for a trial that has not reported it."""
        metric, names = self.metric, state.metric_names or ()
        objective = names.index(metric) if metric in names else None
        direction = self.direction or ("minimize" if objective is None else state.directions[objective])
        view = _OfMetric(metric, objective)
        mine = view.of(trial)
        if not mine.intermediate_values:
            return Decision.CONTINUE
        seen = replace(
            state,
            directions=(direction,),
            metric_names=None,
            finished=state.finished.fold(view),
            running=NumberMap({number: view.of(other) for number, other in state.running.items()}),
            paused=NumberMap({number: view.of(other) for number, other in state.paused.items()}),
        )
        verdict = ask_pruner(seen, self.pruner, mine)
        if isinstance(verdict.reason, dict):
            return Verdict(verdict.decision, {**verdict.reason, "metric": metric})
        return verdict


@attrs.frozen
class _OfMetric:
    """Fold: the finished trials with one metric as their only objective."""

    metric: str
    objective: int | None

    def of(self, trial: FrozenTrial) -> FrozenTrial:
        """Return `trial` with the values of the metric as its reports, and as its result if it is an objective."""
        reports = InsertOnlyDict(
            {step: values[self.metric] for step, values in trial.metrics.items() if self.metric in values}
        )
        values = trial.values
        if values is not None:
            if self.objective is not None:
                values = (values[self.objective],)
            else:  # no objective: the last value reported stands for the result
                last = reports[max(reports)] if reports else math.nan
                values = None if last != last else (last,)
        return replace(trial, intermediate_values=reports, values=values, metrics=InsertOnlyDict(), sem=None)

    def init(self) -> History[FrozenTrial]:
        return History()

    def step(self, carry: History[FrozenTrial], trial: FrozenTrial) -> History[FrozenTrial]:
        return carry.append(self.of(trial))


@attrs.frozen
class RushPruner(BuiltInPruner):
    """Measures trials against the enqueued ones, which are expected to be good, and asks another pruner as well.

    Enqueue the configurations that were best on earlier, similar problems. At every rung the best of them that went on sets
    a hurdle: a trial that the sampler suggested is stopped unless it is at least as good there. The other pruner decides
    about the enqueued trials alone, and about all others before the hurdle does. The reason names the hurdle.
    O(log n + running trials) at a rung.

    Source: Zappella, Salinas, Archambeau, "A resource-efficient method for repeated HPO and NAS problems", AutoML workshop at
    ICML 2021 (arXiv 2103.16111).

    Args:
        wrapped_pruner: The pruner to ask first, for example `SuccessiveHalvingPruner`.
        min_resource: The step of the first hurdle, at least 1.
        reduction_factor: The ratio of the steps of neighbouring hurdles, at least 2.

    Raises:
        InvalidArgument: an option is below its lowest value.
        InvalidType: an option has the wrong type.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(pruner=RushPruner(hpo.pruners.NopPruner()))
        >>> study.enqueue_trial({"x": 0.5})
        >>> first, second = study.ask(), study.ask()
        >>> for step in (1, 2):
        ...     first.report(1.0, step)
        >>> second.report(1.5, step=1)
        >>> first.should_prune(), second.should_prune()
        (False, True)
    """

    wrapped_pruner: Pruner = attrs.field(converter=checked_pruner)
    min_resource: int = attrs.field(default=1, converter=to_int_if_whole, validator=whole_from(1, error=None))
    reduction_factor: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(2, error=None))

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return STOP if the other pruner says so or the trial is worse than the hurdle, else what the other one says.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        verdict = ask_pruner(state, self.wrapped_pruner, trial)
        rungs, reports = Rungs(self.min_resource, self.reduction_factor), trial.intermediate_values
        rung = rungs.reached(reports)
        if rung is None or trial.fixed_params or verdict.decision is Decision.STOP:
            return verdict
        hurdles = _Hurdles(rungs, direction)
        hurdle = state.finished.fold(hurdles).get(rung, math.inf)
        for other in other_unfinished(state, trial.number):
            hurdle = min(hurdle, dict(hurdles.of(other)).get(rung, math.inf))
        step = max(reports)
        loss = loss_of(direction, reports[step])
        if hurdle == math.inf or loss <= hurdle:
            return verdict
        value, limit = reports[step], shown_loss(direction, hurdle)
        return Verdict(Decision.STOP, {"rule": "rush", "step": step, "rung": rung, "value": value, "limit": limit})


@attrs.frozen
class _Hurdles:
    """Fold: the best loss of the enqueued trials that went on, by rung."""

    rungs: Rungs
    direction: str

    def of(self, trial: FrozenTrial) -> list[tuple[int, float]]:
        """Return the losses of a trial at the rungs after which it went on; none unless it was enqueued."""
        if not trial.fixed_params:
            return []
        last, found = trial.last_step, []
        for rung, loss in self.rungs.losses(self.direction, trial.intermediate_values):
            step = self.rungs.step_at(rung, trial.intermediate_values)
            # it is not known yet whether a running trial goes on after its newest report
            if (
                step is not None
                and (step != last or trial.state is TrialState.COMPLETE)
                and not is_stopped_at(trial, step)
            ):
                found.append((rung, loss))
        return found

    def init(self) -> Map[int, float]:
        return Map()

    def step(self, carry: Map[int, float], trial: FrozenTrial) -> Map[int, float]:
        for rung, loss in self.of(trial):
            if loss < carry.get(rung, math.inf):
                carry = carry.set(rung, loss)
        return carry
