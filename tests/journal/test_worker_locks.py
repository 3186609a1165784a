"""A worker is alive as long as it holds its lock: exactly, for all processes of a machine, and without a clock."""

import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from hpo.core import StudyCreated
from hpo.errors import InvalidArgument, JournalUnwritable
from hpo.journal import DirectoryStorage, FileStorage, MemoryStorage
from hpo.journal.worker_locks import hold, is_alive

WORKER = "0123abcd"

HOLDER = """
import sys
from hpo.journal.worker_locks import hold
with hold(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

FORKING_HOLDER = """
import os, sys, time
from hpo.journal.worker_locks import hold
with hold(sys.argv[1], sys.argv[2]):
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holder(journal, worker, script=HOLDER):
    """Another process that holds `worker`, and the line that it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(journal), worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(params=["memory", "file", "directory"])
def journal(request, tmp_path):
    storage = {
        "memory": MemoryStorage,
        "file": lambda: FileStorage(tmp_path / "s.jsonl"),
        "directory": lambda: DirectoryStorage(tmp_path / "runs"),
    }[request.param]()
    return storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])


def test_holding_leaves_nothing_behind(tmp_path):
    with hold(f"{tmp_path}/s.jsonl", WORKER):
        with hold(f"{tmp_path}/s.jsonl", "deadbeef"):
            assert {file.name for file in (tmp_path / "s.jsonl.workers").iterdir()} == {WORKER, "deadbeef"}
        assert [file.name for file in (tmp_path / "s.jsonl.workers").iterdir()] == [WORKER]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "worker", ["", "../../x", "a/b", "ABCDEF01", "abc", "0123abcd\n", "0" * 65, "unwatched-01234567"]
)
def test_no_other_name_reaches_the_disk(tmp_path, worker):
    journal = f"{tmp_path}/s.jsonl"
    with pytest.raises(InvalidArgument, match="hexadecimal"), hold(journal, worker):
        pass
    assert is_alive(journal, worker) is None
    assert [*tmp_path.iterdir()] == []


def test_the_lock_of_a_killed_process_is_free_and_its_file_is_removed_by_whoever_sees_it(tmp_path):
    journal = f"{tmp_path}/s.jsonl"
    with holder(journal, WORKER) as (process, _):
        assert is_alive(journal, WORKER) is True
        assert is_alive(f"{tmp_path}/other.jsonl", WORKER) is False
        process.kill()
        process.wait()
        assert [file.name for file in (tmp_path / "s.jsonl.workers").iterdir()] == [WORKER]
        assert is_alive(journal, WORKER) is False
        assert [*tmp_path.iterdir()] == []
        assert is_alive(journal, WORKER) is False


def test_a_stopped_process_is_alive(tmp_path):
    journal = f"{tmp_path}/s.jsonl"
    with holder(journal, WORKER) as (process, _):
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert is_alive(journal, WORKER) is True
        process.send_signal(signal.SIGCONT)
        assert is_alive(journal, WORKER) is True


def test_a_forked_child_that_lives_on_does_not_keep_its_killed_parent_alive(tmp_path):
    journal = f"{tmp_path}/s.jsonl"
    with holder(journal, WORKER, FORKING_HOLDER) as (process, child):
        try:
            assert is_alive(journal, WORKER) is True
            process.kill()
            process.wait()
            os.kill(int(child), 0)  # it is there
            assert is_alive(journal, WORKER) is False
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_forked_child_that_leaves_the_block_changes_nothing_for_its_parent(tmp_path):
    journal = f"{tmp_path}/s.jsonl"
    child = None
    try:
        with hold(journal, WORKER):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                assert (tmp_path / "s.jsonl.workers" / WORKER).exists()
                assert is_alive(journal, WORKER) is True
    finally:
        if child == 0:
            os._exit(0)
    assert is_alive(journal, WORKER) is False


def test_a_forked_child_can_hold_a_worker_of_its_own(tmp_path):
    journal = f"{tmp_path}/s.jsonl"
    with hold(journal, WORKER):
        child = os.fork()
        if child == 0:
            try:
                with hold(journal, "deadbeef"):
                    os._exit(0 if is_alive(journal, "deadbeef") and is_alive(journal, WORKER) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert is_alive(journal, WORKER) is True
        assert is_alive(journal, "deadbeef") is False


def test_a_child_forked_while_a_thread_takes_a_lock_does_not_inherit_it(tmp_path, monkeypatch):
    flock, halfway, go_on = fcntl.flock, threading.Event(), threading.Event()

    def slow_flock(fd, operation):
        halfway.set()
        go_on.wait()
        flock(fd, operation)

    def hold_for_a_moment():
        with hold(f"{tmp_path}/s.jsonl", WORKER):
            pass

    monkeypatch.setattr(fcntl, "flock", slow_flock)
    thread, timer = threading.Thread(target=hold_for_a_moment), threading.Timer(0.2, go_on.set)
    thread.start()
    halfway.wait()
    timer.start()
    child = os.fork()  # waits until the lock is taken
    if child == 0:
        os._exit(_inherits_a_lock())
    thread.join()
    timer.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _inherits_a_lock():
    links = [*pathlib.Path("/proc/self/fd").iterdir()]
    return any(".workers" in str(link.readlink()) for link in links if link.is_symlink())


def test_workers_that_come_and_go_at_once_find_their_directory(tmp_path):
    journal, errors = f"{tmp_path}/s.jsonl", []

    def come_and_go(first):
        try:
            for number in range(first, first + 200):
                with hold(journal, f"{number:08x}"):
                    assert is_alive(journal, f"{number:08x}")
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=come_and_go, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [*tmp_path.iterdir()] == []


def test_a_place_that_can_hold_no_locks_is_an_error_and_stays_as_it_is(tmp_path):
    file, link = tmp_path / "a.jsonl.workers", tmp_path / "b.jsonl.workers"
    file.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for name in ("a", "b", "missing/c"):
        with pytest.raises(JournalUnwritable, match=WORKER), hold(f"{tmp_path}/{name}.jsonl", WORKER):
            pass
    assert file.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [file, link]
    assert is_alive(f"{tmp_path}/a.jsonl", WORKER) is None


def test_a_lock_that_the_system_refuses_leaves_no_file(tmp_path, monkeypatch):
    def refuse(fd, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(JournalUnwritable, match="No locks available"), hold(f"{tmp_path}/s.jsonl", WORKER):
        pass
    assert [*tmp_path.iterdir()] == []


def test_deleting_a_study_takes_along_what_its_workers_left(tmp_path):
    storage = DirectoryStorage(tmp_path)
    journal = storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    with holder(journal.path, WORKER) as (process, _):
        process.kill()
        process.wait()
    with journal.hold("deadbeef"):
        storage.delete("s")
        assert [*tmp_path.iterdir()] == []
    assert [*tmp_path.iterdir()] == []
