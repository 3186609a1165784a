"""Every state that a disk may be in after a power cut, by the order in which it happened to write sectors."""

import itertools
import os
import random
from pathlib import Path

import pytest

from hpo.core import (
    StudyAttributeSet,
    StudyCreated,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    TrialState,
    ValueReported,
)
from hpo.errors import JournalCorrupted
from hpo.journal import FileJournal, FileStorage

SECTOR = 512
MOST = 1024  # subsets of sectors that are tried per moment

BATCHES = [
    [StudyAttributeSet("notes", "n" * 1900)],
    [TrialStarted(0)],
    [ValueReported(0, 0, 0.5), ValueReported(0, 1, 0.25)],
    [TrialFinished(0, TrialState.COMPLETE, (0.5,))],
    [TrialEnqueued(1, {"text": "t" * 700})],
    [TrialStarted(1)],
    [StudyAttributeSet("notes", "m" * 2600)],
    [ValueReported(1, 0, 0.5)],
    [TrialFinished(1, TrialState.FAIL)],
]


@pytest.fixture
def moments(tmp_path, monkeypatch):
    """After each system call of a session: (what is durable, the sizes since then, the content, what was acknowledged).

    In its middle the session finds a torn end, and cuts it.
    """
    path = tmp_path / "s.jsonl"
    storage = FileStorage(path)
    journal = storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    durable, acknowledged, sizes, kept = [path.read_bytes()], [1], [path.stat().st_size], []

    def remember():
        content = path.read_bytes()
        sizes.append(len(content))
        kept.append((durable[0], {*sizes}, content, acknowledged[0]))

    def recorded(call):
        def act(fd, *arguments):
            result = call(fd, *arguments)
            if Path(f"/proc/self/fd/{fd}").readlink() == path:
                if call is fdatasync:
                    durable[0] = path.read_bytes()
                    sizes[:] = [len(durable[0])]
                remember()
            return result

        return act

    fdatasync = os.fdatasync
    monkeypatch.setattr("os.write", recorded(os.write))
    monkeypatch.setattr("os.ftruncate", recorded(os.ftruncate))
    monkeypatch.setattr("os.fdatasync", recorded(fdatasync))
    length = 1
    for i, batch in enumerate(BATCHES):
        if i == 5:
            with path.open("ab") as file:
                file.write(b"0badc0de 9 [[torn" * 40)
            remember()
        length = journal.append(batch, expected=length)
        if durable[0] == path.read_bytes():
            acknowledged[0] = length
            remember()
    monkeypatch.undo()
    events = journal.read(0)
    return path, [*events], kept


def _disks(durable, sizes, content, chance):
    """What may be on the disk: each sector as it was or as it is, and any of the sizes."""
    longest = max(len(durable), len(content), *sizes)
    longest += -longest % SECTOR
    old, new = durable.ljust(longest, b"\0"), content.ljust(longest, b"\0")
    changed = [at for at in range(0, longest, SECTOR) if old[at : at + SECTOR] != new[at : at + SECTOR]]
    subsets = [*itertools.product([False, True], repeat=len(changed))] if 2 ** len(changed) <= MOST else None
    for subset in subsets or [[chance.random() < 0.5 for _ in changed] for _ in range(MOST)]:
        disk = bytearray(old)
        for at, written in zip(changed, subset, strict=True):
            if written:
                disk[at : at + SECTOR] = new[at : at + SECTOR]
        for size in sizes:
            yield bytes(disk[:size])


def test_r13_whatever_a_disk_made_of_unsynced_sectors_nothing_acknowledged_is_lost(moments):
    path, events, kept = moments
    assert len(kept) > 15
    chance, n_disks, n_located = random.Random(1), 0, 0
    for durable, sizes, content, acknowledged in kept:
        for disk in {*_disks(durable, sizes, content, chance)}:
            n_disks += 1
            path.write_bytes(disk)
            try:
                journal = FileJournal(path, durability="process")
                read = [*journal.read(0)]
            except JournalCorrupted as error:
                # Several records were not synced, and a later one reached the disk before an earlier one. A crash of
                # the program leaves no such thing, so it is said and not repaired; what was synced is before it.
                n_located += 1
                path.write_bytes(disk[: error.offset])
                read = [*FileJournal(path).read(0)]
                assert len(disk[: error.offset].splitlines()) == error.line - 1  # noqa: PT017
            else:
                journal.append([TrialStarted(99)], expected=len(read))
                assert [*FileJournal(path).read(0)] == [*read, TrialStarted(99)]
            assert read == events[: len(read)]
            assert len(read) >= acknowledged
            for torn in path.parent.glob("*.torn-*"):
                torn.unlink()
    print(f"r13: {len(kept)} moments, {n_disks} disks, {n_located} of them located as damaged, 0 lost")
    assert n_disks > 500
