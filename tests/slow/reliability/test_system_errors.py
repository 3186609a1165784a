"""Errors of the system, real ones: done, not done, or said to be unknown, and never a lie."""

import os
import subprocess

import pytest

from hpo.core import StudyAttributeSet, StudyCreated, TrialEnqueued
from hpo.errors import JournalFull, JournalUnwritable, UnsupportedJournal
from hpo.journal import FileJournal, FileStorage

_CREATED = StudyCreated(1, "s", ("minimize",), 7)


def _append_on_and_on(journal, event):
    for length in range(1, 100):
        journal.append([event], expected=length)


def test_r15_a_full_disk_adds_nothing_and_room_lets_the_same_handle_go_on(small_disk):
    path = small_disk / "s.jsonl"
    journal = FileStorage(path).create("s", [_CREATED])
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    event = StudyAttributeSet("k", "x" * 3000)
    with pytest.raises(JournalFull, match=r"nothing was added.*No space left"):
        _append_on_and_on(journal, event)
    length = len(journal.read(0))
    assert length > 2
    assert path.read_bytes().endswith(b"]\n")
    assert len(FileJournal(path).read(0)) == length
    with pytest.raises(JournalFull):
        FileStorage(small_disk / "t.jsonl").create("t" * 9000, [StudyCreated(1, "t" * 9000, ("minimize",), 7)])
    assert sorted(file.name for file in small_disk.iterdir()) == ["ballast", "s.jsonl"]
    ballast.unlink()
    assert journal.append([event], expected=length) == length + 1
    assert len(FileJournal(path).read(0)) == length + 1


def test_r15_a_torn_end_that_cannot_be_kept_is_not_cut_off(small_disk):
    path = small_disk / "s.jsonl"
    journal = FileStorage(path).create("s", [_CREATED])
    with path.open("ab") as file:
        file.write(b"torn" * 100)
    with (small_disk / "ballast").open("wb", buffering=0) as file:
        room = os.statvfs(small_disk)
        file.write(b"x" * room.f_bavail * room.f_bsize)
    before = path.read_bytes()
    with pytest.raises(JournalFull):
        journal.append([StudyAttributeSet("k", 1)], expected=1)
    assert path.read_bytes() == before
    assert sorted(file.name for file in small_disk.iterdir()) == ["ballast", "s.jsonl"]
    (small_disk / "ballast").unlink()
    assert journal.append([StudyAttributeSet("k", 1)], expected=1) == 2


_FIVE_APPENDS = """
    import sys
    from hpo.core import TrialEnqueued
    from hpo.errors import Conflict, HpoError, OutcomeUnknown
    from hpo.journal import FileJournal

    path = sys.argv[1]
    journal, length = FileJournal(path), 1
    for i in range(5):
        try:
            length += len(journal.read(length))
            length = journal.append([TrialEnqueued(i, {})], expected=length)
            print("done", i, flush=True)
        except OutcomeUnknown as error:
            print("unknown", i, error, flush=True)
            journal = FileJournal(path)
            length = 0
        except HpoError as error:
            print("not", i, type(error).__name__, error, flush=True)
            length = 0
"""


def _check_outcomes(path, output):
    """What was said to be done is there, what was said not to be is not, and nothing is there twice."""
    said = {int(line.split()[1]): line.split()[0] for line in output.splitlines()}
    numbers = [event.number for event in FileJournal(path).read(1)]
    assert len(numbers) == len({*numbers})
    for i, outcome in said.items():
        assert outcome == "unknown" or (outcome == "done") == (i in numbers), output
    return said


@pytest.mark.parametrize("part", [1, 20, 39])
def test_r16_a_short_write_is_continued(new_study, run_script, shim, part):
    done = run_script(_FIVE_APPENDS, new_study, env=shim(SHIM_SHORT=f"2:{part}"))
    assert done.returncode == 0, done.stderr
    assert _check_outcomes(new_study, done.stdout) == dict.fromkeys(range(5), "done")


@pytest.mark.parametrize(("error", "outcome"), [(4, "done"), (28, "not"), (5, "not"), (122, "not"), (27, "not")])
def test_r16_a_write_that_fails_once_is_not_done_and_one_that_is_interrupted_is(
    new_study, run_script, shim, error, outcome
):
    done = run_script(_FIVE_APPENDS, new_study, env=shim(SHIM_WRITE=f"3:{error}"))
    assert done.returncode == 0, done.stderr
    said = _check_outcomes(new_study, done.stdout)
    assert said == dict.fromkeys(range(5), "done") | {2: outcome}


@pytest.mark.long
@pytest.mark.parametrize(
    "call",
    ["openat", "newfstatat", "pread64", "flock", "write", "fdatasync", "ftruncate", "close"],
)
def test_r17_eio_at_every_system_call_is_not_done_or_unknown_and_never_a_lie(tmp_path, run_script, strace, call):
    log, injected = tmp_path / "trace", 0
    for k in range(1, 100):
        path = tmp_path / f"{k}.jsonl"
        FileStorage(path).create("s", [_CREATED])
        with path.open("ab") as file:
            file.write(b"torn")
        inject = ["-P", str(path), "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={k}"]
        done = run_script(_FIVE_APPENDS, path, before=[strace, "-f", "-qq", "-o", str(log), *inject])
        said = _check_outcomes(path, done.stdout)
        if "(INJECTED)" not in log.read_text():
            assert said == dict.fromkeys(range(5), "done")
            break
        injected += 1
        assert done.returncode == 0 or done.stderr.splitlines()[-1].startswith("hpo.errors."), done.stderr
        assert [*said.values()].count("done") >= 3 or done.returncode, done.stdout
        length = len(FileJournal(path).read(0))
        assert FileJournal(path).append([TrialEnqueued(9, {})], expected=length) == length + 1
    else:
        raise AssertionError("it never ends")
    print(f"r17: {call}, {injected} errors")


