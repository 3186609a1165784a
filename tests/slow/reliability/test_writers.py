"""Many writers at once: in processes, threads and forks, stopped, unlocked, and read meanwhile."""

import json
import os
import signal
import statistics
import subprocess
import sys
import textwrap
import threading

import pytest
from patience import PATIENCE

import hpo
from hpo.core import StudyAttributeSet, replay
from hpo.errors import JournalBusy, JournalCorrupted
from hpo.journal import FileJournal
from hpo.samplers import RandomSampler

_FORKED_WRITERS = """
    import collections, os, sys, time
    from hpo.core import StudyAttributeSet, TrialEnqueued
    from hpo.errors import Conflict
    from hpo.journal import FileJournal

    path, n_writers, n_each, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    start = time.monotonic() + 0.5
    children = []
    for writer in range(n_writers):
        if not (child := os.fork()):
            journal, length, mine = FileJournal(path, lock_timeout=100), 0, 0
            while time.monotonic() < start:
                time.sleep(0.01)
            while mine < n_each if n_each else time.monotonic() < start + seconds:
                length += len(journal.read(length))
                try:
                    length = journal.append([TrialEnqueued(length, {"writer": writer, "mine": mine})], expected=length)
                except Conflict:
                    continue
                mine += 1
            os._exit(0)
        children.append(child)
    assert {os.waitpid(child, 0)[1] for child in children} == {0}
"""


def _appends_by_writer(path):
    """How many appends each writer made; each made them in order and has each of them once."""
    appends = {}
    for number, event in enumerate(FileJournal(path).read(1), 1):
        assert event.number == number
        assert event.params["mine"] == appends.get(event.params["writer"], 0)
        appends[event.params["writer"]] = event.params["mine"] + 1
    return appends


def test_r21_64_writers_lose_nothing_and_give_each_place_once(new_study, run_script):
    done = run_script(_FORKED_WRITERS, new_study, 64, 8, 0)
    assert done.returncode == 0, done.stderr
    assert _appends_by_writer(new_study) == dict.fromkeys(range(64), 8)


@pytest.mark.long
def test_r21_none_of_64_writers_starves(new_study, run_script):
    done = run_script(_FORKED_WRITERS, new_study, 64, 0, 8)
    assert done.returncode == 0, done.stderr
    appends = [*_appends_by_writer(new_study).values()]
    middle = statistics.median(appends)
    print(f"r21: {sum(appends)} appends in 8 s; by writer: min {min(appends)}, median {middle}, max {max(appends)}")
    assert len(appends) == 64
    assert min(appends) >= middle / 4


_STOPPED = """
    import os, signal, sys
    from hpo.core import StudyAttributeSet
    from hpo.journal import FileJournal

    journal = FileJournal(sys.argv[1])
    write = os.write

    def stopping(fd, data):
        os.kill(os.getpid(), signal.SIGSTOP)
        return write(fd, data)

    os.write = stopping
    journal.append([StudyAttributeSet("who", "stopped")], expected=1)
"""


def test_r22_a_stopped_writer_that_goes_on_completes_and_others_follow(new_study):
    stopped = subprocess.Popen([sys.executable, "-c", textwrap.dedent(_STOPPED), new_study])
    os.waitpid(stopped.pid, os.WUNTRACED)
    try:
        journal = FileJournal(new_study, lock_timeout=0.1)
        with pytest.raises(JournalBusy, match="nothing was added") as caught:
            journal.append([StudyAttributeSet("who", "other")], expected=1)
        assert 0.1 <= caught.value.waited < 60.0  # it means it, on a busy machine too
        assert len(journal.read(0)) == 1
    finally:
        stopped.send_signal(signal.SIGCONT)
    assert stopped.wait() == 0
    assert journal.append([StudyAttributeSet("who", "other")], expected=2) == 3
    third = FileJournal(new_study, lock_timeout=0.1)
    assert third.append([StudyAttributeSet("who", "third")], expected=3) == 4
    assert [event.value for event in journal.read(1)] == ["stopped", "other", "third"]


_TELLERS = """
    import os, sys, threading
    import hpo
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    path, n_processes, n_threads, n_each = sys.argv[1], *map(int, sys.argv[2:])
    place = hpo.open_journal(path, lock_timeout=100)
    study = hpo.load_study(study_name="s", storage=place, sampler=hpo.samplers.RandomSampler())
    study.trials

    def work():
        for _ in range(n_each):
            trial = study.ask({"x": hpo.FloatDistribution(0.0, 1.0)})
            study.tell(trial, trial.params["x"])

    def in_threads():
        threads = [threading.Thread(target=work) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    children = []
    for _ in range(n_processes):
        if not (child := os.fork()):
            in_threads()
            os._exit(0)
        children.append(child)
    assert {os.waitpid(child, 0)[1] for child in children} <= {0}
    if not children:
        in_threads()
"""


@pytest.mark.parametrize(("processes", "threads", "each"), [(0, 64, 4), (16, 1, 10), (4, 8, 5)])
def test_r23_threads_and_forked_processes_that_tell_at_once_share_one_study(
    new_study, run_script, processes, threads, each
):
    done = run_script(_TELLERS, new_study, processes, threads, each)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    state = replay(FileJournal(new_study).read(0))
    n = max(processes, 1) * threads * each
    assert [trial.number for trial in state.trials] == [*range(n)]
    assert len(state.finished) == n
    assert all(trial.value == trial.params["x"] for trial in state.finished)


