"""Writers that are processes: racing, forked, stopped and killed."""

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from hpo.core.events import TrialStarted
from hpo.errors import Conflict, JournalBusy, JournalMoved
from hpo.journal import FileJournal, FileStorage

_WRITER = """
    import os, sys
    from hpo.core.events import StudyAttributeSet
    from hpo.errors import Conflict
    from hpo.journal import FileJournal

    path, name, n, durability = sys.argv[1:]
    journal, length, mine = FileJournal(path, durability=durability), 0, 0
    while mine < int(n):
        length += len(journal.read(length))
        try:
            length = journal.append([StudyAttributeSet(name, mine)], expected=length)
        except Conflict:
            continue
        os.write(1, b"%d %d\\n" % (length, mine))
        mine += 1
"""


@pytest.fixture
def one(tmp_path, make_events):
    """The path of a journal that holds a study's creation."""
    FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    return tmp_path / "s.jsonl"


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
    events = FileJournal(one).read(1)
    assert acknowledged == {i: (event.key, event.value) for i, event in enumerate(events, 2)}
    assert len(events) == 400


def _storm(one, script, seconds, n_writers):
    """Kill writers at random moments and start others; every line that one of them printed must be in the journal."""
    chance, kills, outputs = random.Random(1), 0, {}
    until = time.monotonic() + seconds
    running = []

    def start():
        name = f"w{len(outputs)}"
        outputs[name] = subprocess.Popen(
            script(_WRITER, one, name, 10**6, chance.choice(["power", "process"])), stdout=subprocess.PIPE, text=True
        )
        running.append(name)

    for _ in range(n_writers):
        start()
    printed = {}

    def collect(name):
        printed[name] = outputs[name].stdout.read()

    readers = []
    while time.monotonic() < until or (len(FileJournal(one).read(0)) < 300 and time.monotonic() < until + 60):
        time.sleep(chance.uniform(0.05, 0.3) if time.monotonic() < until else 2.0)  # slow machines need longer to start
        name = running.pop(chance.randrange(len(running)))
        reader = threading.Thread(target=collect, args=(name,))
        reader.start()
        readers.append(reader)
        outputs[name].send_signal(signal.SIGKILL)
        kills += 1
        start()
    for name in running:
        reader = threading.Thread(target=collect, args=(name,))
        reader.start()
        readers.append(reader)
        outputs[name].send_signal(signal.SIGKILL)
    for reader in readers:
        reader.join()
    for writer in outputs.values():
        writer.wait()
        writer.stdout.close()
    events = FileJournal(one).read(0)
    acknowledged = 0
    for name, text in printed.items():
        for line in text.splitlines():
            length, k = map(int, line.split())
            event = events[length - 1]
            assert (event.key, event.value) == (name, k)
            acknowledged += 1
    assert 0 <= len(events) - 1 - acknowledged <= len(outputs)  # each death may cost one acknowledgement
    assert acknowledged > 100
    assert FileJournal(one, lock_timeout=1).append([TrialStarted(0)], expected=len(events)) == len(events) + 1
    return kills, acknowledged


def test_killed_writers_lose_nothing_that_they_acknowledged_and_block_nobody(one, script):
    _storm(one, script, seconds=4, n_writers=3)


@pytest.mark.long
def test_a_minute_of_killed_writers_loses_nothing(one, script):
    _storm(one, script, seconds=60, n_writers=8)


def test_a_writer_killed_in_the_middle_of_a_write_leaves_a_torn_end_that_the_next_one_cuts(one, script):
    text = """
        import os, signal, sys
        from hpo.core.events import StudyAttributeSet
        from hpo.journal import FileJournal

        journal, cut = FileJournal(sys.argv[1]), int(sys.argv[2])
        write = os.write

        def dying(fd, data):
            write(fd, bytes(data)[:cut])
            os.kill(os.getpid(), signal.SIGKILL)

        os.write = dying
        journal.append([StudyAttributeSet("k", "dead")], expected=1)
    """
    before = one.stat().st_size
    died = subprocess.run(script(text, one, 17), check=False)
    assert died.returncode == -signal.SIGKILL
    assert one.stat().st_size == before + 17
    assert FileJournal(one).append([TrialStarted(0)], expected=1) == 2
    assert [*FileJournal(one).read(1)] == [TrialStarted(0)]
    assert one.with_name(f"s.jsonl.torn-{before}").stat().st_size == 17


