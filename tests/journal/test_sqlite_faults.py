"""What the system may answer to a database, and what an interrupt may cut short: done, not done, or said to be unknown."""

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from hpo.core import StudyAttributeSet, StudyCreated, TrialEnqueued, TrialStarted
from hpo.errors import (
    InvalidArgument,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    UnsupportedJournal,
)
from hpo.journal import SqliteJournal, SqliteStorage
from hpo.journal.sqlite.schema import version_of


@pytest.fixture
def four(tmp_path, make_events):
    """The path of a database with a study of four events, and a journal of it."""
    path = tmp_path / "studies.db"
    return path, SqliteStorage(path).create("s", make_events(1))


@pytest.fixture
def faults(monkeypatch):
    """Statements and the error numbers that SQLite answers them with, once each, for connections opened from now on."""
    planned = {}

    class Failing(sqlite3.Connection):
        def execute(self, statement, *parameters):
            for start, code in [*planned.items()]:
                if statement.startswith(start):
                    del planned[start]
                    error = sqlite3.OperationalError("it failed")
                    error.sqlite_errorcode = code
                    raise error
            return super().execute(statement, *parameters)

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=Failing))
    return planned


_NOT_ADDED = [
    (sqlite3.SQLITE_FULL, JournalFull),
    (sqlite3.SQLITE_READONLY, JournalUnwritable),
    (sqlite3.SQLITE_IOERR_WRITE, JournalUnwritable),
    (sqlite3.SQLITE_CANTOPEN, JournalUnwritable),
]


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT"])
@pytest.mark.parametrize(("code", "error"), _NOT_ADDED)
def test_what_failed_before_its_end_is_not_added_and_the_handle_goes_on(four, faults, statement, code, error):
    path, _ = four
    journal = SqliteJournal(path, "s")
    faults[statement] = code
    with pytest.raises(error, match="nothing was added") as caught:
        journal.append([TrialEnqueued(1, {})], expected=4)
    assert caught.value.path == str(path)
    assert not faults
    assert len(SqliteJournal(path, "s").read(0)) == 4
    assert journal.append([TrialEnqueued(1, {})], expected=4) == 5
    assert [*SqliteJournal(path, "s").read(4)] == [TrialEnqueued(1, {})]


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR])
def test_after_a_failed_sync_the_handle_never_pretends_again(four, faults, code):
    path, _ = four
    journal = SqliteJournal(path, "s")
    faults["COMMIT"] = code
    for _ in range(3):
        with pytest.raises(OutcomeUnknown, match="it failed") as caught:
            journal.append([TrialEnqueued(1, {})], expected=4)
        assert caught.value.path == str(path)
    assert len(journal.read(0)) == 4
    assert SqliteJournal(path, "s").append([TrialEnqueued(1, {})], expected=4) == 5


def test_a_busy_commit_is_tried_again_from_its_beginning(four, faults):
    path, _ = four
    journal = SqliteJournal(path, "s")
    faults["COMMIT"] = faults["BEGIN"] = sqlite3.SQLITE_BUSY_SNAPSHOT
    assert journal.append([TrialEnqueued(1, {})], expected=4) == 5
    assert not faults
    assert len(SqliteJournal(path, "s").read(0)) == 5


def test_a_busy_reader_tries_again(four, faults):
    path, _ = four
    faults["SELECT sequence"] = sqlite3.SQLITE_BUSY_RECOVERY
    assert len(SqliteJournal(path, "s").read(0)) == 4
    assert not faults


def _fail(code):
    raise OSError(code, os.strerror(code))


def test_a_name_that_cannot_be_made_durable_is_not_acknowledged(four, monkeypatch):
    path, _ = four
    journal = SqliteJournal(path, "s")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: _fail(errno.EIO))
        with pytest.raises(JournalUnwritable):
            journal.append([TrialEnqueued(1, {})], expected=4)
    assert journal.append([TrialEnqueued(1, {})], expected=4) == 5


def _syncs(script, path, durability):
    """How often a process that appends 2 x 10 records asked the system to sync a file, and that of which promises 10."""
    text = """
        import os, sys
        from hpo.core import TrialEnqueued, TrialStarted
        from hpo.journal import SqliteStorage

        journal = SqliteStorage(sys.argv[1], durability=sys.argv[2]).open("s")
        length = journal.append([TrialEnqueued(0, {})], expected=len(journal.read(0)))
        os.stat("/from-here-on") if os.path.exists("/from-here-on") else None
        for k in range(10):
            length = journal.append([TrialStarted(k)], expected=length)
            length = journal.append([TrialEnqueued(k + 1, {})], expected=length)
        os.access("/to-here", os.F_OK)
        os._exit(0)
    """
    command = [
        "strace",
        "-f",
        "-e",
        "trace=fdatasync,fsync,stat,newfstatat,access,faccessat",
        "-o",
        str(path) + ".trace",
    ]
    subprocess.run([*command, *script(text, path, durability)], check=True)
    lines = path.with_name(path.name + ".trace").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "/from-here-on" in line)
    end = next(i for i, line in enumerate(lines) if "/to-here" in line)
    return sum("sync(" in line for line in lines[start:end])