def test_r23_a_study_sent_to_spawned_processes_opens_its_journal_there(new_study, run_script, tmp_path):
    script = tmp_path / "spawned.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, sys
        import hpo

        def work(study):
            hpo.logging.set_verbosity(hpo.logging.ERROR)
            for _ in range(5):
                trial = study.ask()
                study.tell(trial, 1.0)

        if __name__ == "__main__":
            hpo.logging.set_verbosity(hpo.logging.ERROR)
            study = hpo.load_study(study_name="s", storage=sys.argv[1], sampler=hpo.samplers.RandomSampler())
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(work, [study, study])
            assert len(study.trials) == 10
        """)
    )
    done = subprocess.run([sys.executable, script, new_study], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(trial.number for trial in replay(FileJournal(new_study).read(0)).finished) == [*range(10)]


def test_r23_a_child_forked_in_the_middle_of_a_threads_append_can_append(new_study, monkeypatch):
    study = hpo.load_study(study_name="s", storage=new_study, sampler=RandomSampler())
    assert study.trials == []
    write, writing, go_on = os.write, threading.Event(), threading.Event()

    def slow(fd, data):
        if threading.current_thread() is thread:
            writing.set()
            assert go_on.wait(2 * PATIENCE)
        return write(fd, data)

    thread = threading.Thread(target=study.set_user_attr, args=("who", "parent"))
    monkeypatch.setattr("os.write", slow)
    thread.start()
    assert writing.wait(PATIENCE)
    journal = FileJournal(new_study, lock_timeout=0.05)
    if not (child := os.fork()):
        try:  # the parent's thread holds the kernel's lock: it is busy, and not stuck in a mutex that nobody frees
            journal.append([StudyAttributeSet("who", "child")], expected=1)
            os._exit(1)
        except JournalBusy:
            os._exit(0)
        finally:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    go_on.set()
    thread.join()
    assert code == 0
    assert study.user_attrs == {"who": "parent"}


_UNLOCKED = """
    import os, sys
    from hpo.core import StudyAttributeSet
    from hpo.errors import Conflict, JournalCorrupted, JournalMoved
    from hpo.journal import FileJournal

    path = sys.argv[1]
    children = []
    for writer in range(4):
        if not (child := os.fork()):
            journal, length, mine = FileJournal(path, durability="process"), 0, 0
            try:
                while mine < 300:
                    length += len(journal.read(length))
                    try:
                        length = journal.append([StudyAttributeSet(str(writer), mine)], expected=length)
                    except Conflict:
                        continue
                    os.write(1, b"%d %d %d\\n" % (writer, mine, length))
                    mine += 1
            except (JournalCorrupted, JournalMoved):
                pass
            os._exit(0)
        children.append(child)
    assert {os.waitpid(child, 0)[1] for child in children} == {0}
"""


def test_r25_locks_that_lock_nothing_lead_to_damage_that_is_told_and_never_to_a_place_given_twice(
    new_study, run_script, shim
):
    """Which is why file systems whose locks do not work are out of scope: it is noticed, and not survived."""
    done = run_script(_UNLOCKED, new_study, env=shim(SHIM_NO_LOCK=1))
    assert done.returncode == 0, done.stderr
    text = new_study.read_bytes()
    try:
        events = [*FileJournal(new_study).read(0)]
    except JournalCorrupted as error:
        outcome = f"told at line {error.line}"
        intact = new_study.with_name("intact.jsonl")
        intact.write_bytes(text[: error.offset])
        events = [*FileJournal(intact).read(0)]
    else:
        outcome = "told by what was cut off" if [*new_study.parent.glob("*.torn-*")] else "no collision"
    told = {}
    for event in events[1:]:
        assert event.value == told.get(event.key, 0)
        told[event.key] = event.value + 1
    lines = text.splitlines()
    everything = {(str(w), m) for w, m, _ in (map(int, line.split()) for line in done.stdout.splitlines())}
    there = {attribute for line in lines for attribute in _attributes(line)}
    lost = everything - there
    print(f"r25: {outcome}; {len(everything)} acknowledged, {len(lost)} of them not in the file")
    assert not lost or outcome != "no collision"


def _attributes(line):
    """The keys and values that a record sets, read without the journal's help; none where it is damaged itself."""
    try:
        events = json.loads(line[line.index(b"[") :])
    except ValueError:
        return []
    return [(key, value) for kind, key, value, *_ in events if kind == "study_attribute"]


def test_r27_readers_see_beginnings_of_the_journal_while_records_of_all_sizes_are_written(new_study):
    text = """
        import sys
        from hpo.core import StudyAttributeSet
        from hpo.errors import Conflict
        from hpo.journal import FileJournal

        path, writer = sys.argv[1], int(sys.argv[2])
        journal, length = FileJournal(path, durability="process", lock_timeout=100), 0
        for mine in range(40):
            size = (mine * 7919 + writer * 104729) ** 2 % (1 << (20 if mine % 10 == 0 else 13))
            while True:
                length += len(journal.read(length))
                batch = [StudyAttributeSet(str(writer), [mine, part, "x" * (size // 3)]) for part in range(3)]
                try:
                    length = journal.append(batch, expected=length)
                    break
                except Conflict:
                    pass
    """
    command = [sys.executable, "-c", textwrap.dedent(text), str(new_study)]
    writers = [subprocess.Popen([*command, str(i)]) for i in range(4)]
    views, n_reads = [[], []], 0
    handles = [FileJournal(new_study) for _ in views]
    while any(writer.poll() is None for writer in writers):
        for view, handle in zip(views, handles, strict=True):
            view.extend(handle.read(len(view)))
            assert len(view) % 3 == 1  # a creation, and whole batches
            n_reads += 1
    assert [writer.returncode for writer in writers] == [0] * 4
    final = [*FileJournal(new_study).read(0)]
    assert len(final) == 1 + 4 * 40 * 3
    for view, handle in zip(views, handles, strict=True):
        assert [*view, *handle.read(len(view))] == final
    print(f"r27: {n_reads} readings of {new_study.stat().st_size} bytes in the end")
