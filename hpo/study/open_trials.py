"""Where trials are handed out and taken back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from hpo.core import Command, FrozenTrial, SearchSpace, StudyState, Tell, TrialState, as_int, running_by_worker
from hpo.errors import TrialNotRunning
from hpo.study.advisors import Advisors
from hpo.study.recorder import JournalRecorder, now
from hpo.study.running.workers import Worker, at_work
from hpo.study.trial import Trial

_A_FEW = 64  # trials that are kept without looking whether somebody else has told them


class Stoppable(Protocol):
    """A run of trials that can be asked to end."""

    def request_stop(self, number: int | None) -> None:
        """Start no more trials; `number` is the trial that asks for it, if one does."""
        ...


class Whereabouts(threading.local):
    """Which run, and which of its trials, the current thread works for."""

    run: Stoppable | None = None
    number: int | None = None

    @contextlib.contextmanager
    def inside(self, run: Stoppable, number: int | None) -> Iterator[None]:
        """Let the current thread work for `run`, and for its trial `number`."""
        before = self.run, self.number
        self.run, self.number = run, number
        try:
            yield
        finally:
            self.run, self.number = before


class TrialDesk:
    """What a study and its runs share: the recorder, who suggests and judges, and the trials that are out.

    Args:
        recorder: Where everything is recorded.
        advisors: Who suggests parameters, and who judges running trials.
    """

    def __init__(self, recorder: JournalRecorder, advisors: Advisors) -> None:
        self.recorder = recorder
        self.advisors = advisors
        self.whereabouts = Whereabouts()
        self._out: dict[int, Trial] = {}
        self._look_again = _A_FEW
        self._asking: Worker | None = None

    def hand_out(
        self, space: SearchSpace | None = None, *, worker: str | None = None
    ) -> tuple[Trial, StudyState, StudyState]:
        """A new trial, the state at its start, and the state with its joint parameters.

        Args:
            space: Parameters that are suggested at once and count as asked for; None leaves it to the objective.
            worker: Who will run it.

        Raises:
            SearchSpaceExhausted: the sampler has nothing left.
        """
        started, state, number = self.recorder.start(self.advisors, space, worker=worker)
        touched = () if space is None else space
        trial = Trial(self.recorder, self.advisors, started, state.running[number], touched=touched)
        self._out[number] = trial
        if len(self._out) > self._look_again:
            self._forget_ended(state)
        return trial, started, state

    def _forget_ended(self, state: StudyState) -> None:
        """Let go of trials that were told elsewhere; of one that is newer than `state` it is not known."""
        for number in [*self._out]:
            if number < state.n_trials and number not in state.running and number not in state.waiting:
                self._out.pop(number, None)
        self._look_again = 2 * len(self._out) + _A_FEW  # so that it costs O(1) per trial

    def ask(self, space: SearchSpace | None) -> Trial:
        """A new trial, of the worker whose block this is in, if there is one; see `hand_out`."""
        if self._asking is None:
            return self.hand_out(space)[0]
        return self._asking.start(lambda name: self.hand_out(space, worker=name)[0])

    @contextlib.contextmanager
    def as_worker(self) -> Iterator[None]:
        """Let a worker be alive until the end of the block, to whom all trials belong that are asked for meanwhile."""
        before = self._asking
        with at_work(self.recorder.journal) as worker:
            self._asking = worker
            try:
                yield
            finally:
                self._asking = before

    def unused(self, number: int) -> tuple[str, ...]:
        """Joint parameters of a trial that its objective has not asked for; none if it was handed out elsewhere."""
        whole = as_int(number)
        trial = None if whole is None else self._out.get(whole)
        return () if trial is None else trial.unused

    def take_back(self, tell: Tell, commands: Sequence[Command] = ()) -> tuple[StudyState, FrozenTrial]:
        """Record the end of a trial, after what it recorded apart; the state then, and the finished trial.

        Where the trial has been told already, by its objective or by somebody who gave it up, that stands.
        """
        try:
            state = self.recorder.record(*commands, tell)
        except TrialNotRunning:
            state = self.recorder.state
        self._out.pop(tell.number, None)
        trial = state.finished[-1]
        return state, trial if trial.number == tell.number else state.trial(tell.number)

    def tell(self, tell: Tell) -> FrozenTrial:
        """Record the end of a trial; see `decide` for errors."""
        finished = self.recorder.record(tell).finished[-1]
        self._out.pop(finished.number, None)
        return finished

    def give_up(self, numbers: Sequence[int], reason: str) -> None:
        """Fail trials of which no result will come."""
        for number in numbers:
            with contextlib.suppress(TrialNotRunning):
                self.recorder.record(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
            self._out.pop(number, None)

    def run_by(self, worker: Worker) -> list[int]:
        """The running trials of a worker: what it will not finish once it is gone."""
        running = running_by_worker(self.recorder.state)
        return [number for name in worker.names for number in running.get(name, [])]
