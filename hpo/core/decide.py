"""`decide`: from a study and a command to events, the only place where facts are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hpo.core.commands import (
    AddTrial,
    Ask,
    Command,
    CreateStudy,
    Enqueue,
    RecordPruning,
    Report,
    SetAdvisor,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    Suggest,
    Tell,
)
from hpo.core.records import (
    AdvisorSet,
    AnyEvent,
    ConstraintSet,
    MetricNamesSet,
    ParamsSuggested,
    PruningDecided,
    SpaceDefined,
    StudyAttributeSet,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    ValueReported,
    checked_metric_names,
    study_created,
    trial_record,
)
from hpo.core.state import StudyState
from hpo.core.values import (
    CategoricalDistribution,
    Distribution,
    FrozenTrial,
    SearchSpace,
    TrialState,
    as_int,
    checked_constraint,
    checked_report,
    checked_text,
    checked_time,
    checked_value,
    coerced_value,
    to_json_tree,
    to_number,
    validated,
)
from hpo.errors import (
    InvalidArgument,
    InvalidSuggestion,
    InvalidType,
    TrialNotRunning,
    WrongNumberOfValues,
)

_MISSING = object()


def decide(state: StudyState, command: Command) -> list[AnyEvent]:
    """The events that carry out `command`, or none where there is nothing to change.

    Pure: the caller appends them and folds them in. O(size of the command), whatever the number of trials.

    Raises:
        TrialNotFound, TrialNotRunning: the command is about a trial that isn't there, or isn't running.
        WrongNumberOfValues: a result without one value per direction.
        InvalidSuggestion: a suggestion that does not answer for its space.
        ValueOutsideDistribution: an enqueued value that the declared space can't hold.
        InvalidArgument, InvalidType: anything else that is not allowed; the message names it.
    """
    return _DECIDE[type(command)](state, command)


def running_trial(state: StudyState, number: int) -> FrozenTrial:
    """The running trial with this number.

    Raises:
        TrialNotFound, TrialNotRunning: there is none, or it isn't running.
    """
    trial: FrozenTrial | None = state.running.get(number) if type(number) is int else None
    if trial is None:
        trial = state.trial(number)
        if trial.state is not TrialState.RUNNING:
            raise TrialNotRunning(trial.number, trial.state.value)
    return trial


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
        )
    ]


def _set_study_attribute(state: StudyState, command: SetStudyAttribute) -> list[AnyEvent]:
    return [StudyAttributeSet(checked_text(command.key, "an attribute's key"), to_json_tree(command.value))]


def _set_metric_names(state: StudyState, command: SetMetricNames) -> list[AnyEvent]:
    return [MetricNamesSet(checked_metric_names(command.names, len(state.directions)))]


def _use(state: StudyState, command: SetAdvisor) -> list[AnyEvent]:
    known = state.uses.get(command.kind)
    return (
        [] if known is command.identity or known == command.identity else [AdvisorSet(command.kind, command.identity)]
    )


def _enqueue(state: StudyState, command: Enqueue) -> list[AnyEvent]:
    if not isinstance(command.params, Mapping):
        raise InvalidType(f"params to enqueue are a dict by name, got {command.params!r}")
    for name, value in command.params.items():
        checked_text(name, "a parameter's name")
        tree = to_json_tree(value)
        if isinstance(tree, list) or (isinstance(tree, dict) and tree.get("$float") in (None, "nan")):
            raise InvalidArgument(f"parameter {name!r} can be fixed to None, a bool, a number or a text; got {value!r}")
        if state.space is not None and name in state.space:
            coerced_value(name, value, state.space[name])
    if not isinstance(command.user_attrs, Mapping | None):
        raise InvalidType(f"the user_attrs of a trial are a dict by name, got {command.user_attrs!r}")
    return [TrialEnqueued(state.n_trials, to_json_tree(command.params), to_json_tree(command.user_attrs or {}) or None)]


def _ask(state: StudyState, command: Ask) -> list[AnyEvent]:
    head = state.waiting.first()
    worker = None if command.worker is None else checked_text(command.worker, "a worker's name")
    return [TrialStarted(state.n_trials if head is None else head, checked_time(command.at), worker)]


def _suggest(state: StudyState, command: Suggest) -> list[AnyEvent]:
    trial = running_trial(state, command.number)
    space = SearchSpace.of(command.space)
    if type(command.params) is not dict and not isinstance(command.params, Mapping):
        raise InvalidSuggestion(f"the params of a suggestion are a dict by name, got {command.params!r}")
    if not trial.params.keys().isdisjoint(space):
        for name in trial.params.keys() & space.keys():
            if trial.distributions[name] == space[name]:  # another range is asked for anew
                raise InvalidSuggestion(f"trial {trial.number} has a value for parameter {name!r} already")
    if not space and not command.note:
        return []
    events: list[AnyEvent] = []
    index = state.spaces.get(space)
    if index is None:
        events.append(SpaceDefined(space))
        index = len(state.spaces)
    else:
        space = state.spaces.key_at(index)  # an equal one may have another order
    values = []
    for name, distribution in space.items():
        value = command.params.get(name, _MISSING)
        internal = distribution.member(value)
        values.append(_outside(trial, command, name, distribution, value) if internal is None else internal)
    if command.note and not isinstance(command.note, Mapping):
        raise InvalidSuggestion(f"the note of a suggestion is a dict, got {command.note!r}")
    note = to_json_tree(command.note) if command.note else None
    events.append(ParamsSuggested(trial.number, index, tuple(values), note, command.lone))
    return events


def _outside(trial: FrozenTrial, command: Suggest, name: str, distribution: Distribution, value: object) -> int | float:
    """The internal form of a value that is no member: of a trial enqueued with it, or between grid points."""
    if value is _MISSING:
        raise InvalidSuggestion(f"parameter {name!r} was asked for and is missing from the suggestion")
    if name in trial.fixed_params:
        return distribution.to_internal(value)
    if command.off_grid and not isinstance(distribution, CategoricalDistribution):
        number = distribution.to_internal(value)
        if distribution.low <= number <= distribution.high:
            return number
    raise InvalidSuggestion(f"parameter {name!r} can't be {value!r}: it is outside {distribution!r}")


def _judge(state: StudyState, command: RecordPruning) -> list[AnyEvent]:
    return [PruningDecided(running_trial(state, command.number).number, command.stop, command.detached)]


def _report(state: StudyState, command: Report) -> list[AnyEvent]:
    trial = running_trial(state, command.number)
    value, step = checked_report(command.value, command.step)
    if step in trial.intermediate_values:
        return []
    return [ValueReported(trial.number, step, to_number(value))]


def _set_trial_attribute(state: StudyState, command: SetTrialAttribute) -> list[AnyEvent]:
    trial = running_trial(state, command.number)
    key = checked_text(command.key, "an attribute's key")
    return [TrialAttributeSet(trial.number, key, to_json_tree(command.value))]


def _set_constraint(state: StudyState, command: SetConstraint) -> list[AnyEvent]:
    trial = running_trial(state, command.number)
    name, value = checked_constraint(command.name, command.value)
    return [] if name in trial.constraints else [ConstraintSet(trial.number, name, to_number(value))]


def _tell(state: StudyState, command: Tell) -> list[AnyEvent]:
    if command.state is TrialState.FAIL and command.values is None:
        number = as_int(command.number)
        if number is not None and number in state.waiting:
            return [TrialFinished(number, TrialState.FAIL, None, checked_time(command.at), _text(command.reason))]
    trial = running_trial(state, command.number)
    outcome, reason = command.state, command.reason
    values = None if command.values is None else objective_values(state, command.values)
    if outcome is None:
        if values is None:
            raise InvalidArgument(
                f"trial {trial.number} is told without values: give them, or tell it as TrialState.FAIL or PRUNED"
            )
        outcome = TrialState.COMPLETE
    if not isinstance(outcome, TrialState) or not outcome.is_finished():
        raise InvalidArgument(f"a trial is told as TrialState.COMPLETE, PRUNED or FAIL, got {outcome!r}")
    if outcome is TrialState.COMPLETE and values is None:
        raise InvalidArgument(f"trial {trial.number} is told as COMPLETE without values: give one per direction")
    if outcome is TrialState.PRUNED and values is None:
        values = _last_report(state, trial)
    if outcome is TrialState.FAIL and values is not None:
        raise InvalidArgument(f"trial {trial.number} is told as FAIL with values {values!r}: give one of the two")
    if values is not None and not _all_numbers(values):
        if outcome is TrialState.COMPLETE:
            outcome, reason = TrialState.FAIL, reason or "the objective value is NaN"
        values = None
    return [
        TrialFinished(
            number=trial.number,
            state=outcome,
            values=None if values is None else tuple([to_number(value) for value in values]),
            at=checked_time(command.at),
            reason=_text(reason),
            unused=tuple([checked_text(name, "a parameter's name") for name in command.unused])
            if command.unused
            else (),
        )
    ]


def _all_numbers(values: tuple[float, ...]) -> bool:
    for value in values:  # noqa: SIM110 - all(...) with a generator takes four times as long
        if value != value:
            return False
    return True


def _text(reason: str | None) -> str | None:
    return None if reason is None else str(reason).encode("utf-8", "backslashreplace").decode()


def objective_values(state: StudyState, given: object) -> tuple[float, ...]:
    """A result as one float per direction.

    Raises:
        InvalidType: it is no number, or holds something else than numbers.
        InvalidArgument: it is a mapping whose keys are not the metric names.
        WrongNumberOfValues: it has more or fewer values than the study has directions.
    """
    n = len(state.directions)
    if n == 1 and type(given) is float:
        return (given,)
    if n == 1 and type(given) is tuple and len(given) == 1 and type(given[0]) is float:
        return given
    if isinstance(given, Mapping):
        names = state.metric_names
        if names is None:
            raise InvalidArgument(
                "values by name need metric names, and the study has none: set them, or give one value per direction; "
                f"got {given!r}"
            )
        if {*given} != {*names}:
            raise InvalidArgument(f"values by name need the study's metric names {list(names)}, got {list(given)}")
        return tuple(checked_value(given[name]) for name in names)
    items = _items(given)
    if items is None:
        items = [given]
    if len(items) != n:
        raise WrongNumberOfValues(len(items), n)
    return tuple(checked_value(item) for item in items)


def _items(given: object) -> list[Any] | None:
    """The items of a sequence or of an array with one axis; None for a single value."""
    if isinstance(given, str | bytes) or getattr(given, "ndim", 1) == 0:
        return None
    if isinstance(given, Sequence) or hasattr(given, "ndim"):
        return list(given)  # type: ignore[call-overload,no-any-return]
    return None


def _last_report(state: StudyState, trial: FrozenTrial) -> tuple[float, ...] | None:
    step = trial.last_step
    return None if step is None or len(state.directions) != 1 else (trial.intermediate_values[step],)


def _add_trial(state: StudyState, command: AddTrial) -> list[AnyEvent]:
    if not isinstance(command.trial, FrozenTrial):
        raise InvalidType(f"a trial to add is a FrozenTrial (see create_trial), got {command.trial!r}")
    trial = validated(command.trial)
    if trial.state is TrialState.WAITING:
        return _enqueue(state, Enqueue({**trial.params, **trial.fixed_params}, trial.user_attrs))
    if trial.state is TrialState.RUNNING:
        raise InvalidArgument("a running trial can't be added: nobody here runs it; tell its result first")
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
    return [*events, trial_record(replace(trial, number=state.n_trials), index)]


_DECIDE: Mapping[type, Callable[[StudyState, Any], list[AnyEvent]]] = {
    CreateStudy: _create_study,
    SetStudyAttribute: _set_study_attribute,
    SetMetricNames: _set_metric_names,
    SetAdvisor: _use,
    RecordPruning: _judge,
    Enqueue: _enqueue,
    Ask: _ask,
    Suggest: _suggest,
    Report: _report,
    SetTrialAttribute: _set_trial_attribute,
    SetConstraint: _set_constraint,
    Tell: _tell,
    AddTrial: _add_trial,
}
