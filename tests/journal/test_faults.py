"""What the system may answer, and what an interrupt may cut short: done, not done, or said to be unknown."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading

import pytest
from patience import PATIENCE

from hpo.core import TrialEnqueued, TrialStarted
from hpo.errors import (
    Conflict,
    JournalBusy,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    UnsupportedJournal,
)
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file.lines import Mark


@pytest.fixture
def four(journal_file, make_events):
    """The path of a journal of four events, and a handle that has read them."""
    path = journal_file(make_events(1))
    journal = FileJournal(path)
    journal.read(0)
    return path, journal


def _fail(code):
    raise OSError(code, os.strerror(code))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, JournalFull),
        (errno.EDQUOT, JournalFull),
        (errno.EFBIG, JournalFull),
        (errno.EIO, JournalUnwritable),
    ],
)
@pytest.mark.parametrize("part", [0, 1, 25])
def test_a_write_that_fails_after_a_part_is_taken_back_and_the_handle_goes_on(four, monkeypatch, code, error, part):
    path, journal = four
    before = path.read_bytes()
    write, first = os.write, [True]

    def failing(fd, data):
        return write(fd, bytes(data)[:part]) if part and first and first.pop() else _fail(code)

    with monkeypatch.context() as patch:
        patch.setattr("os.write", failing)
        with pytest.raises(error, match="nothing was added") as caught:
            journal.append([TrialEnqueued(1, {})], expected=4)
    assert caught.value.path == str(path)
    assert path.read_bytes() == before
    assert journal.append([TrialEnqueued(1, {})], expected=4) == 5
    assert [*FileJournal(path).read(4)] == [TrialEnqueued(1, {})]


def test_a_short_write_is_continued(four, monkeypatch):
    path, journal = four
    write = os.write
    monkeypatch.setattr("os.write", lambda fd, data: write(fd, bytes(data)[:7]))
    journal.append([TrialEnqueued(1, {})], expected=4)
    monkeypatch.undo()
    assert [*FileJournal(path).read(4)] == [TrialEnqueued(1, {})]


def test_a_part_that_cannot_be_taken_back_leaves_the_outcome_unknown(four, monkeypatch):
    path, journal = four
    write, first = os.write, [True]
    with monkeypatch.context() as patch:
        patch.setattr("os.write", lambda fd, data: write(fd, bytes(data)[:9]) if first and first.pop() else _fail(5))
        patch.setattr("os.ftruncate", lambda fd, size: _fail(errno.EIO))
        with pytest.raises(OutcomeUnknown):
            journal.append([TrialStarted(1)], expected=4)
    with pytest.raises(OutcomeUnknown):
        journal.append([TrialStarted(1)], expected=4)
    assert FileJournal(path).append([TrialStarted(1)], expected=4) == 5


def test_after_a_failed_sync_the_handle_never_pretends_again(four, monkeypatch):
    path, journal = four
    syncs = []
    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", lambda fd: syncs.append(fd) or _fail(errno.EIO))
        with pytest.raises(OutcomeUnknown) as caught:
            journal.append([TrialEnqueued(1, {})], expected=4)
    assert caught.value.path == str(path)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            journal.append([TrialEnqueued(2, {})], expected=5)
    assert len(syncs) == 1
    assert [*FileJournal(path).read(4)] in ([], [TrialEnqueued(1, {})])
    assert FileJournal(path).append([TrialEnqueued(2, {})], expected=5) == 6


@pytest.mark.parametrize("written", [0, 1, 20, 10_000])
def test_an_interrupted_write_leaves_all_or_nothing_and_the_handle_usable(four, monkeypatch, written):
    path, journal = four
    write = os.write

    def interrupted(fd, data):
        if written:
            write(fd, bytes(data)[:written])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append([TrialStarted(1)], expected=4)
    assert path.read_bytes().endswith(b"\n")
    length = 4 + (written == 10_000)
    assert len(journal.read(0)) == len(FileJournal(path).read(0)) == length
    assert journal.append([TrialStarted(2)], expected=length) == length + 1


def test_an_interrupt_during_the_settling_of_another_leaves_the_outcome_unknown(four, monkeypatch):
    path, journal = four

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.write", interrupted)
        patch.setattr("os.ftruncate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append([TrialStarted(1)], expected=4)
    with pytest.raises(OutcomeUnknown, match="interrupted"):
        journal.append([TrialStarted(1)], expected=4)
    assert FileJournal(path).append([TrialStarted(1)], expected=4) == 5


def test_interrupts_at_any_moment_leave_whole_records_and_no_lock(four, script, make_events):
    path, _ = four
    text = """
        import signal, sys, time
        from hpo.core import TrialStarted
        from hpo.journal import FileJournal

        class Interrupt(BaseException): ...

        def interrupt(*_):
            raise Interrupt

        path = sys.argv[1]
        journal, acknowledged, interrupts = FileJournal(path, durability="power"), set(), 0
        signal.signal(signal.SIGALRM, interrupt)
        number = 0
        until = time.monotonic() + 1.5
        while time.monotonic() < until or (interrupts <= 100 and time.monotonic() < until + 60):
            number += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00002 + (number * 7919 % 400) * 1e-6)
                length = len(journal.read(0))
                journal.append([TrialStarted(number)], expected=length)
                acknowledged.add(number)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupts += 1
            if number % 50 == 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                FileJournal(path, lock_timeout=5).append([], expected=len(FileJournal(path).read(0)))
        signal.setitimer(signal.ITIMER_REAL, 0)
        numbers = [event.number for event in FileJournal(path).read(4)]
        assert open(path, "rb").read().endswith(b"\\n")
        assert len(numbers) == len(set(numbers)), "twice"
        assert acknowledged <= set(numbers), "lost"
        assert interrupts > 100, interrupts
        print(len(acknowledged), interrupts)
    """
    done = subprocess.run(script(text, path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_full_disk_adds_nothing_and_room_lets_the_same_handle_go_on(tmp_path, script):
    text = """
        import resource, sys
        from hpo.core import StudyAttributeSet, StudyCreated
        from hpo.errors import JournalFull
        from hpo.journal import FileJournal, FileStorage

        path = sys.argv[1]
        created = StudyCreated(1, "s", ("minimize",), 7)
        journal = FileStorage(path).create("s", [created])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        length = 1
        try:
            while True:
                length = journal.append([StudyAttributeSet("k", "x" * 300)], expected=length)
        except JournalFull as error:
            assert "nothing was added" in str(error) and "too large" in str(error), error
        assert length == 6
        assert len(FileJournal(path).read(0)) == 6
        assert open(path, "rb").read().endswith(b"\\n")
        try:
            FileStorage(path + "2.jsonl").create("t", [StudyCreated(1, "t", ("minimize",), 7, None, ("m" * 3000,))])
        except JournalFull:
            pass
        else:
            raise AssertionError
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert journal.append([StudyAttributeSet("k", "x" * 300)], expected=length) == 7
        assert len(FileJournal(path).read(0)) == 7
    """
    done = subprocess.run(script(text, tmp_path / "s.jsonl"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["s.jsonl"]


def _unlink(path):
    path.unlink()


def _replace(path):
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").rename(path)


def _replace_by_directory(path):
    path.unlink()
    path.mkdir()


def _replace_by_link(path):
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".other"))
    path.with_suffix(".other").write_bytes(path.with_suffix(".old").read_bytes())


def _replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [_unlink, _replace, _replace_by_directory, _replace_by_link, _replace_by_pipe])
def test_nothing_is_acknowledged_into_a_file_that_is_no_longer_there(four, change):
    path, journal = four
    change(path)
    with pytest.raises(JournalMoved, match="nothing was added"):
        journal.append([TrialEnqueued(1, {})], expected=4)
    assert len(journal.read(0)) == 4  # what was true stays readable


def test_a_link_to_the_same_journal_put_in_its_place_is_another_file(four):
    path, journal = four
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".old"))
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=4)


def test_a_journal_locked_for_too_long_is_busy_and_readable(four):
    path, _ = four
    journal = FileJournal(path, lock_timeout=0.05)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy, match="nothing was added") as caught:
            journal.append([TrialStarted(1)], expected=4)
        assert len(journal.read(0)) == 4
    assert caught.value.path == str(path)
    assert caught.value.waited >= 0.05
    assert journal.append([TrialStarted(1)], expected=4) == 5


def test_readers_in_other_threads_do_not_wait_for_a_writer_that_waits(four):
    path, _ = four
    journal = FileJournal(path, lock_timeout=PATIENCE)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer = threading.Thread(target=journal.append, args=([TrialStarted(1)],), kwargs={"expected": 4})
        writer.start()
        for _ in range(1000):
            assert len(journal.read(0)) == 4
        assert writer.is_alive()
    writer.join()
    assert len(journal.read(0)) == 5


def test_a_thread_does_not_write_into_the_append_of_another(four, monkeypatch):
    path, journal = four
    write, writing, go_on = os.write, threading.Event(), threading.Event()
    outcomes = {}

    def slow(fd, data):
        writing.set()
        assert go_on.wait(PATIENCE)
        return write(fd, data)

    def append(number):
        try:
            outcomes[number] = journal.append([TrialStarted(number)], expected=4)
        except Conflict:
            outcomes[number] = "conflict"

    monkeypatch.setattr("os.write", slow)
    threads = [threading.Thread(target=append, args=(i,)) for i in (1, 2)]
    try:
        threads[0].start()
        assert writing.wait(PATIENCE)
        writing.clear()
        threads[1].start()
        journal._open_file().sync(Mark(4, path.stat().st_size))  # one whose write is done can sync meanwhile
        assert not writing.wait(0.2)  # the second one has to wait, though the lock on the file is its own, too
    finally:
        go_on.set()
    for thread in threads:
        thread.join()
    assert outcomes == {1: 5, 2: "conflict"}
    assert [*FileJournal(path).read(4)] == [TrialStarted(1)]


def test_without_locks_nothing_is_written(four, monkeypatch):
    path, journal = four
    before = path.read_bytes()
    monkeypatch.setattr("fcntl.flock", lambda fd, how: how == fcntl.LOCK_UN or _fail(errno.ENOLCK))
    with pytest.raises(JournalUnwritable, match="can't be locked"):
        journal.append([TrialStarted(1)], expected=4)
    assert path.read_bytes() == before


def test_an_append_whose_unlocking_fails_stands_and_frees_the_lock(four, monkeypatch):
    path, journal = four
    flock = fcntl.flock
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", lambda fd, how: _fail(errno.EIO) if how == fcntl.LOCK_UN else flock(fd, how))
        assert journal.append([TrialStarted(1)], expected=4) == 5
    assert FileJournal(path, lock_timeout=0.1).append([TrialStarted(2)], expected=5) == 6
    assert journal.append([TrialStarted(3)], expected=6) == 7


def test_a_file_that_may_only_be_read_is_read(four, monkeypatch):
    path, _ = four
    real = os.open

    def refusing(file, flags, *mode):
        return _fail(errno.EROFS) if file == str(path) and flags & os.O_RDWR else real(file, flags, *mode)

    monkeypatch.setattr("os.open", refusing)
    journal = FileJournal(path)
    assert len(journal.read(0)) == 4
    with pytest.raises(JournalUnwritable, match=r"only be opened for reading; .* load the study again"):
        journal.append([TrialStarted(1)], expected=4)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_takes_no_study(tmp_path, make_events):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalUnwritable):
            FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EMFILE, errno.EIO])
def test_a_creation_that_the_system_refuses_leaves_nothing_behind(tmp_path, make_events, monkeypatch, code):
    storage = FileStorage(tmp_path / "s.jsonl")
    for call in ("open", "write", "fsync", "link"):
        with monkeypatch.context() as patch:
            patch.setattr(f"os.{call}", lambda *_, **__: _fail(code))
            with pytest.raises((JournalUnwritable, UnsupportedJournal)):
                storage.create("s", make_events(0))
        assert [*tmp_path.iterdir()] == []


def test_a_file_system_without_hard_links_can_hold_studies(tmp_path, make_events, monkeypatch):
    monkeypatch.setattr("os.link", lambda *_: _fail(errno.EPERM))
    storage = FileStorage(tmp_path / "s.jsonl")
    storage.create("s", make_events(1))
    assert [*storage.open("s").read(0)] == make_events(1)
    assert [file.name for file in tmp_path.iterdir()] == ["s.jsonl"]


def test_a_creation_in_an_empty_file_that_is_locked_for_too_long_is_busy(tmp_path, make_events):
    path = tmp_path / "s.jsonl"
    path.touch()
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy):
            FileStorage(path, lock_timeout=0.05).create("s", make_events(0))
    assert [*tmp_path.iterdir()] == [path]
    assert path.stat().st_size == 0


def test_a_name_that_may_not_be_durable_is_said_to_be_unknown(tmp_path, make_events, monkeypatch):
    storage = FileStorage(tmp_path / "s.jsonl")
    monkeypatch.setattr("os.fsync", lambda fd: stat.S_ISDIR(os.fstat(fd).st_mode) and _fail(errno.EIO))
    with pytest.raises(OutcomeUnknown):
        storage.create("s", make_events(0))
    assert storage.names() == ["s"]
    with pytest.raises(OutcomeUnknown):
        storage.delete("s")
    assert storage.names() == []


def test_a_creation_syncs_the_file_before_and_the_directory_after_it_appears(tmp_path, make_events, monkeypatch):
    calls = []
    fsync, link = os.fsync, os.link

    def recorded(fd):
        calls.append("directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        fsync(fd)

    monkeypatch.setattr("os.fsync", recorded)
    monkeypatch.setattr("os.link", lambda a, b: calls.append("link") or link(a, b))
    FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    assert calls == ["file", "link", "directory"]


def test_what_others_write_to_streams_that_are_closed_does_not_reach_a_journal(tmp_path):
    program = (
        "import os\n"
        "for stream in (0, 1, 2):\n"
        "    os.close(stream)\n"
        "from hpo.core.records.events import StudyCreated, TrialStarted\n"
        "from hpo.journal import FileStorage\n"
        "journal = FileStorage('s.jsonl').create('s', [StudyCreated(1, 's', ('minimize',), 7)])\n"
        "for stream in (0, 1, 2):\n"
        "    try:\n"
        "        os.write(stream, b'a warning of a library')\n"
        "    except OSError:\n"
        "        pass\n"
        "journal.append([TrialStarted(0)], expected=1)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=PATIENCE)
    assert FileJournal(tmp_path / "s.jsonl").read(1) == [TrialStarted(0)]
    assert [path.name for path in tmp_path.iterdir()] == ["s.jsonl"], "nothing was torn off"
