"""What a process remembers of the leases that it holds, whoever uses them at once."""

import sys
import threading

import pytest
from hpo_adapters._servers import leases as leases_module
from hpo_adapters._servers.leases import HeldLeases, Lease

from hpo.core import StudyAttributeSet, TrialResumed, TrialStarted
from hpo.errors import JournalUnwritable
from hpo.extend import LeaseTerms


class Memory:
    """Leases of this process, which never run out; a server that may be away."""

    def __init__(self):
        self.workers, self.late, self.renewed, self.away = set(), set(), [], False

    def begin(self, worker, milliseconds):
        self.workers.add(worker)
        return True

    def renew(self, worker, milliseconds):
        if self.away:
            raise JournalUnwritable("there", "it is away")
        self.renewed.append(worker)
        return worker in self.workers

    def end(self, worker):
        if self.away:
            raise JournalUnwritable("there", "it is away")
        self.workers.discard(worker)

    def look(self, worker):
        return Lease(-1 if worker in self.late else 1, 10) if worker in self.workers else None

    def end_late(self, worker):
        self.workers -= {worker} & self.late
        return worker in self.late

    def uptime(self):
        return 1e6


@pytest.fixture
def leases():
    return Memory()


def held_for(leases, interval):
    return HeldLeases(leases, LeaseTerms.checked(heartbeat_interval=interval, grace_period=None), where="there")


def test_threads_that_come_and_go_are_in_nobodys_way(leases):
    held = held_for(leases, 1e-9)
    errors, done = [], threading.Event()

    def come_and_go(first):
        try:
            for number in range(first, first + 100):
                with held.hold(f"{number:08x}"):
                    held.to_renew([TrialStarted(0, worker=f"{number:08x}")])
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    def append():
        try:
            while not done.is_set():
                starting, late = held.to_renew([StudyAttributeSet("k", 1)])
                held.note_renewed([*starting, *late], 0.0)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writers = [threading.Thread(target=append) for _ in range(2)]
        workers = [threading.Thread(target=come_and_go, args=(1000 * i,)) for i in range(4)]
        for thread in (*writers, *workers):
            thread.start()
        for thread in workers:
            thread.join()
        done.set()
        for thread in writers:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert errors == []
    assert held.to_renew([]) == ([], []), "nobody is left"
    assert leases.workers == set()


def test_a_worker_that_started_a_trial_just_now_is_not_renewed_again(leases):
    held = held_for(leases, 1000.0)
    with held.hold("0123abcd"):
        assert held.to_renew([StudyAttributeSet("k", 1)]) == ([], [])
        assert held.to_renew([TrialStarted(0, worker="0123abcd"), TrialStarted(1)]) == (["0123abcd"], [])
        assert held.to_renew([TrialResumed(0, worker="0123abcd")]) == (["0123abcd"], []), "a resumed trial counts, too"
        held.note_renewed(["0123abcd"], -1e9)
        assert held.to_renew([StudyAttributeSet("k", 1)]) == ([], []), "an older renewal does not count"


def test_who_was_out_of_touch_lets_others_be_for_as_long_as_a_lease_lasts(leases, monkeypatch):
    clock = 0.0
    monkeypatch.setattr(leases_module, "seconds_since_boot", lambda: clock)
    held = held_for(leases, 1000.0)
    leases.workers.add("deadbeef")
    leases.late.add("deadbeef")
    with held.hold("0123abcd"):
        clock = 2001.0
        assert held.is_alive("deadbeef") is None, "its own lease has run out meanwhile, perhaps"
        held.note_renewed(["0123abcd"], clock)
        for clock in (2001.0, 3500.0, 4000.9):
            held.note_renewed(["0123abcd"], clock)
            assert held.is_alive("deadbeef") is None, "others may have been away, too"
        clock = 4001.1
        assert held.is_alive("deadbeef") is False
        assert held.is_alive("deadbeef") is False
        clock = 7000.0
        leases.workers.add("deadbeef")
        assert held.is_alive("0123abcd") is True
    assert held.is_alive("deadbeef") is False, "who holds nothing can't have been away"


def test_a_server_that_is_away_at_the_end_does_not_spoil_it(leases):
    held = held_for(leases, 1000.0)
    with held.hold("0123abcd"):
        leases.away = True
        assert held.is_alive("0123abcd") is None
    assert held.is_alive("0123abcd") is True, "nobody could say that it ended: it runs out"


def test_a_server_that_is_away_is_asked_again(leases):
    held = held_for(leases, 0.02)
    leases.away, others = True, threading.enumerate()
    with held.hold("0123abcd"):
        (thread,) = [thread for thread in threading.enumerate() if thread not in others]
        thread.join(0.2)
        assert thread.is_alive()
        leases.away = False
        thread.join(0.2)
        while not leases.renewed:
            assert thread.is_alive()
    thread.join(100)
    assert not thread.is_alive()
