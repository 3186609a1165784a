"""Databases and processes: racing, forked, stopped and killed."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from hpo.core.events import TrialStarted
from hpo.errors import JournalBusy, JournalMoved
from hpo.journal import SqliteJournal, SqliteStorage

_WRITER = """
    import os, sys
    from hpo.core.events import TrialEnqueued
    from hpo.errors import Conflict
    from hpo.journal import SqliteJournal

    path, name, n, durability = sys.argv[1:]
    journal, length, mine = SqliteJournal(path, "s", durability=durability), 0, 0
    while mine < int(n):
        length += len(journal.read(length))
        try:
            length = journal.append([TrialEnqueued(mine, name)], expected=length)
        except Conflict:
            continue
        os.write(1, b"%d %d\\n" % (length, mine))
        mine += 1
"""


@pytest.fixture
def one(tmp_path, make_events):
    """The path of a database with a study that holds its creation."""
    SqliteStorage(tmp_path / "studies.db").create("s", make_events(0))
    return tmp_path / "studies.db"


def test_eight_processes_lose_nothing_and_give_each_place_once(one, script):
    writers = [
        subprocess.Popen(script(_WRITER, one, f"w{i}", 50, "process"), stdout=subprocess.PIPE, text=True)
        for i in range(8)
    ]
    acknowledged = {}
    for i, writer in enumerate(writers):
        out, _ = writer.communicate()
        assert writer.returncode == 0
        acknowledged |= {int(length): (f"w{i}", int(k)) for length, k in map(str.split, out.splitlines())}
    events = SqliteJournal(one, "s").read(1)
    assert acknowledged == {i: (event.params, event.number) for i, event in enumerate(events, 2)}
    assert len(events) == 400


def _storm(one, script, seconds, n_writers):
    """Kill writers at random moments and start others; every line that one of them printed must be in the journal."""
    chance, outputs, running, readers, printed = random.Random(1), {}, [], [], {}
    until = time.monotonic() + seconds

    def start():
        name = f"w{len(outputs)}"
        command = script(_WRITER, one, name, 10**6, chance.choice(["power", "process"]))
        outputs[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        reader = threading.Thread(target=lambda: printed.update({name: outputs[name].stdout.read()}))
        reader.start()
        readers.append(reader)
        running.append(name)

    for _ in range(n_writers):
        start()
    while time.monotonic() < until or (len(SqliteJournal(one, "s").read(0)) < 300 and time.monotonic() < until + 60):
        time.sleep(chance.uniform(0.05, 0.3) if time.monotonic() < until else 2.0)  # slow machines need longer to start
        outputs[running.pop(chance.randrange(len(running)))].send_signal(signal.SIGKILL)
        start()
    for name in running:
        outputs[name].send_signal(signal.SIGKILL)
    for reader in readers:
        reader.join()
    for writer in outputs.values():
        writer.wait()
        writer.stdout.close()
    events = [*SqliteJournal(one, "s").read(0)]
    assert [*SqliteJournal(one, "s").read(0)] == events
    acknowledged = 0
    for name, text in printed.items():
        for line in text.splitlines():
            length, k = map(int, line.split())
            assert (events[length - 1].params, events[length - 1].number) == (name, k)
            acknowledged += 1
    assert 0 <= len(events) - 1 - acknowledged <= len(outputs)  # each death may cost one acknowledgement
    assert acknowledged > 100
    writer = SqliteJournal(one, "s", lock_timeout=1)
    assert writer.append([TrialStarted(0)], expected=len(events)) == len(events) + 1
    connection = sqlite3.connect(one)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    print(f"{len(outputs)} writers killed, {acknowledged} acknowledged, {len(events) - 1} found")


def test_killed_writers_lose_nothing_that_they_acknowledged_and_block_nobody(one, script):
    _storm(one, script, seconds=4, n_writers=3)


@pytest.mark.long
def test_a_minute_of_killed_writers_loses_nothing(one, script):
    _storm(one, script, seconds=60, n_writers=8)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate"])
def test_a_writer_killed_in_any_call_of_the_system_leaves_all_or_nothing(tmp_path, script, make_events, call):
    """Creation and appends, killed in the k-th call: the study is not there, or there with whole records."""
    text = """
        import os, sys
        from hpo.core.events import StudyCreated, TrialEnqueued
        from hpo.journal import SqliteStorage

        journal = SqliteStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        os.write(1, b"created\\n")
        for k in range(3):
            journal.append([TrialEnqueued(k, {}), TrialEnqueued(k, {})], expected=1 + 2 * k)
            os.write(1, b"%d\\n" % k)
    """
    killed = 0
    for k in (1, 2, 3, 4, 6, 11, 19, 24):
        path = tmp_path / f"{k}.db"
        command = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={k}"]
        done = subprocess.run([*command, *script(text, path)], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        killed += 1
        storage, acknowledged = SqliteStorage(path, lock_timeout=1), done.stdout.split()
        if "created" in acknowledged or storage.names():
            events = storage.open("s").read(0)
            assert len(events) in {1 + 2 * len(acknowledged[1:]), 3 + 2 * len(acknowledged[1:])}
            assert storage.open("s").append([TrialStarted(0)], expected=len(events)) == len(events) + 1
        else:
            storage.create("s", make_events(0))
            assert [*storage.open("s").read(0)] == make_events(0)
    assert killed


def test_a_stopped_writer_keeps_others_waiting_only_until_it_is_killed(one, script):
    text = """
        import os, signal, sqlite3, sys
        from hpo.core.events import TrialStarted
        from hpo.journal import SqliteJournal

        class Stopping(sqlite3.Connection):
            def execute(self, statement, *parameters):
                if statement == "COMMIT":
                    os.kill(os.getpid(), signal.SIGSTOP)
                return super().execute(statement, *parameters)

        connect = sqlite3.connect
        sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Stopping)
        SqliteJournal(sys.argv[1], "s").append([TrialStarted(0)], expected=1)
    """
    stopped = subprocess.Popen(script(text, one))
    os.waitpid(stopped.pid, os.WUNTRACED)
    try:
        journal = SqliteJournal(one, "s", lock_timeout=0.1)
        assert len(journal.read(0)) == 1
        with pytest.raises(JournalBusy):
            journal.append([TrialStarted(0)], expected=1)
    finally:
        stopped.kill()
        stopped.wait()
    assert journal.append([TrialStarted(0)], expected=1) == 2


_FORKS = """
    import os, sys, threading, time
    from hpo.core.events import TrialEnqueued
    from hpo.errors import Conflict
    from hpo.journal import SqliteJournal, SqliteStorage

    path = sys.argv[1]

    def append(journal, name, n):
        length = mine = 0
        while mine < n:
            length += len(journal.read(length))
            try:
                length = journal.append([TrialEnqueued(mine, name)], expected=length)
            except Conflict:
                continue
            mine += 1

    def check(names, n):
        events = SqliteJournal(path, "s").read(1)
        found = sorted((event.params, event.number) for event in events)
        assert found == sorted((name, k) for name in names for k in range(n)), found
