"""`decide` turns a command into events, or refuses it: the only place where facts are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from hpo.core.commands import (
    AddArtifact,
    AddTrial,
    Ask,
    Command,
    CreateStudy,
    Enqueue,
    PauseTrial,
    RecordPruning,
    RemoveArtifact,
    Report,
    ResumeTrial,
    SetAdvisor,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    StartFork,
    Suggest,
    Tell,
)
from hpo.core.decide.results import checked_result
from hpo.core.decide.running import (
    record_pruning,
    report,
    running_trial,
    set_constraint,
    set_trial_attribute,
    suggest,
)
from hpo.core.records import (
    AdvisorSet,
    AnyEvent,
    ArtifactAdded,
    ArtifactRemoved,
    MetricNamesSet,
    SpaceDefined,
    StudyAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
    checked_metric_names,
    study_created,
    trial_record,
)
from hpo.core.state import NO_REQUESTS, NO_TRIALS, StudyState
from hpo.core.values import (
    FrozenTrial,
    TrialState,
    as_int,
    checked_artifact,
    checked_cost,
    checked_origin,
    checked_sem,
    checked_state,
    checked_text,
    checked_time,
    coerced_value,
    to_json_tree,
    to_number,
    to_numbers,
    validated,
)
from hpo.errors import (
    InvalidArgument,
    InvalidType,
    TrialNotPaused,
    TrialNotRunning,
    WrongNumberOfValues,
)


def decide(state: StudyState, command: Command) -> list[AnyEvent]:
    """Return the events that carry out `command`; an empty list if there is nothing to change.

    Pure: the caller appends the events and folds them in with `evolve`. A command whose origin has a request key that
    the study has seen already changes nothing. O(size of the command), whatever the number of trials.

    Raises:
        TrialNotFound: the command is about a trial that does not exist.
        TrialNotRunning, TrialNotPaused: the command is about a trial in another state.
        WrongNumberOfValues: a result without one value per direction.
        InvalidSuggestion: a suggestion that does not answer for its space.
        ValueOutsideDistribution: an enqueued value that the declared space can't hold.
        InvalidArgument, InvalidType: anything else that is not allowed; the message names it.

    Example:
        >>> import hpo
        >>> state = hpo.StudyState.create()
        >>> events = decide(state, Ask())
        >>> [type(event).__name__ for event in events], hpo.replay(events, state).n_trials
        (['TrialStarted'], 1)
    """
    # "is not" first, because asking a mapping of ours for its length is a call: most studies never get such a key
    if state.requests is not NO_REQUESTS and state.requests:
        origin = checked_origin(getattr(command, "origin", None))
        if origin is not None and origin.request in state.requests:
            return []  # a client that repeats a request must not make a second trial or tell a second result
    carry_out = _DECIDE.get(type(command))
    if carry_out is None:
        raise InvalidType(f"a command is one of those in hpo.extend, such as Ask(); got {command!r}")
    return carry_out(state, command)


def _create_study(state: StudyState, command: CreateStudy) -> list[AnyEvent]:
    if state.version:
        raise InvalidArgument(f"the study {state.name!r} exists already: it is created once")
    return [
        study_created(
            name=command.name,
            directions=command.directions,
            seed=command.seed,
            space=command.space,
            metric_names=command.metric_names,
            at=command.at,
            origin=command.origin,
        )
    ]


def _set_study_attribute(state: StudyState, command: SetStudyAttribute) -> list[AnyEvent]:
    key = checked_text(command.key, "an attribute's key")
    return [StudyAttributeSet(key, to_json_tree(command.value), checked_origin(command.origin))]


def _set_metric_names(state: StudyState, command: SetMetricNames) -> list[AnyEvent]:
    names = checked_metric_names(command.names, len(state.directions))
    return [MetricNamesSet(names, checked_origin(command.origin))]


def _use(state: StudyState, command: SetAdvisor) -> list[AnyEvent]:
    # every suggestion and decision records its advisor, and most of them are the one recorded last
    known = state.uses.get(command.kind)
    return (
        [] if known is command.identity or known == command.identity else [AdvisorSet(command.kind, command.identity)]
    )


def _enqueue(state: StudyState, command: Enqueue) -> list[AnyEvent]:
    params = _fixed_params(state, command.params)
    if not isinstance(command.user_attrs, Mapping | None):
        raise InvalidType(f"the user_attrs of a trial are a dict by name, got {command.user_attrs!r}")
    attributes = to_json_tree(command.user_attrs or {}) or None
    return [TrialEnqueued(state.n_trials, params, attributes, origin=checked_origin(command.origin))]


def _fixed_params(state: StudyState, given: Mapping[str, Any]) -> Any:
    """Return the JSON tree of values that a trial is started with, each of which a parameter can have."""
    if not isinstance(given, Mapping):
        raise InvalidType(f"params to enqueue are a dict by name, got {given!r}")
    for name, value in given.items():
        checked_text(name, "a parameter's name")
        tree = to_json_tree(value)
        if isinstance(tree, list) or (isinstance(tree, dict) and "$float" not in tree):
            raise InvalidArgument(
                f"parameter {name!r} can be fixed to None, a bool, a number or a string; got {value!r}"
            )
        if state.space is not None and name in state.space:
            coerced_value(name, value, state.space[name])
    return to_json_tree(given)


def _ask(state: StudyState, command: Ask) -> list[AnyEvent]:
    # first in, first out: a person wants the enqueued trials before those that a sampler makes up
    head = None if state.waiting is NO_TRIALS else state.waiting.first()
    number = state.n_trials if head is None else head
    at = None if command.at is None else checked_time(command.at)
    origin = None if command.origin is None else checked_origin(command.origin)
    worker = None if command.worker is None else _worker(command.worker)
    return [TrialStarted(number, at, worker, origin)]


def _worker(name: object) -> str | None:
    return None if name is None else checked_text(name, "a worker's name")


def _start_fork(state: StudyState, command: StartFork) -> list[AnyEvent]:
    # any trial that ever ran may have left a checkpoint, also a finished one
    parent = state.trial(command.parent)
    if parent.state is TrialState.WAITING:
        raise InvalidArgument(f"trial {parent.number} was never started, so no trial can continue from it")
    # two events at once: between them nobody else can start the trial that waits
    number, origin = state.n_trials, checked_origin(command.origin)
    params, reason = _fixed_params(state, command.params), to_json_tree(command.reason)
    return [
        TrialEnqueued(number, params, parent=parent.number, reason=reason, origin=origin),
        TrialStarted(number, checked_time(command.at), _worker(command.worker), origin),
    ]


def _pause(state: StudyState, command: PauseTrial) -> list[AnyEvent]:
    trial = running_trial(state, command.number)
    if command.workers:
        _check_worker(trial, command.workers)
    checkpoint = None if command.checkpoint is None else checked_text(command.checkpoint, "a checkpoint")
    reason = None if command.reason is None else _writable(command.reason)
    return [TrialPaused(trial.number, checked_time(command.at), checkpoint, checked_origin(command.origin), reason)]


def _check_worker(trial: FrozenTrial, workers: tuple[str, ...]) -> None:
    # whoever was given up, and comes back, must not end what another one has resumed from the checkpoint since
    if trial.worker is not None and trial.worker not in workers:
        raise TrialNotRunning(trial.number, "resumed")


def _resume(state: StudyState, command: ResumeTrial) -> list[AnyEvent]:
    trial = state.trial(command.number)
    if trial.state is not TrialState.PAUSED:
        raise TrialNotPaused(trial.number, trial.state.value)
    at, worker, reason = checked_time(command.at), _worker(command.worker), to_json_tree(command.reason)
    return [TrialResumed(trial.number, at, worker, reason, checked_origin(command.origin))]


def _add_artifact(state: StudyState, command: AddArtifact) -> list[AnyEvent]:
    number = None if command.number is None else state.trial(command.number).number
    artifact, at = checked_artifact(command.artifact), checked_time(command.at)
    return [ArtifactAdded(artifact, number, at, checked_origin(command.origin))]


def _remove_artifact(state: StudyState, command: RemoveArtifact) -> list[AnyEvent]:
    number = None if command.number is None else state.trial(command.number).number
    owner = "the study" if number is None else f"trial {number}"
    # the bytes stay in their store: only the store's owner knows whether another study names them too
    if command.id not in state.artifacts_of(number):
        known = ", ".join(map(repr, state.artifacts_of(number))) or "none"
        raise InvalidArgument(f"{owner} has no artifact with the id {command.id!r}; its artifacts are: {known}")
    return [ArtifactRemoved(command.id, number, checked_time(command.at), checked_origin(command.origin))]


def _tell(state: StudyState, command: Tell) -> list[AnyEvent]:
    if state.waiting is not NO_TRIALS and (taken_off := _taken_off_the_queue(state, command)) is not None:
        return [taken_off]
    trial = _unfinished_trial(state, command.number)
    if command.workers:
        _check_worker(trial, command.workers)
    result = checked_result(state, trial, command)
    # a failed or NaN result has no value whose error could be known
    sem = None if result.values is None or command.sem is None else checked_sem(command.sem, result.values)
    cost = None if command.cost is None else checked_cost(command.cost)
    unused = tuple([checked_text(name, "a parameter's name") for name in command.unused]) if command.unused else ()
    return [
        TrialFinished(
            number=trial.number,
            state=result.state,
            values=None if result.values is None else to_numbers(result.values),
            at=None if command.at is None else checked_time(command.at),
            reason=None if result.reason is None else _writable(result.reason),
            unused=unused,
            sem=None if sem is None else tuple(map(to_number, sem)),
            cost=None if cost is None else to_number(cost),
            origin=None if command.origin is None else checked_origin(command.origin),
            began=None if command.began is None else checked_time(command.began),
        )
    ]


def _taken_off_the_queue(state: StudyState, command: Tell) -> TrialFinished | None:
    """Return the end of a trial that waits and is told as failed; None for every other command."""
    if command.values is not None or command.state is None:
        return None
    number = as_int(command.number)
    if number is None or number not in state.waiting or checked_state(command.state) is not TrialState.FAIL:
        return None
    at, origin = checked_time(command.at), checked_origin(command.origin)
    reason = None if command.reason is None else _writable(command.reason)
    return TrialFinished(number, TrialState.FAIL, None, at, reason, origin=origin)


def _unfinished_trial(state: StudyState, number: int) -> FrozenTrial:
    """Return the running or paused trial with this number; a paused one may end without being resumed."""
    trial: FrozenTrial | None = None
    if state.paused is not NO_TRIALS and type(number) is int:
        trial = state.paused.get(number)
    return running_trial(state, number) if trial is None else trial


def _writable(reason: str) -> str:
    if type(reason) is str and reason.isascii():
        return reason
    # messages of exceptions may hold lone surrogates, for example of a file's name, which UTF-8 cannot write
    return str(reason).encode("utf-8", "backslashreplace").decode()


def _add_trial(state: StudyState, command: AddTrial) -> list[AnyEvent]:
    if not isinstance(command.trial, FrozenTrial):
        raise InvalidType(f"a trial to add is a FrozenTrial (see create_trial), got {command.trial!r}")
    # a trial made by hand holds whatever its maker put into it, so all of it is checked again
    trial = validated(command.trial)
    if trial.state is TrialState.WAITING:
        return _enqueue(state, Enqueue({**trial.params, **trial.fixed_params}, trial.user_attrs, command.origin))
    if not trial.state.is_finished():
        raise InvalidArgument(
            f"a {trial.state.value} trial can't be added, because no worker here runs it: tell its result first"
        )
    if trial.values is not None and len(trial.values) != len(state.directions):
        raise WrongNumberOfValues(len(trial.values), len(state.directions))
    events: list[AnyEvent] = []
    index = None
    if trial.distributions:
        index = state.spaces.get(trial.distributions)
        if index is None:
            events.append(SpaceDefined(trial.distributions))
            index = len(state.spaces)
        else:
            trial = replace(trial, distributions=state.spaces.key_at(index))
    # numbers are dense, whatever number the trial had elsewhere, and so a parent of there means nothing here
    record = trial_record(replace(trial, number=state.n_trials, parent=None), index)
    return [*events, record if command.origin is None else replace(record, origin=checked_origin(command.origin))]


# a dict of functions costs a fifth of a `match` over the classes
_DECIDE: Mapping[type, Callable[[StudyState, Any], list[AnyEvent]]] = {
    CreateStudy: _create_study,
    SetStudyAttribute: _set_study_attribute,
    SetMetricNames: _set_metric_names,
    SetAdvisor: _use,
    RecordPruning: record_pruning,
    Enqueue: _enqueue,
    Ask: _ask,
    StartFork: _start_fork,
    PauseTrial: _pause,
    ResumeTrial: _resume,
    AddArtifact: _add_artifact,
    RemoveArtifact: _remove_artifact,
    Suggest: suggest,
    Report: report,
    SetTrialAttribute: set_trial_attribute,
    SetConstraint: set_constraint,
    Tell: _tell,
    AddTrial: _add_trial,
}
