"""Who waits for whom at a database, and for how long."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import TrialStarted
from hpo.errors import Conflict, JournalBusy
from hpo.journal import SqliteJournal, SqliteStorage
from hpo.journal.locks import database_holder


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


HOLDER = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute(sys.argv[2])
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holder(command):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


told = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell who holds locks")


@told
@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_busy_database_names_the_process_that_keeps_it_so(four, script, statement):
    journal = SqliteJournal(four[0], "s", lock_timeout=0.05)
    with holder(script(HOLDER, four[0], statement)) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        with pytest.raises(JournalBusy, match=rf"was locked by process {process.pid} \(python") as caught:
            journal.append([TrialStarted(1)], expected=4)
    assert caught.value.holder.startswith(f"process {process.pid} ")
    assert journal.append([TrialStarted(1)], expected=4) == 5


@told
def test_a_database_that_is_not_yet_one_of_studies_names_who_makes_it_something_else(tmp_path, script, make_events):
    path = tmp_path / "studies.db"
    path.touch()
    with (
        holder(script(HOLDER, path, "BEGIN EXCLUSIVE")) as process,
        pytest.raises(JournalBusy, match=f"process {process.pid} ") as caught,
    ):
        SqliteStorage(path, lock_timeout=0.05).create("s", make_events(0))
    assert caught.value.path == str(path)


@told
def test_a_connection_of_this_process_is_told_as_its_own_and_a_reader_is_not_told(four):
    path, _ = four
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events")
    assert database_holder(str(path)) is None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalBusy, match="was locked by this process for"):
        SqliteJournal(path, "s", lock_timeout=0).append([TrialStarted(1)], expected=4)
    other.close()
    reader.close()
    assert database_holder(str(path)) is None
    assert database_holder("/nowhere/studies.db") is None


def test_readers_in_other_threads_do_not_wait_for_a_writer_that_waits(four):
    path, _ = four
    journal = SqliteJournal(path, "s", lock_timeout=PATIENCE)
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
                assert go_on.wait(2 * PATIENCE)
            return super().execute(statement, *parameters)

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=Slow))
    journal = SqliteJournal(path, "s")
    writer = threading.Thread(target=journal.append, args=([TrialStarted(1)],), kwargs={"expected": 4})
    writer.start()
    assert committing.wait(PATIENCE)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(len(journal.read(0))))
    reader.start()
    reader.join(PATIENCE)
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
    other.execute("INSERT INTO events SELECT study, 5, 0, '[]', NULL FROM events")
    other.execute("COMMIT")
    other.close()
    waiting.join()
    assert outcomes == [5]


def test_signals_that_python_handles_reach_a_writer_that_waits(four, script):
    text = """
        import signal, sqlite3, sys, time
        from hpo.core import TrialStarted
        from hpo.journal import SqliteJournal

        other = sqlite3.connect(sys.argv[1], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let jobs in the background ignore it
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        sleep = time.sleep

        def first_sleep(seconds):
            time.sleep = sleep
            signal.setitimer(signal.ITIMER_REAL, 0.05)  # from here on it waits
            sleep(seconds)

        time.sleep = first_sleep
        SqliteJournal(sys.argv[1], "s", lock_timeout=10**6).append([TrialStarted(1)], expected=4)
    """
    done = subprocess.run(script(text, four[0]), capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode in {-signal.SIGINT, 1, 130}
    assert "KeyboardInterrupt" in done.stderr
