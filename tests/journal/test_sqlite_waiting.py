"""Who waits for whom at a database, and for how long."""

import signal
import sqlite3
import subprocess
import threading

import pytest

from hpo.core.events import TrialStarted
from hpo.errors import Conflict, JournalBusy
from hpo.journal import SqliteJournal, SqliteStorage


@pytest.fixture
def four(tmp_path, make_events):
    """The path of a database with a study of four events, and a journal of it."""
    path = tmp_path / "studies.db"
    return path, SqliteStorage(path).create("s", make_events(1))


def test_a_database_locked_for_too_long_is_busy_and_readable(four, make_events):
    path, _ = four
    journal = SqliteJournal(path, "s", lock_timeout=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalBusy, match="nothing was added") as caught:
        journal.append([TrialStarted(1)], expected=4)
    assert len(journal.read(0)) == len(SqliteStorage(path).open("s").read(0)) == 4
    for act in (
        lambda: SqliteStorage(path, lock_timeout=0.05).delete("s"),
        lambda: SqliteStorage(path, lock_timeout=0.05).create("t", make_events(0, name="t")),
    ):
        with pytest.raises(JournalBusy):
            act()
    other.rollback()
    other.close()
    assert caught.value.path == str(path)
    assert caught.value.waited >= 0.05
    assert journal.append([TrialStarted(1)], expected=4) == 5


def test_readers_in_other_threads_do_not_wait_for_a_writer_that_waits(four):
    path, journal = four
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = threading.Thread(target=journal.append, args=([TrialStarted(1)],), kwargs={"expected": 4})
    writer.start()
    for _ in range(1000):
        assert len(journal.read(0)) == 4
    assert writer.is_alive()
    other.rollback()
    other.close()
    writer.join()
    assert len(journal.read(0)) == 5


def test_readers_of_the_same_handle_do_not_wait_for_a_commit(four, monkeypatch):
    path, _ = four
    committing, go_on = threading.Event(), threading.Event()

    class Slow(sqlite3.Connection):
        def execute(self, statement, *parameters):
            if statement == "COMMIT":
                committing.set()
                assert go_on.wait(30)
            return super().execute(statement, *parameters)

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=Slow))
    journal = SqliteJournal(path, "s")
    writer = threading.Thread(target=journal.append, args=([TrialStarted(1)],), kwargs={"expected": 4})
    writer.start()
    assert committing.wait(30)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(len(journal.read(0))))
    reader.start()
    reader.join(20)
    waited = reader.is_alive()
    go_on.set()
    writer.join()
    reader.join()
    assert not waited
    assert seen == [4]


def test_a_reader_in_the_middle_keeps_no_writer_waiting(four, make_events):
    path, journal = four
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert journal.append([TrialStarted(1)], expected=4) == 5
    assert other.execute("SELECT count(*) FROM events").fetchone() == (1,)
    other.close()


def test_a_second_writer_gets_a_conflict_after_it_waited(four):
    path, _ = four
    journal = SqliteJournal(path, "s")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    outcomes = []

    def append():
        try:
            journal.append([TrialStarted(1)], expected=4)
        except Conflict as error:
            outcomes.append(error.actual)

    waiting = threading.Thread(target=append)
    waiting.start()
    other.execute("INSERT INTO events SELECT study, 5, 0, '[]' FROM events")
    other.execute("COMMIT")
    other.close()
    waiting.join()
    assert outcomes == [5]


def test_signals_that_python_handles_reach_a_writer_that_waits(four, script):
    text = """
        import signal, sqlite3, sys
        from hpo.core.events import TrialStarted
        from hpo.journal import SqliteJournal

        other = sqlite3.connect(sys.argv[1], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let jobs in the background ignore it
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        SqliteJournal(sys.argv[1], "s", lock_timeout=60).append([TrialStarted(1)], expected=4)
    """
    done = subprocess.run(script(text, four[0]), capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode in {-signal.SIGINT, 1, 130}
    assert "KeyboardInterrupt" in done.stderr
