"""Workers, which are runs of `Study.optimize`: whether they are at work, and what becomes of the trials of lost ones."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from hpo.core.commands import Tell
from hpo.core.trial import FrozenTrial, TrialState
from hpo.core.views import running_by_worker
from hpo.errors import JournalUnwritable, TrialNotRunning
from hpo.journal.storage import Journal, KnowsWorkers
from hpo.logging import get_logger
from hpo.study.narration import narrate_end
from hpo.study.recorder import JournalRecorder, now

LOST = "lost: its worker is gone"
"""The reason of trials whose worker died."""


@contextlib.contextmanager
def at_work(journal: Journal) -> Iterator[str]:
    """The name of a new worker, which is alive until the end of the block for all who use `journal`.

    Where the system refuses it that, which is logged, the worker has a name of which nobody can tell.
    """
    worker = secrets.token_hex(4)
    with contextlib.ExitStack() as stack:
        if isinstance(journal, KnowsWorkers):
            try:
                stack.enter_context(journal.hold(worker))
            except JournalUnwritable as error:
                get_logger().warning("If this process is killed, its trials will go on as running: %s", error)
                worker = f"unwatched-{worker}"
        yield worker


def fail_lost(recorder: JournalRecorder) -> list[FrozenTrial]:
    """The trials of dead workers, failed here and now; those that somebody else failed meanwhile are left out."""
    journal = recorder.journal
    if not isinstance(journal, KnowsWorkers):
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
