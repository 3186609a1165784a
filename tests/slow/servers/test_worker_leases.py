"""Leases of workers on servers of each kind: whose clock decides, who may end one, and what then is refused."""

import contextlib
import os
import pickle
import threading
import time

import pytest
from hpo_adapters._servers import leases
from hpo_adapters._servers.leases import KEPT_MILLISECONDS
from patience import PATIENCE

import hpo
from hpo.core import StudyAttributeSet, TrialStarted
from hpo.errors import HpoError, InvalidArgument, JournalMoved, JournalUnwritable, WorkerLost
from hpo.journal.storage import TracksWorkers

WORKER, OTHER = "0123abcd", "deadbeef"


class Table:
    """The leases of all studies at a URL, beside the journals."""

    def __init__(self, url):
        self._url = url
        self._storage = None

    @contextlib.contextmanager
    def _connection(self):
        import sqlalchemy
        from hpo_adapters.sql import SqlStorage

        self._storage = self._storage or SqlStorage(self._url)  # it closes its connections when it is forgotten
        with self._storage._database._engines.current().begin() as connection:
            yield lambda statement: connection.execute(sqlalchemy.text(statement))

    def expires(self):
        """When each lease runs out."""
        with self._connection() as execute:
            return dict(execute("SELECT worker, expires FROM hpo_workers").all())

    def move(self, milliseconds):
        """Let every lease run out so much later, or earlier: as if the server's clock had gone on meanwhile."""
        with self._connection() as execute:
            execute(f"UPDATE hpo_workers SET expires = expires + {milliseconds}")


class RedisTable(Table):
    @contextlib.contextmanager
    def _client(self):
        import redis

        with redis.Redis.from_url(self._url) as client:
            yield client, client.keys("{hpo}:workers:*")

    def expires(self):
        with self._client() as (client, keys):
            return {worker.decode(): int(at.split()[0]) for key in keys for worker, at in client.hgetall(key).items()}

    def move(self, milliseconds):
        with self._client() as (client, keys):
            for key in keys:
                for worker, lease in client.hgetall(key).items():
                    at, lasts = lease.split()
                    client.hset(key, worker, b"%d %s" % (int(at) + milliseconds, lasts))


@pytest.fixture(autouse=True)
def _servers_have_been_there_for_long(request, monkeypatch):
    """Those of tests were started a moment ago, after which nobody is given up."""
    if "real_uptime" not in request.fixturenames:
        monkeypatch.setattr("hpo_adapters.sql.leases.SqlLeases.uptime", lambda _: 1e6)
        monkeypatch.setattr("hpo_adapters.redis.journal.RedisLeases.uptime", lambda _: 1e6)


@pytest.fixture
def real_uptime():
    """For tests that ask the server."""


@pytest.fixture
def table(url):
    return (RedisTable if url.startswith("redis") else Table)(url)


@pytest.fixture
def journal(storage, make_events):
    return storage.create("s", make_events(0))


def wait_until(true):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everybody_knows_who_is_in_the_block(journal, url, opened):
    elsewhere = opened(url).open("s")
    assert isinstance(journal, TracksWorkers)
    for asked in (journal, elsewhere):
        assert asked.is_alive(WORKER) is False
    with journal.hold(WORKER), elsewhere.hold("0" * 64):
        for asked in (journal, elsewhere):
            assert asked.is_alive(WORKER) is True
            assert asked.is_alive("0" * 64) is True
            assert asked.is_alive("0" * 63) is False
    for asked in (journal, elsewhere):
        assert asked.is_alive(WORKER) is False


def test_a_name_is_held_once_and_has_hexadecimal_digits(journal, url, opened):
    with journal.hold(WORKER):
        for other in (journal, opened(url).open("s")):
            with pytest.raises(JournalUnwritable, match=WORKER), other.hold(WORKER):
                pass
        assert journal.is_alive(WORKER) is True
    for name in ("", "abc", "ABCDEF01", "unwatched-01234567", "0123abcd\n", "0" * 65):
        with pytest.raises(InvalidArgument, match="hexadecimal"), journal.hold(name):
            pass
        assert journal.is_alive(name) is None


def test_workers_of_different_studies_are_different(storage, journal, make_events):
    other = storage.create("t", make_events(0, name="t"))
    with journal.hold(WORKER):
        assert other.is_alive(WORKER) is False
        with other.hold(WORKER):
            pass
        assert journal.is_alive(WORKER) is True


