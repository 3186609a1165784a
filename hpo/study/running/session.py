"""The loops behind `Study.optimize`: one trial after another, or several at a time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import FrozenTrial, is_replayable, needs_pending
from hpo.errors import SearchSpaceExhausted
from hpo.study.open_trials import TrialDesk
from hpo.study.recorder import now
from hpo.study.running.evaluation import ApartJob, Ended, Job, LiveJob, caught, evaluate, run_in_other_process
from hpo.study.running.executors import DaemonThreads
from hpo.study.running.messages import failure_reason, narrate_end, narrate_exhaustion, narrate_lateness
from hpo.study.running.options import Plan
from hpo.study.running.progress import ProgressBar
from hpo.study.running.workers import Worker, at_work, fail_lost, is_lost, others_at_work

_LONGEST_WAIT = 0.5  # seconds
_LOOK_FOR_LOST = 60.0
"""Seconds from one look for the trials of dead workers to the next."""


class Session:
    """One call of `Study.optimize` while it runs.

    Args:
        study: What callbacks get.
        desk: Where trials come from and go to.
        plan: What to do.
    """

    def __init__(self, study: Any, desk: TrialDesk, plan: Plan) -> None:
        self._study = study
        self._desk = desk
        self._plan = plan
        self._next_look = 0.0
        self._left = plan.n_trials
        self._deadline = None if plan.timeout is None else time.monotonic() + plan.timeout
        self._stopping = False
        self._stop_after: set[int] = set()
        self._error: BaseException | None = None  # the first one; raised when the running trials have ended
        self._bar = ProgressBar(show=plan.show_progress_bar, n_trials=plan.n_trials, timeout=plan.timeout)

    def run(self) -> None:
        """Run trials until nothing is left of the plan, and fail those of workers that died."""
        with at_work(self._desk.recorder.journal) as worker:
            self._worker: Worker = worker  # whose trials those of this session are
            self._run()

    def _run(self) -> None:
        plan = self._plan
        try:
            with self._desk.whereabouts.inside(self, None):
                self._look_for_lost()
                if plan.executor is None and plan.n_jobs == 1 and not plan.ordered:
                    self._run_serially()
                else:
                    self._run_in_parallel(plan.executor or DaemonThreads())
        except BaseException as error:
            self._desk.give_up(self._desk.run_by(self._worker), failure_reason(error))
            raise
        finally:
            self._bar.close()

    def request_stop(self, number: int | None) -> None:
        """Start no more trials: at once, or in a fixed order when trial `number`, which asks for it, is told."""
        if self._plan.ordered and number is not None:
            self._stop_after.add(number)
        else:
            self._stopping = True

    def _may_start(self) -> bool:
        if self._stopping or self._left == 0:
            return False
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def _run_serially(self) -> None:
        while self._may_start():
            try:
                trial, started, _ = self._worker.start(lambda name: self._desk.hand_out(worker=name))
            except SearchSpaceExhausted as exhausted:
                if self._may_try_again(exhausted):
                    continue
                narrate_exhaustion(exhausted)
                return
            error = self._finish(evaluate(trial, self._plan.objective, started))
            if error is not None:
                raise error

    def _may_try_again(self, exhausted: SearchSpaceExhausted) -> bool:
        """Whether trials of other workers may leave something to try; after a moment, so that one may have ended."""
        if not exhausted.for_now or not (self._look_for_lost() or others_at_work(self._desk.recorder)):
            return False
        self._left = None if self._left is None else self._left + 1
        time.sleep(_LONGEST_WAIT)
        return True

    def _run_in_parallel(self, executor: Executor) -> None:
        running: dict[Future[Ended], int] = {}
        try:
            while True:
                while len(running) < self._plan.n_jobs and self._may_start():
                    if not self._submit_next(executor, running):
                        break
                if not running:
                    break
                for future in self._ended(running):
                    self._end_with(self._finish_future(future, running.pop(future)))
        except BaseException:
            for future in running:
                future.cancel()
            raise
        if self._error is not None:
            raise self._error

    def _submit_next(self, executor: Executor, running: dict[Future[Ended], int]) -> bool:
        """Start a trial in `executor`; False where nothing is left before a running one has ended."""
        try:
            number, job = self._next_job()
        except SearchSpaceExhausted as exhausted:
            if running:  # what they find out may leave something to try: ask again when the next one has ended
                self._left = None if self._left is None else self._left + 1
                return False
            if self._may_try_again(exhausted):
                return True
            narrate_exhaustion(exhausted)
            self._stopping = True
            return False
        except Exception as error:  # noqa: BLE001 - of a sampler; raised when the running trials have ended
            self._end_with(error)
            return False
        try:
            running[executor.submit(job)] = number
        except Exception as error:  # noqa: BLE001 - raised when the running trials have ended
            self._desk.give_up([number], f"the executor failed: {error!r}")
            self._end_with(error)
        return True

    def _ended(self, running: dict[Future[Ended], int]) -> list[Future[Ended]]:
        """Wait for trials to end: those that have, or in a fixed order the oldest one."""
        awaited = [next(iter(running))] if self._plan.ordered else [*running]
        ended: set[Future[Ended]] = set()
        while not ended:  # a signal that arrives just before a wait would go unnoticed until its end
            ended = wait(awaited, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED).done
        return [future for future in awaited if future in ended]

    def _end_with(self, error: BaseException | None) -> None:
        """Start no more trials if there is an error, which is raised when the running ones have ended."""
        if error is not None:
            self._error, self._stopping = self._error or error, True

    def _next_job(self) -> tuple[int, Callable[[], Ended]]:
        """The number of the next trial, started, and what an executor has to run for it."""
        desk, plan = self._desk, self._plan
        sampler = desk.advisors.sampler
        if plan.executor is not None and not plan.ordered and is_replayable(sampler) and not needs_pending(sampler):
            started, number = self._worker.start(lambda name: desk.recorder.start_alone(desk.advisors, worker=name))
            trial = started.running[number]
            job = ApartJob(started, started, trial, False, desk.advisors, plan.objective)
            return number, _Elsewhere(job, _Marked(self, desk, number, job))
        live, started, state = self._worker.start(lambda name: desk.hand_out(worker=name))
        number = live.number
        if plan.executor is None and not plan.ordered:
            return number, _Marked(self, desk, number, LiveJob(live, plan.objective, started))
        trial = state.running[number]
        job = ApartJob(state, started, trial, True, desk.advisors, plan.objective)
        marked = _Marked(self, desk, number, job)
        return number, (marked if plan.executor is None else _Elsewhere(job, marked))

    def _finish_future(self, future: Future[Ended], number: int) -> BaseException | None:
        """Tell the trial; the error that ends the session, if there is one."""
        broken = future.exception()
        if broken is not None:  # not the objective: the executor could not run it
            self._desk.give_up([number], f"the executor failed: {broken!r}")
            return broken
        ended = future.result()
        if ended.exhausted:
            self._stopping = True
        return self._finish(ended)

    def _finish(self, ended: Ended) -> BaseException | None:
        """Tell the trial; the error that ends the session, if there is one: a callback's, or the objective's."""
        state, trial = self._desk.take_back(replace(ended.tell, at=now()), ended.commands)
        late = is_lost(trial)
        if late:
            narrate_lateness(trial)
        else:
            narrate_end(state, trial)
        self._stopping = self._stopping or trial.number in self._stop_after
        if self._plan.gc_after_trial:
            gc.collect()
        try:
            if not late:  # who gave it up has told its callbacks, and a second retry would be one too many
                self._call_back(trial)
            if time.monotonic() >= self._next_look:
                self._look_for_lost()
        except Exception as error:  # noqa: BLE001 - raised when the other running trials have ended
            return error
        self._bar.update(state)
        return None if late or caught(ended.error, self._plan.catch) else ended.error

    def _look_for_lost(self) -> int:
        """Fail the trials of dead workers; how many there were."""
        self._next_look = time.monotonic() + _LOOK_FOR_LOST
        lost = fail_lost(self._desk.recorder)
        error: Exception | None = None
        for trial in lost:
            try:
                self._call_back(trial)
            except Exception as raised:  # noqa: BLE001 - nobody else will tell the callbacks of the other trials
                error = error or raised
        if error is not None:
            raise error
        return len(lost)

    def _call_back(self, trial: FrozenTrial) -> None:
        for callback in self._plan.callbacks:
            callback(self._study, replace(trial))


@attrs.frozen
class _Marked:
    """A job in a thread of this process, in which the objective may call `Study.stop`."""

    session: Session
    desk: TrialDesk
    number: int
    job: Job

    def __call__(self) -> Ended:
        with self.desk.whereabouts.inside(self.session, self.number):
            return self.job()


@attrs.frozen
class _Elsewhere:
    """A job for somebody else's executor: in a thread of this process it is the marked one, which does not travel."""

    job: ApartJob
    marked: _Marked | None = None

    def __call__(self) -> Ended:
        return run_in_other_process(self.job) if self.marked is None else self.marked()

    def __reduce__(self) -> tuple[type[_Elsewhere], tuple[ApartJob]]:
        return _Elsewhere, (self.job,)
