import fcntl
import os
import pickle
import subprocess
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import StudyAttributeSet, StudyCreated, TrialEnqueued, TrialStarted, ValueReported
from hpo.errors import Conflict, InvalidArgument, JournalMoved, StudyNotFound
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file import lines as scan
from hpo.journal.memory import MemoryJournal


def test_what_is_appended_is_read_by_this_handle_and_by_others(tmp_path, make_events):
    events = make_events(3)
    path = tmp_path / "s.jsonl"
    journal = FileStorage(path).create("s", events[:1])
    assert journal.append(events[1:4], expected=1) == 4
    assert journal.append(events[4:], expected=4) == 10
    assert [*journal.read(0)] == [*FileJournal(path).read(0)] == events


def test_every_start_of_reading_gives_what_memory_gives(journal_file, make_events):
    events = make_events(4)
    journal, reference = FileJournal(journal_file(events)), MemoryJournal(events)
    for after in [5, 13, 0, 12, 3, 13, 20, 1]:
        assert [*journal.read(after)] == [*reference.read(after)]
    assert [*FileJournal(journal.path).read(7)] == events[7:]


def test_a_reading_can_begin_inside_a_record(tmp_path, make_events):
    events = make_events(5)
    journal = FileStorage(tmp_path / "s.jsonl").create("s", events)
    assert [*journal.read(8)] == events[8:]


def test_a_handle_reads_only_what_is_new(journal_file, make_events, monkeypatch):
    events = make_events(200)
    path = journal_file(events)
    reader, writer = FileJournal(path), FileJournal(path)
    reader.read(0)
    asked = []
    pread = os.pread
    monkeypatch.setattr("os.pread", lambda fd, n, offset: asked.append((offset, n)) or pread(fd, n, offset))
    assert reader.read(601) == ()
    size = path.stat().st_size
    last_checksum = (size - len(path.read_bytes().splitlines(keepends=True)[-1]), 8)
    assert asked == [last_checksum]
    writer.append([TrialStarted(200)], expected=601)
    asked.clear()
    assert [*reader.read(601)] == [TrialStarted(200)]
    assert min(place for place in asked if place != last_checksum)[0] == size


def test_reading_after_an_own_append_reads_nothing_but_its_checksum(tmp_path, make_events, monkeypatch):
    journal = FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    journal.read(0)
    journal.append([TrialStarted(0)], expected=1)
    asked, pread = [], os.pread
    monkeypatch.setattr("os.pread", lambda fd, n, offset: asked.append(n) or pread(fd, n, offset))
    assert journal.read(2) == ()
    assert asked == [8]


def test_records_longer_than_what_is_read_at_once_are_whole(tmp_path, make_events, monkeypatch):
    monkeypatch.setattr(scan, "_CHUNK", 64)
    monkeypatch.setattr(scan, "_FIRST", 16)
    journal = FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    events = [StudyAttributeSet("k", "x" * n) for n in [1, 63, 64, 65, 1000, 1]]
    for i, event in enumerate(events, 1):
        journal.append([event], expected=i)
    assert [*FileJournal(journal.path).read(1)] == events
    assert FileStorage(journal.path).names() == ["s"]


def test_ten_megabytes_in_one_attribute_come_back(tmp_path, make_events):
    journal = FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    event = StudyAttributeSet("weights", "ä" * 5_000_000)
    journal.append([event], expected=1)
    assert [*FileJournal(journal.path).read(1)] == [event]


def test_a_stale_writer_gets_a_conflict_and_then_reads_what_it_missed(journal_file, make_events):
    events = make_events(1)
    path = journal_file(events)
    one, two = FileJournal(path), FileJournal(path)
    assert len(one.read(0)) == len(two.read(0)) == 4
    one.append([TrialStarted(1)], expected=4)
    with pytest.raises(Conflict) as caught:
        two.append([TrialStarted(1)], expected=4)
    assert (caught.value.expected, caught.value.actual) == (4, 5)
    assert [*two.read(4)] == [TrialStarted(1)]
    two.append([TrialStarted(2)], expected=5)
    assert [*one.read(5)] == [TrialStarted(2)]


@pytest.mark.parametrize("expected", [0, 3, 5, 100])
def test_any_other_length_than_the_true_one_conflicts_and_adds_nothing(journal_file, make_events, expected):
    path = journal_file(make_events(1))
    before = path.read_bytes()
    with pytest.raises(Conflict) as caught:
        FileJournal(path).append([TrialStarted(1)], expected=expected)
    assert caught.value.actual == 4
    assert path.read_bytes() == before


def test_a_handle_that_never_read_can_append_at_the_end(journal_file, make_events):
    path = journal_file(make_events(1))
    assert FileJournal(path).append([TrialStarted(1)], expected=4) == 5


def test_appending_nothing_writes_nothing_and_still_compares_the_length(journal_file, make_events):
    path = journal_file(make_events(1))
    before = path.read_bytes()
    journal = FileJournal(path)
    assert journal.append([], expected=4) == 4
    with pytest.raises(Conflict):
        journal.append([], expected=3)
    assert path.read_bytes() == before


