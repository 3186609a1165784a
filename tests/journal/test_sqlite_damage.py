"""Databases that were changed by something else: damage is named, and never taken for content."""

import random
import re
import sqlite3

import pytest

from hpo.core import TrialStarted
from hpo.errors import HpoError, JournalCorrupted, JournalMoved, UnsupportedJournal
from hpo.journal import SqliteStorage


@pytest.fixture
def ten(tmp_path, make_events):
    """The path of a database with a study of ten records: a creation, and three trials of three."""
    path = tmp_path / "studies.db"
    journal = SqliteStorage(path, durability="process").create("s", make_events(0))
    for i, event in enumerate(make_events(3)[1:], 1):
        journal.append([event], expected=i)
    return path


def change(path, statement, *parameters):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, parameters)
    connection.close()


def problems(path):
    connection = sqlite3.connect(path)
    try:
        return [problem for (problem,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM events WHERE sequence = 1", "after event 0: record 2 with 1 event(s) follows record 0"),
        ("DELETE FROM events WHERE sequence = 5", "after event 4: record 6 with 1 event(s) follows record 4"),
        ("DELETE FROM events WHERE sequence IN (5, 6)", "after event 4: record 7 with 1 event(s) follows record 4"),
        ("UPDATE events SET payload = replace(payload, '0.25', '0.75') WHERE sequence = 6", "checksum"),
        ("UPDATE events SET payload = payload || ' ' WHERE sequence = 6", "checksum"),
        ("UPDATE events SET payload = '[]' WHERE sequence = 6", "checksum"),
        ("UPDATE events SET crc32 = crc32 + 1 WHERE sequence = 6", "after event 5: the checksum"),
        ("UPDATE events SET crc32 = 0 WHERE sequence = 6", "checksum"),
        ("UPDATE events SET sequence = 60 WHERE sequence = 10", "after event 9: the checksum"),
        ("UPDATE events SET sequence = 0 WHERE sequence = 1", "after event 0"),
        (
            "INSERT INTO events SELECT study, 11, crc32, payload, previous FROM events WHERE sequence = 10",
            "after event 10: the checksum",
        ),
        ("DELETE FROM events", "all events are missing"),
    ],
)
def test_changed_rows_are_told(ten, statement, problem):
    change(ten, statement)
    for _ in range(2):
        with pytest.raises(JournalCorrupted, match="study 's', ") as caught:
            SqliteStorage(ten).open("s").read(0)
        assert problem in str(caught.value)
        assert caught.value.path == str(ten)


def test_rows_of_two_studies_that_were_swapped_are_told(ten, make_events):
    other = SqliteStorage(ten).create("t", make_events(0, name="t"))
    other.append([TrialStarted(0)], expected=1)
    change(ten, "UPDATE events SET study = 2 WHERE study = 1 AND sequence = 10")
    with pytest.raises(JournalCorrupted, match="study 't', after event 2"):
        other.read(0)


def test_a_reader_of_the_end_sees_that_a_record_before_it_is_gone(ten):
    journal = SqliteStorage(ten).open("s")
    journal.append([TrialStarted(3)], expected=10)
    change(ten, "DELETE FROM events WHERE sequence = 10")
    with pytest.raises(JournalCorrupted, match="after event 9"):
        journal.read(10)


def test_a_study_whose_row_is_gone_is_gone_with_its_events(ten):
    journal = SqliteStorage(ten).open("s")
    change(ten, "DELETE FROM studies")
    change(ten, "DELETE FROM events")
    for act in (lambda: journal.read(0), lambda: journal.read(10), lambda: journal.append([], expected=10)):
        with pytest.raises(JournalMoved):
            act()


KEYS = {"NULL": b"\x00", "0": b"\x08", "''": b"\x0d"}  # the types that SQLite writes for these; 1 has type 9


def hide_row(path, number, key):
    """Give a record another key, and leave it where it is: SQLite may take it for the end of the study."""
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    newest_first = [found.start() + 1 for found in re.finditer(rb"[\x05-\x07]\x09\x01[\x04\x05]", content)]
    place = newest_first[1 - number]  # the sequence of the first one is written otherwise
    content[place : place + 1] = KEYS[key]
    path.write_bytes(content)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("number", [2, 3, 5, 6, 8, 9, 10])
