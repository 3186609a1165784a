"""Databases where nobody may write: they are read, as long as nobody else has them open."""

import importlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from hpo.core import TrialStarted
from hpo.errors import JournalUnwritable, UnsupportedJournal
from hpo.journal import SqliteJournal, SqliteStorage
from hpo.journal.repair import check_file, repair_file

NOBODY = 65534


@pytest.fixture
def archive(make_events):
    """A database with a study of four events, in a directory that everybody may read and nobody may write to."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "studies.db")
        SqliteStorage(path).create("s", make_events(1))
        path.chmod(0o444)
        Path(directory).chmod(0o555)
        yield path
        Path(directory).chmod(0o755)


def as_nobody(act):
    """Call `act` in a child that may not write everywhere, as the root of a system may."""
    importlib.import_module("hpo.journal.repair.databases")  # the child may not be allowed to read what it needs
    pid = os.fork()
    if not pid:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setresuid(NOBODY, NOBODY, NOBODY)
            act()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_it_is_read_and_looked_at_and_not_written(archive, make_events):
    def act():
        storage = SqliteStorage(archive)
        assert storage.names() == ["s"]
        journal = storage.open("s")
        assert [*journal.read(0)] == make_events(1)
        assert journal.read(4) == []
        assert [found.events for found in check_file(archive)] == [4]
        assert [done.flaw for done in repair_file(archive)] == [None]
        for write in (
            lambda: journal.append([TrialStarted(1)], expected=4),
            lambda: storage.create("t", make_events(0, name="t")),
            lambda: storage.delete("s"),
        ):
            with pytest.raises(JournalUnwritable):
                write()

    as_nobody(act)
    assert [path.name for path in archive.parent.iterdir()] == ["studies.db"]


def test_a_log_without_its_index_can_not_be_read_there(archive):
    """What is in the log is not in the database: to read only that would be to lose it."""
    directory = archive.parent
    directory.chmod(0o755)
    connection = sqlite3.connect(archive, isolation_level=None)
    connection.execute("CREATE TABLE more (x)")
    shutil.copy(f"{archive}-wal", directory / "log")
    connection.close()
    (directory / "log").rename(f"{archive}-wal")
    directory.chmod(0o555)

    def act():
        with pytest.raises(UnsupportedJournal, match="it can't be read: unable to open"):
            SqliteStorage(archive).names()
        with pytest.raises(UnsupportedJournal, match="unable to open"):
            check_file(archive)

    as_nobody(act)


def test_what_somebody_else_wrote_meanwhile_is_no_answer(archive):
    looks = iter([(1, 1), (2, 1)])

    def act():
        journal = SqliteJournal(archive, "s")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hpo.journal.sqlite.files._look", lambda _: next(looks))
            with pytest.raises(UnsupportedJournal, match="read it again"):
                journal.read(0)
        assert len(journal.read(0)) == 4

    as_nobody(act)
