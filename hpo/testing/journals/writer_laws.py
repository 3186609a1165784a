"""Laws of journals with several writers, and of journals that go back: no events are torn, lost or mixed up."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias, TypeVar

from hpo.core import AnyEvent, StudyAttributeSet, TrialStarted
from hpo.errors import Conflict, JournalMoved, JournalUnwritable
from hpo.journal.storage import Journal, Storage
from hpo.testing.journals.expectations import expect, expect_copy, expect_error, expect_events
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


PutBack: TypeAlias = Callable[[], None]
"""Puts a backup in the place of what is there, while handles of it are open."""

RollbackLaw: TypeAlias = Callable[[Opener, Callable[[], PutBack]], None]
"""A law that also takes a function which makes a backup."""

_KEPT, _LOST = 3, 3
"""How many records are in the backup besides the study's creation, and how many are written after it."""


def backup_of_files(place: Path) -> PutBack:
    """Copy all files in the directory `place`, and return a function that puts the copies back.

    Files keep their identity: what is in them is overwritten, as ``cp`` does. Files that were not there are removed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     file = Path(directory, "a")
        ...     _ = file.write_text("old")
        ...     put_back = backup_of_files(Path(directory))
        ...     _ = file.write_text("newer")
        ...     put_back()
        ...     file.read_text()
        'old'
    """
    copies = {path: path.read_bytes() for path in _files_in(place)}

    def put_back() -> None:
        for path in _files_in(place):
            if path not in copies:
                path.unlink()
        for path, content in copies.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return put_back


def _files_in(place: Path) -> list[Path]:
    return [Path(folder, name) for folder, _, names in os.walk(place) for name in names]


def rolled_back_and_regrown(opened: Opener, backup: Callable[[], PutBack]) -> None:
    """A handle that knows records which a backup does not have raises JournalMoved from then on, however long it grows."""
    writer = opened().create("s", created())
    _append(writer, _KEPT, "kept")
    put_back = backup()
    ignorant = opened().open("s")
    ignorant.read(0)  # all that it ever knows is in the backup
    _append(writer, _LOST, "lost")
    reader = opened().open("s")
    known = len(reader.read(0))
    put_back()
    new = opened().open("s")
    kept = [*created(), *_events("kept", 1, _KEPT)]
    expect_events(new.read(0), kept, "what a new handle reads after the backup was put back")
    for length in range(len(kept), known + 3):
        if length > len(kept):  # the same number of bytes, and another history
            events = _events("anew", length - 1, 1)
            expect(new.append(events, expected=length - 1), length, "what a new handle appends to the backup")
            kept += events
        for handle, name in ((writer, "wrote"), (reader, "read")):
            _expect_moved(handle, f"a handle that {name} {known} events, in a journal that went back", length, known)
        expect_events(new.read(0), kept, "what is there after what was refused")
    _expect_right(ignorant, kept)


def rolled_back_to_the_same_last_record(opened: Opener, backup: Callable[[], PutBack]) -> None:
    """A handle also notices another history whose last record, in the same place, has the same content."""
    writer = opened().create("s", created())
    _append(writer, _KEPT, "kept")
    put_back = backup()
    _append(writer, _LOST, "lost")
    known = 1 + _KEPT + _LOST
    put_back()
    new = opened().open("s")
    length = len(new.read(0))
    new.append(_events("anew", length, 1), expected=length)
    new.append(_events("lost", length + 1, known - length - 1), expected=length + 1)
    _expect_moved(writer, "a handle of another history with the same end", known, known)


def _append(journal: Journal, n: int, value: str) -> None:
    """Append `n` records of an event each."""
    length = len(journal.read(0))
    for number in range(length, length + n):
        expect(journal.append(_events(value, number, 1), expected=number), number + 1, "the length after an append")


def _events(value: str, first: int, n: int) -> list[AnyEvent]:
    """Return `n` events, of as many bytes for every value of four letters."""
    return [StudyAttributeSet(str(number), value) for number in range(first, first + n)]


def _expect_moved(handle: Journal, whose: str, length: int, known: int) -> None:
    for after in sorted({0, known}):
        expect_error(partial(handle.read, after), JournalMoved, f"reading after {after} of {length}, with {whose}")
    batches: tuple[list[AnyEvent], ...] = ([TrialStarted(13)], [])
    for expected in sorted({length, known}):
        for batch in batches:
            act = partial(handle.append, batch, expected=expected)
            expect_error(act, JournalMoved, f"appending {len(batch)} after {expected} of {length}, with {whose}")


def _expect_right(handle: Journal, kept: list[AnyEvent]) -> None:
    """Check a handle that knows nothing which was lost: it may go on, or say that the journal was rewritten."""
    try:
        events = handle.read(0)
    except JournalMoved:
        return
    expect_events(events, kept, "what a handle reads that knew only what is in the backup")


LAWS_OF_ROLLBACKS: tuple[RollbackLaw, ...] = (rolled_back_and_regrown, rolled_back_to_the_same_last_record)
