"""Threads that can be left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(Executor):
    """Runs every call in a daemon thread of its own.

    Unlike a `ThreadPoolExecutor`, whose threads are joined when the interpreter exits, it never makes an interrupted
    program wait for objectives that nobody wants any more.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `fn` now; see `Executor.submit`."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                _finish(future, fn, args, kwargs)

        threading.Thread(target=run, name="hpo-trial", daemon=True).start()
        return future


def _finish(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
        future.set_exception(error)
    else:
        future.set_result(result)
