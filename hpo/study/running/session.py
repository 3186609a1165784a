"""The loops behind `Study.optimize`: one trial after another, or several at a time."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from hpo.core import FrozenTrial, HasState, StudyState, Tell, TrialState, joint_space, needs_pending
from hpo.errors import InvalidType, SearchSpaceExhausted
from hpo.study.callbacks.max_trials import EnoughTrials
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import now
from hpo.study.running.ahead import Ahead
from hpo.study.running.evaluation import DetachedJob, Frames, TrialResult, evaluate
from hpo.study.running.executors import DaemonThreads, RunOptions, checked_future, size_of
from hpo.study.running.ledger import Ledger
from hpo.study.running.messages import (
    ProgressBar,
    failure_reason,
    log_exhausted,
    log_late_result,
    log_stop,
    log_trial_end,
)
from hpo.study.running.remote import Job, PostOffice, Reply, run_job
from hpo.study.running.workers import LOST_PREFIX, Worker, fail_lost, is_lost, others_working, working
from hpo.study.series import Series
from hpo.study.trial import Trial

_LONGEST_WAIT = 0.5  # seconds
_LOOK_FOR_LOST = 60.0
"""Seconds between two looks for the trials of dead workers."""
_MOST_LOST = 8
"""An executor that loses this many trials in a row, and two for each that runs at a time, counts as broken."""

WITHDRAWN = "withdrawn: it was started ahead, and the run ended before its turn"

Running: TypeAlias = dict[int, tuple[Future[TrialResult | Reply], Job]]
"""What an executor runs, by the number of the trial, oldest first."""


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
        self._series = Series(trials.programs, options.objective)
        self._options = options
        self._next_look = 0.0
        self._left = options.n_trials
        self._deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._stopping = False
        self._stop_after: set[int] = set()
        self._error: BaseException | None = None  # the first one; raised when the running trials have ended
        self._frames = Frames(options.catch)
        self._lost_in_a_row = 0
        self._full_at: int | None = None  # the version of the study in which `total_trials` left no place
        self._post_office: PostOffice | None = None
        if options.executor is not None:
            ledger = trials.ledgers.setdefault(options.executor, Ledger())
            self._post_office = PostOffice(
                trials.recorder, trials.token, ledger, options.catch, options.timeout_per_trial
            )
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
        ahead = Ahead(self._start_ahead) if self._options.speculate else None
        try:
            while self._may_start():
                try:
                    begun = None if ahead is None else ahead.take()
                    waited = begun is not None
                    trial, started, _ = begun or self._start_trial()
                except (SearchSpaceExhausted, EnoughTrials) as exhausted:
                    if self._may_try_again(exhausted):
                        continue
                    self._end_exhausted(exhausted)
                    return
                if ahead is not None and self._left != 0 and not _is_nearly_used_up(started):
                    ahead.prepare()
                began = now() if waited else None  # a trial that was started ahead had to wait for its turn
                result = self._frames.let_go(evaluate(trial, self._options.objective, started))
                if waited:
                    result = replace(result, tell=replace(result.tell, began=began))
                error = self._finish(result, began)
                if error is not None:
                    raise error
        finally:
            withdrawn = None if ahead is None else ahead.withdraw()
            if withdrawn is not None:
                self._trials.fail_trials([withdrawn[0].number], WITHDRAWN)

    def _start_ahead(self) -> Callable[[], tuple[Trial, StudyState, StudyState]]:
        started, number, _ = self._trials.start_without_params(self._worker, self._options.total)
        return partial(self._trials.with_params, started, number)

    def _start_trial(self) -> tuple[Trial, StudyState, StudyState]:
        return self._series.start_trial(self._trials, worker=self._worker, total=self._options.total)

    def _may_try_again(self, exhausted: SearchSpaceExhausted | EnoughTrials) -> bool:
        """Return whether the end of a trial of another worker may leave something to start. Waits a moment for it."""
        if not exhausted.for_now:
            return False
        if self._fail_lost() or others_working(self._trials.recorder):
            self._count_back()
            time.sleep(_LONGEST_WAIT)
            return True
        # Whoever held a place may have left it, and be gone, since the study was found full: only if nothing has happened
        # from then on, there is nothing to wait for.
        full_at = self._full_at
        self._full_at = self._trials.recorder.state.version
        if isinstance(exhausted, EnoughTrials) and self._full_at != full_at:
            self._count_back()
            return True
        return False

    def _end_exhausted(self, exhausted: SearchSpaceExhausted | EnoughTrials) -> None:
        """Start no more trials, because nothing is left to suggest or to start, and log it."""
        self._stopping = True
        self._count_back()
        if isinstance(exhausted, EnoughTrials):
            log_stop(str(exhausted))
            return
        log_exhausted(exhausted, self._options.n_trials, self._left)

    def _count_back(self) -> None:
        """Do not count the trial that `_may_start` has allowed, because it was not started."""
        self._left = None if self._left is None else self._left + 1

    def _run_in_parallel(self, executor: Executor) -> None:
        running: Running = {}
        try:
            while True:
                while len(running) < self._most_at_a_time() and self._may_start():
                    if not self._submit_next(executor, running):
                        break
                if not running:
                    break
                for number in self._wait_for_some(running):
                    self._end_with(self._finish_future(executor, running, number))
        except BaseException:
            for future, _ in running.values():
                future.cancel()
            raise
        if self._error is not None:
            raise self._error

    def _most_at_a_time(self) -> int:
        """Return how many trials may run. More than the executor's workers would wait, with aging suggestions."""
        n_jobs, executor = self._options.n_jobs, self._options.executor
        size = None if executor is None or self._options.ordered else size_of(executor)
        return n_jobs if size is None else min(n_jobs, size)

    def _submit_next(self, executor: Executor, running: Running) -> bool:
        """Start a trial in `executor`; False if none can be started before a running one has ended."""
        try:
            number, job = self._next_job()
        except (SearchSpaceExhausted, EnoughTrials) as exhausted:
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
        self._end_with(self._submit(executor, running, number, job))
        return True

    def _submit(self, executor: Executor, running: Running, number: int, job: Job) -> Exception | None:
        """Give `executor` a job, and return the error that ends the session, or None."""
        try:
            future = checked_future(executor, executor.submit(run_job, job))
        except Exception as error:  # noqa: BLE001 - raised when the running trials have ended
            running.pop(number, None)
            error = job.problem or error
            return self._lose(number, f"the executor failed: {error!r}") or error
        running[number] = future, job
        return None

    def _wait_for_some(self, running: Running) -> list[int]:
        """Wait until some trials have ended, or in a fixed order the oldest one, and return their numbers."""
        awaited = [next(iter(running))] if self._options.ordered else [*running]
        futures = [running[number][0] for number in awaited]
        ended: set[Future[TrialResult | Reply]] = set()
        while not ended:  # in short waits, because a signal that arrives just before one is only handled after it
            ended = wait(futures, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED).done
        return [number for number, future in zip(awaited, futures, strict=True) if future in ended]

    def _end_with(self, error: BaseException | None) -> None:
        """Start no more trials if there is an error, which is raised when the running ones have ended."""
        if error is not None:
            self._error, self._stopping = self._error or error, True

    def _next_job(self) -> tuple[int, Job]:
        """Start the next trial, and return its number and what an executor has to run for it."""
        trials, options = self._trials, self._options
        sampler = trials.advisors.sampler
        if (
            options.executor is not None
            and not options.ordered
            and not trials.advisors.asked_once
            and not needs_pending(sampler)
        ):
            # The suggestion is computed by the executor's worker: it may be slow, and depends on nothing but `started`.
            started, number, resumed = trials.start_without_params(self._worker, options.total)
            return number, self._detached(started, started, number, has_params=resumed)
        trial, started, state = self._start_trial()
        number = trial.number
        if options.executor is None and not options.ordered:
            return number, Job(self._in_thread(number, partial(evaluate, trial, options.objective, started)))
        return number, self._detached(started, state, number, has_params=True)

    def _detached(self, started: StudyState, state: StudyState, number: int, *, has_params: bool) -> Job:
        job = DetachedJob(started, state, number, has_params, self._trials.advisors, self._options.objective)
        here = self._in_thread(number, job)
        return Job(here) if self._post_office is None else self._post_office.job(job, here)

    def _in_thread(self, number: int, job: Callable[[], TrialResult]) -> Callable[[], TrialResult]:
        """Return `job` for a thread of this process, where the objective may call `Study.stop`."""

        def run() -> TrialResult:
            with self._trials.current_run.inside(self, number):
                return self._frames.let_go(job())

        return run

    def _finish_future(self, executor: Executor, running: Running, number: int) -> BaseException | None:
        """Tell the trial of a future that is done, and return the error that ends the session, or None."""
        future, job = running[number]
        if future.cancelled():
            del running[number]
            return self._lose(number, "its job was cancelled in the executor")
        broken = future.exception()
        if broken is not None:  # not the objective's error: the executor could not run it
            del running[number]
            broken = job.problem or broken
            self._lost_in_a_row += 1
            ends = job.problem is not None or isinstance(broken, BrokenExecutor)
            ends = ends or self._lost_in_a_row > _MOST_LOST + 2 * self._options.n_jobs
            return self._lose(number, f"the executor failed: {broken!r}") or (broken if ends else None)
        result = future.result()
        if isinstance(result, Reply):
            assert job.post is not None, "only what was posted is replied to"
            try:
                opened = job.post.opened(job, result)
            except InvalidType as error:
                del running[number]
                return self._lose(number, str(error)) or error
            if opened is None:  # it keeps its place among the running ones
                return self._submit(executor, running, number, job)
            result = opened
        del running[number]
        self._lost_in_a_row = 0
        if result.exhausted:
            self._stopping = True
        if result.stopped:
            self.request_stop(number)
        return self._finish(result, job.earliest)

    def _lose(self, number: int, why: str) -> Exception | None:
        """Fail a trial of which no result will come, and return the error of a callback, or None."""
        reason = f"{LOST_PREFIX} {why}"
        state, trial = self._trials.finish_trial(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
        if trial.reason != reason:  # somebody else has told it
            return None
        log_trial_end(state, trial)
        self._bar.update(state)
        try:
            self._call_back(trial)
            self._ask_rule()
        except Exception as error:  # noqa: BLE001 - raised when the other running trials have ended
            return error
        return None

    def _finish(self, result: TrialResult, earliest: float | None = None) -> BaseException | None:
        """Tell the trial, and return the error that ends the session, or None. It may be a callback's.

        Args:
            result: How it ended.
            earliest: When it was started, if a worker may have begun to run it later; a worker's clock may be wrong.
        """
        at, began = now(), result.tell.began
        began = None if began is None or earliest is None else min(max(began, earliest), at)
        tell = replace(result.tell, at=at, began=began, workers=tuple(self._worker.names))
        state, trial = self._trials.finish_trial(tell, result.commands, paused=result.paused)
        # others have failed it, or gone on with it
        late = (is_lost(trial) and trial.reason != tell.reason) or trial.state is TrialState.RUNNING
        if late:
            log_late_result(trial)
        else:
            log_trial_end(state, trial, result.traceback)
            self._trials.unasked.look(state, trial)
        self._stopping = self._stopping or trial.number in self._stop_after
        if self._options.gc_after_trial:
            gc.collect()
        try:
            # Whoever failed a late trial has called the callbacks for it; a second retry would be one too many.
            if trial.state.is_finished() and not late:
                self._call_back(trial)
            if time.monotonic() >= self._next_look:
                self._fail_lost()
            self._ask_rule()
        except Exception as error:  # noqa: BLE001 - raised when the other running trials have ended
            return error
        self._bar.update(state)
        return None if late else result.error

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
        self._ask_rule()

    def _ask_rule(self) -> None:
        """Start no more trials if the stopping rule says so."""
        rule = self._options.stop
        if rule is None or self._stopping:
            return
        stop = rule(self._trials.recorder.state)
        if stop is not None:
            self._stopping = True
            log_stop(stop.reason)

    def _call_back(self, trial: FrozenTrial) -> None:
        for callback in self._options.callbacks:
            callback(self._study, trial)


def _is_nearly_used_up(state: StudyState) -> bool:
    """Return whether the trials may be all of a finite space: one more would fail if it were started ahead."""
    sizes = [distribution.n_values() or math.inf for distribution in joint_space(state).values()]
    return bool(sizes) and math.prod(sizes) <= state.n_trials
