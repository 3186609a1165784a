"""Tools for tests of journals that are written by claims."""

import contextlib
import errno
import os
import time

from patience import PATIENCE

from hpo.core import StudyAttributeSet, StudyCreated
from hpo.errors import Conflict
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file import claims as file_claims

CREATED = StudyCreated(1, "s", ("minimize",), 7)


def refuse_to_lock(fd, how):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def claims_of(path):
    (directory,) = path.parent.glob(f"{path.name}.claims-*")
    return directory


def append_all(path, name, n):
    """Append `n` events, in turn with others, through a handle of its own; the place of each."""
    journal, places, length = FileJournal(path), {}, 0
    deadline = time.monotonic() + PATIENCE
    while len(places) < n:
        assert time.monotonic() < deadline, "somebody is in the way"
        length += len(journal.read(length))
        event = StudyAttributeSet(name, len(places))
        with contextlib.suppress(Conflict):
            places[journal.append([event], expected=length)] = event
    return places


def check(path, acknowledged, *, others=0):
    """Make sure that each acknowledged event is in its place, and at most so many others are there."""
    if others:  # the last one who died may have claimed a place and not come to write: whoever comes next does
        with contextlib.suppress(Conflict):
            FileJournal(path).append([], expected=len(FileJournal(path).read(0)))
    events = FileJournal(path).read(0)
    assert events[0] == CREATED
    for place, event in acknowledged.items():
        assert events[place - 1] == event
    assert 0 <= len(events) - 1 - len(acknowledged) <= others
    assert len({(event.key, event.value) for event in events[1:]}) == len(events) - 1, "nothing is there twice"
    assert FileStorage(path).open(None).append([], expected=len(events)) == len(events)


def made_without_locks(path, monkeypatch):
    """A journal that was made where nothing can be locked; later on locks work, and must not be used."""
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refuse_to_lock)
        FileStorage(path).create("s", [CREATED])
    return path


class Calls:
    """Counts the calls to the system in `file_claims`, and does something at chosen ones."""

    _COUNTED = ("open", "close", "link", "unlink", "fsync", "fstat", "listdir")

    def __init__(self, monkeypatch):
        self.level, self.counts, self.plan, self.act = 0, [0] * 9, {}, None
        proxy = type("os", (), {"__getattr__": staticmethod(lambda name: getattr(os, name))})()
        for name in self._COUNTED:
            call = (lambda fd: None) if name == "fsync" else getattr(os, name)
            setattr(proxy, name, self._counted(call))
        monkeypatch.setattr(file_claims, "os", proxy)
        for name in ("pread", "pwrite"):
            monkeypatch.setattr(file_claims, name, self._counted(getattr(file_claims, name)))
        monkeypatch.setattr(file_claims, "open", self._counted(open), raising=False)
        monkeypatch.setattr(file_claims, "read_after", self._counted(file_claims.read_after))

    def _counted(self, call):
        def counted(*arguments, **options):
            level = self.level
            self.counts[level] += 1
            if self.plan.get(level) == self.counts[level]:
                self.level += 1
                try:
                    self.act(level + 1)
                finally:
                    self.level -= 1
            return call(*arguments, **options)

        return counted

    def number(self, path):
        """How many calls an append makes."""
        journal = FileJournal(path)
        length = len(journal.read(0))
        self.counts, self.plan = [0] * 9, {}
        journal.append([StudyAttributeSet("count", length)], expected=length)
        return self.counts[0]
