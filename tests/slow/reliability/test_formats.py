"""Records and journals as bytes: what is written comes back, and old journals replay for ever."""

import contextlib
import json
import random
import shutil
import sqlite3
import time
import zlib
from pathlib import Path
from typing import get_args

import pytest
from histories import HOSTILE_NUMBERS, HOSTILE_TEXTS, all_kinds_of_events, state_digest
from hypothesis import given, settings, strategies as st

from hpo.core import AnyEvent, StudyAttributeSet, decode_events, encode_events, replay
from hpo.errors import HpoError, UnreadableEvents
from hpo.journal import FileJournal, FileStorage, SqliteStorage
from hpo.journal.file.lines import DamagedRecord, pack, unpack

GOLDEN = Path(__file__).parents[2] / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
REPLAYED = sorted(EXPECTED)
REFUSED = {"newer-format": (1, "its format is 3"), "unknown-event": (2, "teleported")}
LINES = [line for path in sorted(GOLDEN.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def test_r01_every_kind_of_event_comes_back_equal_in_value_type_and_sign():
    batches = all_kinds_of_events()
    assert {type(event) for batch in batches for event in batch} == {*get_args(AnyEvent)}
    for length, batch in enumerate(batches, 1):
        line = pack(batch, length)
        assert line.count(b"\n") == 1
        record = unpack(line[:-1])
        assert record.sequence == length
        assert repr(decode_events(record.payload)) == repr(batch)  # which tells 0.0 from -0.0, and 1 from True


def test_r01_what_is_read_is_written_again_in_the_same_bytes():
    for length, batch in enumerate(all_kinds_of_events(), 1):
        line = pack(batch, length)
        record = unpack(line[:-1])
        assert encode_events(decode_events(record.payload)) == record.payload
        assert pack(decode_events(record.payload), record.sequence) == line


@pytest.mark.filterwarnings("ignore:.*is not a multiple of")  # of a range that a change made odd
@given(st.sampled_from(LINES), st.data(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_r06_a_changed_record_is_refused_or_means_what_it_says(line, data, with_right_checksum):
    """Half of the inputs have a right checksum, so that they reach what lies behind it."""
    at = data.draw(st.integers(0, len(line)))
    until = data.draw(st.integers(at, min(len(line), at + 8)))
    put = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"1e999", b"NaN", b"null", b"[" * 500, b'{"$float":1}', b"-"])
    )
    changed = line[:at] + put + line[until:]
    if with_right_checksum:
        body = changed[9:].replace(b"\n", b"")
        changed = b"%08x %s" % (zlib.crc32(body), body)
    try:
        record = unpack(changed)
        events = decode_events(record.payload)
    except (DamagedRecord, UnreadableEvents):
        return
    again = pack(events, record.sequence, record.previous)
    assert repr(decode_events(unpack(again[:-1]).payload)) == repr(events)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_r06_any_bytes_are_no_record(text):
    with pytest.raises(DamagedRecord):
        unpack(text)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*is not a multiple of")
def test_r06_a_hundred_thousand_changed_records_take_no_other_way_out():
    seed = int(time.time())
    chance, outcomes = random.Random(seed), {"refused": 0, "read": 0}
    for _ in range(100_000):
        line = bytearray(chance.choice(LINES)[9:])
        for _ in range(chance.randrange(1, 6)):
            if line:
                line[chance.randrange(len(line))] = chance.choice(b'0123456789"[]{},:-e.ntf\\u$ax\x00\xff')
        body = bytes(line)
        try:
            decode_events(unpack(b"%08x %s" % (zlib.crc32(body), body)).payload)
            outcomes["read"] += 1
        except (DamagedRecord, UnreadableEvents):
            outcomes["refused"] += 1
    print(f"r06: seed {seed}, {outcomes}")
    assert min(outcomes.values()) > 1000


@pytest.mark.parametrize("name", REPLAYED)
def test_r07_an_old_journal_replays_for_ever(name):
    path = GOLDEN / f"{name}.jsonl"
    before = path.read_bytes()
    state = replay(FileJournal(path).read(0))
    assert {"version": state.version, "trials": state.n_trials, "digest": state_digest(state)} == EXPECTED[name]
    assert path.read_bytes() == before


DATABASES = {"format-1": "all-events", "format-2": "format-2"}
"""Databases by the version of their tables, and the journal files with the same events."""


@pytest.mark.parametrize("name", DATABASES)
def test_r07_an_old_database_replays_and_is_continued(name, tmp_path):
    path = tmp_path / f"{name}.db"
    shutil.copy(GOLDEN / f"{name}.db", path)
    (study,) = SqliteStorage(path).names()
    journal = SqliteStorage(path).open(study)
    state = replay(journal.read(0))
    expected = EXPECTED[DATABASES[name]]
    assert {"version": state.version, "trials": state.n_trials, "digest": state_digest(state)} == expected
    journal.append([StudyAttributeSet("new", 1)], expected=state.version)
    assert replay(SqliteStorage(path).open(study).read(0)).user_attrs["new"] == 1
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (int(name[-1]),)


def test_r07_old_journals_hold_every_kind_of_event():
    events = [event for name in REPLAYED for event in FileJournal(GOLDEN / f"{name}.jsonl").read(0)]
    missing = {*get_args(AnyEvent)} - {type(event) for event in events}
    assert not missing, "add a journal with these, written by the version that brings them"


@pytest.mark.parametrize("name", REPLAYED)
def test_r07_an_old_journal_is_continued(name, tmp_path):
    path = tmp_path / f"{name}.jsonl"
    path.write_bytes((GOLDEN / f"{name}.jsonl").read_bytes())
    length = EXPECTED[name]["version"]
    FileJournal(path).append([StudyAttributeSet("new", 1)], expected=length)
    assert replay(FileJournal(path).read(0)).user_attrs["new"] == 1


def test_r07_a_digest_tells_states_apart_that_differ_in_one_sign():
    batches = all_kinds_of_events()
    events = [event for batch in batches for event in batch]
    other = [StudyAttributeSet("numbers", 0.0) if getattr(e, "key", "") == "numbers" else e for e in events]
    minus = [StudyAttributeSet("numbers", -0.0) if getattr(e, "key", "") == "numbers" else e for e in events]
    assert len({state_digest(replay(some)) for some in (events, other, minus)}) == 3


@pytest.mark.parametrize("name", REFUSED)
def test_r07_a_journal_of_the_future_is_refused_by_name_and_left_as_it_is(name, tmp_path):
    line, why = REFUSED[name]
    path = tmp_path / f"{name}.jsonl"
    text = (GOLDEN / f"{name}.jsonl").read_bytes()
    path.write_bytes(text)
    for act in (
        lambda: FileJournal(path).read(0),
        lambda: FileJournal(path).append([StudyAttributeSet("k", 1)], expected=2),
        lambda: FileStorage(path).create("other", all_kinds_of_events()[0]),
    ):
        with pytest.raises(HpoError) as caught:
            act()
        if isinstance(caught.value, UnreadableEvents):
            assert f"{path}, line {line} " in str(caught.value)
            assert why in str(caught.value)
            assert "newer version" in str(caught.value)
    assert path.read_bytes() == text
    assert [*tmp_path.iterdir()] == [path]


def test_r31_r32_numbers_and_texts_survive_the_file_with_their_types(tmp_path):
    events = [event for batch in all_kinds_of_events() for event in batch]
    FileStorage(tmp_path / "s.jsonl").create(events[0].name, events)
    state = replay(FileJournal(tmp_path / "s.jsonl").read(0))
    assert repr([*state.user_attrs["numbers"]]) == repr(HOSTILE_NUMBERS)
    assert [*state.user_attrs["texts"]] == HOSTILE_TEXTS
    assert state_digest(state) == state_digest(replay(events))
