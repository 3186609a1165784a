"""Real servers on free loopback ports, one of each kind per test process, with data that is gone afterwards."""

import contextlib
import fcntl
import functools
import importlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from hpo.core import StudyCreated, TrialFinished, TrialStarted, TrialState, ValueReported

PASSWORD = "s3cret/p@ss"
_QUOTED = "s3cret%2Fp%40ss"
_PLACE = "hpo-tests-server-"
_NO_SUCH_THREAD = 1094  # of MariaDB
_PLACES = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/local/sbin"]


def _program(name):
    """The newest program of this name; the test is skipped where there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = versions[-1] if versions else shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *_PLACES]))
    if not found:
        pytest.skip(f"{name} is not installed; .ci/install-servers installs it")
    return str(found)


def _claim_port():
    """A port that no other test process takes while this one is there, and what claims it.

    It is not one of those that the system gives to clients, so that it stays free while its server is away. The claim is
    a name that ends with the process, and that other processes see as far as they see the port.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        claim = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), socket.socket() as free:
            claim.bind(f"\0hpo-tests-port-{port}")
            free.bind(("127.0.0.1", port))
            return port, claim
        claim.close()


@contextlib.contextmanager
def _alone(what):
    """Let no other test process do the same meanwhile."""
    with Path(tempfile.gettempdir(), f"hpo-tests-{os.getuid()}-{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _account(*names):
    """Arguments for `subprocess` that run a server as its own user: those that refuse root, where we are that."""
    if os.getuid():
        return {}
    for name in (*names, "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError  # there is always a nobody


@functools.cache
def _mortal(end):
    """What, before a command, ends it with this process, however that ends; nothing where the system can't do it."""
    command = ["setpriv", "--pdeathsig", end.name.removeprefix("SIG"), "--"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return command


class Server:
    """A server that tests may end and start again.

    Each `new_url` leads to a place without studies.
    """

    soft_end, hard_end = signal.SIGTERM, signal.SIGKILL

    def __init__(self, directory, account):
        self.directory, self.account, self.process = directory, account, None
        self.port, self._claim = _claim_port()
        if account:
            os.chown(directory, account["user"], account["group"])

    def close(self):
        """End it for good, if it is there."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self._claim.close()

    def prepare(self):
        """Make what the server needs before its first start."""

    def run(self, *command, **options):
        with (self.directory / "set-up.log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=self.directory, **(self.account | options))

    def start(self):
        deadline = time.monotonic() + 2 * PATIENCE
        command = [*_mortal(self.hard_end), *self.command()]
        while True:  # one that was killed may leave something behind for a moment
            with (self.directory / "server.log").open("ab") as log:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, **self.account
                )
            while self.process.poll() is None:
                if self.answers():
                    return
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)

    def log(self):
        return (self.directory / "server.log").read_text(errors="replace")[-2000:]

    def stop(self, how=None):
        self.process.send_signal(how or self.soft_end)
        self.process.wait(2 * PATIENCE)

    def crash(self):
        """End it as a crash does."""
        self.stop(self.hard_end)


class PostgresServer(Server):
    # It waits for its clients at SIGTERM, and not at SIGINT. SIGQUIT is a crash: recovery at the next start.
    soft_end, hard_end = signal.SIGINT, signal.SIGQUIT

    def connect(self):
        import psycopg

        return psycopg.connect(host="127.0.0.1", port=self.port, user="hpo", password=PASSWORD, dbname="postgres")

    def new_url(self):
        schema = f"hpo_{secrets.token_hex(8)}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"postgresql://hpo:{_QUOTED}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def disconnect_others(self):
        """End every connection but this one, as an administrator can."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def prepare(self):
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self.run(
            _program("initdb"),
            *("--pgdata", self.directory / "data", "--username", "hpo", "--pwfile", password),
            *("--auth", "scram-sha-256", "--encoding", "SQL_ASCII", "--locale", "C", "--no-sync"),
        )

    def command(self):
        settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": self.port}
        settings["unix_socket_directories"] = self.directory
        return [
            *(_program("postgres"), "-D", self.directory / "data"),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]

    def answers(self):
        import psycopg

        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


class MariaServer(Server):
    def connect(self):
        import pymysql

        return pymysql.connect(host="127.0.0.1", port=self.port, user="hpo", password=PASSWORD, autocommit=True)

    def new_url(self):
        database = f"hpo_{secrets.token_hex(8)}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {database} CHARACTER SET latin1")
        return f"mysql://hpo:{_QUOTED}@127.0.0.1:{self.port}/{database}"

    def disconnect_others(self):
        """End every connection but this one, as an administrator can."""
        import pymysql

        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'hpo' AND id <> connection_id()")
            for (number,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {number}")
                except pymysql.OperationalError as error:
                    if error.args[0] != _NO_SUCH_THREAD:  # else it has just ended by itself
                        raise

    def prepare(self):
        for attempts_left in (2, 1, 0):  # two at once get into each other's way now and then
            try:
                with _alone("mariadb-install-db"):
                    self.run(
                        *(_program("mariadb-install-db"), "--no-defaults", f"--datadir={self.directory / 'data'}"),
                        *("--auth-root-authentication-method=normal", "--skip-test-db"),
                    )
                break
            except subprocess.CalledProcessError:
                if not attempts_left:
                    raise AssertionError((self.directory / "set-up.log").read_text(errors="replace")) from None
                shutil.rmtree(self.directory / "data", ignore_errors=True)
        set_up = self.directory / "set-up.sql"
        set_up.write_text(
            f"CREATE USER IF NOT EXISTS 'hpo'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO 'hpo'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        set_up.chmod(0o644)

    def command(self):
        return [
            *(_program("mariadbd"), "--no-defaults", f"--datadir={self.directory / 'data'}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.directory / 'socket'}"),
            *(f"--pid-file={self.directory / 'pid'}", f"--init-file={self.directory / 'set-up.sql'}"),
            *(
                "--max-allowed-packet=32M",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=32M",
            ),
            "--innodb-flush-method=nosync",  # what was written survives the server, and nobody pulls the plug here
        ]

    def answers(self):
        import pymysql

        try:
            self.connect().close()
        except pymysql.OperationalError:
            return False
        return True


class RedisServer(Server):
    numbers = itertools.count(1)

    def connect(self):
        import redis

        return redis.Redis(port=self.port, password=PASSWORD)

    def new_url(self):
        return f"redis://:{_QUOTED}@127.0.0.1:{self.port}/{next(self.numbers)}"

    def disconnect_others(self):
        """End every connection but this one, as an administrator can."""
        with self.connect() as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def command(self):
        return [
            *(_program("redis-server"), "--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", PASSWORD),
            *("--dir", self.directory, "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *("--databases", "100000"),
        ]

    def answers(self):
        import redis

        with self.connect() as client:
            try:
                return client.ping()
            except (redis.ConnectionError, redis.TimeoutError):
                return False


def _lock(directory):
    """A descriptor that locks a directory, for as long as this process is there.

    Raises:
        BlockingIOError: another process has locked it.
    """
    lock = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock


@contextlib.contextmanager
def _place():
    """A directory for a server; those of test processes that were killed are removed."""
    with _alone("places"):
        for left in Path(tempfile.gettempdir()).glob(f"{_PLACE}*"):
            with contextlib.suppress(OSError):
                lock = _lock(left)
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)
        directory = Path(tempfile.mkdtemp(prefix=_PLACE))
        lock = _lock(directory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _running(kind, *accounts):
    with _place() as directory:
        server = kind(directory, _account(*accounts))
        try:
            server.prepare()
            server.start()
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgres_server():
    _program("postgres")
    yield from _running(PostgresServer, "postgres")


@pytest.fixture(scope="session")
def maria_server():
    _program("mariadbd")
    yield from _running(MariaServer, "mysql")


@pytest.fixture(scope="session")
def redis_server():
    _program("redis-server")
    yield from _running(RedisServer, "redis")


@pytest.fixture(params=["postgres", "maria", "redis"])
def server(request):
    """A server of each kind."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(params=["postgres", "maria"])
def sql_server(request):
    """A server of each kind that speaks SQL."""
    return request.getfixturevalue(f"{request.param}_server")


def _opened(url, **options):
    module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
    return importlib.import_module(module).open_storage(url, **options)


@pytest.fixture(scope="session")
def opened():
    """A function that opens the storage at a URL."""
    return _opened


@pytest.fixture
def url(server):
    """A place without studies."""
    return server.new_url()


@pytest.fixture
def storage(url):
    """The storage at `url`."""
    return _opened(url)


@pytest.fixture
def password():
    """What no message may hold."""
    return PASSWORD


class Proxy:
    """A way to a server on which an answer can get lost: the next one to what holds `lose_answers_to`.

    It counts messages: how often a client begins to send after it has received.
    """

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lose_answers_to = None
        self.messages = 0
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                lost, answered = threading.Event(), threading.Event()
                threading.Thread(target=self._pass_commands, args=(near, far, lost, answered), daemon=True).start()
                threading.Thread(target=self._pass_answers, args=(far, near, lost, answered), daemon=True).start()

    def _pass_commands(self, near, far, lost, answered):
        answered.set()
        with contextlib.suppress(OSError):
            while command := near.recv(1 << 20):
                if answered.is_set():
                    answered.clear()
                    self.messages += 1
                if self.lose_answers_to and self.lose_answers_to in command:
                    lost.set()
                far.sendall(command)
        self._cut(near, far)

    def _pass_answers(self, far, near, lost, answered):
        with contextlib.suppress(OSError):
            while (answer := far.recv(1 << 20)) and not lost.is_set():
                answered.set()
                near.sendall(answer)
        self._cut(near, far)

    def _cut(self, *ends):
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._cut(self._listener, *self._sockets)
        for end in (self._listener, *self._sockets):
            end.close()


@pytest.fixture
def proxy(server):
    """A way to the server on which answers can get lost; `Proxy.port` takes the place of the server's."""
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


def _events(n_trials, name="s"):
    events = [StudyCreated(1, name, ("minimize",), 7)]
    for i in range(n_trials):
        events += [
            TrialStarted(i, 1732190185.0 + i),
            ValueReported(i, 0, 0.25 * i),
            TrialFinished(i, TrialState.COMPLETE, (0.1 * i,)),
        ]
    return events


@pytest.fixture(scope="session")
def make_events():
    """A function that makes a study's creation and whole trials: 1 + 3 * n_trials events."""
    return _events


@pytest.fixture(scope="session")
def script():
    """A function that makes a command line which runs a piece of Python."""

    def command(text, *arguments):
        return [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]

    return command
