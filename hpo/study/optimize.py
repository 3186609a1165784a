"""The loops behind `Study.optimize`: one trial after another, or several at a time."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TYPE_CHECKING, Any

import attrs
from msgspec.structs import replace

from hpo.core.commands import Tell
from hpo.core.numbers import as_float, as_int
from hpo.core.sampling import is_replayable
from hpo.core.trial import FrozenTrial, TrialState
from hpo.errors import InvalidArgument, InvalidType, SearchSpaceExhausted, TrialNotRunning
from hpo.study.evaluation import ApartJob, Ended, Job, LiveJob, Objective, caught, evaluate, run_in_other_process
from hpo.study.executors import DaemonThreads
from hpo.study.narration import narrate_end, narrate_exhaustion
from hpo.study.progress import ProgressBar
from hpo.study.recorder import now

if TYPE_CHECKING:
    from hpo.core.state import StudyState
    from hpo.study.study import Study
    from hpo.study.trial import Trial

_LONGEST_WAIT = 0.5  # seconds
Callback = Callable[[Any, FrozenTrial], None]


@attrs.frozen
class Plan:
    """The checked arguments of `Study.optimize`; see there."""

    objective: Objective
    n_trials: int | None
    timeout: float | None
    n_jobs: int
    catch: tuple[type[BaseException], ...]
    callbacks: tuple[Callback, ...]
    gc_after_trial: bool
    show_progress_bar: bool
    executor: Executor | None
    ordered: bool

    @classmethod
    def checked(
        cls,
        objective: Objective,
        *,
        n_trials: int | None,
        timeout: float | None,
        n_jobs: int | None,
        catch: type[BaseException] | Iterable[type[BaseException]],
        callbacks: Iterable[Callback] | None,
        gc_after_trial: bool,
        show_progress_bar: bool,
        executor: Executor | None,
        order: str,
    ) -> Plan:
        """A plan, or an error that names the argument that can't be followed."""
        if not callable(objective):
            raise InvalidType(f"an objective is a callable that takes a trial, got {objective!r}")
        if n_trials is not None and ((count := as_int(n_trials)) is None or count < 0):
            raise InvalidArgument(f"n_trials is None or a whole number from 0 on, got {n_trials!r}")
        seconds = None if timeout is None else as_float(timeout)
        if timeout is not None and (seconds is None or not seconds >= 0.0):
            raise InvalidArgument(f"timeout is None or a number of seconds from 0 on, got {timeout!r}")
        if order not in ("any", "deterministic"):
            raise InvalidArgument(f"order is 'any' or 'deterministic', got {order!r}")
        handlers = [*callbacks] if callbacks is not None else []
        for handler in handlers:
            if not callable(handler):
                raise InvalidType(f"a callback is a callable that takes a study and a trial, got {handler!r}")
        return cls(
            objective=objective,
            n_trials=n_trials,
            timeout=seconds,
            n_jobs=_jobs(n_jobs, executor),
            catch=_exception_types(catch),
            callbacks=tuple(handlers),
            gc_after_trial=gc_after_trial,
            show_progress_bar=show_progress_bar,
            executor=executor,
            ordered=order == "deterministic",
        )


def _jobs(n_jobs: int | None, executor: Executor | None) -> int:
    if n_jobs is None:
        return (getattr(executor, "_max_workers", None) or os.cpu_count() or 1) if executor is not None else 1
    count = as_int(n_jobs)
    if count is None or count == 0 or count < -1:
        raise InvalidArgument(
            f"n_jobs is the number of parallel trials, at least 1, or -1 for all CPUs; got {n_jobs!r}"
        )
    return (os.cpu_count() or 1) if count == -1 else count