strace = pytest.mark.usefixtures("strace")


@strace
def test_each_promise_is_one_sync_and_nothing_else_is_any(four, script):
    path, _ = four
    assert _syncs(script, path, "power") == 10
    assert _syncs(script, path, "process") == 0


@strace
@pytest.mark.parametrize(
    ("call", "moments"),
    [("pwrite64:error=ENOSPC", (1, 11, 14)), ("pwrite64:error=EIO", (10, 13)), ("fdatasync:error=EIO", (1, 2))],
)
def test_whichever_call_of_the_system_fails_outcomes_are_told_as_they_are(tmp_path, script, make_events, call, moments):
    text = """
        import sys
        from hpo.core import TrialEnqueued
        from hpo.errors import JournalFull, JournalUnwritable, OutcomeUnknown, UnsupportedJournal
        from hpo.journal import SqliteJournal

        try:
            journal = SqliteJournal(sys.argv[1], "s", durability="power")
        except UnsupportedJournal:  # what was to fail once failed here
            journal = SqliteJournal(sys.argv[1], "s", durability="power")
        length, outcomes = 1, {}
        for k in range(4):
            try:
                length = journal.append([TrialEnqueued(k, {})], expected=length)
                outcomes[k] = "done"
            except (JournalFull, JournalUnwritable) as error:
                outcomes[k] = type(error).__name__
            except OutcomeUnknown:
                outcomes[k] = "unknown"
        numbers = {event.number for event in SqliteJournal(sys.argv[1], "s").read(1)}
        assert {k for k in outcomes if outcomes[k] == "done"} <= numbers, (outcomes, numbers)
        assert not {k for k in outcomes if outcomes[k].startswith("Journal")} & numbers, (outcomes, numbers)
        again = SqliteJournal(sys.argv[1], "s")
        assert again.append([TrialEnqueued(9, {})], expected=1 + len(numbers)) == 2 + len(numbers)
        print(*outcomes.values())
    """
    seen = set()
    for k in moments:
        path = tmp_path / f"{k}.db"
        SqliteStorage(path).create("s", make_events(0))
        command = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:when={k}"]
        done = subprocess.run([*command, *script(text, path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        seen |= {*done.stdout.split()}
    kind = "JournalFull" if "ENOSPC" in call else "JournalUnwritable" if "pwrite" in call else "unknown"
    assert kind in seen
    assert seen <= {"done", kind}


def test_a_full_disk_adds_nothing_and_room_lets_the_same_handle_go_on(four, script):
    text = """
        import resource, sys
        from hpo.core import StudyAttributeSet
        from hpo.errors import JournalFull
        from hpo.journal import SqliteJournal

        journal, length = SqliteJournal(sys.argv[1], "s"), 4
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        try:
            while True:
                length = journal.append([StudyAttributeSet("k", "x" * 5000)], expected=length)
        except JournalFull as error:
            assert "nothing was added because there is no space left" in str(error)
        assert 5 < length < 30
        assert len(SqliteJournal(sys.argv[1], "s").read(0)) == length
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert journal.append([StudyAttributeSet("k", 1)], expected=length) == length + 1
        assert len(SqliteJournal(sys.argv[1], "s").read(0)) == length + 1
    """
    done = subprocess.run(script(text, four[0]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _unlink(path):
    path.unlink()


def _replace(path):
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)


def _replace_by_directory(path):
    path.unlink()
    path.mkdir()


def _replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("move", [_unlink, _replace, _replace_by_directory, _replace_by_pipe])
def test_nothing_is_acknowledged_into_a_file_that_is_no_longer_there(four, move):
    path, journal = four
    journal.append([TrialStarted(1)], expected=4)
    move(path)
    for _ in range(2):
        with pytest.raises(JournalMoved, match="nothing was added"):
            journal.append([TrialEnqueued(2, {})], expected=5)
    assert len(journal.read(0)) == 5  # what was true stays readable


def test_a_pickle_of_a_journal_whose_file_is_gone_is_told(four):
    import pickle

    path, journal = four
    copy = pickle.loads(pickle.dumps(journal))
    path.unlink()
    for act in (lambda: copy.read(0), lambda: copy.append([], expected=4)):
        with pytest.raises(JournalMoved):
            act()


@pytest.mark.parametrize("moment", ["BEGIN", "INSERT", "COMMIT"])
@pytest.mark.parametrize("after", [False, True])
def test_an_interrupted_append_leaves_all_or_nothing_and_the_handle_usable(four, monkeypatch, moment, after):
    path, _ = four
    planned = [moment]

    class Interrupted(sqlite3.Connection):
        def execute(self, statement, *parameters):
            hit = planned and statement.startswith(planned[0])
            if hit and planned.pop() and not after:
                raise KeyboardInterrupt
            result = super().execute(statement, *parameters)
            if hit:
                raise KeyboardInterrupt
            return result

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=Interrupted))
    journal = SqliteJournal(path, "s", lock_timeout=0.2)
    with pytest.raises(KeyboardInterrupt):
        journal.append([TrialStarted(1), TrialStarted(2)], expected=4)
    length = 4 + 2 * (moment == "COMMIT" and after)
    assert len(journal.read(0)) == length
    assert SqliteJournal(path, "s", lock_timeout=0.2).append([], expected=length) == length
    assert journal.append([TrialStarted(2)], expected=length) == length + 1


def test_interrupts_at_any_moment_leave_whole_records_and_no_lock(four, script):
    text = """
        import signal, sys, time
        from hpo.core import TrialStarted
        from hpo.journal import SqliteJournal

        class Interrupt(BaseException): ...

        def interrupt(*_):
            raise Interrupt

        path = sys.argv[1]
        journal, acknowledged, interrupts = SqliteJournal(path, "s", lock_timeout=5), set(), 0
        other = SqliteJournal(path, "s", lock_timeout=5)
        signal.signal(signal.SIGALRM, interrupt)
        number = 0
        until = time.monotonic() + 1.5
        while time.monotonic() < until or (interrupts <= 100 and time.monotonic() < until + 60):
            number += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00002 + (number * 7919 % 300) * 1e-6)
                length = len(journal.read(0))
                journal.append([TrialStarted(number)], expected=length)
                acknowledged.add(number)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupts += 1
            if number % 50 == 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                journal.append([], expected=len(journal.read(0)))
                other.append([], expected=len(other.read(0)))
        signal.setitimer(signal.ITIMER_REAL, 0)
        numbers = [event.number for event in SqliteJournal(path, "s").read(4)]
        assert len(numbers) == len(set(numbers)), "twice"
        assert acknowledged <= set(numbers), "lost"
        assert interrupts > 100, interrupts
    """
    done = subprocess.run(script(text, four[0]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_record_that_is_too_long_is_refused(four, monkeypatch):
    _, journal = four
    monkeypatch.setattr("hpo.journal.records.LONGEST", 1000)
    with pytest.raises(InvalidArgument, match="too long"):
        journal.append([StudyAttributeSet("k", "x" * 1000)], expected=4)
    assert journal.append([TrialStarted(1)], expected=4) == 5


def test_a_database_that_may_only_be_read_is_read(four, tmp_path, make_events):
    path, journal = four
    del journal
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("SELECT * FROM events").fetchall()  # so that the log is there
    query = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlite3.connect", lambda place, /, **k: query(place.replace("mode=rw", "mode=ro"), **k))
        journal = SqliteJournal(path, "s")
        assert [*journal.read(0)] == make_events(1)
        for act in (
            lambda: journal.append([TrialStarted(1)], expected=4),
            lambda: SqliteStorage(path).delete("s"),
            lambda: SqliteStorage(path).create("t", make_events(0, name="t")),
        ):
            with pytest.raises(JournalUnwritable, match="readonly"):
                act()
    other.close()


def test_a_file_system_without_shared_memory_is_refused(tmp_path, make_events, monkeypatch):
    class WithoutWal(sqlite3.Connection):
        def execute(self, statement, *parameters):
            return super().execute(
                "SELECT CAST('delete' AS BLOB)" if "journal_mode" in statement else statement, *parameters
            )

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=WithoutWal))
    with pytest.raises(UnsupportedJournal, match="shares no memory"):
        SqliteStorage(tmp_path / "s.db").create("s", make_events(0))


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_a_file_that_cannot_be_made_is_told(tmp_path, make_events, monkeypatch, code):
    real = os.open

    def refusing(file, flags, *mode):
        return _fail(code) if flags & os.O_CREAT else real(file, flags, *mode)

    monkeypatch.setattr("os.open", refusing)
    with pytest.raises(JournalFull if code == errno.ENOSPC else JournalUnwritable):
        SqliteStorage(tmp_path / "s.db").create("s", make_events(0))
    assert [*tmp_path.iterdir()] == []


def test_tables_that_are_made_between_two_questions_are_no_foreign_database(tmp_path):
    path = str(tmp_path / "s.db")
    sqlite3.connect(path).close()
    Path(path).touch()

    class OneRow:
        def __init__(self, row):
            self.row = row

        def fetchone(self):
            return self.row

    class Overtaken(sqlite3.Connection):
        def execute(self, statement, *arguments):
            answer = super().execute(statement, *arguments)
            if statement == "PRAGMA application_id" and not Path(f"{path}.made").exists():
                answer = OneRow(answer.fetchone())
                Path(f"{path}.made").touch()
                SqliteStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
            return answer

    with contextlib.closing(sqlite3.connect(path, factory=Overtaken)) as connection:
        assert version_of(connection, path) == 2