def test_a_lease_that_ran_out_is_ended_by_whoever_asks_and_never_comes_back(journal, table, url, opened):
    elsewhere = opened(url).open("s")
    with journal.hold(WORKER), journal.hold(OTHER):
        assert journal._held._leases.look(WORKER).lasts == 120_000, "the grace period is two minutes"
        table.move(-60_000)
        assert elsewhere.is_alive(WORKER) is True
        table.move(-120_000)
        assert elsewhere.is_alive(WORKER) is False
        assert journal._held._leases.renew(WORKER, 10**6) is False
        assert elsewhere.is_alive(WORKER) is False
        assert journal.is_alive(WORKER) is False
        assert list(table.expires()) == [OTHER]
    assert table.expires() == {}


def test_a_lease_that_ran_out_can_be_renewed_as_long_as_nobody_has_noticed(journal, table, url, opened):
    with journal.hold(WORKER):
        table.move(-(10**6))
        assert journal._held._leases.renew(WORKER, 120_000) is True
        assert opened(url).open("s").is_alive(WORKER) is True


def test_a_worker_does_not_give_itself_up(journal, table, url, opened):
    with journal.hold(WORKER):
        table.move(-(10**6))
        assert journal.is_alive(WORKER) is True
        assert opened(url).open("s").is_alive(WORKER) is True


def test_no_trial_starts_for_a_worker_that_was_given_up_and_what_it_tells_is_recorded(journal, table, url, opened):
    with journal.hold(WORKER), journal.hold(OTHER):
        table.move(-(10**6))
        assert opened(url).open("s").is_alive(WORKER) is False
        with pytest.raises(WorkerLost, match=WORKER):
            journal.append([StudyAttributeSet("k", 1), TrialStarted(0, worker=WORKER)], expected=1)
        assert len(journal.read(0)) == 1
        assert journal.append([StudyAttributeSet("k", 1)], expected=1) == 2
        assert journal.append([TrialStarted(0, worker=OTHER)], expected=2) == 3
        assert journal.append([TrialStarted(1, worker="somebody")], expected=3) == 4, "not held here: not ours to judge"


def test_a_conflict_comes_before_a_lost_lease(journal, table, url, opened):
    with journal.hold(WORKER):
        table.move(-(10**6))
        assert opened(url).open("s").is_alive(WORKER) is False
        with pytest.raises(hpo.errors.Conflict):
            journal.append([TrialStarted(0, worker=WORKER)], expected=7)


def test_starting_a_trial_renews_the_lease(journal, table):
    with journal.hold(WORKER):
        table.move(-100_000)
        (before,) = table.expires().values()
        journal.append([TrialStarted(0, worker=WORKER)], expected=1)
        (after,) = table.expires().values()
        assert after > before + 90_000


def test_any_append_renews_leases_when_half_the_interval_is_over(journal, table, monkeypatch):
    now = leases.seconds_since_boot()
    monkeypatch.setattr(leases, "_CLOCK", None)
    monkeypatch.setattr(time, "clock_gettime", lambda _: now)
    with journal.hold(WORKER):
        table.move(-100_000)
        (before,) = table.expires().values()
        now += 29.0
        journal.append([StudyAttributeSet("k", 1)], expected=1)
        assert table.expires() == {WORKER: before}
        now += 2.0
        journal.append([StudyAttributeSet("k", 2)], expected=2)
        (after,) = table.expires().values()
        assert after > before + 90_000
        table.move(-100_000)
        journal.append([StudyAttributeSet("k", 3)], expected=3)
        assert table.expires() == {WORKER: after - 100_000}, "renewed just now"


def test_a_thread_renews_the_lease_of_a_worker_that_computes(url, opened, table, make_events):
    journal = opened(url, heartbeat_interval=0.05, grace_period=100.0).create("s", make_events(0))
    with journal.hold(WORKER):
        for _ in range(3):
            (before,) = table.expires().values()
            wait_until(lambda before=before: table.expires()[WORKER] > before)
    assert table.expires() == {}


def test_renewals_go_on_after_a_lost_connection(server, url, opened, table, make_events):
    journal = opened(url, heartbeat_interval=0.05, grace_period=100.0).create("s", make_events(0))
    with journal.hold(WORKER):
        for _ in range(3):
            server.disconnect_others()
            (before,) = table.expires().values()
            table.move(-50_000)
            wait_until(lambda before=before: table.expires()[WORKER] > before - 40_000)