def test_a_stopped_writer_keeps_others_waiting_only_until_it_is_killed(one, script):
    text = """
        import os, signal, sys
        from hpo.core.events import TrialStarted
        from hpo.journal import FileJournal

        journal = FileJournal(sys.argv[1])
        write = os.write

        def stopping(fd, data):
            os.kill(os.getpid(), signal.SIGSTOP)
            return write(fd, data)

        os.write = stopping
        journal.append([TrialStarted(0)], expected=1)
    """
    stopped = subprocess.Popen(script(text, one))
    os.waitpid(stopped.pid, os.WUNTRACED)
    try:
        journal = FileJournal(one, lock_timeout=0.1)
        assert len(journal.read(0)) == 1
        with pytest.raises(JournalBusy):
            journal.append([TrialStarted(0)], expected=1)
    finally:
        stopped.kill()
        stopped.wait()
    assert journal.append([TrialStarted(0)], expected=1) == 2


def _in_child(act):
    """Run `act` in a forked child, and give its exit code."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_forked_children_lock_for_themselves(one, script):
    text = """
        import os, sys
        from hpo.core.events import StudyAttributeSet
        from hpo.errors import Conflict
        from hpo.journal import FileJournal

        journal = FileJournal(sys.argv[1], durability="process")
        journal.read(0)
        children = []
        for child in range(4):
            if not (pid := os.fork()):
                length = mine = 0
                while mine < 100:
                    length += len(journal.read(length))
                    try:
                        length = journal.append([StudyAttributeSet(f"{child}", mine)], expected=length)
                    except Conflict:
                        continue
                    mine += 1
                os._exit(0)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
        events = journal.read(1)
        assert sorted((e.key, e.value) for e in events) == [(f"{c}", k) for c in range(4) for k in range(100)]
    """
    done = subprocess.run(script(text, one), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fork_while_a_thread_appends_does_not_block_the_child(one):
    journal = FileJournal(one, lock_timeout=30)

    def append_if_first():
        with contextlib.suppress(Conflict):
            journal.append([TrialStarted(0)], expected=1)

    with one.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=append_if_first)
        waiting.start()
        time.sleep(0.01)  # it holds the mutex, or is about to

        def act():
            fcntl.flock(other, fcntl.LOCK_UN)
            with contextlib.suppress(Conflict):  # the parent's thread may be as fast
                journal.append([TrialStarted(1)], expected=1)

        assert _in_child(act) == 0
        fcntl.flock(other, fcntl.LOCK_UN)
        waiting.join()
    assert len(journal.read(0)) == 2  # one of them, and the other got a conflict


def test_a_child_whose_journal_was_replaced_before_it_first_used_it_is_told(one):
    journal = FileJournal(one)
    copy = one.read_bytes()
    one.rename(one.with_suffix(".old"))
    one.write_bytes(copy)

    def act():
        with pytest.raises(JournalMoved):
            journal.append([TrialStarted(0)], expected=1)

    assert _in_child(act) == 0


def test_readers_of_a_journal_that_grows_see_beginnings_of_it(one, script):
    writer = subprocess.Popen(script(_WRITER, one, "w", 2000, "process"), stdout=subprocess.DEVNULL)
    reader, seen = FileJournal(one), []
    while writer.poll() is None:
        seen += reader.read(len(seen))
    seen += reader.read(len(seen))
    assert [event.value for event in seen[1:]] == [*range(2000)]
