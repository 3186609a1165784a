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

_PATIENCE = 120.0  # seconds; a working process answers much sooner, and a stuck one must not block the laws


@attrs.frozen
class Desk:
    """The state of the other process.

    Args:
        journal: The journal of the study ``"s"``.
        connection: The connection that its orders come from; it is closed when they end.
        blocks: The blocks of the workers that it holds.
    """

    journal: Any
    connection: Connection
    blocks: contextlib.ExitStack


class Elsewhere:
    """The other process, as the process of the laws sees it.

    Args:
        process: The process.
        connection: The connection for its orders.
    """

    def __init__(self, process: multiprocessing.process.BaseProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    def do(self, act: Callable[Concatenate[Desk, P], R], *arguments: P.args, **options: P.kwargs) -> R:
        """Return the result of `act` in the other process.

        Raises:
            AssertionError: `act` raised an error, or the process ended or did not answer.
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
        """Stop the process by a signal, as if its machine went to sleep."""
        os.kill(self._pid(), signal.SIGSTOP)
        os.waitpid(self._pid(), os.WUNTRACED)

    def go_on(self) -> None:
        """Continue the process after `stop`."""
        os.kill(self._pid(), signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process, so that it cannot clean up."""
        self._process.kill()
        self._process.join()

    def _pid(self) -> int:
        assert self._process.pid is not None, "it was started"
        return self._process.pid


@contextlib.contextmanager
def another_process(storage: Storage) -> Iterator[Elsewhere]:
    """Start a fresh process that is sent `storage`, and kill it at the end of the block."""
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
    """Keep `worker` alive until `leave`."""
    desk.blocks.enter_context(desk.journal.hold(worker))


def leave(desk: Desk) -> None:
    """Leave all blocks."""
    desk.blocks.close()


def is_alive(desk: Desk, worker: str) -> bool | None:
    """Return whether `worker` is alive as the other process sees it; None if it is not known."""
    journal: TracksWorkers = desk.journal
    return journal.is_alive(worker)


def start_a_trial(desk: Desk, worker: str, expected: int) -> str:
    """Start a trial for `worker`, and return ``"started"`` or the name of the error."""
    try:
        desk.journal.append([TrialStarted(0, worker=worker)], expected=expected)
    except (WorkerLost, Conflict) as error:
        return type(error).__name__
    return "started"


def let_a_child_leave(desk: Desk) -> None:
    """Fork a child that leaves the blocks and ends, and wait for it."""
    child = _fork()
    if child == 0:
        try:
            desk.blocks.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def leave_a_child_behind(desk: Desk) -> int:
    """Fork a child that lives until the connection to the laws is closed, and return its process id."""
    child = _fork()
    if child == 0:
        try:
            desk.connection.poll(None)  # returns once the other end is closed
        finally:
            os._exit(0)
    return child


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about other threads, for example for leases
        return os.fork()


def _obey(connection: Connection, storage: Storage) -> None:
    """Carry out the orders from `connection` and send the results, until it is closed."""
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
