"""Databases that are not what a handle or a path says: restored, regrown, under several names, or read without success."""

import contextlib
import errno
import os
import resource
import shutil
import sqlite3
import subprocess

import pytest

import hpo
from hpo.core import StudyAttributeSet, TrialStarted
from hpo.errors import (
    HpoError,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    StudyNotFound,
    UnsupportedJournal,
)
from hpo.journal import SqliteJournal, SqliteStorage
from hpo.testing.journals.writer_laws import LAWS_OF_ROLLBACKS


@pytest.fixture
def path(tmp_path, make_events):
    """A database with a study of four events."""
    path = tmp_path / "studies.db"
    SqliteStorage(path).create("s", make_events(1))
    return path


def _copy(source, target):
    """Copy a database by the backup API of SQLite, which is what ``.backup`` and ``.restore`` use."""
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(target)) as other:
        one.backup(other)


@pytest.mark.parametrize("law", LAWS_OF_ROLLBACKS)
def test_a_restored_backup_keeps_the_laws_of_journals_that_went_back(tmp_path, law):
    path, saved = tmp_path / "studies.db", tmp_path / "saved.db"

    def backup():
        _copy(path, saved)
        return lambda: _copy(saved, path)

    law(lambda: SqliteStorage(path), backup)


def test_a_study_of_a_database_that_was_restored_stops_at_its_next_ask(tmp_path):
    path, saved = tmp_path / "studies.db", tmp_path / "saved.db"
    study = hpo.create_study(storage=f"sqlite:///{path}", study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    _copy(path, saved)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    open_trial = study.ask()
    _copy(saved, path)
    for act in (study.ask, lambda: study.tell(open_trial, 1.0), lambda: study.trials):
        with pytest.raises(JournalMoved):
            act()
    other = hpo.load_study(storage=f"sqlite:///{path}", study_name="s")
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=6)
    for act in (study.ask, lambda: study.tell(open_trial, 1.0), lambda: study.trials):
        with pytest.raises(JournalMoved):
            act()


def test_a_damaged_last_row_is_damage_and_not_another_history(path):
    journal = SqliteJournal(path, "s")
    journal.read(0)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET crc32 = crc32 + 1 WHERE sequence = 4")
    with pytest.raises(JournalCorrupted):
        journal.read(4)


def test_a_file_with_several_names_is_refused_by_each_of_them(path, tmp_path):
    journal = SqliteJournal(path, "s")
    (tmp_path / "other.db").hardlink_to(path)
    for name in (path, tmp_path / "other.db"):
        for act in (
            SqliteStorage(name).names,
            lambda name=name: SqliteJournal(name, "s"),
            lambda name=name: SqliteStorage(name).delete("s"),
        ):
            with pytest.raises(UnsupportedJournal, match=r"2 names \(hard links\).*remove the other names"):
                act()
    assert len(journal.read(0)) == 4  # it was opened while there was one
    (tmp_path / "other.db").unlink()
    assert SqliteStorage(path).names() == ["s"]


def test_a_file_that_is_mounted_by_itself_is_refused(path, tmp_path, script):
    inside = tmp_path / "in side"
    inside.mkdir()
    (inside / "s.db").touch()
    program = """
        import subprocess, sys
        from hpo.errors import UnsupportedJournal
        from hpo.journal import SqliteStorage

        source, target = sys.argv[1:]
        subprocess.run(["mount", "--bind", source, target], check=True)
        try:
            print(SqliteStorage(target).names())
        except UnsupportedJournal as error:
            print(error)
    """
    command = ["unshare", "--mount", "--map-root-user", *script(program, path, inside / "s.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("unshare") else None
    if done is None or done.returncode:
        pytest.skip("this system does not let the test mount a file")
    assert "it is mounted by itself" in done.stdout
    assert "mount the directory" in done.stdout


@contextlib.contextmanager
def _no_more_files():
    """Let this process open no more files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = os.open("/dev/null", os.O_RDONLY)
    os.close(taken)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_read_that_fails_for_lack_of_descriptors_says_so_and_not_that_nothing_was_added(path):
    storage, journal = SqliteStorage(path), SqliteJournal(path, "s")
    journal._reader.close()
    with _no_more_files():
        for act in (storage.names, lambda: storage.open("s"), lambda: journal.read(0)):
            with pytest.raises(UnsupportedJournal, match="it can't be read: " + os.strerror(errno.EMFILE)):
                act()
        with pytest.raises(JournalUnwritable):
            journal.append([TrialStarted(9)], expected=4)
    assert len(journal.read(0)) == 4


def test_whatever_byte_of_the_header_is_damaged_a_read_does_not_speak_of_adding(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    healthy, answers = path.read_bytes(), []
    for at in range(100):
        for bit in (0, 7):
            flipped = bytearray(healthy)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                answers.append(len(SqliteStorage(path).open("s").read(0)))
            except HpoError as error:
                answers.append(error)
            for kept in ("-wal", "-shm"):
                path.with_name(path.name + kept).unlink(missing_ok=True)
    told = [answer for answer in answers if answer != 4]
    assert len(told) > 20
    assert not [one for one in told if not isinstance(one, UnsupportedJournal | JournalCorrupted | StudyNotFound)]
    assert not [one for one in told if "added" in str(one)]


def test_a_creation_that_fails_leaves_no_file_behind(tmp_path, make_events, monkeypatch):
    path = tmp_path / "new.db"
    with monkeypatch.context() as patch:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL

        def fail(*_arguments, **_options):
            raise error

        patch.setattr("hpo.journal.sqlite.storage.bring_up_to_date", fail)
        with pytest.raises(JournalFull):
            SqliteStorage(path).create("s", make_events(0))
    assert not [*tmp_path.iterdir()]
    SqliteStorage(path).create("s", make_events(0))
    with monkeypatch.context() as patch:
        patch.setattr("hpo.journal.sqlite.storage.insert_row", fail)
        with pytest.raises(JournalFull):
            SqliteStorage(path).create("t", make_events(0, name="t"))
    assert SqliteStorage(path).names() == ["s"]


def test_rows_that_are_read_many_at_once_are_checked_one_by_one_when_one_is_wrong(tmp_path, make_events):
    path = tmp_path / "studies.db"
    journal = SqliteStorage(path, durability="process").create("s", make_events(0))
    for number in range(1, 2500):
        journal.append([StudyAttributeSet("k", number)], expected=number)
    events = SqliteJournal(path, "s").read(0)
    assert [event.value for event in events[1:]] == [*range(1, 2500)]
    for after in (1, 999, 1000, 1001, 2001, 2499, 2500):
        assert [*SqliteJournal(path, "s").read(after)] == [*events[after:]]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET payload = replace(payload, '1700', '1701') WHERE sequence = 1701")
    with pytest.raises(JournalCorrupted, match="after event 1700: the checksum is wrong"):
        journal.read(0)
