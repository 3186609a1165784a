"""Executors for objectives: in daemon threads of this process, or in an executor that the user passes."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

import attrs

from hpo.core import is_replayable
from hpo.study.running.detached import DetachedJob
from hpo.study.running.evaluation import TrialResult

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(Executor):
    """An executor that runs every call in a daemon thread of its own.

    The threads of a `ThreadPoolExecutor` are joined when the interpreter exits. These are not, so an interrupted
    program never waits for objectives whose results nobody needs any more.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `fn` at once in a new thread, and return the future of its result."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                _finish(future, fn, args, kwargs)

        threading.Thread(target=run, name="hpo-trial", daemon=True).start()
        return future


@attrs.frozen
class InExecutor:
    """A job for an executor of the user's, which may run it in this process or in another one.

    Attributes:
        job: The job, which is pickled when it is sent to another process.
        in_thread: The same job for a thread of this process, where `Study.stop` works. It is never pickled.
    """

    job: DetachedJob
    in_thread: Callable[[], TrialResult] | None = None

    def __call__(self) -> TrialResult:
        """Run the job in this process. Nothing is raised."""
        return _run_in_other_process(self.job) if self.in_thread is None else self.in_thread()

    def __reduce__(self) -> tuple[type[InExecutor], tuple[DetachedJob]]:
        return InExecutor, (self.job,)


def _run_in_other_process(job: DetachedJob) -> TrialResult:
    """Run `job`, and make sure that its error can be sent back."""
    sampler: Any = job.advisors.sampler
    if not is_replayable(sampler) and hasattr(sampler, "reseed_rng"):
        sampler.reseed_rng()  # this is a copy: without new seeds all copies of a stateful sampler suggest the same
    result = job()
    if result.error is None:
        return result
    try:
        pickle.loads(pickle.dumps(result.error))  # noqa: S301 - bytes that were made on this very line
    except Exception:  # noqa: BLE001 - exceptions of users may fail to pickle in any way
        return attrs.evolve(result, error=RuntimeError(result.tell.reason))
    return result


def _finish(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - raised by whoever asks the future for its result
        future.set_exception(error)
    else:
        future.set_result(result)
