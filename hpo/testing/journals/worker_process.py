"""Another process that holds workers of a journal, for laws that stop and kill it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Concatenate, ParamSpec, TypeVar

import attrs

from hpo.core import TrialStarted
from hpo.errors import Conflict, WorkerLost
from hpo.journal.storage import Storage, TracksWorkers

P = ParamSpec("P")
R = TypeVar("R")

_PATIENCE = 120.0  # seconds; a process that answers takes far less, and one that never will must not stop the laws


@attrs.frozen
class Desk:
    """What the other process works with.

    Args:
        journal: The journal of the study ``"s"``.
        connection: Where its orders come from; it ends when the laws' own process is done with this one.
        blocks: End with the process, or when it leaves them.
    """

    journal: Any
    connection: Connection
    blocks: contextlib.ExitStack


class Elsewhere:
    """The other process, as seen from the laws' own.

    Args:
        process: The process.
        connection: Where its orders go.
    """

    def __init__(self, process: multiprocessing.process.BaseProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    def do(self, act: Callable[Concatenate[Desk, P], R], *arguments: P.args, **options: P.kwargs) -> R:
        """What `act` returns there.

        Raises:
            AssertionError: it raised something, or the process ended.
        """
        try:
            self._connection.send((act, arguments, options))
            if not self._connection.poll(_PATIENCE):
                raise AssertionError(f"another process has not answered {act.__name__} for {_PATIENCE} s")
            result, error = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise AssertionError(
                f"another process, which was to {act.__name__}, ended with {self._process.exitcode}"
            ) from None
        if error is not None:
            raise AssertionError(f"another process, which was to {act.__name__}, has met {error}")
        answer: R = result
        return answer

    def stop(self) -> None:
        """Let the system stop it, as a machine that sleeps does."""
        os.kill(self._pid(), signal.SIGSTOP)
        os.waitpid(self._pid(), os.WUNTRACED)

    def go_on(self) -> None:
        """The opposite of `stop`."""
        os.kill(self._pid(), signal.SIGCONT)

    def kill(self) -> None:
        """Let the system end it, with no chance to say anything."""
        self._process.kill()
        self._process.join()

    def _pid(self) -> int:
        assert self._process.pid is not None, "it was started"
        return self._process.pid


@contextlib.contextmanager
def another_process(storage: Storage) -> Iterator[Elsewhere]:
    """A fresh process that has been sent `storage`, until the end of the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_obey, args=(there, storage), daemon=True)
    with here:
        with there:
            process.start()
        try:
            yield Elsewhere(process, here)
        finally:
            process.kill()
            process.join()
            process.close()


def hold(desk: Desk, worker: str) -> None:
    """Let `worker` be alive until `leave`."""
    desk.blocks.enter_context(desk.journal.hold(worker))


def leave(desk: Desk) -> None:
    """Leave all blocks."""
    desk.blocks.close()


def is_alive(desk: Desk, worker: str) -> bool | None:
    """Whether it knows `worker` to be alive."""
    journal: TracksWorkers = desk.journal
    return journal.is_alive(worker)


def start_a_trial(desk: Desk, worker: str, expected: int) -> str:
    """Start a trial for `worker`; the name of the error, or ``"started"``."""
    try:
        desk.journal.append([TrialStarted(0, worker=worker)], expected=expected)
    except (WorkerLost, Conflict) as error:
        return type(error).__name__
    return "started"


def let_a_child_leave(desk: Desk) -> None:
    """Fork a child that leaves the blocks as it ends."""
    child = _fork()
    if child == 0:
        try:
            desk.blocks.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def leave_a_child_behind(desk: Desk) -> int:
    """Fork a child that is there until the laws' own process is done with this one; its number."""
    child = _fork()
    if child == 0:
        try:
            desk.connection.poll(None)  # the other end is closed, or speaks to the parent, which is dead
        finally:
            os._exit(0)
    return child


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, such as one that renews a lease
        return os.fork()


def _obey(connection: Connection, storage: Storage) -> None:
    """Do what comes from `connection`, and answer; until nothing comes any more."""
    with contextlib.ExitStack() as blocks, contextlib.suppress(EOFError, ConnectionError):
        desk = Desk(storage.open("s"), connection, blocks)
        while True:
            act, arguments, options = connection.recv()
            answer: tuple[object, str | None]
            try:
                answer = act(desk, *arguments, **options), None
            except Exception as error:  # noqa: BLE001 - for the law to show
                answer = None, repr(error)
            connection.send(answer)