def test_the_thread_of_a_worker_that_was_given_up_says_so_and_ends(url, opened, table, make_events, caplog):
    journal = opened(url, heartbeat_interval=0.5, grace_period=100.0).create("s", make_events(0))
    hpo.logging.enable_propagation()
    others = threading.enumerate()
    try:
        with journal.hold(WORKER):
            (thread,) = [thread for thread in threading.enumerate() if thread not in others]
            table.move(-(10**6))
            while opened(url).open("s").is_alive(WORKER):  # it may have been renewed in between
                table.move(-(10**6))
            thread.join(PATIENCE)
            assert not thread.is_alive()
    finally:
        hpo.logging.disable_propagation()
    assert f"worker {WORKER} was silent for longer than its grace period" in caplog.text
    assert "s3cret" not in caplog.text


def test_after_a_server_has_started_each_lease_lasts_once_more(url, opened, make_events, table, real_uptime):
    journal = opened(url, grace_period=1e6).create("s", make_events(0))
    elsewhere = opened(url).open("s")
    assert 0 <= journal._held._leases.uptime() < 1e5
    with journal.hold(WORKER):
        table.move(-(10**10))
        assert elsewhere.is_alive(WORKER) is None
        assert [*table.expires()] == [WORKER], "it may still be renewed"
    short = opened(url, heartbeat_interval=0.001, grace_period=0.002).open("s")
    with short.hold(OTHER):
        short._held._leases.renew(OTHER, 2)
        table.move(-(10**6))
        answers = []

        def is_given_up():
            table.move(-(10**6))
            answers.append(elsewhere.is_alive(OTHER))
            return answers[-1] is False

        wait_until(is_given_up)  # some servers count their time in whole seconds
        assert {*answers} <= {True, None, False}


def test_clocks_of_hosts_mean_nothing(journal, url, opened, monkeypatch):
    elsewhere = opened(url).open("s")
    with journal.hold(WORKER):
        for jump in (10**9, -(10**9)):
            now = time.time()
            monkeypatch.setattr(time, "time", lambda now=now, jump=jump: now + jump)
            assert elsewhere.is_alive(WORKER) is True
            journal.append([TrialStarted(0, worker=WORKER)], expected=len(journal.read(0)))
            assert elsewhere.is_alive(WORKER) is True


def test_a_lease_lasts_as_long_as_its_holder_says(url, opened, make_events, table):
    patient = opened(url, grace_period=10_000.0).create("s", make_events(0))
    hasty = opened(url, heartbeat_interval=1000.0, grace_period=1001.0).open("s")
    with patient.hold(WORKER), hasty.hold(OTHER):
        table.move(-2_000_000)
        assert (hasty.is_alive(WORKER), patient.is_alive(OTHER)) == (True, False)


def test_leases_that_ran_out_a_week_ago_are_forgotten(journal, table):
    with journal.hold(WORKER), journal.hold(OTHER):
        table.move(60_000 - KEPT_MILLISECONDS)
        with journal.hold("0" * 8):
            assert len(table.expires()) == 3
        table.move(-KEPT_MILLISECONDS)
        with journal.hold("0" * 8):
            assert [*table.expires()] == ["0" * 8]


def test_a_pickle_holds_nothing_and_can_ask(journal):
    with journal.hold(WORKER):
        copy = pickle.loads(pickle.dumps(journal))
        assert copy.is_alive(WORKER) is True
        assert copy._held.to_renew([TrialStarted(0, worker=WORKER)]) == ([], [])
        with copy.hold(OTHER):
            assert journal.is_alive(OTHER) is True
        assert journal.is_alive(WORKER) is True


def test_a_forked_child_neither_ends_nor_renews_the_lease_of_its_parent(journal, table):
    child = None
    try:
        with journal.hold(WORKER):
            (before,) = table.expires().values()
            child = os.fork()
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                assert journal.is_alive(WORKER) is True
                assert [event.worker for event in journal.read(1)] == [WORKER, OTHER]
            else:
                journal.append([TrialStarted(0, worker=WORKER)], expected=1)
                with journal.hold(OTHER):
                    journal.append([TrialStarted(1, worker=OTHER)], expected=2)
                    os._exit(0 if table.expires()[WORKER] == before and journal.is_alive(OTHER) else 1)
    finally:
        if child == 0:
            os._exit(2)
    assert journal.is_alive(WORKER) is False


