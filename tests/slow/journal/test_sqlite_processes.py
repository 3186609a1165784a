"""Processes that use a database, in what `test_processes` does not try on files as well."""

import subprocess

import pytest

from hpo.core import TrialStarted
from hpo.errors import JournalMoved
from hpo.journal import SqliteJournal, SqliteStorage


@pytest.fixture
def one(tmp_path, make_events):
    """The path of a database with a study that holds its creation."""
    SqliteStorage(tmp_path / "studies.db").create("s", make_events(0))
    return tmp_path / "studies.db"


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate"])
def test_a_writer_killed_in_any_call_of_the_system_leaves_all_or_nothing(tmp_path, script, make_events, call):
    """Creation and appends, killed in the k-th call: the study is not there, or there with whole records."""
    text = """
        import os, sys
        from hpo.core import StudyCreated, TrialEnqueued
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


def test_a_study_deleted_by_another_process_is_told(one, script):
    journal = SqliteJournal(one, "s")
    text = """
        import sys
        from hpo.core import StudyCreated
        from hpo.journal import SqliteStorage

        SqliteStorage(sys.argv[1]).delete("s")
        SqliteStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    """
    subprocess.run(script(text, one), check=True)
    for act in (lambda: journal.read(0), lambda: journal.append([TrialStarted(0)], expected=1)):
        with pytest.raises(JournalMoved):
            act()
    assert len(SqliteJournal(one, "s").read(0)) == 1


def test_many_creators_in_many_processes_make_one_study_each_in_one_file(tmp_path, script):
    text = """
        import sys
        from hpo.core import StudyCreated
        from hpo.errors import DuplicatedStudyError
        from hpo.journal import SqliteStorage

        storage = SqliteStorage(sys.argv[1], lock_timeout=100)
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
