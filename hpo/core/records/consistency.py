"""What no sequence of decisions can lead to: events that are told apart from possible ones while they are folded.

Checksums say that events are as they were written, and not by whom. What these checks refuse would break promises that
all the rest of the library relies on: numbers without gaps, and results that can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpo.core.memory import FrozenDict
from hpo.core.records.events import StudyCreated
from hpo.core.values import StudyDirection, TrialState, from_json_tree


class Impossible(ValueError):  # noqa: N818 - it is a finding
    """An event that no command leads to, whatever came before it; the message says why."""


def mapping_of(tree: Any) -> FrozenDict[str, Any]:
    """Return what a JSON tree stands for, which has to be a mapping by name; None and an empty one are an empty one.

    Raises:
        Impossible: it is something else.
        InvalidType: it is nested too deeply; see `from_json_tree`.
    """
    value = from_json_tree(tree or {})
    if not isinstance(value, FrozenDict):
        raise Impossible(f"parameters, attributes and notes are kept by name, and not as a {type(value).__name__}")
    return value


def check_created(event: StudyCreated, version: int) -> None:
    """Check the event that begins a study.

    Args:
        event: The event.
        version: How many events come before it.

    Raises:
        Impossible: it does not begin the study, or names no direction, or one that is not known.
    """
    if version:
        raise Impossible("a study is created once, by its first event")
    if not event.directions or not {*event.directions} <= {*StudyDirection}:
        raise Impossible(f"a study has directions, each 'minimize' or 'maximize', and not {event.directions!r}")
    if event.metric_names is not None:
        check_metric_names(event.metric_names, len(event.directions))


def check_metric_names(names: Sequence[str], n_objectives: int) -> None:
    """Check that there is one name for each objective, and no name twice.

    Raises:
        Impossible: it is not so.
    """
    if len(names) != n_objectives or len({*names}) != n_objectives:
        raise Impossible(f"{n_objectives} objective(s) can't have the names {names!r}")


def check_new_number(number: int, n_trials: int) -> None:
    """Check that a trial which is new has the next number.

    Raises:
        Impossible: it has another one: that of an earlier trial, or one that leaves a gap.
    """
    if number != n_trials:
        raise Impossible(f"the next new trial is trial {n_trials}, and not {number}")


def check_result(state: TrialState, values: tuple[float, ...] | None, n_objectives: int) -> None:
    """Check the result of a trial.

    Args:
        state: The state that the trial ended in.
        values: Its objective values, as numbers.
        n_objectives: How many objectives the study has.

    Raises:
        Impossible: the state is not a final one, the number of values is wrong, or a complete trial has no values or NaN.
    """
    if values is not None and len(values) != n_objectives:
        raise Impossible(f"a result has a value for each of {n_objectives} objective(s), and not {len(values)}")
    # this is asked for every trial of a study that is opened, and nearly all of them are complete
    if state is TrialState.COMPLETE:
        if values is None:
            raise Impossible("a complete trial has a value for each objective, and not none")
        for value in values:
            if value != value:
                raise Impossible("a complete trial has a value for each objective, and not NaN")
    elif state is not TrialState.FAIL and not state.is_finished():
        raise Impossible(f"a trial ends as complete, pruned or fail, and not as {state.value}")
