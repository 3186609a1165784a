"""Journals on servers keep the laws of all journals."""

import importlib
import threading

import pytest
import redis
from hpo_adapters.sql.tables import METADATA
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

    def backup(self, place):
        """Copy what is at a place; a function that puts the copy back, as an administrator does, under open handles."""
        storage = self(place)
        return _backup_of_redis(storage) if hasattr(storage, "_server") else _backup_of_tables(storage)


def _backup_of_redis(storage):
    pool = storage._server._pool
    with redis.Redis(connection_pool=pool) as client:
        copies = {key: client.dump(key) for key in client.keys("*")}

    def put_back():
        with redis.Redis(connection_pool=pool) as client:
            client.flushdb()
            for key, copy in copies.items():
                client.restore(key, 0, copy)

    return put_back


def _backup_of_tables(storage):
    tables = [*METADATA.sorted_tables]
    copies = storage._database.read(lambda connection: [connection.execute(table.select()).all() for table in tables])

    def replace(connection):
        for table in reversed(tables):
            connection.execute(table.delete())
        for table, rows in zip(tables, copies, strict=True):
            if rows:
                connection.execute(table.insert(), [row._asdict() for row in rows])

    return lambda: storage._database.write(replace, where="there")


_SILENT = {f"test_{law.__name__}" for law in LAWS_OF_SILENT_WORKERS}


class _OnServer(StorageLaws):
    grace_period = 5.0  # seconds; others need not wait for longer

    @pytest.fixture(autouse=True)
    def _open_on_server(self, request):
        server = request.getfixturevalue(self.server)
        grace = self.grace_period if request.node.originalname in _SILENT else 1000.0  # however busy the machine is
        self.make_storage = Opener(server, heartbeat_interval=grace / 20, grace_period=grace)
        self.make_backup = self.make_storage.backup


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
