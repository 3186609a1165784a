"""Who is in the way of a writer, as far as the system tells."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import StudyCreated, TrialStarted
from hpo.errors import JournalBusy
from hpo.journal import FileJournal, FileStorage
from hpo.journal.locks import lock_holder

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "rb")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    if not Path("/proc/locks").exists():
        pytest.skip("this system does not tell who holds locks")
    return path


@contextlib.contextmanager
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_busy_journal_names_the_process_that_keeps_it_so(path):
    journal = FileJournal(path, lock_timeout=0.05)
    with holder(path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        with pytest.raises(JournalBusy, match=rf"was locked by process {process.pid} \(python") as caught:
            journal.append([TrialStarted(0)], expected=1)
    assert caught.value.holder.startswith(f"process {process.pid} ")
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_a_lock_of_this_process_is_told_as_its_own(path):
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy, match="was locked by this process for"):
            FileJournal(path, lock_timeout=0).append([TrialStarted(0)], expected=1)


def is_waited_for(file):
    """Whether somebody waits for a lock on this file."""
    number = f":{os.fstat(file.fileno()).st_ino} "
    return any("->" in line and number in line for line in Path("/proc/locks").read_text().splitlines())


def test_who_waits_for_a_lock_does_not_hold_it(path):
    with path.open("rb") as file, path.open("rb") as waiting, holder(path) as process:
        thread = threading.Thread(target=fcntl.flock, args=(waiting, fcntl.LOCK_EX))
        thread.start()
        deadline = time.monotonic() + PATIENCE
        while not is_waited_for(file):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert str(process.pid) in lock_holder(file.fileno())
        process.kill()
        thread.join()


def test_locks_on_other_files_are_nobodys_business(path, tmp_path):
    (tmp_path / "other").touch()
    with path.open("rb") as file, holder(tmp_path / "other"):
        assert lock_holder(file.fileno()) is None


def test_where_the_system_does_not_tell_the_process_is_another_one(path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr("hpo.journal.locks.Path.read_text", refuse)
        with pytest.raises(JournalBusy, match="was locked by another process for") as caught:
            FileJournal(path, lock_timeout=0).append([TrialStarted(0)], expected=1)
    assert caught.value.holder is None
    assert lock_holder(2**20) is None
