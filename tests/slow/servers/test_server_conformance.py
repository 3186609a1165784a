"""Journals on servers keep the laws of all journals."""

import importlib
import threading

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from hpo.testing import StorageLaws, StudyMachine, agreement_machine
from hpo.testing.journals.worker_laws import LAWS_OF_SILENT_WORKERS


class Opener:
    """Opens what belongs to a directory on a server: something new for a new one."""

    def __init__(self, server, **terms):
        self._server, self._terms, self._urls, self._lock = server, terms, {}, threading.Lock()

    def __call__(self, place):
        with self._lock:
            if place not in self._urls:
                self._urls[place] = self._server.new_url()
        url = self._urls[place]
        module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
        return importlib.import_module(module).open_storage(url, lock_timeout=100, **self._terms)


_SILENT = {f"test_{law.__name__}" for law in LAWS_OF_SILENT_WORKERS}


class _OnServer(StorageLaws):
    grace_period = 5.0  # seconds; others need not wait for longer

    @pytest.fixture(autouse=True)
    def _open_on_server(self, request):
        server = request.getfixturevalue(self.server)
        grace = self.grace_period if request.node.originalname in _SILENT else 1000.0  # however busy the machine is
        self.make_storage = Opener(server, heartbeat_interval=grace / 20, grace_period=grace)


class TestPostgres(_OnServer):
    server = "postgres_server"


class TestMaria(_OnServer):
    server = "maria_server"


class TestRedis(_OnServer):
    server = "redis_server"


def _agree(server, n_examples):
    run_state_machine_as_test(
        agreement_machine({"server": Opener(server)}),
        settings=settings(
            max_examples=n_examples, stateful_step_count=20, deadline=None, derandomize=True, database=None
        ),
    )


def test_servers_answer_as_memory_does(server):
    _agree(server, 4)


def _work(server, n_examples):
    class Machine(StudyMachine):
        make_storage = Opener(server)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=n_examples, stateful_step_count=20, deadline=None, derandomize=True, database=None
        ),
    )


def test_several_workers_live_and_die_on_a_server(server):
    _work(server, 4)


@pytest.mark.long
def test_several_workers_live_and_die_on_a_server_in_many_cases(server):
    _work(server, 100)


@pytest.mark.long
def test_servers_answer_as_memory_does_in_many_cases(server):
    _agree(server, 100)
