"""The loops behind `Study.optimize`: one trial after another, or several at a time."""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait

from msgspec.structs import replace

from hpo.core import FrozenTrial, HasState, is_replayable, needs_pending
from hpo.errors import SearchSpaceExhausted
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import now
from hpo.study.running.detached import DetachedJob
from hpo.study.running.evaluation import TrialResult, evaluate
from hpo.study.running.executors import DaemonThreads, InExecutor
from hpo.study.running.messages import ProgressBar, failure_reason, log_exhausted, log_late_result, log_trial_end
from hpo.study.running.options import RunOptions
from hpo.study.running.workers import Worker, fail_lost, is_lost, others_working, working
from hpo.study.series import Series

_LONGEST_WAIT = 0.5  # seconds
_LOOK_FOR_LOST = 60.0
"""Seconds between two looks for the trials of dead workers."""


class Session:
    """One call of `Study.optimize` while it runs.

    Args:
        study: The first argument of callbacks.
        trials: Where trials are started and finished.
        options: The checked arguments of the call.
    """

    def __init__(self, study: HasState, trials: OpenTrials, options: RunOptions) -> None:
        self._study = study
        self._trials = trials
        self._series = Series(trials, options.objective)
        self._options = options
        self._next_look = 0.0
        self._left = options.n_trials
        self._deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._stopping = False
        self._stop_after: set[int] = set()
        self._error: BaseException | None = None  # the first one; raised when the running trials have ended
        self._bar = ProgressBar(show=options.show_progress_bar, n_trials=options.n_trials, timeout=options.timeout)

    def run(self) -> None:
        """Run trials until the options say that it is enough, and fail the trials of dead workers meanwhile."""
        with working(self._trials.recorder.journal) as worker:
            self._worker: Worker = worker  # all trials of this session belong to it
            self._run()

    def _run(self) -> None:
        options = self._options
        try:
            with self._trials.current_run.inside(self, None):
                self._fail_lost()
                self._call_before_run()
                if options.executor is None and options.n_jobs == 1 and not options.ordered:
                    self._run_serially()
                else:
                    self._run_in_parallel(options.executor or DaemonThreads())
        except BaseException as error:
            self._trials.fail_trials(self._trials.running_of(self._worker), failure_reason(error))
            raise
        finally:
            self._bar.close()

    def request_stop(self, number: int | None) -> None:
        """Start no more trials: from now on, or in a fixed order from when trial `number`, which asks, is told."""
        if self._options.ordered and number is not None:
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
                trial, started, _ = self._series.start_trial(worker=self._worker)
            except SearchSpaceExhausted as exhausted:
                if self._may_try_again(exhausted):
                    continue
                self._end_exhausted(exhausted)
                return
            error = self._finish(evaluate(trial, self._options.objective, started))
            if error is not None:
                raise error

    def _may_try_again(self, exhausted: SearchSpaceExhausted) -> bool:
        """Return whether a running trial of another worker may leave something to try. Waits a moment for its end."""
        if not exhausted.for_now or not (self._fail_lost() or others_working(self._trials.recorder)):
            return False
        self._count_back()
        time.sleep(_LONGEST_WAIT)
        return True

    def _end_exhausted(self, exhausted: SearchSpaceExhausted) -> None:
        """Start no more trials, because nothing is left to suggest, and log it."""
        self._stopping = True
        self._count_back()
        log_exhausted(exhausted, self._options.n_trials, self._left)

    def _count_back(self) -> None:
        """Do not count the trial that `_may_start` has allowed, because it was not started."""
        self._left = None if self._left is None else self._left + 1

    def _run_in_parallel(self, executor: Executor) -> None:
        running: dict[Future[TrialResult], int] = {}
        try:
            while True:
                while len(running) < self._options.n_jobs and self._may_start():
                    if not self._submit_next(executor, running):
                        break
                if not running:
                    break
                for future in self._wait_for_some(running):
                    self._end_with(self._finish_future(future, running.pop(future)))
        except BaseException:
            for future in running:
                future.cancel()
            raise
        if self._error is not None:
            raise self._error

    def _submit_next(self, executor: Executor, running: dict[Future[TrialResult], int]) -> bool:
        """Start a trial in `executor`; False if none can be started before a running one has ended."""
        try:
            number, job = self._next_job()
        except SearchSpaceExhausted as exhausted:
            if running:  # their results may leave something to try: ask again when the next one has ended
                self._count_back()
                return False
            if self._may_try_again(exhausted):
                return True
            self._end_exhausted(exhausted)
            return False
        except Exception as error:  # noqa: BLE001 - of a sampler; raised when the running trials have ended
            self._end_with(error)
            return False
        try:
            running[executor.submit(job)] = number
        except Exception as error:  # noqa: BLE001 - raised when the running trials have ended
            self._trials.fail_trials([number], f"the executor failed: {error!r}")
            self._end_with(error)
        return True

    def _wait_for_some(self, running: dict[Future[TrialResult], int]) -> list[Future[TrialResult]]:
        """Wait until some trials have ended, or in a fixed order the oldest one, and return their futures."""
        awaited = [next(iter(running))] if self._options.ordered else [*running]
        ended: set[Future[TrialResult]] = set()
        while not ended:  # in short waits, because a signal that arrives just before one is only handled after it
            ended = wait(awaited, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED).done
        return [future for future in awaited if future in ended]

    def _end_with(self, error: BaseException | None) -> None:
        """Start no more trials if there is an error, which is raised when the running ones have ended."""
        if error is not None:
            self._error, self._stopping = self._error or error, True

    def _next_job(self) -> tuple[int, Callable[[], TrialResult]]:
        """Start the next trial, and return its number and what an executor has to call for it."""
        trials, options = self._trials, self._options
        sampler = trials.advisors.sampler
        if (
            options.executor is not None
            and not options.ordered
            and is_replayable(sampler)
            and not needs_pending(sampler)
        ):
            # The suggestion is computed by the executor's worker: it may be slow, and depends on nothing but `started`.
            started, number, resumed = trials.start_without_params(self._worker)
            job = DetachedJob(started, started, started.running[number], resumed, trials.advisors, options.objective)
            return number, InExecutor(job, self._in_thread(number, job))
        trial, started, state = self._series.start_trial(worker=self._worker)
        number = trial.number
        if options.executor is None and not options.ordered:
            return number, self._in_thread(number, functools.partial(evaluate, trial, options.objective, started))
        job = DetachedJob(state, started, state.running[number], True, trials.advisors, options.objective)
        in_thread = self._in_thread(number, job)
        return number, (in_thread if options.executor is None else InExecutor(job, in_thread))

    def _in_thread(self, number: int, job: Callable[[], TrialResult]) -> Callable[[], TrialResult]:
        """Return `job` for a thread of this process, where the objective may call `Study.stop`."""

        def run() -> TrialResult:
            with self._trials.current_run.inside(self, number):
                return job()

        return run

    def _finish_future(self, future: Future[TrialResult], number: int) -> BaseException | None:
        """Tell the trial, and return the error that ends the session, or None."""
        broken = future.exception()
        if broken is not None:  # not the objective's error: the executor could not run it
            self._trials.fail_trials([number], f"the executor failed: {broken!r}")
            return broken
        result = future.result()
        if result.exhausted:
            self._stopping = True
        return self._finish(result)

    def _finish(self, result: TrialResult) -> BaseException | None:
        """Tell the trial, and return the error that ends the session, or None. It may be a callback's."""
        state, trial = self._trials.finish_trial(replace(result.tell, at=now()), result.commands, paused=result.paused)
        late = is_lost(trial)
        if late:
            log_late_result(trial)
        else:
            log_trial_end(state, trial)
        self._stopping = self._stopping or trial.number in self._stop_after
        if self._options.gc_after_trial:
            gc.collect()
        try:
            # Whoever failed a late trial has called the callbacks for it; a second retry would be one too many.
            if trial.state.is_finished() and not late:
                self._call_back(trial)
            if time.monotonic() >= self._next_look:
                self._fail_lost()
        except Exception as error:  # noqa: BLE001 - raised when the other running trials have ended
            return error
        self._bar.update(state)
        caught = result.error is None or isinstance(result.error, self._options.catch)
        return None if late or caught else result.error

    def _fail_lost(self) -> int:
        """Fail the trials of dead workers, call the callbacks for them, and return how many there were."""
        self._next_look = time.monotonic() + _LOOK_FOR_LOST
        lost = fail_lost(self._trials.recorder)
        error: Exception | None = None
        for trial in lost:
            try:
                self._call_back(trial)
            except Exception as raised:  # noqa: BLE001 - nobody else will call the callbacks for the other trials
                error = error or raised
        if error is not None:
            raise error
        return len(lost)

    def _call_before_run(self) -> None:
        for callback in self._options.callbacks:
            before_run = getattr(callback, "before_run", None)
            if before_run is not None:
                before_run(self._study)

    def _call_back(self, trial: FrozenTrial) -> None:
        for callback in self._options.callbacks:
            callback(self._study, trial)
