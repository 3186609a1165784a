"""Workers: who runs trials, whether they are at work, and what becomes of the trials of lost ones.

A run of `Study.optimize` is one, and so is a block of `Study.as_worker`.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from hpo.core import FrozenTrial, Tell, TrialState, running_by_worker
from hpo.errors import JournalUnwritable, TrialNotRunning, WorkerLost
from hpo.journal.storage import Journal, TracksWorkers
from hpo.logging import get_logger
from hpo.study.recorder import JournalRecorder, now
from hpo.study.running.messages import narrate_end

T = TypeVar("T")

LOST = "lost: its worker is gone"
"""The reason of trials whose worker died."""


class Worker:
    """A worker that is alive for all who use a journal, until its block ends.

    It has one name, unless it is so silent that others give it up: the trials that it starts then have another one.
    Where the system refuses to let it be alive, which is logged, it has a name of which nobody can tell.

    Args:
        journal: What it works on.
        block: Ends with the block.
    """

    def __init__(self, journal: Journal, block: contextlib.ExitStack) -> None:
        self._journal = journal
        self._block = block
        self._mutex = threading.Lock()
        self.names = [self._new_name()]
        """All that it has had; the last one is what it goes by."""

    def start(self, start: Callable[[str], T]) -> T:
        """What `start` returns, called with the worker's name, and again with a new one where that was given up."""
        while True:
            name = self.names[-1]
            try:
                return start(name)
            except WorkerLost:
                with self._mutex:
                    if name == self.names[-1]:  # else another thread was faster
                        self.names.append(self._new_name())

    def _new_name(self) -> str:
        name = secrets.token_hex(4)
        if isinstance(self._journal, TracksWorkers):
            try:
                self._block.enter_context(self._journal.hold(name))
            except JournalUnwritable as error:
                get_logger().warning("If this process is killed, its trials will go on as running: %s", error)
                return f"unwatched-{name}"
        return name


@contextlib.contextmanager
def at_work(journal: Journal) -> Iterator[Worker]:
    """A new worker, which is alive until the end of the block."""
    with contextlib.ExitStack() as block:
        yield Worker(journal, block)


def fail_lost(recorder: JournalRecorder) -> list[FrozenTrial]:
    """The trials of dead workers, failed here and now; those that somebody else failed meanwhile are left out."""
    journal = recorder.journal
    if not isinstance(journal, TracksWorkers):
        return []
    while True:
        lost = [
            number
            for worker, numbers in running_by_worker(recorder.state).items()
            if journal.is_alive(worker) is False
            for number in numbers
        ]
        try:
            state = recorder.record(*[Tell(number, state=TrialState.FAIL, at=now(), reason=LOST) for number in lost])
        except TrialNotRunning:  # somebody was faster with one of them, and none was recorded
            continue
        trials = [state.trial(number) for number in sorted(lost)]
        for trial in trials:
            narrate_end(state, trial)
        return trials


def others_at_work(recorder: JournalRecorder) -> bool:
    """Whether some worker that is known to be alive runs a trial, which therefore will end."""
    journal = recorder.journal
    return isinstance(journal, TracksWorkers) and any(
        journal.is_alive(worker) for worker in running_by_worker(recorder.state)
    )


def is_lost(trial: FrozenTrial) -> bool:
    """Whether `trial` was failed because its worker was gone: by whoever gave it up, who tells its callbacks."""
    return trial.state is TrialState.FAIL and trial.reason == LOST
