"""The rules of commands about a running trial."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.core.commands import (
    RecordPruning,
    Report,
    SetConstraint,
    SetTrialAttribute,
    Suggest,
)
from hpo.core.records import (
    AnyEvent,
    ConstraintSet,
    ParamsSuggested,
    PruningDecided,
    SpaceDefined,
    TrialAttributeSet,
    ValueReported,
    written_metrics,
)
from hpo.core.state import StudyState
from hpo.core.values import (
    NO_METRICS,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    SearchSpace,
    TrialState,
    checked_constraint,
    checked_origin,
    checked_report,
    checked_text,
    to_json_tree,
    to_number,
)
from hpo.errors import (
    InvalidArgument,
    InvalidSuggestion,
    TrialNotRunning,
)

_MISSING = object()
_DECISIONS = ("continue", "pause", "stop")


def running_trial(state: StudyState, number: int) -> FrozenTrial:
    """The running trial with this number.

    Raises:
        TrialNotFound, TrialNotRunning: there is none, or it isn't running.
    """
    # the usual case without the fold over finished trials; numpy ints and bools take the other way
    trial: FrozenTrial | None = state.running.get(number) if type(number) is int else None
    if trial is None:
        trial = state.trial(number)
        if trial.state is not TrialState.RUNNING:
            raise TrialNotRunning(trial.number, trial.state.value)
    return trial


def suggest(state: StudyState, command: Suggest) -> list[AnyEvent]:
    """Return the events of a suggestion: its space, if it is new, and its values."""
    trial = running_trial(state, command.number)
    space = SearchSpace.of(command.space)
    # asking for the exact type first is several times cheaper than asking the abstract class
    if type(command.params) is not dict and not isinstance(command.params, Mapping):
        raise InvalidSuggestion(f"the params of a suggestion are a dict by name, got {command.params!r}")
    if trial.params:  # by the names of the space: a trial may have thousands of lone parameters by now
        for name in space:
            if name in trial.params and trial.distributions[name] == space[name]:  # another range is asked for anew
                raise InvalidSuggestion(f"trial {trial.number} has a value for parameter {name!r} already")
    if not space and not command.note:
        return []
    events: list[AnyEvent] = []
    # a space is written once and referred to by its number, so a trial costs its values only
    index = state.spaces.get(space)
    if index is None:
        events.append(SpaceDefined(space))
        index = len(state.spaces)
    else:
        space = state.spaces.key_at(index)  # an equal one may have another order
    values: list[int | float] = []
    given = command.params.get
    for name, distribution in space.items():
        value = given(name, _MISSING)
        # the usual cases of `member` written out, which saves a call for each parameter
        if (type(value) is float and type(distribution) is FloatDistribution and distribution.step is None) or (
            type(value) is int and type(distribution) is IntDistribution and distribution.step == 1
        ):
            internal: int | float | None = value if distribution.low <= value <= distribution.high else None
        else:
            internal = distribution.member(value)
        values.append(_outside(trial, command, name, distribution, value) if internal is None else internal)
    if command.note and not isinstance(command.note, Mapping):
        raise InvalidSuggestion(f"the note of a suggestion is a dict, got {command.note!r}")
    note = to_json_tree(command.note) if command.note else None
    events.append(ParamsSuggested(trial.number, index, tuple(values), note, command.lone))
    return events


def _outside(trial: FrozenTrial, command: Suggest, name: str, distribution: Distribution, value: object) -> int | float:
    """Return the internal form of a value outside of its distribution: an enqueued one, or one between grid points."""
    if value is _MISSING:
        raise InvalidSuggestion(f"parameter {name!r} was asked for and is missing from the suggestion")
    # a person who enqueues a value may go beyond the range; of another kind it is refused all the same
    if name in trial.fixed_params:
        return distribution.to_internal(value)
    if command.off_grid and not isinstance(distribution, CategoricalDistribution):
        number = distribution.to_internal(value)
        if distribution.low <= number <= distribution.high:
            return number
    raise InvalidSuggestion(f"parameter {name!r} can't be {value!r}: it is outside {distribution!r}")


def record_pruning(state: StudyState, command: RecordPruning) -> list[AnyEvent]:
    """Return the event of a pruner's decision."""
    trial = running_trial(state, command.number)
    if command.decision not in _DECISIONS:
        raise InvalidArgument(
            f"a pruning decision is one of {', '.join(map(repr, _DECISIONS))}; got {command.decision!r}"
        )
    reason = None if command.reason is None else to_json_tree(command.reason)
    return [PruningDecided(trial.number, command.decision, command.detached, reason)]


def report(state: StudyState, command: Report) -> list[AnyEvent]:
    """Return the event of a report; none for a step that was reported before."""
    trial = running_trial(state, command.number)
    value, step = checked_report(command.value, command.step)
    origin = None if command.origin is None else checked_origin(command.origin)
    # the first report of a step stands: a pruner may have decided by it, and replay must find the same
    if step in trial.intermediate_values or (trial.metrics is not NO_METRICS and step in trial.metrics):
        return []
    written = to_number(value) if type(value) is float else written_metrics(value)
    return [ValueReported(trial.number, step, written, origin)]


def set_trial_attribute(state: StudyState, command: SetTrialAttribute) -> list[AnyEvent]:
    """Return the event of a user attribute."""
    trial = running_trial(state, command.number)
    key = checked_text(command.key, "an attribute's key")
    return [TrialAttributeSet(trial.number, key, to_json_tree(command.value), checked_origin(command.origin))]


def set_constraint(state: StudyState, command: SetConstraint) -> list[AnyEvent]:
    """Return the event of a constraint; none for one that has a value already."""
    trial = running_trial(state, command.number)
    name, value = checked_constraint(command.name, command.value)
    # the first value stands, as for reports: constraints decide about feasibility once
    if name in trial.constraints:
        return []
    return [ConstraintSet(trial.number, name, to_number(value), checked_origin(command.origin))]
