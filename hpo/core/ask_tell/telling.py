"""Telling what became of trials as pure functions: results, reports, pauses, attributes, constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.core.ask_tell.asking import TrialOrNumber, carried_out, number_of
from hpo.core.commands import (
    PauseTrial,
    Report,
    SetConstraint,
    SetStudyAttribute,
    SetTrialAttribute,
    Tell,
)
from hpo.core.contracts import (
    Decision,
    Pruner,
    ask_pruner,
    checked_pruner,
)
from hpo.core.decide import running_trial
from hpo.core.state import StudyState
from hpo.core.values import Origin, TrialState
from hpo.errors import InvalidType


def tell(
    study: StudyState,
    trial: TrialOrNumber,
    values: Any = None,
    state: TrialState | str | None = None,
    *,
    at: float | None = None,
    reason: str | None = None,
    sem: Any = None,
    cost: float | None = None,
    origin: Origin | None = None,
) -> StudyState:
    """Finish a trial, with the arguments of `Study.tell`.

    Args:
        study: The state of the study.
        trial: The running or paused trial, or its number.
        values: Its result: a number, a sequence with one number per direction, or a mapping by metric name.
        state: How it ended, as a `TrialState` or its name: ``"complete"`` if not given; ``"pruned"`` takes the last
            reported value unless there are `values`; ``"fail"`` has none.
        at: Now, in seconds since 1970, for display only.
        reason: Why it failed or was pruned, for people.
        sem: The standard error of each value, at least 0: a number, or a sequence with one per direction.
        cost: What the evaluation cost, at least 0, in a unit of your choice.
        origin: Where the request comes from; one whose request key was carried out already changes nothing.

    Returns:
        The next state. A result with a NaN makes a failed trial.

    Raises:
        TrialNotFound: there is no such trial.
        TrialNotRunning: the trial waits or is finished; the first result stands.
        WrongNumberOfValues, InvalidType, InvalidArgument: an argument is not valid; nothing is recorded.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> study, trial = ask(StudyState.create(), RandomSampler())
        >>> told = tell(study, trial, 0.5)
        >>> told.trial(0).value, study.trial(0).value  # the old state stays what it was
        (0.5, None)
    """
    command = Tell(number_of(trial), values, state, at, reason, sem=sem, cost=cost, origin=origin)
    return carried_out(study, command)


def report(
    state: StudyState,
    trial: TrialOrNumber,
    value: float | Mapping[str, float],
    step: int,
    *,
    origin: Origin | None = None,
) -> StudyState:
    """Record an intermediate value of a running trial, or several by metric name; the first report of a step stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is not a number or a mapping of them, or the step is not a whole number
            of at least 0.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = report(state, trial, 0.9, step=0)
        >>> state = report(state, trial, {"loss": 0.7, "latency": 12.0}, step=1)
        >>> state.trial(0).intermediate_values, state.trial(0).metrics
        ({0: 0.9}, {1: {'loss': 0.7, 'latency': 12.0}})
    """
    return carried_out(state, Report(number_of(trial), value, step, origin))


def pause(
    state: StudyState,
    trial: TrialOrNumber,
    *,
    checkpoint: str | None = None,
    at: float | None = None,
    origin: Origin | None = None,
) -> StudyState:
    """Let a running trial wait until it is resumed; it keeps what it reported.

    Args:
        state: The study.
        trial: The running trial, or its number.
        checkpoint: Where its objective can continue from, as a string of your own, for example a path or the id of an
            artifact; None keeps an earlier one.
        at: Now, in seconds since 1970, for display only.
        origin: Where the request comes from.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the checkpoint is not a string.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = pause(state, trial, checkpoint="weights-10.pt")
        >>> state.trial(0).state, state.trial(0).checkpoint
        (<TrialState.PAUSED: 'paused'>, 'weights-10.pt')
    """
    return carried_out(state, PauseTrial(number_of(trial), checkpoint, at, origin))


def set_user_attr(
    state: StudyState, trial: TrialOrNumber | None, key: str, value: Any, *, origin: Origin | None = None
) -> StudyState:
    """Attach a value to a running trial, or to the study if `trial` is None; it replaces an earlier one.

    Args:
        state: The study.
        trial: The running trial, its number, or None for the study itself.
        key: The name of the attribute.
        value: JSON values and datetimes, nested at most 100 levels deep.
        origin: Where the request comes from.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the key is not a string, or the value can't be kept.

    Example:
        >>> set_user_attr(StudyState.create(), None, "data", "digits").user_attrs
        {'data': 'digits'}
    """
    if trial is None:
        return carried_out(state, SetStudyAttribute(key, value, origin))
    return carried_out(state, SetTrialAttribute(number_of(trial), key, value, origin))


def set_constraint(
    state: StudyState, trial: TrialOrNumber, name: str, value: float, *, origin: Origin | None = None
) -> StudyState:
    """Record the constraint `name` of a running trial, feasible when <= 0; the first value stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is not a number, or is NaN.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = set_constraint(state, trial, "memory", 1.5)
        >>> state.trial(0).feasible
        False
    """
    return carried_out(state, SetConstraint(number_of(trial), name, value, origin))


def what_if(state: StudyState, results: Mapping[int, Any]) -> StudyState:
    """Return the state as it would be if running trials had these results; `state` stays what it is.

    Args:
        state: The study.
        results: Values by trial number, as for `tell`.

    Raises:
        TrialNotFound, TrialNotRunning: a trial is not running.
        WrongNumberOfValues, InvalidType, InvalidArgument: a result is not valid.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> len(what_if(state, {trial.number: 0.5}).finished), len(state.finished)
        (1, 0)
    """
    if not isinstance(results, Mapping):
        raise InvalidType(f"results are values by trial number, got {results!r}")
    for number, values in results.items():
        state = tell(state, number, values)
    return state


def should_prune(state: StudyState, pruner: Pruner, trial: TrialOrNumber) -> bool:
    """Return whether `pruner` would stop a running trial, judged by what has been reported.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the pruner can't be called, or its answer is neither a `Decision` nor a `Verdict`.

    Example:
        >>> from hpo import ask
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> def impatient(state, trial):
        ...     return Decision.STOP if trial.last_step == 1 else Decision.CONTINUE
        >>> should_prune(report(state, trial, 0.9, step=1), impatient, trial)
        True
    """
    # a pause does not end the trial: an objective that cannot pause goes on
    running = running_trial(state, trial if type(trial) is int else number_of(trial))
    return ask_pruner(state, checked_pruner(pruner), running).decision is Decision.STOP