"""


def test_forked_children_open_for_themselves(one, script):
    text = """
    journal = SqliteJournal(path, "s", durability="process")
    append(journal, "parent", 100)
    children = []
    for child in range(4):
        if not (pid := os.fork()):
            append(journal, f"{child}", 100)
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    check(["parent", *"0123"], 100)
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_child_outlives_the_connections_of_its_parent(one, script):
    """The parent, which closes first, must not take the log away that the child goes on writing."""
    text = """
    journal = SqliteJournal(path, "s", durability="process")
    append(journal, "parent", 3)
    closed, close = os.pipe()
    if not (pid := os.fork()):
        os.close(close)
        append(journal, "before", 3)
        os.read(closed, 1)
        append(journal, "after", 3)
        os._exit(0)
    time.sleep(0.1)
    del journal
    os.close(close)
    assert os.waitpid(pid, 0)[1] == 0
    check(["parent", "before", "after"], 3)
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_forks_while_threads_append_block_nobody_and_lose_nothing(one, script):
    text = """
    journal = SqliteJournal(path, "s", durability="process")
    threads = [threading.Thread(target=append, args=(journal, f"t{i}", 60)) for i in range(2)]
    for thread in threads:
        thread.start()
    children = []
    for child in range(6):
        if not (pid := os.fork()):
            append(journal, f"{child}", 10)
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 6
    for thread in threads:
        thread.join()
    events = SqliteJournal(path, "s").read(1)
    assert len(events) == 2 * 60 + 6 * 10, len(events)
    assert len({(event.params, event.number) for event in events}) == len(events)
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


