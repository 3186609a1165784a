"""Starting the next trial while the objective of the one before runs, so that nobody waits for a slow sampler."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hpo.errors import SearchSpaceExhausted
from hpo.study.callbacks.max_trials import EnoughTrials

T = TypeVar("T")


class Ahead(Generic[T]):
    """Does the slow part of a start in a thread, ahead of the moment at which its result is needed.

    Args:
        start: Starts a trial at once, and returns a function that gives it its parameters and returns it.

    Example:
        >>> ahead = Ahead(lambda: lambda: "a trial")
        >>> ahead.prepare()
        >>> ahead.take(), ahead.take()
        ('a trial', None)
    """

    def __init__(self, start: Callable[[], Callable[[], T]]) -> None:
        self._start = start
        self._thread: threading.Thread | None = None
        self._result: T | None = None
        self._error: BaseException | None = None

    def prepare(self) -> None:
        """Start a trial, and let a thread do the rest. If nothing is left to start, nothing happens.

        The start is not left to the thread: the trial must see the study as it is now, however fast the objective is.
        """
        try:
            finish = self._start()
        except (SearchSpaceExhausted, EnoughTrials):
            return  # the end of the trial that runs meanwhile may leave something
        except Exception as error:  # noqa: BLE001 - raised by `take`, since the trial before has its turn first
            self._error = error
            return
        # a daemon, as an interrupted program must not wait for it
        self._thread = threading.Thread(target=self._run, args=(finish,), name="hpo-ahead", daemon=True)
        self._thread.start()

    def take(self) -> T | None:
        """Wait for the result and return it, once; None if nothing was prepared, or the sampler had nothing left by then.

        Raises:
            BaseException: what the function raised otherwise.
        """
        self._wait()
        result, error = self._result, self._error
        self._result = self._error = None
        if error is None or isinstance(error, SearchSpaceExhausted):
            return result
        raise error

    def withdraw(self) -> T | None:
        """Wait for the result and return it, to be undone; None if there is none, whatever was raised."""
        self._wait()
        result, self._result, self._error = self._result, None, None
        return result

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, finish: Callable[[], T]) -> None:
        try:
            self._result = finish()
        except BaseException as error:  # noqa: BLE001 - raised by `take`
            self._error = error
