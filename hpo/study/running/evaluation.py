"""One call of an objective, and what its end means for the trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from hpo.core import Command, StudyState, Tell, TrialState, objective_values
from hpo.errors import HpoError, TrialNotRunning, TrialPruned
from hpo.study.running.messages import failure_reason
from hpo.study.trial import Trial

Objective: TypeAlias = Callable[[Any], Any]
"""Takes a trial and returns one number, or one per direction; or raises `TrialPruned`."""

_LONGEST_REPR = 200  # characters of what an objective returned that a reason quotes


@attrs.frozen
class TrialResult:
    """How a call of the objective ended.

    Attributes:
        tell: The command that finishes the trial. It has no time yet.
        error: What the objective raised, or None.
        commands: What a detached trial has recorded while it ran.
        exhausted: Whether the sampler had nothing left to suggest.
        paused: Whether the trial was paused, so that it is not told.
    """

    tell: Tell
    error: BaseException | None = None
    commands: tuple[Command, ...] = ()
    exhausted: bool = False
    paused: bool = False


def evaluate(trial: Trial, objective: Objective, state: StudyState) -> TrialResult:
    """Call the objective and return the result of the trial, whatever happens. Nothing is raised.

    Args:
        trial: The argument of the objective.
        objective: What to call.
        state: Any state of the study, for its directions and metric names.
    """
    number = trial.number
    try:
        returned = objective(trial)
    except BaseException as error:  # noqa: BLE001 - the caller raises it again, after the trial is told
        return _raised(trial, error)
    if trial.is_paused:
        return TrialResult(Tell(number), paused=True)
    try:
        values = objective_values(state, returned)
    except Exception as error:  # noqa: BLE001 - a returned object may raise anything when it is looked at
        problem = error if isinstance(error, HpoError) else failure_reason(error)
        reason = f"the objective returned {_quoted(returned)}: {problem}"
        return TrialResult(Tell(number, state=TrialState.FAIL, reason=reason, unused=trial.unused))
    return TrialResult(Tell(number, values, unused=trial.unused))


def _raised(trial: Trial, error: BaseException) -> TrialResult:
    number = trial.number
    match error:
        case TrialPruned():
            if trial.is_paused:
                return TrialResult(Tell(number), paused=True)
            reason = str(error) or None
            return TrialResult(Tell(number, state=TrialState.PRUNED, reason=reason, unused=trial.unused))
        case TrialNotRunning(number=paused, state=TrialState.PAUSED.value) if paused == number:
            return TrialResult(Tell(number), paused=True)  # another client paused it: the objective ended rightly
    if trial.is_paused:  # its checkpoint is good, so an error after the pause does not fail the trial
        return TrialResult(Tell(number), error, paused=True)
    reason = failure_reason(error)
    return TrialResult(Tell(number, state=TrialState.FAIL, reason=reason, unused=trial.unused), error)


def _quoted(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - see above
        return f"a {type(value).__name__} without repr"
    return text if len(text) <= _LONGEST_REPR else f"{text[:_LONGEST_REPR]}..."
