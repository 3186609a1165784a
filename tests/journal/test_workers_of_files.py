"""The workers on a journal file are locked in the file itself: they see each other whatever path they opened it under."""

import contextlib
import errno
import fcntl
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from hpo.core import StudyCreated, TrialStarted
from hpo.errors import JournalMoved, JournalUnwritable
from hpo.journal import FileJournal, FileStorage, worker_locks

WORKER, OTHER = "0123abcd", "deadbeef"

HOLDER = """
import sys
from hpo.journal import FileJournal
with FileJournal(sys.argv[1]).hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

FORKING_HOLDER = """
import os, sys, time
from hpo.journal import FileJournal
with FileJournal(sys.argv[1]).hold(sys.argv[2]):
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    sys.stdin.read()
"""

EARLIER_HOLDER = """
import sys
from hpo.journal.worker_locks import hold
with hold(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "s.jsonl"
    FileStorage(place).create("s", [StudyCreated(2, "s", ("minimize",), 7)])
    if not FileJournal(place)._open_file().holds_workers:
        pytest.skip("the file system of temporary files has no locks of bytes apart from those of flock")
    return place


@contextlib.contextmanager
def holder(path, worker, script=HOLDER):
    """Another process that holds `worker`, and the line that it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_worker_under_one_name_of_a_file_is_alive_under_another_one(tmp_path, path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jsonl"
    os.link(path, link)
    here, there = FileJournal(path), FileJournal(link)
    assert here.is_alive(WORKER) is there.is_alive(WORKER) is False
    with holder(link, WORKER) as (process, said):
        assert said == "held"
        assert here.is_alive(WORKER) is there.is_alive(WORKER) is True
        assert here.is_alive(OTHER) is False
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert here.is_alive(WORKER) is True
        process.kill()
        process.wait()
        assert here.is_alive(WORKER) is there.is_alive(WORKER) is False
    assert {entry.name for entry in tmp_path.iterdir()} == {"s.jsonl", "elsewhere"}
    assert [*link.parent.iterdir()] == [link]


def test_a_held_worker_keeps_no_writer_out(path):
    with FileJournal(path).hold(WORKER), holder(path, OTHER):
        journal = FileJournal(path, lock_timeout=0.0)
        assert journal.append([TrialStarted(0, worker=WORKER)], expected=1) == 2
        assert (journal.is_alive(WORKER), journal.is_alive(OTHER)) == (True, True)


def test_a_name_is_held_once_under_all_names_of_the_file(tmp_path, path):
    link = tmp_path / "link.jsonl"
    os.link(path, link)
    with holder(path, WORKER):
        for journal in (FileJournal(path), FileJournal(link)):
            with pytest.raises(JournalUnwritable, match=f"a worker '{WORKER}' already"), journal.hold(WORKER):
                pass
    with FileJournal(link).hold(WORKER):
        assert FileJournal(path).is_alive(WORKER) is True


def test_a_forked_child_that_lives_on_does_not_keep_its_killed_parent_alive(path):
    journal = FileJournal(path)
    with holder(path, WORKER, FORKING_HOLDER) as (process, child):
        try:
            assert journal.is_alive(WORKER) is True
            process.kill()
            process.wait()
            os.kill(int(child), 0)  # it is there
            assert journal.is_alive(WORKER) is False
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_workers_that_have_files_of_their_own_are_seen_too(path):
    journal = FileJournal(path)
    with holder(path, WORKER, EARLIER_HOLDER) as (process, _), journal.hold(OTHER):
        assert (journal.is_alive(WORKER), journal.is_alive(OTHER)) == (True, True)
        process.kill()
        process.wait()
        assert (journal.is_alive(WORKER), journal.is_alive(OTHER)) == (False, True)


@pytest.mark.parametrize("how", ["no such locks", "unknown file system", "no list of mounts"])
def test_elsewhere_a_worker_locks_a_file_of_its_own(tmp_path, path, monkeypatch, how):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "no")

    if how == "no such locks":
        monkeypatch.delattr(fcntl, "F_OFD_SETLK")
    elif how == "unknown file system":
        monkeypatch.setattr(worker_locks, "_LOCAL", frozenset())
    else:
        monkeypatch.setattr("hpo.journal.worker_locks.Path.read_text", refuse)
    journal = FileJournal(path)
    with journal.hold(WORKER):
        assert [file.name for file in (tmp_path / "s.jsonl.workers").iterdir()] == [WORKER]
        assert FileJournal(path).is_alive(WORKER) is True
    assert FileJournal(path).is_alive(WORKER) is False
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EINVAL])
def test_a_lock_that_the_system_refuses_is_an_error_and_leaves_no_descriptor(path, monkeypatch, number):
    journal = FileJournal(path)
    journal.is_alive(WORKER)

    def refuse(fd, command, lock):
        raise OSError(number, os.strerror(number))

    before = sorted(entry.name for entry in pathlib.Path("/proc/self/fd").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "fcntl", refuse)
        with pytest.raises(JournalUnwritable, match=os.strerror(number)), journal.hold(WORKER):
            pass
        assert journal.is_alive(WORKER) is None
    assert sorted(entry.name for entry in pathlib.Path("/proc/self/fd").iterdir()) == before


def test_a_file_that_was_replaced_takes_no_workers(tmp_path, path):
    journal = FileJournal(path)
    path.rename(tmp_path / "old.jsonl")
    with pytest.raises(JournalMoved), journal.hold(WORKER):
        pass
    FileStorage(path).create("s", [StudyCreated(2, "s", ("minimize",), 7)])
    with pytest.raises(JournalMoved), journal.hold(WORKER):
        pass
    assert FileJournal(path).is_alive(WORKER) is False


def test_a_file_that_may_only_be_read_takes_no_workers(path, monkeypatch):
    opened = worker_locks.open_regular
    monkeypatch.setattr(worker_locks, "open_regular", lambda place: (opened(place)[0], False))
    with pytest.raises(JournalUnwritable, match="only be opened for reading"), FileJournal(path).hold(WORKER):
        pass