def _exception_types(catch: object) -> tuple[type[BaseException], ...]:
    types = (catch,) if isinstance(catch, type) else tuple(catch) if isinstance(catch, Iterable) else (catch,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise InvalidType(f"catch is an exception class or several, got {catch!r}")
    return types


class Session:
    """One call of `Study.optimize` while it runs."""

    def __init__(self, study: Study, plan: Plan) -> None:
        self.study = study
        self.plan = plan
        self._left = plan.n_trials
        self._deadline = None if plan.timeout is None else time.monotonic() + plan.timeout
        self._stopping = False
        self._stop_after: set[int] = set()
        self._open: set[int] = set()  # trials that were started here and are not told yet
        self._error: BaseException | None = None  # the first one; raised when the running trials have ended
        self._bar = ProgressBar(show=plan.show_progress_bar, n_trials=plan.n_trials, timeout=plan.timeout)

    def run(self) -> None:
        """Run trials until nothing is left of the plan."""
        plan = self.plan
        try:
            if plan.executor is None and plan.n_jobs == 1 and not plan.ordered:
                self._run_serially()
            else:
                self._run_in_parallel(plan.executor or DaemonThreads())
        except BaseException:
            self._fail([*self._open], "interrupted")
            raise
        finally:
            self._bar.close()

    def request_stop(self, number: int | None) -> None:
        """Start no more trials: at once, or in a fixed order when trial `number`, which asks for it, is told."""
        if self.plan.ordered and number is not None:
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
                trial, started, _ = self._start()
            except SearchSpaceExhausted as exhausted:
                narrate_exhaustion(exhausted)
                return
            error = self._finish(evaluate(trial, self.plan.objective, started))
            if error is not None:
                raise error

    def _run_in_parallel(self, executor: Executor) -> None:
        running: dict[Future[Ended], int] = {}
        try:
            while True:
                while len(running) < self.plan.n_jobs and self._may_start():
                    self._submit_next(executor, running)
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

    def _submit_next(self, executor: Executor, running: dict[Future[Ended], int]) -> None:
        """Start a trial in `executor`, unless there is none left or it can't be started."""
        try:
            number, job = self._next_job()
        except SearchSpaceExhausted as exhausted:
            narrate_exhaustion(exhausted)
            self._stopping = True
            return
        except Exception as error:  # noqa: BLE001 - of a sampler; raised when the running trials have ended
            self._end_with(error)
            return
        try:
            running[executor.submit(job)] = number
        except Exception as error:  # noqa: BLE001 - raised when the running trials have ended
            self._fail([number], f"the executor failed: {error!r}")
            self._end_with(error)

    def _ended(self, running: dict[Future[Ended], int]) -> list[Future[Ended]]:
        """Wait for trials to end: those that have, or in a fixed order the oldest one."""
        awaited = [next(iter(running))] if self.plan.ordered else [*running]
        ended: set[Future[Ended]] = set()
        while not ended:  # a signal that arrives just before a wait would go unnoticed until its end
            ended = wait(awaited, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED).done
        return [future for future in awaited if future in ended]

    def _end_with(self, error: BaseException | None) -> None:
        """Start no more trials if there is an error, which is raised when the running ones have ended."""
        if error is not None:
            self._error, self._stopping = self._error or error, True

    def _start(self) -> tuple[Trial, StudyState, StudyState]:
        """A new trial; see `Study._start_trial`."""
        begun = self.study._start_trial()
        self._open.add(begun[0].number)
        return begun

    def _next_job(self) -> tuple[int, Callable[[], Ended]]:
        """The number of the next trial, started, and what an executor has to run for it."""
        study, plan = self.study, self.plan
        if plan.executor is not None and is_replayable(study.sampler):
            started, number = study._recorder.start_alone()
            self._open.add(number)
            job = ApartJob(
                state=started,
                started=started,
                trial=started.running[number],
                suggested=False,
                sampler=study.sampler,
                pruner=study.pruner,
                objective=plan.objective,
            )
            return number, _Elsewhere(job)
        trial, started, state = self._start()
        number = trial.number
        if plan.executor is None and not plan.ordered:
            return number, _Marked(self, number, LiveJob(trial, plan.objective, started))
        job = ApartJob(
            state=state,
            started=started,
            trial=state.running[number],
            suggested=True,
            sampler=study.sampler,
            pruner=study.pruner,
            objective=plan.objective,
        )
        return number, (_Marked(self, number, job) if plan.executor is None else _Elsewhere(job))

    def _finish_future(self, future: Future[Ended], number: int) -> BaseException | None:
        """Tell the trial; the error that ends the session, if there is one."""
        broken = future.exception()
        if broken is not None:  # not the objective: the executor could not run it
            self._fail([number], f"the executor failed: {broken!r}")
            return broken
        ended = future.result()
        if ended.exhausted:
            self._stopping = True
        return self._finish(ended)

    def _finish(self, ended: Ended) -> BaseException | None:
        """Tell the trial; the error that ends the session, if there is one: a callback's, or the objective's."""
        study, number = self.study, ended.tell.number
        try:
            state = study._recorder.record(*ended.commands, replace(ended.tell, at=now()))
        except TrialNotRunning:  # told by the objective itself, or by somebody who gave the trial up
            state = study._recorder.state
        study._forget(number)
        self._open.discard(number)
        trial = state.finished[-1]
        if trial.number != number:
            trial = state.trial(number)
        narrate_end(state, trial)
        self._stopping = self._stopping or number in self._stop_after
        if self.plan.gc_after_trial:
            gc.collect()
        try:
            for callback in self.plan.callbacks:
                callback(study, replace(trial))
        except Exception as error:  # noqa: BLE001 - raised when the other running trials have ended
            return error
        self._bar.update(state)
        return None if caught(ended.error, self.plan.catch) else ended.error

    def _fail(self, numbers: Iterable[int], reason: str) -> None:
        """Finish what still runs, without a result."""
        for number in numbers:
            if number in self.study._recorder.state.running:
                self.study._recorder.record(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
            self.study._forget(number)
            self._open.discard(number)


@attrs.frozen
class _Marked:
    """A job in a thread of ours, in which the objective may call `Study.stop`."""

    session: Session
    number: int
    job: Job

    def __call__(self) -> Ended:
        with self.session.study._inside(self.session, self.number):
            return self.job()


@attrs.frozen
class _Elsewhere:
    """A job for somebody else's executor."""

    job: ApartJob

    def __call__(self) -> Ended:
        return run_in_other_process(self.job)


class Whereabouts(threading.local):
    """Which session, and which of its trials, the current thread works for."""

    session: Session | None = None
    number: int | None = None
