"""Writers of files and of databases that are processes: racing, forked, stopped and killed."""

import os
import random
import signal
import sqlite3
import subprocess
import textwrap
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import TrialStarted
from hpo.errors import JournalBusy, JournalMoved
from hpo.journal import FileJournal, open_journal

_COMMON = """
    import os, signal, sqlite3, sys, threading, time
    from hpo.core import StudyAttributeSet, TrialStarted
    from hpo.errors import Conflict
    from hpo.journal import open_journal

    def opened(**options):
        return open_journal(sys.argv[1], lock_timeout=100, **options).open("s")

    def append(journal, name, n, told=lambda length, k: None):
        length = mine = 0
        while mine < n:
            length += len(journal.read(length))
            try:
                length = journal.append([StudyAttributeSet(name, mine)], expected=length)
            except Conflict:
                continue
            told(length, mine)
            mine += 1

    def check(names, n):
        found = sorted((event.key, event.value) for event in opened().read(1))
        assert found == sorted((name, k) for name in names for k in range(n)), found

    def wait_for(children):
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * len(children)
"""

_WRITER = """
    _, _, name, n, durability = sys.argv
    append(opened(durability=durability), name, int(n), lambda length, k: os.write(1, b"%d %d\\n" % (length, k)))
"""

_STOPPED = {
    "file": """
    write = os.write

    def stopping(fd, data):
        os.kill(os.getpid(), signal.SIGSTOP)
        return write(fd, data)

    os.write = stopping
    """,
    "sqlite": """
    class Stopping(sqlite3.Connection):
        def execute(self, statement, *parameters):
            if statement == "COMMIT":
                os.kill(os.getpid(), signal.SIGSTOP)
            return super().execute(statement, *parameters)

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Stopping)
    """,
}


@pytest.fixture(params=["file", "sqlite"])
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path, kind):
    return tmp_path / {"file": "s.jsonl", "sqlite": "studies.db"}[kind]


@pytest.fixture
def place(path, kind, make_events):
    """Where a study is that holds its creation, as users write it."""
    place = f"sqlite:///{path}" if kind == "sqlite" else str(path)
    open_journal(place).create("s", make_events(0))
    return place


@pytest.fixture
def run(place, script):
    """A function that runs a piece of Python, after what all have in common, to its end."""

    def run(text):
        command = script(textwrap.dedent(_COMMON) + textwrap.dedent(text), place)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def start(place, script):
    """A function that starts a writer of a name."""

    def start(name, n, durability="process"):
        command = script(textwrap.dedent(_COMMON) + textwrap.dedent(_WRITER), place, name, n, durability)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


def opened(place, **options):
    return open_journal(place, **options).open("s")


def test_eight_processes_lose_nothing_and_give_each_place_once(place, start):
    writers = [start(f"w{i}", 50) for i in range(8)]
    acknowledged = {}
    for i, writer in enumerate(writers):
        out, _ = writer.communicate()
        assert writer.returncode == 0
        acknowledged |= {int(length): (f"w{i}", int(k)) for length, k in map(str.split, out.splitlines())}
    events = opened(place).read(1)
    assert acknowledged == {i: (event.key, event.value) for i, event in enumerate(events, 2)}
    assert len(events) == 400


