"""Pruners and stopping rules tried on a study that is over."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
from msgspec.structs import replace

from hpo.core import (
    ConstraintSet,
    Decision,
    FrozenTrial,
    InsertOnlyDict,
    Key,
    ParamsSuggested,
    Pruner,
    PruningDecided,
    StoppingRule,
    StudyState,
    Tell,
    TrialAdded,
    TrialAttributeSet,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialState,
    ValueReported,
    ask_pruner,
    best_or_none,
    checked_pruner,
    checked_stopping_rule,
    decide,
    evolve,
    losses,
    replay,
)
from hpo.errors import InvalidType, SeveralObjectives
from hpo.study.replaying.verification import events_of

Interval: TypeAlias = tuple[float, float]

_RESAMPLES = 1000
_Z = 1.959963984540054  # of the normal distribution at 97.5 %


@attrs.frozen
class Backtest:
    """What a pruner or a stopping rule would have done in a finished study.

    Attributes:
        name: The pruner or the rule.
        steps: How many steps (reports) the trials would have run.
        saved: The share of all steps that would have been saved.
        saved_interval: An interval of 95 % for it, by resampling trials.
        stopped: How many trials would have been stopped; for a stopping rule, not have been started.
        lost: How many of these were complete and better than the best one that would have been left.
        lost_interval: An interval of 95 % for the share of stopped trials that is lost.
        best_value: The best value that would have been found, or None.
    """

    name: str
    steps: int
    saved: float
    saved_interval: Interval
    stopped: int
    lost: int
    lost_interval: Interval
    best_value: float | None


@attrs.frozen
class Backtests:
    """The results of `backtest`, which prints as a table.

    Attributes:
        rows: One for each pruner and stopping rule.
        steps: How many steps the study has run.
        best_value: The best value that it has found.
    """

    rows: tuple[Backtest, ...]
    steps: int
    best_value: float | None

    def __str__(self) -> str:
        lines = [f"{self.steps} steps, best value {_shown(self.best_value)}"]
        width = max((len(row.name) for row in self.rows), default=0)
        for row in self.rows:
            low, high = row.saved_interval
            lost_low, lost_high = row.lost_interval
            lines.append(
                f"{row.name:<{width}}  saves {row.saved:6.1%} ({low:.1%} to {high:.1%})  stops {row.stopped}, of which "
                f"{row.lost} were winners ({lost_low:.1%} to {lost_high:.1%})  best {_shown(row.best_value)}"
            )
        return "\n".join(lines)


def backtest(
    source: Any,
    pruners: Pruner | Iterable[Pruner] | Mapping[str, Pruner] = (),
    stop: StoppingRule | Iterable[StoppingRule] | Mapping[str, StoppingRule] = (),
) -> Backtests:
    """Try pruners and stopping rules on a study that is over: how many steps would each have saved, and at what price?

    A pruner is asked at each report, in the order of the journal, and sees what it would have seen: a trial that it stopped is
    pruned from there on, and its later reports were never made. Trials that the study's own pruner stopped end where they ended.
    A rule is asked after each finished trial. What the sampler would have suggested instead is not known, so the numbers are
    for these trials.

    Args:
        source: A `Study`, a journal, or a sequence of events.
        pruners: One pruner, several, or several by name.
        stop: One stopping rule, several, or several by name.

    Raises:
        SeveralObjectives: the study has several objectives.
        InvalidType: the source, a pruner or a rule is something else.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     for step in range(1, 10):
        ...         trial.report(x + 1 / step, step)
        ...     return x
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> study.optimize(objective, n_trials=30)
        >>> found = backtest(study, hpo.pruners.SuccessiveHalvingPruner(1, 3), hpo.stopping.MaxTrials(25))
        >>> [row.name for row in found.rows], found.rows[0].lost
        (['SuccessiveHalvingPruner', 'MaxTrials'], 0)
    """
    events = [*events_of(source)]
    end = replay(events)
    if len(end.directions) != 1:
        raise SeveralObjectives("backtest", "a study with one objective")
    rows = [
        _row(name, end, _pruned(events, checked_pruner(pruner))) for name, pruner in _by_name(pruners, "pruner").items()
    ]
    rows += [
        _row(name, end, _ended(events, checked_stopping_rule(rule))) for name, rule in _by_name(stop, "rule").items()
    ]
    return Backtests(tuple(rows), sum(_lengths(end).values()), _best_value(end))


def _by_name(given: Any, what: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    several = [given] if callable(given) else given
    if not isinstance(several, Iterable):
        raise InvalidType(f"a {what} is a function or an object that can be called, got {given!r}")
    named: dict[str, Any] = {}
    for each in several:
        name = getattr(each, "__name__", None) or type(each).__name__
        # several of one kind differ by their options
        named[name if name not in named else repr(each)] = each
    return named


def _pruned(events: Sequence[Any], pruner: Pruner) -> StudyState:
    """Return the study as it would be if `pruner` had decided about its trials."""
    state, stopped = StudyState(), set[int]()
    for event in events:
        number = getattr(event, "number", None)
        if isinstance(event, TrialAdded):
            state = _added(state, event, pruner)
            continue
        if number in stopped and isinstance(event, _OF_RUNNING_TRIALS):
            continue
        state = evolve(state, event)
        if isinstance(event, ValueReported) and _says_stop(state, pruner, event.number):
            state = _told_pruned(state, event.number)
            stopped.add(event.number)
    return state


_OF_RUNNING_TRIALS = (
    ConstraintSet,
    ParamsSuggested,
    PruningDecided,
    TrialAttributeSet,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    ValueReported,
)


def _says_stop(state: StudyState, pruner: Pruner, number: int) -> bool:
    return ask_pruner(state, pruner, state.running[number]).decision is Decision.STOP


def _told_pruned(state: StudyState, number: int) -> StudyState:
    return replay(decide(state, Tell(number, state=TrialState.PRUNED)), state)


def _added(state: StudyState, event: TrialAdded, pruner: Pruner) -> StudyState:
    """Return the study after a trial that was added as a whole, and that reports here step by step."""
    after = evolve(state, event)
    trial = after.finished[-1]
    if not trial.intermediate_values:
        return after
    so_far: InsertOnlyDict[int, float] = InsertOnlyDict()
    for step in sorted(trial.intermediate_values):
        so_far = so_far.with_item(step, trial.intermediate_values[step])
        running = replace(trial, state=TrialState.RUNNING, values=None, intermediate_values=so_far, finished_at=None)
        before = replace(state, running=state.running.with_item(trial.number, running), n_trials=after.n_trials)
        before = replace(before, version=after.version)
        if len(so_far) < len(trial.intermediate_values) and _says_stop(before, pruner, trial.number):
            return _told_pruned(before, trial.number)
    return after


def _ended(events: Sequence[Any], rule: StoppingRule) -> StudyState:
    """Return the study as it was when `rule` would have ended it."""
    state = StudyState()
    for event in events:
        state = evolve(state, event)
        if isinstance(event, TrialFinished | TrialAdded) and rule(state) is not None:
            break
    return state


def _row(name: str, end: StudyState, after: StudyState) -> Backtest:
    whole, left = _lengths(end), _lengths(after)
    numbers = sorted(whole)
    total = np.array([whole[number] for number in numbers], dtype=np.float64)
    ran = np.array([left.get(number, 0) for number in numbers], dtype=np.float64)
    results = {trial.number: trial for trial in after.finished}
    stopped = [
        trial
        for trial in end.finished
        if trial.number not in results or (results[trial.number].state, trial.state) == (TrialState.PRUNED, _COMPLETE)
    ]
    best = best_loss(after)
    lost = sum(
        trial.state is _COMPLETE and trial.values is not None and losses(end.directions, trial.values)[0] < best
        for trial in stopped
    )
    return Backtest(
        name=name,
        steps=int(ran.sum()),
        saved=_saved(total, ran),
        saved_interval=_saved_interval(end.seed, total, ran),
        stopped=len(stopped),
        lost=lost,
        lost_interval=share_interval(lost, len(stopped)),
        best_value=_best_value(after),
    )


_COMPLETE = TrialState.COMPLETE


def _lengths(state: StudyState) -> dict[int, int]:
    return {trial.number: len(trial.intermediate_values) for trial in state.finished}


def _best_value(state: StudyState) -> float | None:
    best: FrozenTrial | None = best_or_none(state)
    return None if best is None or best.values is None else best.values[0]


def best_loss(state: StudyState) -> float:
    """Return the loss of the best trial, or infinity without one."""
    best = _best_value(state)
    return math.inf if best is None else losses(state.directions, (best,))[0]


def _saved(total: Any, ran: Any) -> float:
    whole = float(total.sum())
    return 1.0 - float(ran.sum()) / whole if whole else 0.0


def _saved_interval(seed: int, total: Any, ran: Any) -> Interval:
    """Return the percentile interval of the share of saved steps under resampling of the trials."""
    if not total.size or not total.sum():
        return 0.0, 0.0
    drawn = Key(seed).child("backtest").generator().integers(0, total.size, (_RESAMPLES, total.size))
    wholes = total[drawn].sum(axis=1)
    shares = 1.0 - ran[drawn].sum(axis=1) / np.where(wholes > 0.0, wholes, 1.0)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def share_interval(n: int, total: int) -> Interval:
    """Return Wilson's score interval of 95 % for a share; all that is possible if nothing was seen.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not total:
        return 0.0, 1.0
    share, z2 = n / total, _Z * _Z / total
    middle = (share + z2 / 2.0) / (1.0 + z2)
    half = _Z / (1.0 + z2) * math.sqrt(share * (1.0 - share) / total + z2 / (4.0 * total))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
