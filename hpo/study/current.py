"""What the current thread works for: a run of `Study.optimize`, or a worker of `Study.as_worker`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Protocol

import attrs

from hpo.study.recorder import JournalRecorder
from hpo.study.running.workers import Worker


class Stoppable(Protocol):
    """A run of trials that can be asked to stop."""

    def request_stop(self, number: int | None) -> None:
        """Start no more trials. `number` is the trial that asks for it, if a trial does."""
        ...


class CurrentRun(threading.local):
    """The run that the current thread works for, and the trial of it."""

    run: Stoppable | None = None
    number: int | None = None

    @contextlib.contextmanager
    def inside(self, run: Stoppable, number: int | None) -> Iterator[None]:
        """Let the current thread work for `run` and its trial `number` until the end of the block."""
        before = self.run, self.number
        self.run, self.number = run, number
        try:
            yield
        finally:
            self.run, self.number = before


@attrs.define(eq=False)
class _Block:
    """A block of `Study.as_worker`: the thread that is in it, its worker, and what ends with it."""

    thread: int
    end: contextlib.ExitStack
    worker: Worker | None = None


class WorkerBlocks:
    """The blocks of `Study.as_worker` that are open in this process.

    They belong to threads: a thread is in the blocks that it has entered itself. A thread that is in none, such as one
    of a pool, works for the newest block of the process. A forked child is in the same blocks, with workers of its own,
    because its life and its parent's end at different times.

    Args:
        recorder: Knows the journal of the study.
    """

    def __init__(self, recorder: JournalRecorder) -> None:
        self._recorder = recorder
        self._process = os.getpid()
        self._open: list[_Block] = []  # oldest first
        self._mutex = threading.Lock()

    @property
    def worker(self) -> Worker | None:
        """The worker for the trials that the current thread starts now; None outside of all blocks."""
        if not self._open:  # the usual case, without the lock and the look for a fork
            return None
        self._part_from_parent()
        with self._mutex:
            if not self._open:
                return None
            mine = [block for block in self._open if block.thread == threading.get_ident()]
            block = (mine or self._open)[-1]
            if block.worker is None:
                block.worker = Worker(self._recorder.journal, block.end)
            return block.worker

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """Keep a worker alive until the end of the block; trials that are asked for meanwhile belong to it."""
        self._part_from_parent()
        block = _Block(threading.get_ident(), contextlib.ExitStack())
        block.worker = Worker(self._recorder.journal, block.end)
        with self._mutex:
            self._open.append(block)
        try:
            yield
        finally:
            self._part_from_parent()
            with self._mutex:
                self._open.remove(block)
            block.end.close()

    def _part_from_parent(self) -> None:
        """In a forked child, give each block a worker of the child's own, which begins when it is asked for."""
        if self._process != os.getpid():
            # the parent may have held the lock, and nobody here would release it; the other threads are not here
            self._process, self._mutex = os.getpid(), threading.Lock()
            for block in self._open:
                block.worker, block.end = None, contextlib.ExitStack()
