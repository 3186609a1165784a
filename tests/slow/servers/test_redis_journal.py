"""What is particular about journals in Redis."""

import threading
import time

import pytest
from hpo_adapters.redis import RedisStorage
from patience import PATIENCE

from hpo.core import TrialStarted
from hpo.errors import (
    InvalidArgument,
    InvalidType,
    JournalBusy,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    UnreadableEvents,
    UnsupportedJournal,
)


@pytest.fixture
def url(redis_server):
    return redis_server.new_url()


@pytest.fixture
def storage(url):
    return RedisStorage(url)


@pytest.fixture
def client(redis_server, url):
    """A connection beside the journal."""
    import redis

    with redis.Redis.from_url(url) as client:
        yield client


def _stream(client):
    (key,) = client.keys("{hpo}:events:*")
    return key


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_allowed(client, url, make_events):
    RedisStorage(url).create("s", make_events(0))
    journal = RedisStorage(url, lock_timeout=2).open("s")
    client.client_pause(1_000_000, all=False)
    try:
        with pytest.raises(OutcomeUnknown):
            journal.append([TrialStarted(0)], expected=1)
    finally:
        client.client_unpause()
    assert 1 <= len(RedisStorage(url).open("s").read(0)) <= 2


def test_an_interrupted_answer_is_not_taken_for_the_next_one(client, storage, make_events, monkeypatch):
    journal = storage.create("s", make_events(1))
    connection = storage._server._pool.get_connection()
    storage._server._pool.release(connection)

    def interrupted(**_):
        raise KeyboardInterrupt

    client.client_pause(1000)  # so that it comes after the next question
    with monkeypatch.context() as patch:
        patch.setattr(connection, "read_response", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.read(3)
    assert [*journal.read(0)] == make_events(1)


def test_a_server_without_room_adds_nothing(client, storage, make_events):
    journal = storage.create("s", make_events(0))
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(JournalFull, match="no space left"):
            journal.append([TrialStarted(0)], expected=1)
        with pytest.raises(JournalFull):
            storage.create("t", make_events(0, name="t"))
        assert [*journal.read(0)] == make_events(0)
    finally:
        client.config_set("maxmemory", 0)
    assert storage.names() == ["s"]
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_a_replica_is_read_and_not_written(client, storage, make_events):
    journal = storage.create("s", make_events(0))
    client.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(JournalUnwritable, match="read only replica"):
            journal.append([TrialStarted(0)], expected=1)
        assert [*journal.read(0)] == make_events(0)
    finally:
        client.replicaof("NO", "ONE")
    assert journal.append([TrialStarted(0)], expected=1) == 2


def becomes_busy(client):
    """Whether the server soon has time for nobody."""
    import redis

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            client.ping()
        except redis.ResponseError:
            return True
    return False


def test_a_server_that_runs_something_long_is_busy(redis_server, client, storage, make_events):
    import redis

    journal = storage.create("s", make_events(0))
    client.config_set("busy-reply-threshold", 10)

    def run_for_long():
        with redis_server.connect() as other, pytest.raises(redis.ResponseError, match="killed"):
            other.eval("while true do end", 0)

    long = threading.Thread(target=run_for_long)
    long.start()
    try:
        assert becomes_busy(client)
        with pytest.raises(JournalBusy):
            journal.append([TrialStarted(0)], expected=1)
    finally:
        client.script_kill()
        long.join()
        client.config_set("busy-reply-threshold", 5000)
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_entries_are_numbered_and_plain(client, storage, make_events):
    journal = storage.create("名\0", make_events(0, name="名\0"))
    journal.append([TrialStarted(0)], expected=1)
    (first, created), second = client.xrange(_stream(client))
    assert first == b"1-0"
    assert created[b"event"].startswith('["created",1,"名\\u0000",["minimize"],7'.encode())
    assert second == (b"2-0", {b"event": b'["started",0,null,null,null]'})
    assert [*client.hgetall("{hpo}:studies")] == ["名\0".encode()]


def test_deletion_leaves_nothing(client, storage, make_events):
    storage.create("s", make_events(2))
    storage.delete("s")
    assert client.keys() == []


def test_namespaces_keep_studies_apart(url, client, make_events):
    first, second = RedisStorage(url), RedisStorage(url, namespace="other")
    first.create("s", make_events(0))
    second.create("s", make_events(1))
    assert len(first.open("s").read(0)) == 1
    second.delete("s")
    assert first.names() == ["s"]


@pytest.mark.parametrize("namespace", ["", "a{b", "}"])
def test_a_namespace_has_no_braces(namespace):
    with pytest.raises(InvalidArgument, match="namespace"):
        RedisStorage("redis://host", namespace=namespace)


def test_a_missing_entry_is_told_and_never_skipped(client, storage, make_events):
    journal = storage.create("s", make_events(1))
    client.xdel(_stream(client), "3-0")
    with pytest.raises(JournalCorrupted, match=r"study 's': event 2 is missing, event 3 follows"):
        journal.read(0)


@pytest.mark.parametrize("fields", [{"event": '["unheard of",1]'}, {"event": "[1"}])
def test_an_unreadable_entry_is_told_with_its_number(client, storage, make_events, fields):
    journal = storage.create("s", make_events(0))
    client.xadd(_stream(client), fields, "2-0")
    with pytest.raises(UnreadableEvents, match="study 's', event 1: "):
        journal.read(0)


@pytest.mark.parametrize(
    ("fields", "key"), [({"other": "1"}, "2-0"), ({"event": "1"}, "2-1"), ({"a": 1, "b": 2}, "2-0")]
)
def test_an_entry_that_is_none_of_ours_is_told(client, storage, make_events, fields, key):
    journal = storage.create("s", make_events(0))
    client.xadd(_stream(client), fields, key)
    with pytest.raises(JournalCorrupted, match="event 1 is missing"):
        journal.read(1)


def test_a_journal_that_became_shorter_is_told_as_replaced(client, storage, make_events):
    journal = storage.create("s", make_events(1))
    journal.read(0)
    client.xdel(_stream(client), "4-0")
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=4)


