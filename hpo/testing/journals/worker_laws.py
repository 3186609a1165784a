"""Laws of journals that track workers (`hpo.journal.TracksWorkers`).

A worker is alive for every process while it works, and dead for every process from then on. Some of the laws start
processes that fork, are stopped or are killed.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from hpo.core import TrialStarted
from hpo.errors import InvalidArgument, JournalUnwritable, WorkerLost
from hpo.journal.storage import TracksWorkers
from hpo.testing.journals.expectations import expect, expect_copy, expect_error, expect_events
from hpo.testing.journals.samples import created
from hpo.testing.journals.study_laws import Opener
from hpo.testing.journals.worker_process import (
    another_process,
    hold,
    is_alive,
    leave,
    leave_a_child_behind,
    let_a_child_leave,
    start_a_trial,
)

PatientLaw: TypeAlias = Callable[[Opener, float], None]
"""A law that also gets the grace period: for how many seconds a worker may be silent."""

WORKER, OTHER = "0123abcd", "0" * 64
NAMES_OF_NOBODY = ("", "0123abc", "0123ABCD", "0123abcd\n", "0123 abc", "0x123abc", "../0123abcd", "٠١٢٣٤٥٦٧", "0" * 65)
"""Strings that are not 8 to 64 hexadecimal digits in lower case."""

_PATIENCE = 60.0  # seconds beyond the grace period; usually it takes far less
_LOOKS = 20


def why_workers_are_unknown(opened: Opener) -> str | None:
    """Return why the journals of a storage do not track workers, or None if they do."""
    return why_a_journal_knows_no_workers(opened().create("s", created()))


def why_a_journal_knows_no_workers(journal: object) -> str | None:
    """Return why a journal does not track workers, or None if it does; a name that no law uses is tried."""
    if not isinstance(journal, TracksWorkers):
        return "its journals do not offer to know workers (hpo.journal.TracksWorkers)"
    with contextlib.ExitStack() as block:
        try:
            block.enter_context(journal.hold("f" * 63))
        except JournalUnwritable as refused:
            return f"its place lets no workers be known ({refused.cause})"
        except Exception:  # noqa: BLE001 - what else is wrong is for the laws to say
            return None
    return None


def a_worker_is_alive_in_its_block(opened: Opener) -> None:
    """A worker is alive for every handle in its block, and dead for every handle after it."""
    journals = _handles(opened)
    for holder in journals:
        worker = secrets.token_hex(4)
        with holder.hold(worker):
            for _ in range(2):
                _expect_alive(worker, [*journals, _new_handle(opened)], "in its block")
        _expect_dead(worker, [*journals, _new_handle(opened)], "after its block")


def nobody_else_is_alive(opened: Opener) -> None:
    """An unknown worker is dead or unknown, but never alive, however similar its name is to another one."""
    journals = _handles(opened)
    strangers = [WORKER[:-1] + "e", WORKER[1:] + "0", WORKER + "0", "0" + WORKER, WORKER * 2, OTHER]
    with journals[0].hold(WORKER):
        for journal in journals:
            for stranger in strangers:
                answer = _asked(journal, stranger)
                if answer is not False and answer is not None:
                    what = f"whether {stranger!r}, an unknown worker, is alive beside {WORKER!r}"
                    raise AssertionError(f"{what}: wanted False or None, got {answer!r}")


def a_worker_needs_a_name(opened: Opener) -> None:
    """Only 8 to 64 hexadecimal digits in lower case are valid; a worker with an invalid name is never called dead."""
    journals = _handles(opened)
    for name in NAMES_OF_NOBODY:
        expect_error(partial(hold_shortly, journals[0], name), InvalidArgument, f"holding {name!r}")
        for journal in journals:
            expect_answer(journal, name, None, "though its name is invalid")
    for name in ("0" * 8, "f" * 64, "0123456789abcdef"):
        with journals[0].hold(name):
            _expect_alive(name, journals, "in its block")


def a_name_is_held_once(opened: Opener) -> None:
    """A name that a worker has is refused to others, and the worker stays alive."""
    journals = _handles(opened)
    with journals[0].hold(WORKER):
        for journal in journals:
            expect_error(partial(hold_shortly, journal, WORKER), JournalUnwritable, "holding a name that is held")
        _expect_alive(WORKER, journals, "after others wanted its name")
    _expect_dead(WORKER, journals, "after its block")


def workers_do_not_disturb_each_other(opened: Opener) -> None:
    """Workers start and end in any order, in threads, too, and through one handle or several."""
    journals = _handles(opened)
    for first, second in ((journals[0], journals[0]), (journals[0], journals[1])):
        one, other = secrets.token_hex(8), secrets.token_hex(8)
        with contextlib.ExitStack() as outer:
            with contextlib.ExitStack() as inner:
                inner.enter_context(first.hold(one))
                outer.enter_context(second.hold(other))
                _expect_alive(one, journals, "beside another one")
                _expect_alive(other, journals, "beside another one")
            _expect_dead(one, journals, "after its block, while another one is alive")
            _expect_alive(other, journals, "after the block of another one")
        _expect_dead(other, journals, "after its block")
    _threads_that_come_and_go(journals)


def an_error_ends_the_block(opened: Opener) -> None:
    """An error in the block is raised unchanged, and the worker is dead, as after any other exit."""
    journals = _handles(opened)
    for error in (ValueError("mine"), KeyboardInterrupt("mine"), GeneratorExit("mine")):
        worker = secrets.token_hex(4)
        got = expect_error(partial(_hold_and_raise, journals[0], worker, error), type(error), "an error in a block")
        expect(got is error, True, f"that {error!r} comes out of the block as it is")
        _expect_dead(worker, journals, f"after {error!r} in its block")


def a_dead_worker_stays_dead(opened: Opener) -> None:
    """A dead worker is dead for every handle, whatever happens meanwhile."""
    journals = _handles(opened)
    with journals[0].hold(WORKER):
        pass
    for length in range(1, 1 + _LOOKS):
        with journals[length % 2].hold(secrets.token_hex(4)):
            _expect_dead(WORKER, journals, "while another worker is alive")
        journals[length % 2].append([TrialStarted(length)], expected=length)
        _expect_dead(WORKER, [*journals, _new_handle(opened)], f"after {length} appends")


def a_living_worker_starts_trials(opened: Opener) -> None:
    """Trials start for living and for unknown workers; only a worker that was given up is refused."""
    journals = _handles(opened)
    starts = [WORKER, OTHER, None, "deadbeef", "unwatched-0123abcd"]
    with journals[0].hold(WORKER), journals[1].hold(OTHER):
        for number, worker in enumerate(starts):
            try:
                length = journals[0].append([TrialStarted(number, worker=worker)], expected=number + 1)
            except WorkerLost as lost:
                raise AssertionError(f"no trial starts for {worker!r}, which was not given up: {lost}") from lost
            expect(length, number + 2, f"the length after the start of a trial of {worker!r}")
    events = [TrialStarted(number, worker=worker) for number, worker in enumerate(starts)]
    expect_events(opened().open("s").read(1), events, "the trials that were started")


def a_worker_is_alive_for_other_processes(opened: Opener) -> None:
    """A worker is alive for other processes, and closing a copy of its handle does not end it."""
    journals = _handles(opened)
    with another_process(opened()) as elsewhere:
        with journals[0].hold(WORKER):
            expect(elsewhere.do(is_alive, WORKER), True, "whether a worker in its block is alive for another process")
            copy = expect_copy(journals[0], "a journal")
            _expect_alive(WORKER, [copy], "for a pickled copy of the handle that holds it")
            del copy
            _expect_alive(WORKER, journals, "after a copy of its handle has gone")
        expect(elsewhere.do(is_alive, WORKER), False, "whether a worker after its block is alive for another process")
        elsewhere.do(hold, OTHER)
        _expect_alive(OTHER, journals, "in its block in another process")
        elsewhere.do(leave)
        _expect_dead(OTHER, journals, "after its block in another process")


def the_death_of_a_process_ends_its_workers(opened: Opener, grace_period: float) -> None:
    """When a process dies, all of its workers are dead after the grace period, and no others."""
    journals = _handles(opened)
    with another_process(opened()) as elsewhere, journals[0].hold("deadbeef"):
        elsewhere.do(hold, WORKER)
        elsewhere.do(hold, OTHER)
        elsewhere.kill()
        for worker in (WORKER, OTHER):
            _wait_for_death(worker, journals[1], grace_period, "whose process was killed")
            _expect_dead(worker, [*journals, _new_handle(opened)], "after its process was killed and somebody saw it")
        _expect_alive("deadbeef", journals, "after another process was killed")


def a_forked_child_neither_ends_nor_keeps_a_worker(opened: Opener, grace_period: float) -> None:
    """A forked child that leaves the block does not end the worker, and one that outlives its parent does not keep it."""
    journals = _handles(opened)
    with another_process(opened()) as elsewhere:
        elsewhere.do(hold, WORKER)
        elsewhere.do(let_a_child_leave)
        _expect_alive(WORKER, journals, "after a forked child has left its block")
        elsewhere.do(leave_a_child_behind)
        _expect_alive(WORKER, journals, "beside a forked child")
        elsewhere.kill()
        why = "whose process was killed, and whose forked child lives on"
        _wait_for_death(WORKER, journals[1], grace_period, why)


def a_worker_that_is_busy_stays_alive(opened: Opener, grace_period: float) -> None:
    """A worker stays alive however long its objective runs without touching the journal."""
    journals = _handles(opened)
    with journals[0].hold(WORKER):
        end = time.monotonic() + 1.5 * grace_period
        while True:
            _expect_alive(WORKER, [journals[1]], "in its block, in which it has said nothing yet")
            if time.monotonic() >= end:
                break
            time.sleep(0.05)


def who_is_given_up_starts_no_trial(opened: Opener, grace_period: float) -> None:
    """A process that was stopped for long is alive and continues, or was given up and never starts a trial again."""
    journals = _handles(opened)
    with another_process(opened()) as elsewhere:
        elsewhere.do(hold, WORKER)
        elsewhere.stop()
        try:
            given_up = _is_given_up(journals[0], grace_period)
        finally:
            elsewhere.go_on()
        outcome = elsewhere.do(start_a_trial, WORKER, 1)
        if given_up:
            expect(outcome, "WorkerLost", "what becomes of a trial that starts for a worker that was given up")
            expect_events(opened().open("s").read(0), created(), "the journal after it")
            _expect_dead(WORKER, [*journals, _new_handle(opened)], "after it was given up and came back")
            expect(elsewhere.do(is_alive, WORKER), False, "whether a worker that was given up is alive for itself")
        else:
            expect(outcome, "started", "what becomes of a trial that starts for a worker that was not given up")
            _expect_alive(WORKER, journals, "after it was stopped and went on")
        elsewhere.do(leave)
        _expect_dead(WORKER, journals, "after its block")


def _handles(opened: Opener) -> list[Any]:
    """Return two handles of a new journal that tracks workers."""
    return [opened().create("s", created()), _new_handle(opened)]


def _new_handle(opened: Opener) -> Any:
    return opened().open("s")


def _asked(journal: TracksWorkers, worker: str) -> object:
    """Return what a journal says about `worker`, or the error that it raised."""
    try:
        return journal.is_alive(worker)
    except Exception as error:  # noqa: BLE001 - for the law to show
        return error


def hold_shortly(journal: TracksWorkers, worker: str) -> None:
    """Enter the block of `worker` and leave it at once."""
    with journal.hold(worker):
        return


def _hold_and_raise(journal: TracksWorkers, worker: str, error: BaseException) -> None:
    with journal.hold(worker):
        raise error


def _expect_alive(worker: str, journals: Sequence[TracksWorkers], when: str) -> None:
    for journal in journals:
        expect_answer(journal, worker, True, when)


def _expect_dead(worker: str, journals: Sequence[TracksWorkers], when: str) -> None:
    for _ in range(2):
        for journal in journals:
            expect_answer(journal, worker, False, when)


def expect_answer(journal: TracksWorkers, worker: str, wanted: object, when: str) -> None:
    """Check that a journal gives exactly the wanted answer: 0 is not False, because callers compare with `is`."""
    answer = _asked(journal, worker)
    if answer is not wanted:
        raise AssertionError(f"whether worker {worker!r} is alive {when}: wanted {wanted!r}, got {answer!r}")


def _wait_for_death(worker: str, journal: TracksWorkers, grace_period: float, which: str) -> None:
    """Ask, at growing intervals, until `worker` is dead."""
    patience = grace_period + _PATIENCE
    deadline, pause = time.monotonic() + patience, 0.01
    while journal.is_alive(worker) is not False:
        if time.monotonic() > deadline:
            raise AssertionError(f"worker {worker!r}, {which}, is not dead after {patience:g} seconds")
        time.sleep(pause)
        pause = min(1.5 * pause, 0.25)


def _is_given_up(journal: TracksWorkers, grace_period: float) -> bool:
    """Return whether a stopped worker was given up, as it must be if there is a grace period.

    Raises:
        AssertionError: its grace period ended long ago, and it still counts as alive.
    """
    if grace_period > 0:
        _wait_for_death(WORKER, journal, grace_period, "which is silent for longer than its grace period")
        return True
    for _ in range(_LOOKS):
        if journal.is_alive(WORKER) is False:
            return True
        time.sleep(0.01)
    return False


def _threads_that_come_and_go(journals: Sequence[Any]) -> None:
    wrong: list[str] = []

    def come_and_go(journal: Any) -> None:
        for _ in range(_LOOKS):
            worker = secrets.token_hex(8)
            try:
                with journal.hold(worker):
                    _expect_alive(worker, journals, "while others come and go")
                _expect_dead(worker, journals, "after its block, while others come and go")
            except Exception as error:  # noqa: BLE001 - the thread's, for the law to show
                wrong.append(str(error) or repr(error))

    threads = [threading.Thread(target=come_and_go, args=(journals[i % 2],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(wrong[:1], [], "what went wrong in threads")


LAWS_OF_WORKERS = (
    a_worker_is_alive_in_its_block,
    nobody_else_is_alive,
    a_worker_needs_a_name,
    a_name_is_held_once,
    workers_do_not_disturb_each_other,
    an_error_ends_the_block,
    a_dead_worker_stays_dead,
    a_living_worker_starts_trials,
)
LAWS_OF_WORKERS_ACROSS_PROCESSES = (a_worker_is_alive_for_other_processes,)
LAWS_OF_SILENT_WORKERS: tuple[PatientLaw, ...] = (
    a_worker_that_is_busy_stays_alive,
    the_death_of_a_process_ends_its_workers,
    a_forked_child_neither_ends_nor_keeps_a_worker,
    who_is_given_up_starts_no_trial,
)
