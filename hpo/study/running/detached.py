"""Detached trials, which run on a copy of the study: in another process, or until it is their turn to be recorded."""

from __future__ import annotations

import attrs

from hpo.core import Command, Exhausted, FrozenTrial, StudyState, Tell, TrialState, suggest_joint
from hpo.study.advisors import Advisors
from hpo.study.recorder import decide_all
from hpo.study.running.evaluation import Objective, TrialResult, evaluate
from hpo.study.running.messages import failure_reason
from hpo.study.trial import Trial


class DetachedRecorder:
    """Records into a copy of the study, and keeps the commands, which are carried out in the study itself later.

    It is the `hpo.study.recorder.Recorder` of a detached trial.
    """

    detached = True

    def __init__(self, state: StudyState) -> None:
        self.state = state
        self.commands: list[Command] = []

    def record(self, *commands: Command) -> StudyState:
        """Carry out `commands` on the copy, and keep them."""
        _, self.state = decide_all(self.state, commands)
        self.commands.extend(commands)
        return self.state

    def record_if(self, state: StudyState, *commands: Command) -> StudyState:
        """Carry out `commands` on the copy. It is always still in `state`, because nobody else changes it."""
        return self.record(*commands)


@attrs.frozen
class DetachedJob:
    """Evaluates a detached trial when it is called.

    Attributes:
        state: The study to copy: as it was at the trial's start, or after its joint suggestion if it has one.
        started: The study as it was at the trial's start, or when it was resumed.
        trial: The trial. If it has no joint parameters yet, the job computes them.
        has_params: Whether the trial has its joint parameters.
        advisors: The sampler, and the pruner, which see the study as it was at the trial's start.
        objective: What to call.
    """

    state: StudyState
    started: StudyState
    trial: FrozenTrial
    has_params: bool
    advisors: Advisors
    objective: Objective

    def __call__(self) -> TrialResult:
        """Run the trial. Nothing is raised."""
        recorder, joint = DetachedRecorder(self.state), self.trial
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
        result = evaluate(trial, self.objective, self.state)
        return attrs.evolve(result, commands=tuple(recorder.commands))