def test_events_that_the_server_dropped_are_told(client, storage, make_events):
    journal = storage.create("s", make_events(0))
    client.delete(_stream(client))
    with pytest.raises(UnsupportedJournal, match="noeviction"):
        storage.open("s")
    with pytest.raises(JournalMoved):
        journal.read(0)
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(0)], expected=1)
    storage.delete("s")
    assert client.keys() == []


def test_other_things_under_our_keys_are_told(client, storage, make_events):
    client.set("{hpo}:studies", "x")
    with pytest.raises(UnsupportedJournal, match="wrong kind of value"):
        storage.names()
    with pytest.raises(JournalUnwritable, match="wrong kind of value"):
        storage.create("s", make_events(0))
    assert client.keys() == [b"{hpo}:studies"]


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("redis://:secret@host:6379/0", "redis://host:6379/0"),
        ("rediss://me:se%2Fcret@host", "rediss://host"),
        ("redis://[::1]:7/3?password=secret", "redis://[::1]:7/3"),
        ("unix://me:secret@/run/redis.sock?db=2", "unix:///run/redis.sock"),
    ],
)
def test_a_location_is_a_url_without_secrets(url, location):
    storage = RedisStorage(url)
    assert storage.location == location
    assert repr(storage) == f"RedisStorage({location!r})"


@pytest.mark.parametrize("url", ["http://host", "redis:host", "", "redis://host?db=x", "redis://host?socket_timeout=x"])
def test_other_urls_are_refused(url):
    with pytest.raises(UnsupportedJournal, match="this URL can't be read"):
        RedisStorage(url)


def test_a_url_is_a_string():
    with pytest.raises(InvalidType, match="a URL is a string"):
        RedisStorage(7)


def test_answers_are_read_as_bytes_whatever_the_url_asks_for(url, make_events):
    for query in ("?decode_responses=true", "?protocol=3"):
        storage = RedisStorage(url + query, namespace=query.strip("?="))
        assert [*storage.create("é", make_events(1, name="é")).read(0)] == make_events(1, name="é")
        assert storage.names() == ["é"]
