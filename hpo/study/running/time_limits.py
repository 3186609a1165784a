"""Trials with a time limit: they run in a process beside the executor's worker, which ends that process in time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import Command, PauseTrial, Tell, TrialState
from hpo.study.recorder import now
from hpo.study.running.evaluation import TrialResult, refused
from hpo.study.running.remote import Parcel, Reply
from hpo.study.running.workers import LOST_PREFIX

TIMEOUT_PREFIX = "timeout:"
"""With this begins the reason of every trial that was ended because it ran for too long."""


_NO_CHILDREN = (
    "timeout_per_trial needs workers that can start processes, and those of this executor are daemons, which cannot: with Dask, set "
    "distributed.worker.daemon to False"
)


class Aide:
    """A process that runs trials for a worker of an executor, one after another, until one of them takes too long.

    The worker itself cannot be ended: an executor that loses a worker loses the trials of all others as well. The process keeps what
    objectives load once, as a worker does, and ends with its worker, however that ends.
    """

    def __init__(self) -> None:
        # A copy of a process with several threads may wait for locks that nobody in it holds. Without threads it is quick, and has all
        # modules.
        forks = sys.platform == "linux" and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._connection if forks else None), name="hpo-trial"
        )
        self._process.start()
        theirs.close()

    def run(self, parcel: Parcel, seconds: float) -> Reply:
        """Run the trial of `parcel`. If its objective runs for more than `seconds`, end the process, and fail the trial."""
        commands: list[Command] = []
        began: float | None = None
        deadline: float | None = None
        try:
            self._connection.send(parcel)
            while self._connection.poll(None if deadline is None else max(deadline - time.monotonic(), 0.0)):
                message = self._connection.recv()
                if isinstance(message, Reply):
                    return message
                if message is None:
                    began, deadline = now(), time.monotonic() + seconds
                else:
                    commands += message
                if deadline is not None and time.monotonic() >= deadline:
                    break
            reason = (
                f"{TIMEOUT_PREFIX} its objective ran for more than {seconds:g} seconds, so that its process was ended"
            )
        except (EOFError, OSError):
            reason = ""
        self.end()
        reason = reason or f"{LOST_PREFIX} its process ended with the exit code {self._process.exitcode}"
        paused = any(isinstance(command, PauseTrial) for command in commands)  # what it would have returned is ignored
        tell = Tell(parcel.number, state=TrialState.FAIL, reason=reason, began=began)
        return Reply("", -1, b"", TrialResult(tell, commands=tuple(commands), paused=paused))

    @property
    def is_alive(self) -> bool:
        """Whether the process can run another trial."""
        return not self._connection.closed and self._process.is_alive()

    def end(self) -> None:
        """End the process, and all processes that its objectives have started and left in its group."""
        if self._connection.closed:  # it has ended, and another process may have its number by now
            return
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # also one that has no group of its own yet
        self._process.join()
        self._connection.close()


class Aides:
    """The aides of this process: one for each thread in which an executor runs trials."""

    def __init__(self) -> None:
        self._mine = threading.local()

    def run(self, parcel: Parcel, seconds: float) -> Reply:
        """Run the trial of `parcel` in the aide of this thread."""
        aide: Aide | None = getattr(self._mine, "aide", None)
        if aide is None or not aide.is_alive:
            if multiprocessing.current_process().daemon:
                return _refusal(parcel, _NO_CHILDREN)
            aide = self._mine.aide = Aide()
            # before the processes of this one are joined, which would wait forever for one that waits for trials
            Finalize(aide, aide.end, exitpriority=100)
        try:
            return aide.run(parcel, seconds)
        except BaseException:  # the worker was interrupted
            aide.end()
            raise


_AIDES = Aides()


def _refusal(parcel: Parcel, why: str) -> Reply:
    result = refused(parcel.number, why)
    return Reply("", -1, b"", replace(result, error=None), pickle.dumps(result.error))


def run_in_time(parcel: Parcel, seconds: float) -> Reply:
    """Run the trial of `parcel` beside this process. If its objective runs for more than `seconds`, it fails."""
    return _AIDES.run(attrs.evolve(parcel, seconds=None), seconds)


def _serve(connection: Connection, of_worker: Connection | None) -> None:
    """Run trials for the worker until its end; the main function of an aide."""
    if of_worker is not None:
        of_worker.close()  # or this process would never see that the worker has closed it
    if hasattr(os, "setsid"):
        os.setsid()  # a group, so that the processes that objectives start end with this one
    parcels: queue.SimpleQueue[Parcel] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, parcels.put), daemon=True).start()
    while True:
        connection.send(parcels.get().run(lambda news: _tell(connection, news)))


def _tell(connection: Connection, news: Sequence[Command] | None) -> None:
    # what cannot be sent now cannot be sent with the result either, which says so
    with contextlib.suppress(Exception):
        connection.send(news)


def _listen(connection: Connection, put: Callable[[Parcel], None]) -> None:
    """Take parcels from the worker; end this process and its group when the worker is gone, whatever the objective does."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            put(connection.recv())
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