def test_eight_threads_on_one_handle_lose_nothing(tmp_path, make_events):
    journal = FileStorage(tmp_path / "s.jsonl", durability="process").create("s", make_events(0))

    def work(thread):
        done = 0
        while done < 40:
            length = 1 + len(journal.read(1))
            try:
                journal.append([StudyAttributeSet(f"{thread}", done)], expected=length)
            except Conflict:
                continue
            done += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = FileJournal(journal.path).read(1)
    assert sorted((event.key, event.value) for event in events) == [(f"{i}", k) for i in range(8) for k in range(40)]


def test_a_pickled_journal_finds_its_file_again(journal_file, make_events, tmp_path, monkeypatch):
    path = journal_file(make_events(1))
    monkeypatch.chdir(tmp_path)
    journal = FileJournal("s.jsonl", durability="process", lock_timeout=2.5)
    blob = pickle.dumps(journal)
    monkeypatch.chdir("/")
    copy = pickle.loads(blob)
    assert [*copy.read(0)] == make_events(1)
    assert repr(copy) == f"FileJournal({str(path)!r}, durability='process', lock_timeout=2.5)"
    path.unlink()
    with pytest.raises(JournalMoved):
        pickle.loads(blob).read(0)


def test_a_journal_without_a_file_is_not_found(tmp_path):
    with pytest.raises(StudyNotFound):
        FileJournal(tmp_path / "s.jsonl")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("options", [{"durability": "disk"}, {"durability": None}])
def test_durabilities_of_other_names_are_refused(tmp_path, options):
    with pytest.raises(InvalidArgument, match="'power' or 'process'"):
        FileStorage(tmp_path / "s.jsonl", **options)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), True, "x", None])
def test_lock_timeouts_that_are_no_seconds_are_refused(tmp_path, timeout):
    with pytest.raises(InvalidArgument, match="lock_timeout"):
        FileStorage(tmp_path / "s.jsonl", lock_timeout=timeout)


def test_an_append_is_at_most_one_write_and_only_acknowledgements_sync(tmp_path, make_events, monkeypatch):
    journal = FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    calls = []
    write, fdatasync = os.write, os.fdatasync
    monkeypatch.setattr("os.write", lambda fd, data: calls.append("write") or write(fd, data))
    monkeypatch.setattr("os.fdatasync", lambda fd: calls.append("sync") or fdatasync(fd))
    journal.append([TrialStarted(0), ValueReported(0, 0, 0.5)], expected=1)
    assert calls == ["write"]
    journal.append([ValueReported(0, 1, 0.5), TrialEnqueued(1, {})], expected=3)
    assert calls == ["write", "write", "sync"]


def test_process_durability_never_syncs(tmp_path, make_events, monkeypatch):
    def refuse(fd):
        raise AssertionError(fd)

    monkeypatch.setattr("os.fdatasync", refuse)
    monkeypatch.setattr("os.fsync", refuse)
    journal = FileStorage(tmp_path / "s.jsonl", durability="process").create("s", make_events(0))
    journal.append([TrialEnqueued(0, {})], expected=1)


def test_one_sync_serves_every_thread_that_wrote_before_it(tmp_path, make_events, monkeypatch):
    journal = FileStorage(tmp_path / "s.jsonl").create("s", make_events(0))
    journal.read(0)
    fdatasync = os.fdatasync
    n_syncs, first, go_on = [], threading.Event(), threading.Event()

    def slow(fd):
        n_syncs.append(fd)
        first.set()
        assert go_on.wait(2 * PATIENCE)
        fdatasync(fd)

    monkeypatch.setattr("os.fdatasync", slow)
    threads = [
        threading.Thread(target=journal.append, args=([TrialEnqueued(i, {})],), kwargs={"expected": i + 1})
        for i in range(6)
    ]
    reader = FileJournal(journal.path)
    deadline = time.monotonic() + PATIENCE
    try:
        for i, thread in enumerate(threads):  # the first sync keeps none of the others from writing
            thread.start()
            assert first.wait(PATIENCE)
            while len(reader.read(0)) < i + 2:
                assert time.monotonic() < deadline
        with Path(journal.path).open("rb") as file:  # the last writer unlocks once it has noted the new end
            fcntl.flock(file, fcntl.LOCK_EX)
    finally:
        go_on.set()
    for thread in threads:
        thread.join()
    assert len(n_syncs) == 2


def test_a_journal_of_a_newer_format_is_refused_by_name(tmp_path):
    storage = FileStorage(tmp_path / "s.jsonl")
    storage.create("s", [StudyCreated(7, "s", ("minimize",), 1)])
    with pytest.raises(Exception, match=r"line 1 .* its format is 7"):
        storage.open("s")


def test_a_forked_child_waits_for_a_lock_that_its_parent_holds(journal_file, make_events, script):
    """A lock belongs to an open file, and a child that used its parent's would have it too."""
    text = """
        import fcntl, os, sys
        from hpo.core import TrialStarted
        from hpo.errors import JournalBusy
        from hpo.journal import FileJournal

        journal = FileJournal(sys.argv[1], lock_timeout=0.0)
        fcntl.flock(journal._open_file().fd, fcntl.LOCK_EX)
        if not (child := os.fork()):
            try:
                journal.append([TrialStarted(0)], expected=1)
            except JournalBusy:
                os._exit(7)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = subprocess.run(script(text, journal_file(make_events(0))), capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"
