"""Laws of journals with several writers: each place is taken once, and no events are torn or lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing import get_context
from typing import TypeVar

from hpo.core import AnyEvent, StudyAttributeSet, TrialStarted
from hpo.errors import Conflict, JournalUnwritable
from hpo.journal.storage import Journal, Storage
from hpo.testing.journals.expectations import expect, expect_copy, expect_events
from hpo.testing.journals.samples import created
from hpo.testing.journals.study_laws import Opener

T = TypeVar("T")

_WRITERS, _APPENDS = 8, 25
_BATCHES, _LARGE = 20, 300


def threads_that_share_a_handle_lose_nothing(opened: Opener) -> None:
    """Eight threads share a handle, and each catches up and retries when another was faster."""
    journal = opened().create("s", created())
    acknowledged = _together([partial(append_many, journal, f"w{i}", _APPENDS) for i in range(_WRITERS)])
    _check_places(journal.read(0), acknowledged)


def threads_with_handles_of_their_own_lose_nothing(opened: Opener) -> None:
    """Eight threads append at once, each with a storage that it opened itself."""
    opened().create("s", created())
    acknowledged = _together([partial(open_and_append_many, opened(), f"w{i}", _APPENDS) for i in range(_WRITERS)])
    _check_places(opened().open("s").read(0), acknowledged)


def readers_see_whole_batches_and_beginnings_that_never_change(opened: Opener) -> None:
    """While a writer appends batches of seven and of 300 events, readers see whole batches only, and what they saw stays."""
    opened().create("s", created())
    batches = [[StudyAttributeSet(f"{i}", j) for j in range(_LARGE if i % 10 == 9 else 7)] for i in range(40)]
    ends = {*accumulate(map(len, batches), initial=1)}
    done = threading.Event()

    def write() -> None:
        journal, length = opened().open("s"), 1
        try:
            for batch in batches:
                length = journal.append(batch, expected=length)
        finally:
            done.set()

    def read() -> None:
        journal, seen = opened().open("s"), list[AnyEvent]()
        while True:
            last_look = done.is_set()
            seen += journal.read(len(seen))
            expect(len(seen) in ends, True, f"whether a batch ends after {len(seen)} events")
            expect_events(opened().open("s").read(0)[: len(seen)], seen, "what was seen before")
            if last_look:
                break
        expect_events(seen, [*created(), *(event for batch in batches for event in batch)], "what was seen in all")

    _together([write, read, read])


def one_append_of_many_megabytes_is_kept(opened: Opener) -> None:
    """An append of 17 MB in one event, with smaller ones around it, is read as it was written, or refused as a whole.

    A server may limit the size of a message: then the error is `JournalUnwritable`, nothing was added, and the same handle
    goes on.
    """
    opened().create("s", created())
    events = [StudyAttributeSet("before", 1), StudyAttributeSet("large", "0123456789abcdef_" * 10**6)]
    events.append(StudyAttributeSet("after", 2))
    journal = opened().open("s")
    try:
        length = journal.append(events, expected=1)
    except JournalUnwritable:
        expect_events(opened().open("s").read(0), created(), "what is there after 17 MB were refused")
        events = events[::2]
        length = journal.append(events, expected=1)
    expect(length, 1 + len(events), "the length after 17 MB")
    expect_events(opened().open("s").read(1), events, "what is read of 17 MB")


def another_process_sees_large_batches_whole(opened: Opener) -> None:
    """While a writer appends batches of 300 events, a reader in another process sees whole batches only."""
    storage = opened()
    journal = storage.create("s", created())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        reading = pool.submit(read_to_the_end, storage)
        while not reading.done() and len(journal.read(1)) < 1:  # until the reader has said that it reads
            time.sleep(0.001)
        length = 2
        try:
            for i in range(_BATCHES):
                batch = [StudyAttributeSet(f"{i}", j) for j in range(_LARGE)]
                length = journal.append(batch, expected=length)
        finally:
            journal.append([StudyAttributeSet("end", True)], expected=length)
        torn = [seen for seen in reading.result() if (seen - 2) % _LARGE and seen != length + 1]
    expect(torn, [], "lengths that another process has seen in the middle of a batch")


def read_to_the_end(storage: Storage) -> list[int]:
    """Say that the study is read, and return each length that was seen until its last event."""
    journal, seen = storage.open("s"), list[int]()
    length = journal.append([StudyAttributeSet("reading", True)], expected=1)
    while True:
        new = journal.read(length)
        length += len(new)
        seen.append(length)
        if any(isinstance(event, StudyAttributeSet) and event.key == "end" for event in new):
            return seen


def a_pickled_handle_leads_to_the_same_journal(opened: Opener) -> None:
    """Pickled copies of a journal and of a storage lead to the same events as the originals."""
    journal = opened().create("s", created())
    copy = expect_copy(journal, "a journal")
    expect(copy.append([TrialStarted(0)], expected=1), 2, "the length after an append by the copy")
    expect_events(journal.read(1), [TrialStarted(0)], "what the original sees")
    expect(journal.append([TrialStarted(1)], expected=2), 3, "the length after an append by the original")
    storage = expect_copy(opened(), "a storage")
    expect(storage.names(), ["s"], "the names in the copied storage")
    expect(storage.location, opened().location, "the copied storage's location")
    expect_events(storage.open("s").read(1), [TrialStarted(0), TrialStarted(1)], "what the copied storage leads to")


def processes_lose_nothing(opened: Opener) -> None:
    """Eight processes append at once; each append that was acknowledged is in its place."""
    storage = opened()
    storage.create("s", created())
    with ProcessPoolExecutor(_WRITERS, mp_context=get_context("spawn")) as pool:
        works = [pool.submit(open_and_append_many, storage, f"w{i}", _APPENDS) for i in range(_WRITERS)]
        acknowledged = [work.result() for work in works]
    _check_places(opened().open("s").read(0), acknowledged)


def append_many(journal: Journal, writer: str, n: int) -> list[int]:
    """Append `n` events, each as often as it takes, and return the lengths that were acknowledged."""
    lengths: list[int] = []
    length = 0
    while len(lengths) < n:
        length += len(journal.read(length))
        try:
            length = journal.append([StudyAttributeSet(writer, len(lengths))], expected=length)
        except Conflict:
            continue
        lengths.append(length)
    return lengths


def open_and_append_many(storage: Storage, writer: str, n: int) -> list[int]:
    """Open the study of `storage`, as another process does with a pickled storage, and append as `append_many` does."""
    return append_many(storage.open("s"), writer, n)


def _together(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Do all of `acts` at once, in threads of their own, and return what they return."""
    with ThreadPoolExecutor(len(acts)) as pool:
        works = [pool.submit(act) for act in acts]
        return [work.result() for work in works]


def _check_places(events: Sequence[AnyEvent], acknowledged: Sequence[Sequence[int]]) -> None:
    """Check that each event is there once, in the place that its writer was told, and that there are no others."""
    wanted = {length: (f"w{i}", k) for i, lengths in enumerate(acknowledged) for k, length in enumerate(lengths)}
    expect(sorted(wanted), [*range(2, 2 + _WRITERS * _APPENDS)], "the lengths that writers were told")
    written = {
        length: (event.key, event.value)
        for length, event in enumerate(events, 1)
        if isinstance(event, StudyAttributeSet)
    }
    expect(written, wanted, "the events by the lengths that their writers were told")
    expect(len(events), 1 + _WRITERS * _APPENDS, "the number of events")


LAWS = (
    threads_that_share_a_handle_lose_nothing,
    threads_with_handles_of_their_own_lose_nothing,
    readers_see_whole_batches_and_beginnings_that_never_change,
    one_append_of_many_megabytes_is_kept,
)
LAWS_ACROSS_PROCESSES = (
    a_pickled_handle_leads_to_the_same_journal,
    processes_lose_nothing,
    another_process_sees_large_batches_whole,
)
