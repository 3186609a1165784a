"""Objectives that wait: coroutines of the caller's event loop, many at a time."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Awaitable, Callable, Generator, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any

from hpo.core import StoppingRule
from hpo.errors import InvalidArgument, InvalidType, NotOptimizing
from hpo.stopping.rules import MaxTrials
from hpo.study.current import CurrentRun, Stoppable
from hpo.study.open_trials import OpenTrials
from hpo.study.running.executors import Callback, RunOptions
from hpo.study.running.session import Session
from hpo.study.trial import Trial


class RunsCoroutines:
    """The method of `hpo.Study` for objectives that are coroutines."""

    _trials: OpenTrials

    async def optimize_async(
        self,
        func: Callable[[Trial], Awaitable[Any]],
        n_trials: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of the run, as in `optimize`: trials that run are not cut off
        n_jobs: int = 1,
        catch: type[BaseException] | Iterable[type[BaseException]] = (),
        callbacks: Iterable[Callback] | None = None,
        *,
        show_progress_bar: bool = False,
        stop: StoppingRule | None = None,
        total_trials: int | MaxTrials | None = None,
    ) -> None:
        """Run trials of a coroutine function: for objectives that wait, such as for a service or for a prompt.

        The coroutines run in the event loop of the caller, up to `n_jobs` at a time. The sampler, the journal and the callbacks
        work in threads, so that the loop does not wait for them; what a coroutine itself asks of its trial is done at once.
        If the call is cancelled, no more trials start, the running coroutines are cancelled, and their trials fail.

        Args:
            func: An ``async def`` that takes a `Trial`, and returns what an objective returns.
            n_trials: How many trials to start or resume; None means no limit.
            timeout: Seconds after which no trial starts; None means no limit.
            n_jobs: How many coroutines run at a time; at least 1. Each costs a thread that waits.
            catch: Exceptions that do not end the run.
            callbacks: Called with the study and each finished trial, in order, in a thread.
            show_progress_bar: Whether to show one (needs ``purehpo[progress]``).
            stop: A stopping rule, as in `optimize`.
            total_trials: How many trials the study gets over all runs and workers, as in `optimize`.

        Raises:
            InvalidArgument, InvalidType: an argument is not valid; no trial is started. Or `func` returned something that
                can't be awaited; its trial has failed.
            NotOptimizing: it is called from inside an objective or a callback of this study.

        Example:
            >>> import asyncio, hpo
            >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
            >>> async def objective(trial):
            ...     x = trial.suggest_float("x", 0, 1)
            ...     await asyncio.sleep(0.001)
            ...     return x
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
            >>> asyncio.run(study.optimize_async(objective, n_trials=20, n_jobs=10))
            >>> len(study.trials)
            20
        """
        trials = self._trials
        if trials.current_run.run is not None:
            raise NotOptimizing(
                "optimize_async can't be called from inside an objective or a callback of the same study"
            )
        if not callable(func):
            raise InvalidType(f"an objective of optimize_async is an async def that takes a trial, got {func!r}")
        if n_jobs is None or n_jobs == -1:
            raise InvalidArgument(f"n_jobs of optimize_async is how many coroutines run at a time, got {n_jobs!r}")
        running: set[Future[Any]] = set()
        loop = asyncio.get_running_loop()
        options = RunOptions.checked(
            partial(_waited_for, func, loop, trials.current_run, running),
            n_trials=n_trials,
            timeout=timeout,
            n_jobs=n_jobs,
            catch=catch,
            callbacks=callbacks,
            gc_after_trial=False,
            show_progress_bar=show_progress_bar,
            executor=None,
            order="any",
            stop=stop,
            total_trials=total_trials,
            timeout_per_trial=None,
            speculate=False,
        )
        session = Session(self, trials, options)  # type: ignore[arg-type]  # this is a base class of `Study`
        work = asyncio.ensure_future(asyncio.to_thread(session.run))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            session.request_stop(None)
            while not work.done():  # a trial may start until the session has seen that it should stop
                for future in [*running]:
                    future.cancel()
                await asyncio.wait([work], timeout=_PAUSE)
            if not work.cancelled():
                work.exception()  # that of a cancelled coroutine: the caller knows that it has cancelled
            raise


_PAUSE = 0.01  # seconds between two looks at whether all coroutines have ended


def _waited_for(
    func: Callable[[Trial], Awaitable[Any]],
    loop: asyncio.AbstractEventLoop,
    current: CurrentRun,
    running: set[Future[Any]],
    trial: Trial,
) -> Any:
    """Run ``func(trial)`` in `loop`, and wait for it in this thread, which works for a run."""
    made = func(trial)
    if not inspect.isawaitable(made):
        raise InvalidType(f"an objective of optimize_async is an async def, but {func!r} returned {made!r}")
    run = current.run
    assert run is not None, "objectives are called by runs"
    future = asyncio.run_coroutine_threadsafe(_awaited(made, current, run, current.number), loop)
    running.add(future)
    try:
        return future.result()
    finally:
        running.discard(future)


async def _awaited(made: Awaitable[Any], current: CurrentRun, run: Stoppable, number: int | None) -> Any:
    return await _in_run(made, current, run, number)


@types.coroutine
def _in_run(made: Awaitable[Any], current: CurrentRun, run: Stoppable, number: int | None) -> Generator[Any, Any, Any]:
    """Await `made`, whose every step works for `run`, so that it may call `Study.stop`."""
    steps, value, error = made.__await__(), None, None
    while True:
        try:
            with current.inside(run, number):
                if error is not None:
                    waits_for = steps.throw(error)
                else:
                    waits_for = steps.send(value) if value is not None else next(steps)
        except StopIteration as done:
            return done.value
        try:
            value, error = (yield waits_for), None
        except BaseException as thrown:  # noqa: BLE001 - of the loop, for the coroutine: it is cancelled
            error = thrown
