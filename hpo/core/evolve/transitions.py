"""`evolve` turns a state and an event into the next state; nothing else makes states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from hpo.core.memory import FrozenDict, VersionedDict, settled, with_items, without_item
from hpo.core.records import (
    AdvisorSet,
    AnyEvent,
    ArtifactAdded,
    ArtifactRemoved,
    ConstraintSet,
    Impossible,
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
    TrialPaused,
    TrialResumed,
    TrialStarted,
    ValueReported,
    added_trial,
    check_created,
    check_metric_names,
    check_new_number,
    check_result,
    external_params,
    mapping_of,
    read_metrics,
)
from hpo.core.state import NO_TRIALS, OF_STUDY, StudyState
from hpo.core.values import Artifact, FrozenTrial, SearchSpace, TrialState, from_json_tree, from_number, from_numbers
from hpo.errors import HpoError, InconsistentEvents


def evolve(state: StudyState, event: AnyEvent) -> StudyState:
    """Return the state after `event`.

    It records facts and does not check them, because `decide` has: so a journal replays even where a later version
    would decide otherwise. O(1) amortized in the number of finished trials, O(log n) in the number of running ones.

    Raises:
        InconsistentEvents: `event` cannot follow the events that made `state`.

    Example:
        >>> from hpo.core.records.events import TrialStarted
        >>> len(evolve(StudyState.create(), TrialStarted(0)).running)
        1
    """
    return replay((event,), state)


def replay(events: Iterable[AnyEvent], state: StudyState | None = None) -> StudyState:
    """Return the state after `events`, starting from `state`, or from a study that does not exist yet.

    Raises:
        InconsistentEvents: one of them cannot follow the events before it.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> replay(study.events()) == study.state
        True
    """
    state = StudyState() if state is None else state
    # This is `reduce(evolve, events, state)` with the call of `evolve` written out, which takes two thirds of the time.
    # Every study that is opened comes through here with all of its events.
    for event in events:
        try:
            state = _EVOLVE[type(event)](state, event)
            # `decide` looks the key up, and gives no events for a request that it has carried out already
            if (origin := event.origin) is not None and origin.request is not None:
                state = replace(
                    state, requests=state.requests.with_item(origin.request, getattr(event, "number", None))
                )
        # a trial that does not run, a space without a number, a tree that is nested too deeply to be walked
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            problem = str(error) if isinstance(error, Impossible | HpoError) else None
            raise InconsistentEvents(state.version, event, problem) from error
    return state


def _created(state: StudyState, event: StudyCreated) -> StudyState:
    check_created(event, state.version)
    return state.created_by(event)


def _study_attribute_set(state: StudyState, event: StudyAttributeSet) -> StudyState:
    attributes = with_items(state.user_attrs, {event.key: from_json_tree(event.value)})
    return replace(state, user_attrs=attributes, version=state.version + 1)


def _metric_names_set(state: StudyState, event: MetricNamesSet) -> StudyState:
    check_metric_names(event.names, len(state.directions))
    return replace(state, metric_names=event.names, version=state.version + 1)


def _advisor_set(state: StudyState, event: AdvisorSet) -> StudyState:
    return replace(state, uses=state.uses.with_item(event.kind, event.identity), version=state.version + 1)


def _pruning_decided(state: StudyState, event: PruningDecided) -> StudyState:
    # The decision stays in the journal, where it can be verified. Nothing in the state depends on it: the trial runs on
    # until it is told or paused.
    return replace(state, version=state.version + 1)


def _space_defined(state: StudyState, event: SpaceDefined) -> StudyState:
    spaces = state.spaces.with_item(event.space, len(state.spaces))
    return replace(state, spaces=spaces, version=state.version + 1)


def _enqueued(state: StudyState, event: TrialEnqueued) -> StudyState:
    check_new_number(event.number, state.n_trials)
    parent = None if event.parent is None else state.trial(event.parent)
    trial = FrozenTrial(
        number=event.number,
        state=TrialState.WAITING,
        fixed_params=mapping_of(event.params),
        user_attrs=mapping_of(event.user_attrs),
        # as it is now: the parent may go on and pause again before this trial starts
        checkpoint=None if parent is None else parent.checkpoint,
        parent=event.parent,
    )
    return replace(
        state,
        waiting=state.waiting.with_item(event.number, trial),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


def _started(state: StudyState, event: TrialStarted) -> StudyState:
    number = event.number
    if (
        state.waiting is not NO_TRIALS and number in state.waiting
    ):  # an enqueued trial has had its number since it was enqueued
        trial = replace(state.waiting[number], state=TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting.without(number), state.n_trials
    else:
        check_new_number(number, state.n_trials)
        trial = FrozenTrial(number, TrialState.RUNNING, started_at=event.at, worker=event.worker)
        waiting, n_trials = state.waiting, number + 1
    return replace(
        state,
        running=state.running.with_item(number, trial),
        waiting=waiting,
        n_trials=n_trials,
        version=state.version + 1,
    )


def _paused(state: StudyState, event: TrialPaused) -> StudyState:
    trial = state.running[event.number]
    checkpoint = trial.checkpoint if event.checkpoint is None else event.checkpoint
    # its worker is free
    paused = replace(trial, state=TrialState.PAUSED, checkpoint=checkpoint, worker=None, reason=event.reason)
    return replace(
        state,
        running=state.running.without(trial.number),
        paused=state.paused.with_item(trial.number, paused),
        version=state.version + 1,
    )


def _resumed(state: StudyState, event: TrialResumed) -> StudyState:
    # `started_at` stays: a trial starts once, and its duration counts the pauses
    trial = replace(state.paused[event.number], state=TrialState.RUNNING, worker=event.worker)
    return replace(
        state,
        running=state.running.with_item(trial.number, trial),
        paused=state.paused.without(trial.number),
        version=state.version + 1,
    )


def _suggested(state: StudyState, event: ParamsSuggested) -> StudyState:
    trial, space = state.running[event.number], state.spaces.key_at(event.space)
    params = external_params(space, event.values)
    # The first suggestion is the joint one, and lone parameters add to it. Without a copy, all trials of a joint space
    # share the one object in `state.spaces`, so that folds can compare by `is`.
    changed = replace(
        trial,
        params=with_items(trial.params, params) if trial.params else params,
        distributions=trial.distributions.updated(space),
        note=with_items(trial.note, mapping_of(event.note)) if event.note else trial.note,
    )
    return _with_running(state, changed)


def _reported(state: StudyState, event: ValueReported) -> StudyState:
    trial = state.running[event.number]
    reports, value = trial.intermediate_values, event.value
    if not isinstance(value, dict):
        number = value if type(value) is float and value == value else from_number(value)
        return _with_running(state, replace(trial, intermediate_values=reports.with_item(event.step, number)))
    by_name = read_metrics(value)
    if len(state.directions) == 1 and state.metric_names is not None and state.metric_names[0] in by_name:
        # The only objective, reported by its name, is also the intermediate value that pruners of one value compare.
        reports = reports.with_item(event.step, by_name[state.metric_names[0]])
    metrics = trial.metrics.with_item(event.step, by_name)
    return _with_running(state, replace(trial, intermediate_values=reports, metrics=metrics))


def _trial_attribute_set(state: StudyState, event: TrialAttributeSet) -> StudyState:
    trial = state.running[event.number]
    attributes = with_items(trial.user_attrs, {event.key: from_json_tree(event.value)})
    return _with_running(state, replace(trial, user_attrs=attributes))


def _constraint_set(state: StudyState, event: ConstraintSet) -> StudyState:
    trial = state.running[event.number]
    constraints = with_items(trial.constraints, {event.name: from_number(event.value)})
    return _with_running(state, replace(trial, constraints=constraints))


def _with_running(state: StudyState, trial: FrozenTrial) -> StudyState:
    return replace(state, running=state.running.with_item(trial.number, trial), version=state.version + 1)


def _finished(state: StudyState, event: TrialFinished) -> StudyState:
    number = event.number
    running, waiting, paused = state.running, state.waiting, state.paused
    trial = running.get(number)
    if trial is not None:
        running = running.without(number)
    elif number in paused:
        trial, paused = paused[number], paused.without(number)
    else:  # it was taken off the queue
        trial, waiting = waiting[number], waiting.without(number)
    if _is_long(trial):
        trial = _settled(trial)
    # A joint suggestion may contain parameters that the objective never asked for, in branches that it did not take.
    # They had no part in the result, so no sampler should learn from them.
    if event.unused:
        trial = replace(
            trial,
            params=FrozenDict({k: v for k, v in trial.params.items() if k not in event.unused}),
            distributions=trial.distributions.without(dict.fromkeys(event.unused)),
        )
    values = None if event.values is None else from_numbers(event.values)
    check_result(event.state, values, len(state.directions))
    finished = replace(
        trial,
        state=event.state,
        values=values,
        reason=event.reason,
        started_at=trial.started_at if event.began is None else event.began,
        finished_at=event.at,
        sem=None if event.sem is None else tuple(map(from_number, event.sem)),
        cost=None if event.cost is None else from_number(event.cost),
    )
    return replace(
        state,
        running=running,
        waiting=waiting,
        paused=paused,
        finished=state.finished.append(finished),
        version=state.version + 1,
    )


def _is_long(trial: FrozenTrial) -> bool:
    """Return whether one of the mappings of a trial has become a `VersionedDict` while the trial ran."""
    return (
        type(trial.params) is VersionedDict
        or type(trial.user_attrs) is VersionedDict
        or type(trial.constraints) is VersionedDict
        or type(trial.note) is VersionedDict
    )


def _settled(trial: FrozenTrial) -> FrozenTrial:
    # a finished trial does not change any more: plain dicts are smaller, and JSON writes them
    return replace(
        trial,
        params=settled(trial.params),
        distributions=SearchSpace(trial.distributions),
        user_attrs=settled(trial.user_attrs),
        constraints=settled(trial.constraints),
        note=settled(trial.note),
    )


def _added(state: StudyState, event: TrialAdded) -> StudyState:
    check_new_number(event.number, state.n_trials)
    space = SearchSpace() if event.space is None else state.spaces.key_at(event.space)
    trial = added_trial(space, event)
    check_result(trial.state, trial.values, len(state.directions))
    return replace(
        state,
        finished=state.finished.append(trial),
        n_trials=event.number + 1,
        version=state.version + 1,
    )


def _artifact_added(state: StudyState, event: ArtifactAdded) -> StudyState:
    artifacts = with_items(state.artifacts_of(event.number), {event.artifact.id: event.artifact})
    return _with_artifacts(state, event.number, artifacts)


def _artifact_removed(state: StudyState, event: ArtifactRemoved) -> StudyState:
    return _with_artifacts(state, event.number, without_item(state.artifacts_of(event.number), event.id))


def _with_artifacts(state: StudyState, number: int | None, artifacts: Mapping[str, Artifact]) -> StudyState:
    # kept beside the trials, because a trial may get files after it has finished, and finished trials never change
    owner = OF_STUDY if number is None else number
    return replace(state, artifacts=state.artifacts.with_item(owner, artifacts), version=state.version + 1)


_EVOLVE: Mapping[type, Callable[[StudyState, Any], StudyState]] = {
    StudyCreated: _created,
    StudyAttributeSet: _study_attribute_set,
    MetricNamesSet: _metric_names_set,
    SpaceDefined: _space_defined,
    AdvisorSet: _advisor_set,
    PruningDecided: _pruning_decided,
    TrialEnqueued: _enqueued,
    TrialStarted: _started,
    TrialPaused: _paused,
    TrialResumed: _resumed,
    ArtifactAdded: _artifact_added,
    ArtifactRemoved: _artifact_removed,
    ParamsSuggested: _suggested,
    ValueReported: _reported,
    TrialAttributeSet: _trial_attribute_set,
    ConstraintSet: _constraint_set,
    TrialFinished: _finished,
    TrialAdded: _added,
}
