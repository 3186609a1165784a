"""`evolve`, the only way a state comes to be, and what each event does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from hpo.core.memory import FrozenDict
from hpo.core.records import (
    AdvisorSet,
    AnyEvent,
    ConstraintSet,
    MetricNamesSet,
    ParamsSuggested,
    PruningDecided,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    TrialAdded,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    ValueReported,
    added_trial,
    external_params,
)
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, SearchSpace, TrialState, from_json_tree, from_number
from hpo.errors import InconsistentEvents


def evolve(state: StudyState, event: AnyEvent) -> StudyState:
    """The state after `event`. It records facts and never judges them: that was done by `hpo.core.decide.decide`.

    O(1) amortized in the number of finished trials, O(log n) in that of running ones.

    Raises:
        InconsistentEvents: nothing that was decided in `state` leads to `event`.

    Example:
        >>> from hpo.core.records.events import TrialStarted
        >>> len(evolve(StudyState.create(), TrialStarted(0)).running)
        1
    """
    return replay((event,), state)


def replay(events: Iterable[AnyEvent], state: StudyState | None = None) -> StudyState:
    """The state that `events` lead to, from `state` or from nothing.

    Raises:
        InconsistentEvents: one of them does not follow from those before it.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> replay(study.events()) == study.state
        True
    """
    state = StudyState() if state is None else state
    for event in events:  # reduce(evolve, events, state), at two thirds of its price
        try:
            state = _EVOLVE[type(event)](state, event)
        except (LookupError, TypeError, ValueError) as error:
            raise InconsistentEvents(state.version, event) from error
    return state


def _study_attribute_set(state: StudyState, event: StudyAttributeSet) -> StudyState:
    attributes = state.user_attrs.with_item(event.key, from_json_tree(event.value))
    return replace(state, user_attrs=attributes, version=state.version + 1)


def _metric_names_set(state: StudyState, event: MetricNamesSet) -> StudyState:
    return replace(state, metric_names=event.names, version=state.version + 1)


def _used(state: StudyState, event: AdvisorSet) -> StudyState:
    return replace(state, uses=state.uses.with_item(event.kind, event.identity), version=state.version + 1)


def _judged(state: StudyState, event: PruningDecided) -> StudyState:
    return replace(state, version=state.version + 1)


def _space_defined(state: StudyState, event: SpaceDefined) -> StudyState:
    spaces = state.spaces.with_item(event.space, len(state.spaces))
    return replace(state, spaces=spaces, version=state.version + 1)


def _enqueued(state: StudyState, event: TrialEnqueued) -> StudyState:
    trial = FrozenTrial(
        number=event.number,
        state=TrialState.WAITING,
        fixed_params=from_json_tree(event.params),
        user_attrs=from_json_tree(event.user_attrs or {}),
    )
    return replace(
        state,
        waiting=state.waiting.with_item(event.number, trial),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


def _started(state: StudyState, event: TrialStarted) -> StudyState:
    number = event.number
    if number in state.waiting:
        trial = replace(state.waiting[number], state=TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting.without(number), state.n_trials
    else:
        trial = FrozenTrial(number, TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting, number + 1
    return replace(
        state,
        running=state.running.with_item(number, trial),
        waiting=waiting,
        n_trials=n_trials,
        version=state.version + 1,
    )


def _suggested(state: StudyState, event: ParamsSuggested) -> StudyState:
    trial, space = state.running[event.number], state.spaces.key_at(event.space)
    params = external_params(space, event.values)
    changed = replace(
        trial,
        params=FrozenDict({**trial.params, **params}) if trial.params else params,
        distributions=trial.distributions.updated(space),
        note=FrozenDict({**trial.note, **from_json_tree(event.note)}) if event.note else trial.note,
    )
    return _with_running(state, changed)


def _reported(state: StudyState, event: ValueReported) -> StudyState:
    trial = state.running[event.number]
    reports = trial.intermediate_values.with_item(event.step, from_number(event.value))
    return _with_running(state, replace(trial, intermediate_values=reports))


def _trial_attribute_set(state: StudyState, event: TrialAttributeSet) -> StudyState:
    trial = state.running[event.number]
    attributes = trial.user_attrs.with_item(event.key, from_json_tree(event.value))
    return _with_running(state, replace(trial, user_attrs=attributes))


def _constraint_set(state: StudyState, event: ConstraintSet) -> StudyState:
    trial = state.running[event.number]
    constraints = trial.constraints.with_item(event.name, from_number(event.value))
    return _with_running(state, replace(trial, constraints=constraints))


def _with_running(state: StudyState, trial: FrozenTrial) -> StudyState:
    return replace(state, running=state.running.with_item(trial.number, trial), version=state.version + 1)


def _finished(state: StudyState, event: TrialFinished) -> StudyState:
    number = event.number
    trial = state.running.get(number)
    if trial is None:  # it was taken off the queue
        trial, running, waiting = state.waiting[number], state.running, state.waiting.without(number)
    else:
        running, waiting = state.running.without(number), state.waiting
    if event.unused:
        trial = replace(
            trial,
            params=FrozenDict({k: v for k, v in trial.params.items() if k not in event.unused}),
            distributions=trial.distributions.without(dict.fromkeys(event.unused)),
        )
    finished = replace(
        trial,
        state=event.state,
        values=None if event.values is None else tuple(map(from_number, event.values)),
        reason=event.reason,
        finished_at=event.at,
    )
    return replace(
        state,
        running=running,
        waiting=waiting,
        finished=state.finished.append(finished),
        version=state.version + 1,
    )


def _added(state: StudyState, event: TrialAdded) -> StudyState:
    space = SearchSpace() if event.space is None else state.spaces.key_at(event.space)
    return replace(
        state,
        finished=state.finished.append(added_trial(space, event)),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


_EVOLVE: Mapping[type, Callable[[StudyState, Any], StudyState]] = {
    StudyCreated: StudyState.created_by,
    StudyAttributeSet: _study_attribute_set,
    MetricNamesSet: _metric_names_set,
    SpaceDefined: _space_defined,
    AdvisorSet: _used,
    PruningDecided: _judged,
    TrialEnqueued: _enqueued,
    TrialStarted: _started,
    ParamsSuggested: _suggested,
    ValueReported: _reported,
    TrialAttributeSet: _trial_attribute_set,
    ConstraintSet: _constraint_set,
    TrialFinished: _finished,
    TrialAdded: _added,
}