def test_a_fork_waits_for_no_writer_that_waits(one, script):
    text = """
    import sqlite3
    journal = SqliteJournal(path, "s", lock_timeout=60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=append, args=(journal, "t", 1))
    waiting.start()
    time.sleep(0.1)
    if not (pid := os.fork()):
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert waiting.is_alive()
    other.rollback()
    waiting.join()
    check(["t"], 1)
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr


def test_a_child_whose_database_was_replaced_before_it_first_used_it_is_told(one, script):
    text = """
    from hpo.errors import JournalMoved
    journal = SqliteJournal(path, "s")
    gone, go = os.pipe()
    if not (pid := os.fork()):
        os.read(gone, 1)
        code = 1
        try:
            journal.append([TrialEnqueued(0, {})], expected=1)
        except JournalMoved:
            code = 0
        os._exit(code)
    os.rename(path, path + ".old")
    with open(path + ".old", "rb") as old, open(path, "wb") as new:
        new.write(old.read())
    os.write(go, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_workers_of_a_forking_pool_share_a_study(one, script):
    text = """
    import multiprocessing
    journal = SqliteJournal(path, "s", durability="process")
    journal.read(0)

    def work(i):
        append(journal, f"{i}", 5)

    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(work, range(12))
    check([f"{i}" for i in range(12)], 5)
    """
    done = subprocess.run(script(_FORKS + text, one), capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr


def test_a_study_deleted_by_another_process_is_told(one, script):
    journal = SqliteJournal(one, "s")
    text = """
        import sys
        from hpo.core.events import StudyCreated
        from hpo.journal import SqliteStorage

        SqliteStorage(sys.argv[1]).delete("s")
        SqliteStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    """
    subprocess.run(script(text, one), check=True)
    for act in (lambda: journal.read(0), lambda: journal.append([TrialStarted(0)], expected=1)):
        with pytest.raises(JournalMoved):
            act()
    assert len(SqliteJournal(one, "s").read(0)) == 1


def test_readers_of_a_journal_that_grows_see_beginnings_of_it(one, script):
    writer = subprocess.Popen(script(_WRITER, one, "w", 2000, "process"), stdout=subprocess.DEVNULL)
    reader, seen = SqliteJournal(one, "s"), []
    while writer.poll() is None:
        seen += reader.read(len(seen))
    seen += reader.read(len(seen))
    assert [event.number for event in seen[1:]] == [*range(2000)]


def test_many_creators_in_many_processes_make_one_study_each_in_one_file(tmp_path, script):
    text = """
        import sys
        from hpo.core.events import StudyCreated
        from hpo.errors import DuplicatedStudyError
        from hpo.journal import SqliteStorage

        storage = SqliteStorage(sys.argv[1])
        for name in ("shared", sys.argv[2]):
            try:
                storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
                print(name)
            except DuplicatedStudyError:
                pass
    """
    path = tmp_path / "new.db"
    creators = [subprocess.Popen(script(text, path, i), stdout=subprocess.PIPE, text=True) for i in range(8)]
    made = [name for creator in creators for name in creator.communicate()[0].split()]
    assert [creator.returncode for creator in creators] == [0] * 8
    assert sorted(made) == sorted([*"01234567", "shared"]) == SqliteStorage(path).names()