def storm(place, start, seconds, n_writers):
    """Kill writers at random moments and start others; every line that one of them printed must be in the journal."""
    chance, writers, running, readers, printed = random.Random(1), {}, [], [], {}
    watching, until, length = opened(place), time.monotonic() + seconds, 0

    def longer(length, n):
        """The length of the journal when `n` more events are there: on a busy machine writers need a while to start."""
        wanted, deadline = length + n, time.monotonic() + PATIENCE
        while length < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            length += len(watching.read(length))
        return length

    def start_one():
        name = f"w{len(writers)}"
        writers[name] = start(name, 10**6, chance.choice(["power", "process"]))
        readers.append(threading.Thread(target=lambda: printed.update({name: writers[name].stdout.read()})))
        readers[-1].start()
        running.append(name)

    try:
        for _ in range(n_writers):
            start_one()
        while time.monotonic() < until or length < 300:
            length = longer(length, 20)
            time.sleep(chance.uniform(0.05, 0.3))
            writers[running.pop(chance.randrange(len(running)))].send_signal(signal.SIGKILL)
            start_one()
    finally:
        for name in running:
            writers[name].send_signal(signal.SIGKILL)
        for reader in readers:
            reader.join()
        for writer in writers.values():
            writer.wait()
            writer.stdout.close()
    events = [*opened(place).read(0)]
    acknowledged = 0
    for name, text in printed.items():
        for line in text.splitlines():
            length, k = map(int, line.split())
            assert (events[length - 1].key, events[length - 1].value) == (name, k)
            acknowledged += 1
    assert 0 <= len(events) - 1 - acknowledged <= len(writers)  # each death may cost one acknowledgement
    assert acknowledged > 100
    assert opened(place, lock_timeout=1).append([TrialStarted(0)], expected=len(events)) == len(events) + 1
    if place.startswith("sqlite"):
        connection = sqlite3.connect(place.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    print(f"{len(writers)} writers killed, {acknowledged} acknowledged, {len(events) - 1} found")


def test_killed_writers_lose_nothing_that_they_acknowledged_and_block_nobody(place, start):
    storm(place, start, seconds=4, n_writers=3)


@pytest.mark.long
def test_a_minute_of_killed_writers_loses_nothing(place, start):
    storm(place, start, seconds=60, n_writers=8)


@pytest.mark.parametrize("kind", ["file"])
def test_a_writer_killed_in_the_middle_of_a_write_leaves_a_torn_end_that_the_next_one_cuts(path, place, script):
    text = """
        import os, signal, sys
        from hpo.core import StudyAttributeSet
        from hpo.journal import FileJournal

        journal, cut = FileJournal(sys.argv[1]), int(sys.argv[2])
        write = os.write

        def dying(fd, data):
            write(fd, bytes(data)[:cut])
            os.kill(os.getpid(), signal.SIGKILL)

        os.write = dying
        journal.append([StudyAttributeSet("k", "dead")], expected=1)
    """
    before = path.stat().st_size
    died = subprocess.run(script(text, path, 17), check=False)
    assert died.returncode == -signal.SIGKILL
    assert path.stat().st_size == before + 17
    assert FileJournal(path).append([TrialStarted(0)], expected=1) == 2
    assert [*FileJournal(path).read(1)] == [TrialStarted(0)]
    assert path.with_name(f"s.jsonl.torn-{before}").stat().st_size == 17


def test_a_stopped_writer_keeps_others_waiting_only_until_it_is_killed(place, kind, script):
    text = "journal = opened()\n{}\njournal.append([TrialStarted(0)], expected=1)"
    stopping = text.format(textwrap.dedent(_STOPPED[kind]))
    stopped = subprocess.Popen(script(textwrap.dedent(_COMMON) + stopping, place))
    os.waitpid(stopped.pid, os.WUNTRACED)
    try:
        journal = opened(place, lock_timeout=0.1)
        assert len(journal.read(0)) == 1
        with pytest.raises(JournalBusy):
            journal.append([TrialStarted(0)], expected=1)
    finally:
        stopped.kill()
        stopped.wait()
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_forked_children_open_for_themselves(run):
    run("""
    journal = opened(durability="process")
    append(journal, "parent", 100)
    children = []
    for child in range(4):
        if not (pid := os.fork()):
            append(journal, f"{child}", 100)
            os._exit(0)
        children.append(pid)
    wait_for(children)
    check(["parent", *"0123"], 100)
    """)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_child_outlives_the_connections_of_its_parent(run):
    """The parent, which closes first, must not take the log away that the child goes on writing."""
    run("""
    journal = opened(durability="process")
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
    wait_for([pid])
    check(["parent", "before", "after"], 3)
    """)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_fork_waits_for_no_writer_that_waits(run, path):
    run(f"""
    journal = opened()
    other = sqlite3.connect({str(path)!r}, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=append, args=(journal, "t", 1))
    waiting.start()
    time.sleep(0.1)
    if not (pid := os.fork()):
        os._exit(0)
    wait_for([pid])
    assert waiting.is_alive()
    other.rollback()
    waiting.join()
    check(["t"], 1)
    """)


def test_forks_while_threads_append_block_nobody_and_lose_nothing(run):
    run("""
    journal = opened(durability="process")
    threads = [threading.Thread(target=append, args=(journal, f"t{i}", 30)) for i in range(2)]
    for thread in threads:
        thread.start()
    children = []
    for child in range(6):
        if not (pid := os.fork()):
            signal.alarm(150)
            append(journal, f"{child}", 30)
            os._exit(0)
        children.append(pid)
    wait_for(children)
    for thread in threads:
        thread.join()
    check(["t0", "t1", *"012345"], 30)
    """)


@pytest.mark.parametrize("kind", ["file"])
def test_a_fork_while_a_thread_waits_for_the_lock_does_not_block_the_child(run):
    run("""
    import fcntl
    journal = opened()
    other = open(sys.argv[1], "rb")
    fcntl.flock(other, fcntl.LOCK_EX)
    waiting = threading.Thread(target=append, args=(journal, "thread", 1))
    waiting.start()
    while not journal._open_files[os.getpid()]._mutex.locked():
        pass
    if not (pid := os.fork()):
        signal.alarm(150)
        fcntl.flock(other, fcntl.LOCK_UN)
        append(journal, "child", 1)
        os._exit(0)
    wait_for([pid])
    waiting.join()
    check(["thread", "child"], 1)
    """)


def test_workers_of_a_forking_pool_share_a_study(run):
    run("""
    import multiprocessing
    journal = opened(durability="process")
    journal.read(0)

    def work(i):
        append(journal, f"{i}", 5)

    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(work, range(12))
    check([f"{i}" for i in range(12)], 5)
    """)


def test_a_child_whose_journal_was_replaced_before_it_first_used_it_is_told(path, place):
    journal = opened(place)
    gone, go = os.pipe()
    if not (pid := os.fork()):
        code = 1
        try:
            os.read(gone, 1)
            with pytest.raises(JournalMoved):
                journal.append([TrialStarted(0)], expected=1)
            code = 0
        finally:
            os._exit(code)
    old = path.rename(path.with_suffix(".old"))
    Path(path).write_bytes(old.read_bytes())
    os.write(go, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(gone)
    os.close(go)


def test_readers_of_a_journal_that_grows_see_beginnings_of_it(place, start):
    writer = start("w", 2000)
    reader, seen = opened(place), []
    while writer.poll() is None:
        seen += reader.read(len(seen))
    writer.communicate()
    seen += reader.read(len(seen))
    assert [event.value for event in seen[1:]] == [*range(2000)]
