"""Writers by claims that stop, die, fail or are interrupted anywhere, or come late: they spoil nothing."""

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from claimed_journals import PATIENCE, Calls, append_all, check, claims_of, made_without_locks

import hpo
from hpo.core import StudyAttributeSet
from hpo.errors import (
    Conflict,
    JournalFull,
    JournalUnwritable,
    OutcomeUnknown,
)
from hpo.journal import FileJournal
from hpo.journal.file import claims as file_claims


@pytest.fixture
def path(tmp_path, monkeypatch):
    return made_without_locks(tmp_path / "s.jsonl", monkeypatch)


def test_writers_that_stop_anywhere_and_go_on_after_others_lose_nothing(path, monkeypatch):
    """Writer 0 stops at each of its calls, writer 1 goes on in between and stops at each of its own, and so on."""
    calls = Calls(monkeypatch)
    calls.number(path)
    n_calls = calls.number(path)
    assert n_calls > 20
    numbers, expected = {0: 1, 1: 3, 2: 2}, FileJournal(path).read(0)
    for first in range(1, n_calls + 1):
        for second in range(1 + first % 3, n_calls + 1, 3):
            acknowledged, run = {}, f"{first}-{second}"

            def act(level, acknowledged=acknowledged, run=run):
                acknowledged |= append_all(path, f"{run}-{level}", numbers[level])

            calls.counts, calls.plan, calls.act = [0] * 9, {0: first, 1: second}, act
            act(0)
            assert len(acknowledged) == 6, "nobody waits for anybody"
            events = FileJournal(path).read(len(expected))
            assert dict(enumerate(events, len(expected) + 1)) == acknowledged
            expected = [*expected, *events]
    assert not [*path.parent.glob("*.torn*")]
    assert len([*claims_of(path).iterdir()]) == 1


def test_a_claim_that_comes_too_late_is_noticed_even_where_a_listing_missed_its_draft(path, monkeypatch):
    calls = Calls(monkeypatch)
    calls.number(path)
    n_calls = calls.number(path)

    def clean_claims_alone(self, before):
        for claim in claims_of(path).iterdir():
            if claim.name.isdigit() and int(claim.name) < before:
                claim.unlink()

    monkeypatch.setattr(file_claims.ClaimedFile, "_clean", clean_claims_alone)
    expected = len(FileJournal(path).read(0))
    for first in range(1, n_calls + 1):
        acknowledged = {}

        def act(level, acknowledged=acknowledged, first=first):
            acknowledged |= append_all(path, f"{first}-{level}", 1 + 2 * level)

        calls.counts, calls.plan, calls.act = [0] * 9, {0: first}, act
        act(0)
        events = FileJournal(path).read(expected)
        assert dict(enumerate(events, expected + 1)) == acknowledged
        expected += len(events)


def test_of_two_who_write_the_same_each_has_a_place_of_its_own(path, monkeypatch):
    calls = Calls(monkeypatch)
    calls.number(path)
    n_calls = calls.number(path)
    length = len(FileJournal(path).read(0))
    for first in range(1, n_calls + 1):
        acknowledged = []

        def act(_, acknowledged=acknowledged):
            journal = FileJournal(path)
            at = len(journal.read(0))
            for _ in range(3):
                acknowledged.append(at := journal.append([StudyAttributeSet("same", 1)], expected=at))

        calls.counts, calls.plan, calls.act = [0] * 9, {0: first}, act
        with contextlib.suppress(Conflict):
            acknowledged.append(FileJournal(path).append([StudyAttributeSet("same", 1)], expected=length))
        length = len(FileJournal(path).read(0))
        assert len(acknowledged) == len(set(acknowledged)), f"two were told that they have one place, at call {first}"


def _number_of_calls(path, monkeypatch):
    with monkeypatch.context() as patch:
        calls = Calls(patch)
        calls.number(path)
        return calls.number(path)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_processes_that_die_or_stop_anywhere_keep_nobody_waiting(path, monkeypatch, how):
    n_calls = _number_of_calls(path, monkeypatch)
    length = len(FileJournal(path).read(0))
    for call in range(1, n_calls + 1):
        child = os.fork()
        if not child:
            try:
                calls = Calls(monkeypatch)
                calls.plan = {0: call}
                calls.act = lambda _: os._exit(0) if how == "killed" else os.kill(os.getpid(), signal.SIGSTOP)
                append_all(path, f"child-{call}", 1)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status) if how == "stopped" else os.WIFEXITED(status)
        try:
            acknowledged = append_all(path, f"parent-{call}", 2)
        finally:
            if how == "stopped":
                os.kill(child, signal.SIGCONT)
                _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        events = FileJournal(path).read(length)
        assert {event for event in events if event.key.startswith("parent")} == set(acknowledged.values())
        for place, event in acknowledged.items():
            assert events[place - 1 - length] == event
        mine = [event for event in events if event.key == f"child-{call}"]
        assert len(mine) == 1 if how == "stopped" else len(mine) <= 1
        length += len(events)


