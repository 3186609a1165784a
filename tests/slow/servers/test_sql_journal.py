"""What is particular about journals in SQL databases."""

import gc
import os
import signal
import subprocess
import threading

import pytest
import sqlalchemy
from hpo_adapters.sql import SqlStorage
from hpo_adapters.sql.failures import is_collision, not_added
from hpo_adapters.sql.messages import Line
from hpo_adapters.sql.tables import ascii_json, name_digest, name_from_text, name_to_text
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError

from hpo.core import StudyCreated, TrialStarted
from hpo.errors import (
    InvalidArgument,
    JournalBusy,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)


@pytest.fixture
def url(sql_server):
    return sql_server.new_url()


@pytest.fixture
def execute(url):
    """A function that runs a statement beside the journal."""
    storage = SqlStorage(url)

    def run(statement, **values):
        with _engine(storage).begin() as connection:
            return connection.execute(sqlalchemy.text(statement), values)

    return run


def _engine(owner):
    return owner._database._engines.current()


@pytest.fixture
def before_message(monkeypatch):
    """A function that sets what is called before each message to a server, with its statements."""

    def set_up(act):
        ask = Line.ask

        def asking(line, statements, values):
            act(statements)
            return ask(line, statements, values)

        monkeypatch.setattr(Line, "ask", asking)

    return set_up


def test_a_lost_commit_is_told_as_unknown_and_reading_shows_what_became_of_it(
    sql_server, url, make_events, before_message
):
    journal = SqlStorage(url).create("s", make_events(0))
    losses = iter([sql_server.disconnect_others])
    before_message(lambda _: next(losses, lambda: None)())
    with pytest.raises(OutcomeUnknown, match="study 's': the last write may or may not be durable"):
        journal.append([TrialStarted(0)], expected=1)
    assert [*journal.read(0)] == make_events(0)
    assert journal.append([TrialStarted(0)], expected=1) == 2
    with journal.turn(2) as turn:
        sql_server.disconnect_others()
        with pytest.raises(OutcomeUnknown):
            turn.append([TrialStarted(1)])
    assert journal.append([TrialStarted(1)], expected=2) == 3


def test_a_connection_that_is_lost_before_the_commit_adds_nothing(sql_server, url, make_events, before_message):
    journal = SqlStorage(url).create("s", make_events(0))

    def lose(statements):
        if len(seen) == 1:
            sql_server.disconnect_others()
        seen.append(statements)

    seen = []
    before_message(lose)
    with pytest.raises(JournalUnwritable, match="nothing was added"):
        journal.append([TrialStarted(i) for i in range(500)], expected=1)
    assert [*journal.read(0)] == make_events(0)
    assert len(seen) == 3


_STOPS_IN_THE_MIDDLE = """
    import os, signal, sys
    from hpo.core import TrialStarted
    from hpo_adapters.sql import SqlStorage

    url, how, lock_timeout = sys.argv[1:]
    journal = SqlStorage(url, lock_timeout=float(lock_timeout)).open("s")
    with journal.turn(1) as turn:
        os.kill(os.getpid(), int(how))
        turn.append([TrialStarted(7)])
"""


def test_a_writer_killed_in_the_middle_of_a_transaction_leaves_nothing(url, script, make_events):
    journal = SqlStorage(url, lock_timeout=100).create("s", make_events(0))
    died = subprocess.run(script(_STOPS_IN_THE_MIDDLE, url, int(signal.SIGKILL), 20), check=False)
    assert died.returncode == -signal.SIGKILL
    assert journal.append([TrialStarted(0)], expected=1) == 2
    assert [*journal.read(1)] == [TrialStarted(0)]


def test_a_stopped_writer_keeps_others_waiting_only_for_their_time_and_not_for_ever(url, script, make_events):
    SqlStorage(url).create("s", make_events(0))
    journal = SqlStorage(url, lock_timeout=0.3).open("s")
    stopped = subprocess.Popen(
        script(_STOPS_IN_THE_MIDDLE, url, int(signal.SIGSTOP), 1), stderr=subprocess.PIPE, text=True
    )
    os.waitpid(stopped.pid, os.WUNTRACED)
    try:
        assert len(journal.read(0)) == 1
        with pytest.raises(JournalBusy, match="nothing was added"):
            journal.append([TrialStarted(0)], expected=1)
        patient = SqlStorage(url, lock_timeout=100).open("s")
        assert patient.append([TrialStarted(0)], expected=1) == 2  # the server has given the other one up
        stopped.send_signal(signal.SIGCONT)
        assert "OutcomeUnknown" in stopped.communicate()[1]
    finally:
        stopped.kill()
        stopped.wait()
    assert [*journal.read(1)] == [TrialStarted(0)]