def test_a_row_without_its_key_does_not_pass_for_the_end_of_its_study(ten, make_events, number, key):
    SqliteStorage(ten).create("t", make_events(0, name="t"))
    journal = SqliteStorage(ten).open("s")
    hide_row(ten, number, key)
    for reader in (journal, SqliteStorage(ten).open("s")):
        try:
            events = [*reader.read(0)]
        except JournalCorrupted:
            continue
        assert key != "''"
        assert events == make_events(3)  # a smaller key may not stop SQLite


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE study = 2 AND sequence = 1",
        "UPDATE events SET crc32 = 0 WHERE study = 2",
        "UPDATE events SET payload = '[' WHERE study = 2",
        "DELETE FROM studies WHERE id = 2",
    ],
)
def test_damage_of_the_next_study_is_not_taken_for_a_row_of_this_one(ten, make_events, statement):
    other = SqliteStorage(ten).create("t", make_events(0, name="t"))
    other.append([TrialStarted(0)], expected=1)
    change(ten, statement)
    assert [*SqliteStorage(ten).open("s").read(0)] == make_events(3)


def test_a_row_that_went_over_to_the_next_study_is_missed_in_both(ten, make_events):
    SqliteStorage(ten).create("t", make_events(0, name="t"))
    change(ten, "UPDATE events SET study = 2 WHERE study = 1 AND sequence > 6")
    change(ten, "DELETE FROM events WHERE study = 2 AND sequence = 1")
    with pytest.raises(JournalCorrupted, match="after event 6: the row that follows has another key"):
        SqliteStorage(ten).open("s").read(0)
    with pytest.raises(JournalCorrupted, match=r"after event 0: record 7 with 1 event\(s\) follows record 0"):
        SqliteStorage(ten).open("t").read(0)


def test_flipped_bits_are_told_or_do_not_matter(ten, make_events):
    """No flip gives other content; one in the structure of a page can hide the end, as SQLite's own check then says."""
    change(ten, "PRAGMA wal_checkpoint(TRUNCATE)")
    intact, chance, told = ten.read_bytes(), random.Random(5), 0
    used = [i for i in range(len(intact)) if intact[i]] + chance.sample(range(len(intact)), 50)
    for position in chance.sample(used, 600):
        damaged = bytearray(intact)
        damaged[position] ^= 1 << chance.randrange(8)
        ten.write_bytes(damaged)
        try:
            events = [*SqliteStorage(ten).open("s").read(0)]
        except HpoError:
            told += 1
        else:
            assert events == make_events(3)[: len(events)]
            if len(events) < 10:
                assert problems(ten) != ["ok"]
        for rest in ("-wal", "-shm", "-journal"):
            ten.with_name(ten.name + rest).unlink(missing_ok=True)
    assert told > 300


def test_a_cut_database_is_told(ten):
    change(ten, "PRAGMA wal_checkpoint(TRUNCATE)")
    intact = ten.read_bytes()
    for size in (1, 99, 100, 4095, 4096, 5000, len(intact) - 4096, len(intact) - 1):
        ten.write_bytes(intact[:size])
        with pytest.raises((JournalCorrupted, UnsupportedJournal)) as caught:
            SqliteStorage(ten).open("s").read(0)
        assert str(ten) in str(caught.value)


def test_a_log_that_is_lost_or_cut_leaves_a_beginning(tmp_path, ten, make_events):
    """A write-ahead log cut at any byte: what is left of the journal is a beginning, in whole records."""
    journal = SqliteStorage(ten, durability="process").open("s")
    for i in range(10, 20):
        journal.append([TrialStarted(i)], expected=i)
    files = {name: ten.with_name(name).read_bytes() for name in (ten.name, ten.name + "-wal")}
    whole, log = [*journal.read(0)], files[ten.name + "-wal"]
    copy = tmp_path / "copy" / ten.name
    copy.parent.mkdir()
    lengths = []
    for size in [*range(0, len(log), 911), len(log)]:
        for file in copy.parent.iterdir():
            file.unlink()
        copy.write_bytes(files[ten.name])
        copy.with_name(ten.name + "-wal").write_bytes(log[:size])
        storage = SqliteStorage(copy, durability="process")
        if not storage.names():
            assert not lengths
            continue
        left = storage.open("s")
        events = [*left.read(0)]
        assert events == whole[: len(events)]
        lengths.append(len(events))
        assert left.append([TrialStarted(99)], expected=len(events)) == len(events) + 1
        del left
    assert lengths == sorted(lengths)
    assert lengths[-1] == 20


def test_nothing_that_is_read_is_run(ten, script):
    import subprocess

    text = """
        import sys
        from hpo.journal import open_journal

        open_journal(sys.argv[1]).open("s").read(0)
        forbidden = ("pickle.find_class", "marshal.loads", "exec", "compile", "subprocess.Popen", "os.system", "ctypes")
        seen = []
        sys.addaudithook(lambda event, arguments: seen.append(event) if event.startswith(forbidden) else None)
        open_journal(sys.argv[1]).open("s").read(0)
        print(seen)
    """
    done = subprocess.run(script(text, f"sqlite:///{ten}"), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
