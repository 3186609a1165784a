"""Journals on servers keep the laws of all journals."""

import importlib
import threading

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from hpo.testing.journals import StorageLaws, agreement_machine


class Opener:
    """Opens what belongs to a directory on a server: something new for a new one."""

    def __init__(self, server):
        self._server, self._urls, self._lock = server, {}, threading.Lock()

    def __call__(self, place):
        with self._lock:
            if place not in self._urls:
                self._urls[place] = self._server.new_url()
        url = self._urls[place]
        module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
        return importlib.import_module(module).open_storage(url)


class _OnServer(StorageLaws):
    @pytest.fixture(autouse=True)
    def _open_on_server(self, request):
        self.make_storage = Opener(request.getfixturevalue(self.server))


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


@pytest.mark.long
def test_servers_answer_as_memory_does_in_many_cases(server):
    _agree(server, 100)
