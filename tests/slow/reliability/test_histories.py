"""What clients saw, each operation with its beginning and end: there is one order of events that explains it all."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import TrialEnqueued, TrialFinished, TrialStarted, replay
from hpo.journal import FileJournal

_WARM = 2000  # bytes that a client has said before something happens to it

_CLIENT = """
    import json, os, random, sys, time
    from hpo.core.commands import Ask, Enqueue, Report, Tell
    from hpo.errors import HpoError
    from hpo.journal import FileJournal
    from hpo.study.recorder import JournalRecorder

    path, name, seed, parent = sys.argv[1:]
    chance, mine, k = random.Random(int(seed)), [], 0
    recorder = JournalRecorder(FileJournal(path, durability="process", lock_timeout=0.5))

    def say(*words):
        os.write(1, json.dumps(words).encode() + b"\\n")

    while os.getppid() == int(parent):
        k += 1
        state, number, begin = recorder.state, None, time.monotonic_ns()
        kind = chance.choice(["ask", "ask", "tell", "tell", "tell again", "report", "enqueue", "read"])
        if kind in ("tell", "report") and not mine or kind == "tell again" and not len(state.finished):
            continue
        if kind == "read":
            version = recorder.state.version
            say("ok", "read", None, begin, time.monotonic_ns(), version)
            continue
        if kind == "ask":
            command = Ask(None, f"{name}/{k}")
        elif kind == "enqueue":
            command = Enqueue({"from": f"{name}/{k}"})
        else:
            anyone = [trial.number for trial in state.finished[-3:]]
            number = chance.choice(anyone) if kind == "tell again" else chance.choice(mine)
            command = Report(number, 0.5, k) if kind == "report" else Tell(number, float(k))
        say("begin", kind, number, begin)
        try:
            after = recorder.record(command)
            outcome = "ok"
        except HpoError as error:
            outcome, after = type(error).__name__, recorder.state
        end = time.monotonic_ns()
        if kind == "ask" and outcome == "ok":
            number = next(t.number for t in after.running.values() if t.worker == command.worker)
            mine.append(number)
        if kind == "tell":
            mine.remove(number)
        say(outcome, kind, number, begin, end, after.version)
"""


def unordered(operations):
    """Pairs of operations whose order in time is not that of their versions, as (begin, end, version, is a write).

    An operation that began after another one had ended has to see at least as much, and more if it wrote.
    """
    wrong, latest = [], 0
    ends = sorted((end, version) for _, end, version, _ in operations)
    done = 0
    for begin, end, version, writes in sorted(operations):
        while done < len(ends) and ends[done][0] < begin:
            latest = max(latest, ends[done][1])
            done += 1
        if version < latest + writes:
            wrong.append((begin, end, version, latest))
    return wrong


def test_r24_the_check_of_orders_sees_what_is_out_of_order():
    assert unordered([(0, 1, 5, True), (2, 3, 6, True), (2, 4, 6, False)]) == []
    assert unordered([(0, 3, 5, True), (2, 4, 4, True)]) == []  # at the same time: either order
    assert unordered([(0, 1, 5, True), (2, 3, 5, True)])  # a write that saw nothing of an earlier one
    assert unordered([(0, 1, 5, True), (2, 3, 4, False)])  # a reading from the past


def _run(path, *, seconds, n_clients, seed):
    """Stop and kill clients for some seconds, and until they have said much, however busy the machine is."""
    chance, clients, outputs, n_faults = random.Random(seed), {}, [], Counter()

    def start():
        output = path.with_name(f"client-{len(outputs)}")
        words = path, output.name, chance.randrange(10**9), os.getpid()
        command = [sys.executable, "-c", textwrap.dedent(_CLIENT), *map(str, words)]
        with output.open("wb") as file:
            clients[output] = subprocess.Popen(command, stdout=file)
        outputs.append(output)

    try:
        for _ in range(n_clients):
            start()
        until = time.monotonic() + seconds
        while time.monotonic() < until or not _said_much(outputs):
            time.sleep(chance.uniform(0.05, 0.3))
            at_work = [output for output in clients if output.stat().st_size > _WARM]
            if not at_work:
                assert all(client.poll() is None for client in clients.values())
                assert time.monotonic() < until + PATIENCE
                continue  # on a busy machine it takes a while
            output = chance.choice(at_work)
            if chance.random() < 0.5:
                clients[output].send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.0, 0.7))
                clients[output].send_signal(signal.SIGCONT)
                n_faults["stops"] += 1
            else:
                client = clients.pop(output)
                client.kill()
                client.wait()
                n_faults["kills"] += 1
                start()
    finally:
        for client in clients.values():
            client.kill()
            client.wait()
    return outputs, dict(n_faults)


def _said_much(outputs):
    outcomes = Counter(line[0] for output in outputs for line in _said(output))
    return outcomes["ok"] > 100 and outcomes["TrialNotRunning"] > 0


def _said(output: Path):
    text = output.read_bytes()
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def _check(path, outputs):
    events = [*FileJournal(path).read(0)]
    state = replay(events)
    lines = [line for output in outputs for line in _said(output)]
    ended = [line for line in lines if line[0] != "begin"]
    outcomes = Counter(line[0] for line in ended)
    assert {*outcomes} <= {"ok", "TrialNotRunning", "JournalBusy"}

    asked = [number for outcome, kind, number, *_ in ended if (outcome, kind) == ("ok", "ask")]
    assert len(asked) == len({*asked}), "a number was handed out twice"
    told = [number for outcome, kind, number, *_ in ended if outcome == "ok" and kind.startswith("tell")]
    assert len(told) == len({*told}), "two tells of one trial succeeded"
    assert {*told} <= {trial.number for trial in state.finished}

    starts = Counter(event.number for event in events if isinstance(event, TrialStarted))
    queue = [event.number for event in events if isinstance(event, TrialEnqueued)]
    assert {*starts.values()} <= {1}, "a trial was taken off the queue twice"
    assert Counter(event.number for event in events if isinstance(event, TrialFinished)).most_common(1)[0][1] == 1
    started = [number for number in (e.number for e in events if isinstance(e, TrialStarted)) if number in {*queue}]
    assert started == sorted(started), "the queue is first in, first out"
    assert [trial.number for trial in state.trials] == [*range(state.n_trials)]

    operations = [
        (begin, end, version, kind != "read") for outcome, kind, _, begin, end, version in ended if outcome == "ok"
    ]
    assert unordered(operations) == []
    assert max(version for *_, version, _ in operations) <= len(events)
    kept = {event.number for event in events if isinstance(event, TrialFinished)}
    n_told = sum(1 for line in lines if line[0] == "begin" and line[1] == "tell")
    assert len(kept) <= n_told, "a trial is finished that nobody told"
    return outcomes


def test_r24_there_is_one_order_that_explains_what_all_clients_saw(new_study):
    outputs, faults = _run(new_study, seconds=4, n_clients=5, seed=1)
    outcomes = _check(new_study, outputs)
    print(f"r24: {faults}, {dict(outcomes)}")
    assert outcomes["ok"] > 100
    assert outcomes["TrialNotRunning"] > 0


@pytest.mark.long
def test_r24_two_minutes_with_eight_clients(new_study):
    seed = int(time.time())
    outputs, faults = _run(new_study, seconds=120, n_clients=8, seed=seed)
    print(f"r24: seed {seed}, {faults}, {dict(_check(new_study, outputs))}")
