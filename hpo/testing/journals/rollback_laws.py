"""Laws of journals that go back: a backup is put in their place, under handles that know what is not in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hpo.core import AnyEvent, StudyAttributeSet, TrialStarted
from hpo.errors import JournalMoved
from hpo.journal.storage import Journal
from hpo.testing.journals.expectations import expect, expect_error, expect_events
from hpo.testing.journals.samples import created
from hpo.testing.journals.study_laws import Opener

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
