"""Writers at servers take turns, and an ask or a tell costs few messages."""

import concurrent.futures
import gc
import os
import signal
import subprocess
import threading

import pytest

import hpo
from hpo.core import StudyAttributeSet, TrialStarted
from hpo.distributions import FloatDistribution
from hpo.errors import Conflict

SPACE = {"x": FloatDistribution(0.0, 1.0)}


def _study(storage, name="s"):
    return hpo.load_study(storage=storage, study_name=name, sampler=hpo.samplers.RandomSampler(seed=0))


@pytest.fixture
def studies(server, storage, url, proxy, opened):
    """A study whose messages `proxy` counts, and another handle of it, both in use for a while."""
    hpo.create_study(storage=storage, study_name="s", seed=0)
    through_proxy = opened(url.replace(f":{server.port}/", f":{proxy.port}/"))
    both = _study(through_proxy), _study(storage)
    for study in both:
        for _ in range(2):
            study.tell(study.ask(SPACE), 1.0)
    return both


def _messages(proxy, act):
    before = proxy.messages
    return act(), proxy.messages - before


@pytest.mark.parametrize("others", [False, True])
def test_an_ask_and_a_tell_cost_at_most_three_messages(studies, proxy, others):
    study, other = studies
    costs = []
    for _ in range(10):
        trial, ask = _messages(proxy, lambda: study.ask(SPACE))
        if others:
            other.tell(other.ask(SPACE), 1.0)
        _, tell = _messages(proxy, lambda: study.tell(trial, 1.0))  # noqa: B023
        if others:
            other.tell(other.ask(SPACE), 1.0)
        costs.append((ask, tell))
    assert max(ask for ask, _ in costs) <= 3
    assert max(tell for _, tell in costs) <= 3
    assert costs[-1] == ((2, 2) if others else (1, 1))


def test_a_worker_that_renews_its_lease_with_each_ask_sends_no_more_messages(studies, proxy):
    study, _ = studies
    with study.as_worker():
        costs = []
        for _ in range(4):
            trial, ask = _messages(proxy, lambda: study.ask(SPACE))
            costs.append((ask, _messages(proxy, lambda: study.tell(trial, 1.0))[1]))  # noqa: B023
    assert costs[-1] == (1, 1)


def test_a_turn_gives_what_is_new_and_keeps_others_waiting_until_it_ends(storage, make_events):
    journal, other = storage.create("s", make_events(0)), storage.open("s")
    began, waited = threading.Event(), []

    def take_the_next():
        began.set()
        with other.turn(1) as turn:
            waited.append([*turn.news])
            return turn.append([TrialStarted(1)])

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with journal.turn(0) as turn:
            assert [*turn.news] == make_events(0)
            next_one = pool.submit(take_the_next)
            began.wait()
            assert not waited
            assert turn.append([TrialStarted(0)]) == 2
        assert next_one.result() == 3
    assert waited == [[TrialStarted(0)]]
    assert [*journal.read(1)] == [TrialStarted(0), TrialStarted(1)]


def test_a_turn_without_an_append_leaves_everything_as_it_was_and_lets_the_next_one_in(storage, make_events):
    journal, other = storage.create("s", make_events(1)), storage.open("s")
    for _ in range(3):
        with journal.turn(4) as turn:
            assert [*turn.news] == []
    with pytest.raises(ZeroDivisionError), journal.turn(4):
        _ = 1 / 0
    with other.turn(2) as turn:
        assert [*turn.news] == make_events(1)[2:]
        assert turn.append([TrialStarted(1)]) == 5
    assert journal.append([TrialStarted(2)], expected=5) == 6


def test_an_append_without_a_turn_does_not_slip_in_between(storage, make_events):
    journal, other = storage.create("s", make_events(0)), storage.open("s")
    slipped = []

    def append():
        try:
            other.append([TrialStarted(1)], expected=1)
        except Conflict as error:
            slipped.append(error)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with journal.turn(1) as turn:
            done = pool.submit(append)
            concurrent.futures.wait([done], timeout=0.2)
            assert turn.append([TrialStarted(0)]) == 2
        done.result()
    assert len(slipped) == 1
    assert [*other.read(1)] == [TrialStarted(0)]


_IN_A_TURN = """
    import importlib, os, signal, sys
    url = sys.argv[1]
    module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
    with importlib.import_module(module).open_storage(url).open("s").turn(1):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_writer_that_is_killed_in_its_turn_keeps_nobody_from_the_next_one(storage, url, script, make_events):
    journal = storage.create("s", make_events(0))
    died = subprocess.run(script(_IN_A_TURN, url), check=False)
    assert died.returncode == -signal.SIGKILL
    with journal.turn(1) as turn:
        assert turn.append([TrialStarted(0)]) == 2


def test_many_writers_take_turns_and_none_of_them_tries_in_vain(storage, opened, url, make_events):
    storage.create("s", make_events(0))

    def write(name):
        journal, places, length, conflicts = opened(url).open("s"), [], 0, 0
        while len(places) < 20:
            with journal.turn(length) as turn:
                length += len(turn.news)
                try:
                    length = turn.append([StudyAttributeSet(name, len(places))])
                except Conflict:
                    conflicts += 1
                else:
                    places.append(length)
        return places, conflicts

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        done = [*pool.map(write, "abcdef")]
    assert sorted(place for places, _ in done for place in places) == [*range(2, 122)]
    assert sum(conflicts for _, conflicts in done) <= 3  # a turn in Redis may expire on a machine that stands still


def test_a_forked_child_takes_turns_of_its_own(storage, make_events):
    journal = storage.create("s", make_events(0))
    with journal.turn(1) as turn:
        turn.append([TrialStarted(0)])
    if not (pid := os.fork()):
        with journal.turn(2) as turn:
            turn.append([TrialStarted(1)])
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert [*journal.read(1)] == [TrialStarted(0), TrialStarted(1)]


def _interrupt(_signal, _frame):
    raise KeyboardInterrupt


# An interrupt between a driver's connection and its place in the pool leaves it to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_an_interrupt_leaves_no_answer_behind_that_the_next_one_takes_for_its_own(storage, make_events):
    """Ctrl-C while a server is asked: the connection must not go back to the pool with what it was asked for."""
    journal = storage.create("s", make_events(0))

    def work():
        while True:
            n = len(journal.read(0))
            journal.append([StudyAttributeSet("k", n)], expected=n)
            with journal.turn(n) as turn:
                turn.append([StudyAttributeSet("k", n + len(turn.news))])
            assert storage.names() == ["s"]

    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        for i in range(12):
            signal.setitimer(signal.ITIMER_REAL, 0.001 + 0.002 * i)
            with pytest.raises((KeyboardInterrupt, Conflict)):
                work()
            signal.setitimer(signal.ITIMER_REAL, 0)
            events = journal.read(1)
            assert [event.value for event in events] == [*range(1, len(events) + 1)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.collect()
    assert len(events) > 1
    with journal.turn(0) as turn:
        assert turn.append([TrialStarted(0)]) == len(events) + 2
