"""The result of a trial, from what a user tells to how the trial ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from hpo.core.commands import Tell
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, TrialState, checked_state, checked_value
from hpo.errors import InvalidArgument, WrongNumberOfValues


class Result(Struct, frozen=True, gc=False):
    """How a trial ended: its state, one value per direction or None, and why it failed or was pruned."""

    state: TrialState
    values: tuple[float, ...] | None
    reason: str | None


def checked_result(study: StudyState, trial: FrozenTrial, command: Tell) -> Result:
    """Return the result of `trial` that `command` tells.

    Raises:
        InvalidArgument: the state and the values do not go together.
        InvalidType, WrongNumberOfValues: the values are not valid; see `objective_values`.
    """
    # nearly every trial is told as one float: this line takes a third of the time of those below
    if (
        command.state is None
        and type(value := command.values) is float
        and value == value
        and len(study.directions) == 1
    ):
        return Result(TrialState.COMPLETE, (value,), command.reason)
    if command.state is TrialState.FAIL and command.values is None:
        return Result(TrialState.FAIL, None, command.reason)
    state = None if command.state is None else checked_state(command.state)
    values = None if command.values is None else objective_values(study, command.values)
    if state is None:
        if values is None:
            raise InvalidArgument(
                f"trial {trial.number} is told without values: give them, or tell it as TrialState.FAIL or PRUNED"
            )
        state = TrialState.COMPLETE
    if not state.is_finished():
        raise InvalidArgument(f"a trial is told as TrialState.COMPLETE, PRUNED or FAIL, got {state!r}")
    if state is TrialState.COMPLETE and values is None:
        raise InvalidArgument(f"trial {trial.number} is told as COMPLETE without values: give one per direction")
    if state is TrialState.FAIL and values is not None:
        raise InvalidArgument(f"trial {trial.number} is told as FAIL with values {values!r}: give one of the two")
    if state is TrialState.PRUNED and values is None:
        values = _last_report(study, trial)
    if values is None or _all_numbers(values):
        return Result(state, values, command.reason)
    # a NaN has no rank, so no sampler may learn from it: a complete trial fails, a pruned one has no value
    if state is TrialState.COMPLETE:
        return Result(TrialState.FAIL, None, command.reason or "the objective value is NaN")
    return Result(state, None, command.reason)


def objective_values(study: StudyState, given: object) -> tuple[float, ...]:
    """Return a result as one float per direction.

    Args:
        study: The study, for its directions and metric names.
        given: A number of any type, a sequence or array of them, or a mapping by metric name.

    Raises:
        InvalidType: it is not a number, or holds something other than numbers.
        InvalidArgument: it is a mapping whose keys are not the metric names.
        WrongNumberOfValues: it has more or fewer values than the study has directions.

    Example:
        >>> objective_values(StudyState.create(), 3)
        (3.0,)
    """
    n = len(study.directions)
    # most objectives return a float: these two lines save the checks below for every trial
    if n == 1 and type(given) is float:
        return (given,)
    if n == 1 and type(given) is tuple and len(given) == 1 and type(given[0]) is float:
        return given
    if isinstance(given, Mapping):
        names = study.metric_names
        if names is None:
            raise InvalidArgument(
                "values by name need metric names, and the study has none: set them, or give one value per direction; "
                f"got {given!r}"
            )
        if {*given} != {*names}:
            raise InvalidArgument(f"values by name need the study's metric names {list(names)}, got {list(given)}")
        return tuple(checked_value(given[name]) for name in names)
    items = _several(given)
    if items is None:
        items = [given]
    if len(items) != n:
        raise WrongNumberOfValues(len(items), n)
    return tuple(checked_value(item) for item in items)


def _several(given: object) -> list[Any] | None:
    """Return the items of a sequence, or of an array with one axis; None for a single value."""
    # a string is a sequence too, and an array without axes a single value
    if isinstance(given, str | bytes) or getattr(given, "ndim", 1) == 0:
        return None
    if isinstance(given, Sequence) or hasattr(given, "ndim"):
        return list(given)  # type: ignore[call-overload,no-any-return]
    return None


def _last_report(study: StudyState, trial: FrozenTrial) -> tuple[float, ...] | None:
    # with several objectives a report is not a result: it has one value
    step = max(trial.intermediate_values, default=None)
    return None if step is None or len(study.directions) != 1 else (trial.intermediate_values[step],)


def _all_numbers(values: tuple[float, ...]) -> bool:
    for value in values:  # noqa: SIM110 - all(...) with a generator takes four times as long
        if value != value:
            return False
    return True
