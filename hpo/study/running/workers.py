"""Workers: the processes that run trials, whether they are alive, and what happens to the trials of dead ones.

Each run of `Study.optimize` is a worker, and so is each block of `Study.as_worker`.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterable, Iterator

from hpo.core import Command, FrozenTrial, PauseTrial, Tell, TrialState, running_by_worker
from hpo.errors import JournalUnwritable
from hpo.journal.storage import Journal, TracksWorkers
from hpo.logging import get_logger
from hpo.study.recorder import JournalRecorder, now
from hpo.study.running.messages import log_trial_end

LOST_PREFIX = "lost:"
"""With this begins the reason of every trial whose result can't come any more."""
LOST = f"{LOST_PREFIX} its worker is gone"
"""The reason of trials whose worker died."""


class Worker:
    """A worker, which other users of the journal can see to be alive until its block ends.

    It has one name, unless it is silent for so long that others give it up. The trials that it starts after that have
    another name. If its lock cannot be taken, this is logged and the worker is named ``unwatched-...``, so that nobody
    can tell whether it is alive.

    Args:
        journal: The journal of the study that it works on.
        block: When this is closed, the worker is gone.
    """

    def __init__(self, journal: Journal, block: contextlib.ExitStack) -> None:
        self._journal = journal
        self._block = block
        self._mutex = threading.Lock()
        self.names = [self._new_name()]
        """All the names that it has had. The last one is the current one."""

    @property
    def name(self) -> str:
        """The name of the worker for the trials that it starts now."""
        return self.names[-1]

    def change_name(self, lost: str) -> None:
        """Take a new name, because others gave up the name `lost`, unless another thread has done so already."""
        with self._mutex:
            if lost == self.names[-1]:
                self.names.append(self._new_name())

    def _new_name(self) -> str:
        name = secrets.token_hex(4)
        if isinstance(self._journal, TracksWorkers):
            try:
                self._block.enter_context(self._journal.hold(name))
            except JournalUnwritable as error:
                get_logger().warning(
                    "If this process is killed, its running trials will not be failed as lost: %s", error
                )
                return f"unwatched-{name}"
        return name


@contextlib.contextmanager
def working(journal: Journal) -> Iterator[Worker]:
    """Yield a new worker, which is alive until the end of the block."""
    with contextlib.ExitStack() as block:
        yield Worker(journal, block)


def fail_lost(recorder: JournalRecorder) -> list[FrozenTrial]:
    """Fail the running trials of dead workers; those that have a checkpoint wait again instead, at most once in a row.

    Returns:
        The trials that this call failed, by number. Those that somebody else failed meanwhile are left out.
    """
    journal = recorder.journal
    if not isinstance(journal, TracksWorkers):
        return []
    while True:
        before = recorder.state
        lost = [
            number
            for worker, numbers in running_by_worker(before).items()
            if journal.is_alive(worker) is False
            for number in numbers
        ]
        if not lost:
            return []
        state = recorder.record_if(before, *(_end_of_lost(before.running[number]) for number in lost))
        if state is None:  # somebody else wrote, perhaps the end of one of these trials: look again
            continue
        trials = [state.trial(number) for number in sorted(lost)]
        for trial in trials:
            log_trial_end(state, trial)
        return [trial for trial in trials if trial.state is TrialState.FAIL]


def _end_of_lost(trial: FrozenTrial) -> Command:
    """Return the command for a trial whose worker died: it waits to be resumed if it can continue, and else fails."""
    # A trial that kills its workers would be resumed forever. The reason of its last pause tells: it stays with the trial
    # until the objective itself pauses again, that is, until it has got further.
    if trial.checkpoint is None or (trial.reason or "").startswith(LOST_PREFIX):
        return Tell(trial.number, state=TrialState.FAIL, at=now(), reason=LOST)
    return PauseTrial(trial.number, at=now(), reason=LOST)


def others_working(recorder: JournalRecorder) -> bool:
    """Return whether a worker that is known to be alive runs a trial, which therefore will end."""
    return is_working(recorder, running_by_worker(recorder.state))


def is_working(recorder: JournalRecorder, workers: Iterable[str | None]) -> bool:
    """Return whether one of `workers` is known to be alive."""
    journal = recorder.journal
    return isinstance(journal, TracksWorkers) and any(
        journal.is_alive(worker) for worker in workers if worker is not None
    )


def is_lost(trial: FrozenTrial) -> bool:
    """Return whether `trial` was failed because its worker was gone.

    Whoever failed it calls the callbacks for it, so its worker, if it is still alive, must not do so again.
    """
    return trial.state is TrialState.FAIL and (trial.reason or "").startswith(LOST_PREFIX)
