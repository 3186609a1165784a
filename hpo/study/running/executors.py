"""Executors for objectives: in daemon threads of this process, or in an executor that the user passes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from hpo.core import as_int, shown_with_advice
from hpo.errors import InvalidArgument, InvalidType

P = ParamSpec("P")
T = TypeVar("T")

_SIZES = ("_max_workers", "num_workers", "max_workers")
"""Attributes by which executors tell how many workers they have."""
_FRONTS = {"get_executor": ".get_executor()", "executor": ".executor"}
"""Attributes of clients that have `submit` and make an executor, with what follows the client."""


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


def _finish(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - raised by whoever asks the future for its result
        future.set_exception(error)
    else:
        future.set_result(result)


def checked_executor(given: Executor | None) -> Executor | None:
    """Return `given`.

    Raises:
        InvalidType: it does not have the methods of `concurrent.futures.Executor`, or has another meaning for them.
    """
    if given is None or isinstance(given, Executor):
        return given
    kind = type(given)
    for name, front in _FRONTS.items():
        if not isinstance(given, type) and hasattr(given, "submit") and hasattr(given, name):
            raise InvalidType(
                f"a {kind.__module__.partition('.')[0]} {kind.__qualname__} is not an executor, because its submit does "
                f"not return a concurrent.futures.Future: pass the executor that it makes, executor=it{front}"
            )
    methods = (getattr(given, name, None) for name in ("submit", "map", "shutdown"))
    if isinstance(given, type) or not all(map(callable, methods)):
        raise InvalidType(
            "an executor is a concurrent.futures.Executor, or has its methods submit, map and shutdown; "
            f"got {shown_with_advice(given)}"
        )
    return given


def checked_future(executor: Executor, given: Future[T]) -> Future[T]:
    """Return what `submit` of `executor` has returned.

    Raises:
        InvalidType: it is not a future of concurrent.futures.
    """
    if not isinstance(given, Future):
        raise InvalidType(
            f"submit of an executor returns a concurrent.futures.Future; that of a {type(executor).__qualname__} "
            f"returned a {type(given).__qualname__}"
        )
    return given


def size_of(executor: Executor) -> int | None:
    """Return how many workers `executor` has, or None if it does not tell."""
    for name in _SIZES:
        size = as_int(getattr(executor, name, None))
        if size is not None and size >= 1:
            return int(size)
    return None


def job_count(n_jobs: int | None, executor: Executor | None) -> int:
    """Return how many trials run at a time.

    Raises:
        InvalidArgument: `n_jobs` is not -1 or at least 1, or leaves the number to an executor that does not tell it.
    """
    count = 1 if n_jobs is None else as_int(n_jobs)
    if count is None or count == 0 or count < -1:
        raise InvalidArgument(
            f"n_jobs is the number of parallel trials, at least 1, or -1 for all CPUs; got {n_jobs!r}"
        )
    if executor is None:
        return (os.cpu_count() or 1) if count == -1 else count
    if n_jobs is not None and count >= 1:
        return count
    size = size_of(executor)
    if size is None:
        raise InvalidArgument(
            f"a {type(executor).__qualname__} does not tell how many workers it has: pass n_jobs, the number of trials "
            "that can run there at a time (with Dask, n_jobs=sum(client.nthreads().values()))"
        )
    return size