def test_who_waits_for_a_connection_of_the_pool_for_too_long_is_told(url, make_events):
    journal = SqlStorage(url, lock_timeout=1, pool_size=1, max_overflow=0).create("s", make_events(0))
    with _engine(journal).connect(), pytest.raises(JournalBusy):
        journal.append([TrialStarted(0)], expected=1)
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_a_server_gives_up_one_of_two_that_wait_for_each_other_and_both_write(url, make_events, execute):
    journals = [SqlStorage(url, lock_timeout=100).create(name, make_events(0, name=name)) for name in ("a", "b")]
    database = journals[0]._database
    first_locks, attempts, written = threading.Barrier(2), [], []

    def write(mine, other):
        def act(connection):
            attempts.append(mine)
            lock = "SELECT length FROM hpo_studies WHERE digest = :digest FOR UPDATE"
            connection.execute(sqlalchemy.text(lock), {"digest": name_digest(mine)})
            if len(attempts) <= 2:
                first_locks.wait()
            connection.execute(sqlalchemy.text(lock), {"digest": name_digest(other)})

        database.write(act, where=mine)
        written.append(mine)

    threads = [threading.Thread(target=write, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == ["a", "b"]
    assert len(attempts) >= 3  # who was given up may lock its row again before the other one wakes, and lose once more


def test_readers_do_not_wait_for_writers(url, make_events):
    storage = SqlStorage(url)
    journal = storage.create("s", make_events(1))
    with _engine(journal).begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE hpo_studies SET length = 9"))
        connection.execute(sqlalchemy.text("DELETE FROM hpo_events WHERE sequence = 3"))
        assert [*journal.read(0)] == make_events(1)
        assert storage.names() == ["s"]
        connection.rollback()


def test_tables_hold_plain_text(url, make_events, execute):
    SqlStorage(url).create("名\0", make_events(1, name="名\0"))
    ((study, digest, name, length),) = execute("SELECT id, digest, name, length FROM hpo_studies")
    assert (digest, name, length) == (name_digest("名\0"), '"\\u540d\\u0000"', 4)
    rows = execute("SELECT study_id, sequence, payload FROM hpo_events ORDER BY sequence").all()
    assert [row[:2] for row in rows] == [(study, i) for i in range(4)]
    assert rows[0][2].startswith('["created",1,"\\u540d\\u0000",["minimize"],7')
    assert rows[2][2] == '["reported",0,0,0.0,null]'


def test_events_of_format_2_have_their_checksums_before_them(url, execute):
    created = StudyCreated(2, "s", ("minimize",), 7)
    journal = SqlStorage(url).create("s", [created, TrialStarted(0)])
    journal.append([TrialStarted(1)], expected=2)
    payloads = [row[0].split(" ")[:2] for row in execute("SELECT payload FROM hpo_events ORDER BY sequence")]
    assert [previous for _, previous in payloads] == ["00000000", payloads[0][0], payloads[1][0]]
    execute("UPDATE hpo_events SET payload = replace(payload, '[\"started\",0', '[\"started\",5')")
    with pytest.raises(JournalCorrupted, match="study 's': event 1: the checksum is wrong"):
        journal.read(0)


def test_deletion_takes_all_events_along(url, make_events, execute):
    storage = SqlStorage(url)
    for name in "ab":
        storage.create(name, make_events(2, name=name))
    storage.delete("a")
    assert execute("SELECT count(*), count(DISTINCT study_id) FROM hpo_events").one() == (7, 1)


def test_a_missing_event_is_told_and_never_skipped(url, make_events, execute):
    journal = SqlStorage(url).create("s", make_events(1))
    execute("DELETE FROM hpo_events WHERE sequence = 2")
    with pytest.raises(JournalCorrupted, match=r"study 's': event 2 is missing, event 3 follows"):
        journal.read(0)
    execute("DELETE FROM hpo_events WHERE sequence = 0")
    with pytest.raises(JournalCorrupted, match="event is missing"):
        SqlStorage(url).open("s")


@pytest.mark.parametrize("payload", ['["unheard of",1]', "[1", '["started",0,null,null],["started",1,null,null]', ""])
def test_an_unreadable_event_is_told_with_its_number(url, make_events, execute, payload):
    journal = SqlStorage(url).create("s", make_events(1))
    execute("UPDATE hpo_events SET payload = :payload WHERE sequence = 2", payload=payload)
    with pytest.raises(UnreadableEvents, match="study 's', event 2: "):
        journal.read(1)


def test_a_journal_that_became_shorter_is_told_as_replaced(url, make_events, execute):
    journal = SqlStorage(url).create("s", make_events(1))
    journal.read(0)
    execute("UPDATE hpo_studies SET length = 3")
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=4)


def test_tables_that_are_gone_are_told_as_a_study_that_is_gone(url, make_events, execute):
    storage = SqlStorage(url)
    journal = storage.create("s", make_events(1))
    execute("DROP TABLE hpo_events")
    execute("DROP TABLE hpo_workers")
    execute("DROP TABLE hpo_studies")
    for act in (lambda: journal.read(0), lambda: journal.append([TrialStarted(1)], expected=4)):
        with pytest.raises(JournalMoved):
            act()
    assert storage.names() == []
    with pytest.raises(StudyNotFound):
        storage.open("s")
    storage.create("s", make_events(1))


def test_what_a_database_does_not_allow_is_told(url, make_events, execute):
    storage = SqlStorage(url)
    journal = storage.create("s", make_events(1))
    execute("ALTER TABLE hpo_events RENAME TO hpo_other")
    execute("CREATE TABLE hpo_events (surprise INT)")
    with pytest.raises(JournalUnwritable, match="nothing was added because the system refused it"):
        journal.append([TrialStarted(1)], expected=4)
    with pytest.raises(UnsupportedJournal, match="it can't be read"):
        journal.read(0)
    assert execute("SELECT length FROM hpo_studies").scalar() == 4


def test_who_may_not_make_tables_is_told(postgres_server, password, make_events):
    url = postgres_server.new_url()
    with postgres_server.connect() as connection:
        schema = url.rpartition("%3D")[2]
        connection.execute(f"CREATE ROLE {schema} LOGIN PASSWORD 'weak'")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
    limited = sqlalchemy.make_url(url).set(username=schema, password="weak")
    with pytest.raises(JournalUnwritable, match="permission denied"):
        SqlStorage(limited).create("s", make_events(0))
    SqlStorage(url).create("s", make_events(0))
    with postgres_server.connect() as connection:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {schema}")
    assert SqlStorage(limited).open("s").append([TrialStarted(0)], expected=1) == 2


def test_an_event_that_is_too_large_for_the_server_adds_nothing(maria_server, make_events):
    from hpo.core import StudyAttributeSet

    journal = SqlStorage(maria_server.new_url()).create("s", make_events(0))
    with pytest.raises(JournalUnwritable, match="nothing was added"):
        journal.append([TrialStarted(0), StudyAttributeSet("k", "x" * 40_000_000)], expected=1)
    assert [*journal.read(0)] == make_events(0)
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_options_are_those_of_engines(url, make_events):
    journal = SqlStorage(url, pool_size=3, connect_args={"connect_timeout": 5}).create("s", make_events(0))
    assert _engine(journal).pool.size() == 3
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_connections_are_closed_with_the_last_who_uses_them(sql_server, url, make_events):
    storage = SqlStorage(url)
    storage.create("s", make_events(0))
    pool = storage._database._engines.current().pool
    assert pool.checkedin() == 1
    del storage
    gc.collect()
    assert pool.checkedin() == 0


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("postgresql://me:secret@host/db", "postgresql+psycopg://me:***@host/db"),
        ("postgres://me:secret@host:1/db?sslpassword=secret", "postgresql+psycopg://me:***@host:1/db"),
        ("postgresql+psycopg://host/db?password=secret", "postgresql+psycopg://host/db"),
        ("mysql://me:secret@[::1]/db", "mysql+pymysql://me:***@[::1]/db"),
        ("mysql+pymysql://me:se%2Fcret@host/db", "mysql+pymysql://me:***@host/db"),
        ("mariadb://me@host/db", "mariadb+pymysql://me@host/db"),
    ],
)
def test_a_location_is_a_url_without_secrets(url, location):
    storage = SqlStorage(url)
    assert storage.location == location
    assert repr(storage) == f"SqlStorage({location!r})"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///s.db", "supports PostgreSQL, MySQL and MariaDB"),
        ("oracle://me:secret@host/db", "supports PostgreSQL, MySQL and MariaDB"),
        ("postgresql+asyncpg://me:secret@host/db", "not installed|asyncio"),
        ("postgresql+psycopg_async://me:secret@host/db", "asyncio: use another"),
        ("postgresql+psycopg2://me:secret@host/db", "not installed: pip install psycopg2"),
        ("mysql+unheard://me:secret@host/db", "does not know the driver"),
        ("postgresql", "it is not the URL"),
        ("", "it is not the URL"),
    ],
)
def test_other_databases_and_drivers_are_refused(url, problem):
    with pytest.raises(UnsupportedJournal, match=problem) as caught:
        SqlStorage(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("lock_timeout", [-1, float("nan"), float("inf"), "5", None, True])
def test_a_lock_timeout_is_a_number_of_seconds(lock_timeout):
    with pytest.raises(InvalidArgument, match="lock_timeout"):
        SqlStorage("postgresql://host/db", lock_timeout=lock_timeout)


class StateError(Exception):
    sqlstate = None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("55P03", JournalBusy),
        ("57014", JournalBusy),
        ("40P01", JournalBusy),
        ("40001", JournalBusy),
        (1205, JournalBusy),
        (1213, JournalBusy),
        ("53100", JournalFull),
        (1021, JournalFull),
        (1114, JournalFull),
        ("42501", JournalUnwritable),
        (1142, JournalUnwritable),
        (None, JournalUnwritable),
    ],
)
def test_errors_of_servers_say_what_they_mean(code, kind):
    if isinstance(code, int):
        origin = Exception(code, "with secret\nin two lines")
    else:
        origin = StateError("with secret\nin two lines")
        origin.sqlstate = code
    error = DBAPIError("INSERT", {}, origin)
    told = not_added("there", error, waited=1.25, secret="secret")
    assert type(told) is kind
    assert told.path == "there"
    if kind is JournalBusy:
        assert told.waited == 1.25
        assert is_collision(error) == (code in {"40P01", "40001", 1213})
    else:
        assert told.cause.endswith("with *** in two lines")