def test_r18_after_a_failed_sync_no_second_one_is_tried_and_a_new_handle_looks(new_study, run_script, shim, tmp_path):
    text = """
        import sys
        from hpo.core import TrialEnqueued, TrialStarted
        from hpo.errors import OutcomeUnknown
        from hpo.journal import FileJournal

        journal = FileJournal(sys.argv[1])
        for i in range(4):
            try:
                journal.append([TrialEnqueued(i, {})], expected=i + 1)
                print("done")
            except OutcomeUnknown as error:
                assert "Input/output error" in str(error), error
                print("unknown")
        print(len(FileJournal(sys.argv[1]).read(1)))
    """
    log = tmp_path / "calls"
    done = run_script(text, new_study, env=shim(SHIM_SYNC="2:5", SHIM_LOG=log))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done", "unknown", "unknown", "unknown", "2"]
    assert log.read_text().split().count("fdatasync") == 2


def test_r19_another_programs_line_is_torn_if_last_and_located_if_not(new_study):
    with new_study.open("ab") as file:
        file.write(b"somebody was here\n")
    journal = FileJournal(new_study)
    assert journal.append([TrialEnqueued(0, {})], expected=1) == 2
    (kept,) = new_study.parent.glob("*.torn-*")
    assert kept.read_bytes() == b"somebody was here\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_r19_a_journal_that_may_not_be_read_is_named(new_study):
    new_study.chmod(0)
    with pytest.raises(UnsupportedJournal, match="Permission denied"):
        FileJournal(new_study)


def test_r19_an_open_handle_goes_on_when_the_permissions_are_gone(new_study):
    journal = FileJournal(new_study)
    new_study.chmod(0)
    assert journal.append([TrialEnqueued(0, {})], expected=1) == 2
    new_study.chmod(0o600)
    assert len(FileJournal(new_study).read(0)) == 2


@pytest.mark.parametrize("error", [37, 95])
def test_r20_without_locks_nothing_is_written(new_study, run_script, shim, error):
    before = new_study.read_bytes()
    done = run_script(_FIVE_APPENDS, new_study, env=shim(SHIM_LOCK=error))
    assert done.returncode == 0, done.stderr
    assert new_study.read_bytes() == before
    assert [*_check_outcomes(new_study, done.stdout).values()] == ["not"] * 5
    assert done.stdout.count("JournalUnwritable") == done.stdout.count("can't be locked") == 5
    assert str(new_study) in done.stdout


@pytest.mark.parametrize("error", [37, 95])
def test_r20_a_study_that_is_made_without_locks_is_written_without_them(tmp_path, run_script, shim, error):
    path = tmp_path / "s.jsonl"
    create = """
        import sys
        from hpo.core import StudyCreated
        from hpo.journal import FileStorage

        FileStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    """
    done = run_script(create, path, env=shim(SHIM_LOCK=error, SHIM_SUFFIX=""))  # no file can be locked
    assert done.returncode == 0, done.stderr
    assert [*tmp_path.glob("s.jsonl.claims-*")]
    done = run_script(_FIVE_APPENDS, path, env=shim(SHIM_LOCK=error, SHIM_SUFFIX=""))
    assert done.returncode == 0, done.stderr
    assert [*_check_outcomes(path, done.stdout).values()] == ["done"] * 5
    assert len([*tmp_path.iterdir()]) == 2, "nothing else is left behind"


def test_r20_without_descriptors_opening_says_so_and_open_handles_go_on(new_study, run_script):
    text = """
        import os, resource, sys
        from hpo.core import StudyCreated, TrialEnqueued
        from hpo.errors import JournalUnwritable, UnsupportedJournal
        from hpo.journal import FileJournal, FileStorage

        path = sys.argv[1]
        journal = FileJournal(path)
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for act, kind in [
            (lambda: FileJournal(path), UnsupportedJournal),
            (lambda: FileStorage(path + "2.jsonl").create("t", [StudyCreated(1, "t", ("minimize",), 7)]), JournalUnwritable),
        ]:
            try:
                act()
            except kind as error:
                assert "Too many open files" in str(error) and path in str(error), error
            else:
                raise AssertionError(kind)
        assert journal.append([TrialEnqueued(0, {})], expected=1) == 2
        os.close(held.pop())
        assert len(FileJournal(path).read(0)) == 2
    """
    done = run_script(text, new_study)
    assert done.returncode == 0, done.stderr


def test_r20_a_file_system_that_became_read_only_is_read_and_not_written(small_disk):
    path = small_disk / "s.jsonl"
    journal = FileStorage(path).create("s", [_CREATED])
    # handles that may write keep a file system from becoming read-only
    del journal
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    journal = FileJournal(path)
    assert [*journal.read(0)] == [_CREATED]
    with pytest.raises(JournalUnwritable, match=r"only be opened for reading; .* load the study again"):
        journal.append([TrialEnqueued(0, {})], expected=1)
    with pytest.raises(JournalUnwritable, match="Read-only file system"):
        FileStorage(small_disk / "t.jsonl").create("t", [StudyCreated(1, "t", ("minimize",), 7)])
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert FileJournal(path).append([TrialEnqueued(0, {})], expected=1) == 2