def test_an_interrupt_anywhere_leaves_all_or_nothing_and_a_handle_that_works(path, monkeypatch):
    calls = Calls(monkeypatch)
    calls.number(path)
    n_calls = calls.number(path)
    journal = FileJournal(path)
    length = len(journal.read(0))

    def interrupt(_):
        raise KeyboardInterrupt

    calls.act, there = interrupt, set()
    for call in range(1, n_calls + 1):
        calls.counts, calls.plan = [0] * 9, {0: call}
        event = StudyAttributeSet("k", call)
        with pytest.raises(KeyboardInterrupt):
            journal.append([event], expected=length)
        calls.plan = {}
        found = [*journal.read(length)]
        assert found in ([], [event])
        there.add(len(found))
        length += len(found)
        length = journal.append([StudyAttributeSet("next", call)], expected=length)
        assert journal.read(length - 1) == [StudyAttributeSet("next", call)]
    assert there == {0, 1}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_an_error_anywhere_is_told_as_what_it_is(path, monkeypatch, error):
    calls = Calls(monkeypatch)
    calls.number(path)
    n_calls = calls.number(path)
    length = len(FileJournal(path).read(0))
    outcomes = set()

    def fail(_):
        raise OSError(error, os.strerror(error))

    for call in range(1, n_calls + 1):
        journal = FileJournal(path)
        journal.read(0)
        calls.counts, calls.plan, calls.act = [0] * 9, {0: call}, fail
        event, outcome = StudyAttributeSet("k", call), "done"
        try:
            journal.append([event], expected=length)
        except (JournalFull, JournalUnwritable, hpo.errors.UnsupportedJournal, OutcomeUnknown, OSError) as caught:
            outcome = type(caught).__name__
        calls.plan = {}
        append_all(path, f"next-{call}", 1)
        events = [*FileJournal(path).read(length)]
        assert events[-1] == StudyAttributeSet(f"next-{call}", 0)
        if outcome == "done":
            assert events[:-1] == [event]
        elif outcome == "OutcomeUnknown":
            assert events[:-1] in ([], [event])
            with pytest.raises(OutcomeUnknown):
                journal.append([event], expected=length)
        else:
            assert events[:-1] == [], outcome
        outcomes.add(outcome)
        length += len(events)
    assert outcomes <= {"done", "OutcomeUnknown", "JournalUnwritable", "JournalFull", "UnsupportedJournal"}
    assert {"OutcomeUnknown", "JournalFull" if error == errno.ENOSPC else "JournalUnwritable"} <= outcomes


_WRITER = """
import contextlib, os, sys
from hpo.core import StudyAttributeSet
from hpo.errors import Conflict
from hpo.journal import FileJournal

path, name, parent = sys.argv[1:]
journal, length, mine = FileJournal(path), 0, 0
while os.getppid() == int(parent):
    length += len(journal.read(length))
    with contextlib.suppress(Conflict):
        length = journal.append([StudyAttributeSet(name, mine)], expected=length)
        print(length, mine, flush=True)
        mine += 1
"""


def test_processes_that_are_killed_all_the_time_lose_nothing_that_they_acknowledged(path, tmp_path):
    script = tmp_path / "writer.py"
    script.write_text(textwrap.dedent(_WRITER))
    chance, outputs, running = random.Random(1), [], []

    def start():
        outputs.append((tmp_path / f"w{len(outputs)}.out").open("w+b"))
        command = [sys.executable, script, path, f"w{len(outputs) - 1}", str(os.getpid())]
        running.append(subprocess.Popen(command, stdout=outputs[-1]))

    try:
        for _ in range(3):
            start()
        for victim in range(8):
            deadline = time.monotonic() + PATIENCE
            while not os.fstat(outputs[victim].fileno()).st_size:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.1))
            running[victim].kill()
            start()
    finally:
        for writer in running:
            writer.kill()
            writer.wait()
    acknowledged = {}
    for number, output in enumerate(outputs):
        output.seek(0)
        for line in output.read().splitlines(keepends=True):
            if line.endswith(b"\n"):
                place, mine = map(int, line.split())
                assert place not in acknowledged, "a place is given once"
                acknowledged[place] = StudyAttributeSet(f"w{number}", mine)
        output.close()
    assert len(acknowledged) >= 8
    check(path, acknowledged, others=len(outputs))


def test_threads_with_handles_of_their_own_take_turns(path):
    found, threads = {}, []
    for i in range(4):
        threads.append(threading.Thread(target=lambda i=i: found.update(append_all(path, f"t{i}", 10))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [*range(2, 42)]
    check(path, found)
