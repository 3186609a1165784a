"""One call of an objective, live or on a copy of the study, and what its end means for the trial."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs
from msgspec import Struct
from msgspec.structs import replace

from hpo.core import (
    Command,
    Decision,
    Exhausted,
    FrozenTrial,
    StudyState,
    Tell,
    TrialState,
    objective_values,
    suggest_joint,
)
from hpo.errors import HpoError, InvalidArgument, TrialFailed, TrialNotRunning, TrialPruned
from hpo.study.advisors import Advisors
from hpo.study.recorder import decide_all
from hpo.study.running.messages import failure_reason, reason_of
from hpo.study.trial import Trial

Objective: TypeAlias = Callable[[Any], Any]
"""Takes a trial and returns one number, or one per direction; or raises `TrialPruned` or `TrialFailed`."""

Listener: TypeAlias = Callable[[Sequence[Command] | None], None]
"""Hears what a detached trial records while it runs, and None when its objective begins."""

NO_PROCESS = (
    "timeout_per_trial needs an executor whose workers are other processes, because nothing can end a thread: pass for example "
    "executor=concurrent.futures.ProcessPoolExecutor(4), or let the objective look at the clock and raise hpo.TrialPruned"
)
_LONGEST_REPR = 200  # characters of what an objective returned that a reason quotes


class TrialResult(Struct, frozen=True):
    """How a call of the objective ended.

    Attributes:
        tell: The command that finishes the trial. It has no time yet.
        error: What the objective raised, or None. It keeps the frames of the objective, and all that they refer to,
            alive.
        commands: What a detached trial has recorded while it ran.
        exhausted: Whether the sampler had nothing left to suggest.
        paused: Whether the trial was paused, so that it is not told.
        traceback: The traceback of an error that was let go, or that was raised in another process; or None.
        stopped: Whether the objective asked, in another process, that no more trials start.
    """

    tell: Tell
    error: BaseException | None = None
    commands: tuple[Command, ...] = ()
    exhausted: bool = False
    paused: bool = False
    traceback: str | None = None
    stopped: bool = False


def refused(number: int, why: str) -> TrialResult:
    """Return the result of a trial that cannot run with a time limit; its error ends the run."""
    return TrialResult(Tell(number, state=TrialState.FAIL, reason=why), InvalidArgument(why))


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
            reason = str(error) or reason_of(trial.verdict, Decision.STOP)
            return TrialResult(Tell(number, state=TrialState.PRUNED, reason=reason, unused=trial.unused))
        case TrialFailed():
            if trial.is_paused:
                return TrialResult(Tell(number), paused=True)
            reason = str(error) or "the objective raised TrialFailed"
            return TrialResult(Tell(number, state=TrialState.FAIL, reason=reason, unused=trial.unused))
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


class Frames:
    """Lets the frames of failed objectives go, which may hold gigabytes: at most one keeps them, and is raised.

    Args:
        catch: The exceptions that do not end the run, so that nobody will look at them.
    """

    def __init__(self, catch: tuple[type[BaseException], ...]) -> None:
        self._catch = catch
        self._first = threading.Lock()  # taken, and never released, by the first error that ends the run

    def let_go(self, result: TrialResult) -> TrialResult:
        """Return `result` without its error if that is caught, but with its traceback in words."""
        error = result.error
        if error is None:
            return result
        caught = isinstance(error, self._catch)
        if caught:
            result = replace(result, error=None, traceback=traceback_of(error))
        if caught or not self._first.acquire(blocking=False):
            for chained in _chain(error):  # a frame may refer to its error, so that nothing else lets it go at once
                traceback.clear_frames(chained.__traceback__)
        return result


def traceback_of(error: BaseException) -> str:
    """Return the whole traceback of `error` and of what caused it, as Python would print it."""
    return "".join(traceback.format_exception(error)).rstrip()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


class DetachedRecorder:
    """Records into a copy of the study, and keeps the commands, which are carried out in the study itself later.

    It is the `hpo.study.recorder.Recorder` of a detached trial.
    """

    detached = True

    def __init__(self, state: StudyState, heard: Listener | None = None) -> None:
        self.state = state
        self._heard = heard
        self.commands: list[Command] = []

    def record(self, *commands: Command) -> StudyState:
        """Carry out `commands` on the copy, and keep them."""
        _, self.state = decide_all(self.state, commands)
        self.commands.extend(commands)
        if self._heard is not None:
            self._heard(commands)
        return self.state

    def record_if(self, state: StudyState, *commands: Command) -> StudyState:
        """Carry out `commands` on the copy. It is always still in `state`, because nobody else changes it."""
        return self.record(*commands)


@attrs.frozen(eq=False)
class DetachedJob:
    """Evaluates a detached trial, which runs on a copy of the study: until its turn, or in another process.

    Attributes:
        started: The study as it was at the trial's start, or when it was resumed.
        state: The study to copy: the same, or as it was after the joint suggestion if the trial has one.
        number: The number of the trial. If it has no joint parameters yet, the job computes them.
        has_params: Whether the trial has its joint parameters.
        advisors: The sampler, and the pruner, which see the study as it was at the trial's start.
        objective: What to call.
    """

    started: StudyState
    state: StudyState
    number: int
    has_params: bool
    advisors: Advisors
    objective: Objective

    def __call__(self, heard: Listener | None = None) -> TrialResult:
        """Run the trial. Nothing is raised."""
        recorder = DetachedRecorder(self.state, heard)
        joint: FrozenTrial = self.state.running[self.number]
        if not self.has_params:
            try:
                answer = suggest_joint(self.started, self.advisors.sampler, joint)
                if isinstance(answer, Exhausted):
                    reason = f"nothing is left to suggest: {answer.reason}"
                    return TrialResult(Tell(joint.number, state=TrialState.FAIL, reason=reason), exhausted=True)
                joint = recorder.record(self.advisors.set_sampler, answer).running[joint.number]
            except BaseException as error:  # noqa: BLE001 - of a sampler; raised again after the trial is told
                reason = failure_reason(error)
                return TrialResult(Tell(joint.number, state=TrialState.FAIL, reason=reason), error)
        trial = Trial(recorder, self.advisors, self.started, joint)
        if heard is not None:
            heard(None)
        result = evaluate(trial, self.objective, self.state)
        return replace(result, commands=tuple(recorder.commands))