def test_of_all_who_ask_and_renew_at_once_some_are_first_and_all_agree(journal, table, url, opened):
    elsewhere = [opened(url).open("s") for _ in range(4)]
    for round_ in range(5):
        name = f"{round_:08x}"
        with journal.hold(name):
            table.move(-(10**6))
            answers, ready = [], threading.Barrier(5)

            def ask(asked, name=name, answers=answers, ready=ready):
                ready.wait()
                answers.append(asked.is_alive(name))

            threads = [threading.Thread(target=ask, args=(asked,)) for asked in (journal, *elsewhere)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert set(answers) in ({True}, {False}, {True, False})
            assert journal.is_alive(name) is elsewhere[0].is_alive(name)
            assert all(answers) or elsewhere[0].is_alive(name) is False, "False is for ever"


def test_deleting_a_study_takes_its_leases_along(storage, journal, table):
    with journal.hold(WORKER):
        storage.delete("s")
        assert table.expires() == {}
        with pytest.raises(JournalMoved), journal.hold(OTHER):
            pass


def test_a_server_that_is_away_is_no_reason_to_give_anybody_up(server, url, opened, make_events):
    journal = opened(url, grace_period=10_000.0).create("s", make_events(0))
    elsewhere = opened(url).open("s")
    with journal.hold(WORKER):
        server.stop()
        try:
            assert elsewhere.is_alive(WORKER) is None
            assert journal.is_alive(WORKER) is None
            with pytest.raises(JournalUnwritable), journal.hold(OTHER):
                pass
        finally:
            server.start()
        assert elsewhere.is_alive(WORKER) is True


def test_tables_that_were_made_without_workers_are_completed(sql_server, opened, make_events):
    url = sql_server.new_url()
    journal = opened(url).create("s", make_events(0))
    table = Table(url)
    with table._connection() as execute:
        execute("DROP TABLE hpo_workers")
    assert journal.is_alive(WORKER) is None
    assert journal.append([TrialStarted(0, worker=WORKER)], expected=1) == 2
    with journal.hold(WORKER):
        assert opened(url).open("s").is_alive(WORKER) is True


def test_a_lease_that_somebody_is_renewing_is_not_ended(sql_server, opened, make_events):
    url = sql_server.new_url()
    journal = opened(url).create("s", make_events(0))
    elsewhere = opened(url, lock_timeout=0.2).open("s")
    with journal.hold(WORKER):
        table = Table(url)
        table.move(-(10**6))
        with table._connection() as execute:
            execute("UPDATE hpo_workers SET expires = expires + 10000000")
            assert elsewhere.is_alive(WORKER) is None, "not committed yet"
        assert elsewhere.is_alive(WORKER) is True


def test_a_lease_that_is_renewed_while_somebody_waits_to_end_it_stays(sql_server, opened, make_events):
    url = sql_server.new_url()
    journal, elsewhere = opened(url).create("s", make_events(0)), opened(url).open("s")
    answers = []
    with journal.hold(WORKER):
        table = Table(url)
        table.move(-(10**6))
        asking = threading.Thread(target=lambda: answers.append(elsewhere.is_alive(WORKER)))
        with table._connection() as execute:
            execute("UPDATE hpo_workers SET expires = expires + 10000000")
            asking.start()
            asking.join(0.3)  # it waits for the row, or has not come as far on a busy machine
        asking.join()
        assert answers == [True]
        assert [*table.expires()] == [WORKER]


@pytest.mark.parametrize(
    "options",
    [
        {"heartbeat_interval": 0},
        {"heartbeat_interval": -1.0},
        {"heartbeat_interval": float("inf")},
        {"heartbeat_interval": float("nan")},
        {"heartbeat_interval": True},
        {"heartbeat_interval": "often"},
        {"grace_period": 60.0},
        {"grace_period": float("inf")},
        {"heartbeat_interval": 10, "grace_period": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1/d", "redis://127.0.0.1"])
def test_invalid_periods_are_refused(url, options):
    with pytest.raises(InvalidArgument, match=r"(heartbeat_interval|grace_period) must be a number of seconds"):
        hpo.open_journal(url, **options)


def test_a_file_has_no_heartbeat(tmp_path):
    with pytest.raises(InvalidArgument, match="heartbeat_interval"):
        hpo.open_journal(tmp_path / "s.jsonl", heartbeat_interval=10.0)


def test_errors_of_leases_are_errors_of_the_library(journal, storage, make_events):
    with journal.hold(WORKER):
        storage.delete("s")
        storage.create("s", make_events(0))
        with pytest.raises(HpoError):
            journal.append([TrialStarted(0, worker=WORKER)], expected=1)