def test_a_full_pool_is_busy():
    assert type(not_added("there", PoolTimeoutError("full"), waited=1.0, secret="")) is JournalBusy


@pytest.mark.parametrize("text", ["", "a", "é", "e\u0301", "a\0b", "🎉", "\ud800", "\x7f", '"\\', "\u2028"])
def test_names_become_ascii_and_come_back(text):
    kept = name_to_text(text)
    assert kept.isascii()
    assert "\0" not in kept
    assert name_from_text(kept) == text
    assert len(name_digest(text)) == 32


def test_escaped_json_means_the_same():
    import json

    text = json.dumps({"é🎉\u2028\x7f": ["\0", "\\u00e9", "名"]}, ensure_ascii=False)
    escaped = ascii_json(text.encode())
    assert escaped.isascii()
    assert json.loads(escaped) == json.loads(text)


@pytest.mark.parametrize(
    ("hidden", "text", "extra"),
    [
        ("sqlalchemy", "import hpo_adapters.sql", "sql"),
        ("psycopg", "import hpo_adapters.sql as s; s.open_storage('postgresql://me:secret@host/db')", "sql"),
        ("pymysql", "import hpo_adapters.sql as s; s.open_storage('mysql://me:secret@host/db')", "sql"),
        ("redis", "import hpo_adapters.redis", "redis"),
    ],
)
def test_who_lacks_an_extra_is_told_its_name(script, hidden, text, extra):
    program = f"import sys; sys.modules[{hidden!r}] = None; {text}"
    done = subprocess.run(script(program), capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("hpo.errors.MissingExtra: ")
    assert last.endswith(f"pip install 'purehpo[{extra}]'")
    assert "secret" not in last


def test_a_full_lock_timeout_passes_before_a_writer_is_told(url, make_events):
    patient = SqlStorage(url, lock_timeout=100).create("s", make_events(0))
    journal = SqlStorage(url, lock_timeout=1).open("s")
    with _engine(patient).connect() as connection:
        connection.execute(sqlalchemy.text("UPDATE hpo_studies SET length = 9"))
        with pytest.raises(JournalBusy) as caught:
            journal.append([TrialStarted(0)], expected=1)
        assert caught.value.waited >= 0.9
    assert journal.append([TrialStarted(0)], expected=1) == 2
