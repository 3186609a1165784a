"""One call of an objective, and what its end means for the trial."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import attrs

from hpo.core import (
    Command,
    Exhausted,
    FrozenTrial,
    StudyState,
    Tell,
    TrialState,
    is_replayable,
    objective_values,
    suggest_joint,
)
from hpo.errors import HpoError, TrialPruned
from hpo.study.advisors import Advisors
from hpo.study.recorder import Branch
from hpo.study.running.messages import failure_reason
from hpo.study.trial import Trial

Objective: TypeAlias = Callable[[Any], Any]
"""Takes a trial, returns one number or one per direction; or raises `TrialPruned`."""

_MOST_SHOWN = 200  # characters of what an objective returned


class Job(Protocol):
    """What an executor runs: a trial from its start to its end."""

    def __call__(self) -> Ended:
        """Run the trial; nothing is raised."""
        ...


@attrs.frozen
class Ended:
    """How a call of the objective ended.

    Attributes:
        tell: The command that finishes the trial; it has no time yet.
        error: What the objective raised, or None.
        commands: What a trial that ran apart has recorded meanwhile.
        exhausted: Whether the sampler had nothing left.
    """

    tell: Tell
    error: BaseException | None = None
    commands: tuple[Command, ...] = ()
    exhausted: bool = False


def evaluate(trial: Trial, objective: Objective, state: StudyState) -> Ended:
    """Call the objective. Whatever it does makes a `Tell`: nothing is raised.

    Args:
        trial: What the objective gets.
        objective: What to call.
        state: Any state of the study, for its directions and metric names.
    """
    try:
        result = objective(trial)
    except TrialPruned as pruned:
        return Ended(Tell(trial.number, state=TrialState.PRUNED, reason=str(pruned) or None, unused=trial.unused))
    except BaseException as error:  # noqa: BLE001 - the caller raises it again, after the trial is told
        return Ended(
            Tell(trial.number, state=TrialState.FAIL, reason=failure_reason(error), unused=trial.unused), error
        )
    try:
        values = objective_values(state, result)
    except Exception as error:  # noqa: BLE001 - objects of users may raise anything when they are looked at
        problem = error if isinstance(error, HpoError) else failure_reason(error)
        reason = f"the objective returned {_shown(result)}: {problem}"
        return Ended(Tell(trial.number, state=TrialState.FAIL, reason=reason, unused=trial.unused))
    return Ended(Tell(trial.number, values, unused=trial.unused))


@attrs.frozen
class LiveJob:
    """Evaluates a trial that records into the study as it goes; for threads of this process."""

    trial: Trial
    objective: Objective
    state: StudyState

    def __call__(self) -> Ended:
        """See `Job`."""
        return evaluate(self.trial, self.objective, self.state)


@attrs.frozen
class ApartJob:
    """Evaluates a trial that records into a copy of the study; for other processes, and for a fixed order.

    Attributes:
        state: The study to branch off: at the trial's start, or after its joint suggestion if it has one.
        started: The study at the moment when the trial started.
        trial: The trial; without parameters its joint suggestion is computed by the job.
        suggested: Whether the trial has its joint parameters.
        advisors: Who suggests, and who judges reports, by what was known when the trial started.
        objective: What to call.
    """

    state: StudyState
    started: StudyState
    trial: FrozenTrial
    suggested: bool
    advisors: Advisors
    objective: Objective

    def __call__(self) -> Ended:
        """See `Job`."""
        branch, joint = Branch(self.state), self.trial
        if not self.suggested:
            try:
                answer = suggest_joint(self.started, self.advisors.sampler, self.trial)
                if isinstance(answer, Exhausted):
                    reason = f"nothing is left to suggest: {answer.reason}"
                    return Ended(Tell(self.trial.number, state=TrialState.FAIL, reason=reason), exhausted=True)
                joint = branch.record(self.advisors.sampler_use, answer).running[self.trial.number]
            except BaseException as error:  # noqa: BLE001 - of a sampler; raised again after the trial is told
                return Ended(Tell(self.trial.number, state=TrialState.FAIL, reason=failure_reason(error)), error)
        trial = Trial(branch, self.advisors, self.started, joint)
        return attrs.evolve(evaluate(trial, self.objective, self.state), commands=tuple(branch.commands))


def run_in_other_process(job: ApartJob) -> Ended:
    """Run `job` where it was sent to, and make sure that its error can travel back."""
    sampler: Any = job.advisors.sampler
    if not is_replayable(sampler) and hasattr(sampler, "reseed_rng"):
        sampler.reseed_rng()  # the copies of a sampler with a memory must not repeat each other
    ended = job()
    if ended.error is None:
        return ended
    try:
        pickle.loads(pickle.dumps(ended.error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - exceptions of users may fail to pickle in any way
        return attrs.evolve(ended, error=RuntimeError(ended.tell.reason))
    return ended


def caught(error: BaseException | None, catch: Sequence[type[BaseException]]) -> bool:
    """Whether optimization goes on after `error`."""
    return error is None or isinstance(error, tuple(catch))


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - see above
        return f"a {type(value).__name__} without repr"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
