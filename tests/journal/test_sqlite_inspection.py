"""Looking at journal databases, and saving what is intact of a damaged one."""

import json
import random
import re
import sqlite3
import stat

import pytest

from hpo.core import FORMAT, StudyCreated, TrialFinished, TrialStarted, TrialState, encode_events
from hpo.errors import (
    InvalidArgument,
    JournalCorrupted,
    JournalFull,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal import SqliteStorage
from hpo.journal.repair import check_directory, check_file, databases, repair_file
from hpo.journal.repair.database_records import contents_of, opened_database
from hpo.journal.repair.databases import check_database, is_database, repair_database
from hpo.journal.sqlite.schema import insert_row


@pytest.fixture
def two(tmp_path, make_events):
    """The path of a database with studies "a", of four records, and "b", of ten."""
    path = tmp_path / "studies.db"
    for name, n in (("a", 1), ("b", 3)):
        journal = SqliteStorage(path, durability="process").create(name, make_events(0, name))
        for i, event in enumerate(make_events(n)[1:], 1):
            journal.append([event], expected=i)
    return path


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def replace_row(path, study, sequence, events):
    """Put other events with a right checksum in the place of a row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM events WHERE study = ? AND sequence = ?", (study, sequence))
    insert_row(connection, study, sequence, encode_events(events), None)
    connection.close()


def names(directory):
    return sorted(path.name for path in directory.iterdir() if not path.name.endswith(("-wal", "-shm")))


def verdicts(found):
    return [(one.study, one.records, one.events, one.flaw and (one.flaw.kind, one.flaw.problem)) for one in found]


def test_a_healthy_database_has_one_answer_for_each_study(two):
    assert verdicts(check_database(two)) == [("a", 4, 4, None), ("b", 10, 10, None)]
    assert all(one.healthy and one.path == str(two) and one.torn == 0 for one in check_database(two))
    assert is_database(two)


DAMAGE = [
    ("DELETE FROM events WHERE study = 2 AND sequence = 5", 4, "record 6 with 1 event(s) follows record 4"),
    ("UPDATE events SET crc32 = 0 WHERE study = 2 AND sequence = 6", 5, "the checksum is wrong"),
    ("UPDATE events SET payload = '[' WHERE study = 2 AND sequence = 6", 5, "the checksum is wrong"),
    ("DELETE FROM events WHERE study = 2", 0, "all events are missing"),
    ("UPDATE events SET sequence = 60 WHERE study = 2 AND sequence = 10", 9, "the checksum is wrong"),
]


@pytest.mark.parametrize(("statement", "intact", "problem"), DAMAGE)
def test_damage_of_one_study_is_named_as_readers_name_it_and_leaves_the_other_alone(two, statement, intact, problem):
    change(two, statement)
    first, second = check_database(two)
    assert (first.study, first.healthy) == ("a", True)
    assert (second.study, second.events, second.flaw.kind) == ("b", intact, "damaged")
    assert (second.flaw.line, second.flaw.offset) == (None, None)
    assert problem in second.flaw.problem
    with pytest.raises(JournalCorrupted) as caught:
        SqliteStorage(two).open("b").read(0)
    assert str(caught.value) == f"{two}: study 'b', {second.flaw.problem}"
    assert (caught.value.line, caught.value.offset) == (None, None)


def test_events_that_follow_from_nothing_are_inconsistent_and_those_of_the_future_newer(two):
    replace_row(two, 1, 4, [TrialFinished(9, TrialState.FAIL)])
    change(two, f"UPDATE events SET payload = replace(payload, '[1,', '[{FORMAT + 1},')")  # nothing begins like this
    replace_row(two, 2, 1, [StudyCreated(FORMAT + 1, "b", ("minimize",), 7)])
    first, second = check_database(two)
    assert (first.flaw.kind, first.events) == ("inconsistent", 3)
    assert "cannot follow" in first.flaw.problem
    assert (second.flaw.kind, second.events) == ("newer", 0)
    with pytest.raises(UnreadableEvents, match="its format is"):
        repair_database(two)


def test_a_study_under_another_name_than_its_events_say_is_inconsistent(two):
    change(two, "UPDATE studies SET name = 'c' WHERE id = 1")
    [flaw] = [one.flaw for one in check_database(two) if one.flaw]
    assert flaw.kind == "inconsistent"
    assert "'a'" in flaw.problem


def test_rows_of_a_study_that_is_not_there_are_told(two):
    change(two, "DELETE FROM studies WHERE id = 1")
    found = check_database(two)
    assert verdicts(found) == [
        ("b", 10, 10, None),
        (None, 4, 4, ("inconsistent", "rows of a study 1 that is not there")),
    ]


def test_a_page_that_sqlite_finds_damaged_is_told(two):
    change(two, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(two.read_bytes())
    told = 0
    for page in range(4096, len(content), 4096):
        damaged = content.copy()
        damaged[page : page + 8] = b"\xff" * 8
        two.write_bytes(damaged)
        found = check_database(two)
        told += any(one.flaw is not None and one.flaw.kind == "damaged" for one in found)
        for rest in ("-wal", "-shm"):
            two.with_name(two.name + rest).unlink(missing_ok=True)
    assert told == len(content) // 4096 - 1


def test_looking_changes_neither_the_database_nor_what_a_crash_left_in_its_log(tmp_path, script):
    import subprocess

    text = """
        import os, sys
        from hpo.core import StudyCreated, TrialStarted
        from hpo.journal import SqliteStorage
        journal = SqliteStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        journal.append([TrialStarted(0)], expected=1)
        os._exit(9)
    """
    path = tmp_path / "studies.db"
    subprocess.run(script(text, path), check=False)
    files = [path, path.with_name("studies.db-wal")]
    before = [file.read_bytes() for file in files]
    assert before[1]
    assert verdicts(check_database(path)) == [("s", 2, 2, None)]
    assert [file.read_bytes() for file in files] == before
    assert SqliteStorage(path).open("s").append([TrialStarted(1)], expected=2) == 3


def test_a_writer_is_not_kept_waiting_and_the_answer_is_of_one_moment(two, monkeypatch):
    journal = SqliteStorage(two, lock_timeout=0.5).open("b")
    look = databases.page_damage

    def meanwhile(connection):
        assert journal.append([TrialStarted(3)], expected=10) == 11
        return look(connection)

    monkeypatch.setattr(databases, "page_damage", meanwhile)
    assert [one.events for one in check_database(two)] == [4, 10]


def test_what_is_no_journal_database_is_called_foreign_or_newer_and_is_not_repaired(tmp_path, two):
    other = tmp_path / "other.db"
    change(other, "CREATE TABLE t (x)")
    [found] = check_database(other)
    assert (found.flaw.kind, found.study) == ("foreign", None)
    assert "another program" in found.flaw.problem
    with pytest.raises(UnsupportedJournal, match="another program"):
        repair_database(other)
    change(two, "PRAGMA user_version = 9")
    [found] = check_database(two)
    assert found.flaw.kind == "newer"
    with pytest.raises(UnreadableEvents, match="version 9"):
        repair_database(two)


def test_files_are_known_by_their_content_unless_their_names_say_it(tmp_path, two):
    text, empty = tmp_path / "notes.db", tmp_path / "empty.db"
    text.write_text("notes, and no database" * 100)
    empty.touch()
    two.rename(tmp_path / "studies")
    assert [is_database(path) for path in (text, empty, tmp_path / "studies")] == [False, False, True]
    assert [one.flaw.kind for one in check_file(text)] == ["foreign"]
    assert [one.healthy for one in check_file(empty)] == [True]
    assert [one.study for one in check_file(tmp_path / "studies")] == ["a", "b"]
    with pytest.raises(StudyNotFound):
        is_database(tmp_path / "nowhere.db")
    with pytest.raises(UnsupportedJournal, match="regular file"):
        is_database(tmp_path)


def test_databases_in_a_directory_are_looked_at_too(tmp_path, two, make_events, journal_file):
    journal_file(make_events(1), "z.jsonl")
    change(two, "UPDATE events SET crc32 = 0 WHERE study = 1 AND sequence = 1")
    found = check_directory(tmp_path)
    assert [(one.study, one.healthy) for one in found] == [("a", False), ("b", True), ("s", True)]


def test_an_empty_database_is_healthy(tmp_path):
    path = tmp_path / "studies.db"
    storage = SqliteStorage(path)
    storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    storage.delete("s")
    assert verdicts(check_database(path)) == [(None, 0, 0, None)]


def test_a_healthy_database_is_left_alone(two):
    done = repair_file(two)
    assert [(one.study, one.flaw, one.output, one.events) for one in done] == [
        ("a", None, None, 4),
        ("b", None, None, 10),
    ]
    assert names(two.parent) == ["studies.db"]


def test_a_repair_keeps_what_follows_and_puts_the_rest_aside(two, make_events):
    change(two, "DELETE FROM events WHERE study = 2 AND sequence = 6", "PRAGMA wal_checkpoint(TRUNCATE)")
    two.chmod(0o444)
    before = two.read_bytes()
    first, second = repair_database(two)
    assert two.read_bytes() == before
    assert stat.S_IMODE(two.stat().st_mode) == 0o444
    target = two.with_name("studies.repaired.db")
    assert names(two.parent) == ["studies.db", target.name, f"{target.name}.salvaged"]
    assert (first.study, first.flaw, first.output, first.events) == ("a", None, str(target), 4)
    assert (second.study, second.flaw.kind, second.output) == ("b", "damaged", str(target))
    assert (second.events, second.n_trials, second.n_running) == (5, 2, 1)
    assert (second.salvaged_events, second.lost, second.unreadable) == (4, ((6, 6),), ())
    assert [*SqliteStorage(target).open("a").read(0)] == make_events(1, "a")
    assert [*SqliteStorage(target).open("b").read(0)] == make_events(3, "b")[:5]
    assert all(one.healthy for one in check_database(target))
    rows = [json.loads(line) for line in target.with_name(f"{target.name}.salvaged").read_text().splitlines()]
    assert [(row["study"], row["sequence"]) for row in rows] == [("b", i) for i in (7, 8, 9, 10)]
    assert rows[0]["events"] == json.loads(encode_events(make_events(3)[6:7]))


def test_a_damaged_record_is_named_and_what_comes_after_it_is_put_aside(two):
    change(two, "UPDATE events SET payload = 'x' || payload WHERE study = 2 AND sequence = 4")
    second = repair_database(two)[1]
    assert (second.events, second.salvaged_events, second.lost) == (3, 6, ((4, 4),))
    assert [number for number, _ in second.unreadable] == [4]


def test_without_its_creation_a_study_is_only_put_aside_and_so_are_rows_without_a_study(two):
    change(two, "DELETE FROM events WHERE study = 2 AND sequence = 1", "DELETE FROM studies WHERE id = 1")
    study, orphans = repair_database(two, two.with_name("new.db"))
    assert (study.study, study.output, study.events, study.salvaged_events, study.lost) == ("b", None, 0, 9, ((1, 1),))
    assert (orphans.study, orphans.output, orphans.salvaged_events, orphans.lost) == (None, None, 4, ())
    assert names(two.parent) == ["new.db.salvaged", "studies.db"]
    rows = [json.loads(line) for line in two.with_name("new.db.salvaged").read_text().splitlines()]
    assert {row["study"] for row in rows} == {"b", 1}


@pytest.mark.parametrize("taken", ["out.db", "out.db.salvaged"])
def test_nothing_is_overwritten(two, taken):
    change(two, "DELETE FROM events WHERE study = 2 AND sequence = 6")
    two.with_name(taken).write_text("mine")
    with pytest.raises(InvalidArgument, match="already"):
        repair_database(two, two.with_name("out.db"))
    assert two.with_name(taken).read_text() == "mine"
    assert names(two.parent) == sorted(["studies.db", taken])


def test_a_repair_that_fails_leaves_nothing_in_the_way_of_the_next_attempt(two, monkeypatch):
    change(two, "DELETE FROM events WHERE study = 2 AND sequence = 6")

    def full(storage, name, events):
        if name == "b":
            raise JournalFull(storage.path, "no space left")
        return create(storage, name, events)

    create = SqliteStorage.create
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStorage, "create", full)
        with pytest.raises(JournalFull):
            repair_database(two)
    assert names(two.parent) == ["studies.db"]
    assert [one.events for one in repair_database(two)] == [4, 5]


def test_of_a_database_with_damaged_pages_the_readable_studies_are_kept(tmp_path, make_events):
    path = tmp_path / "studies.db"
    storage = SqliteStorage(path, durability="process")
    for name in "abc":
        journal = storage.create(name, make_events(0, name))
        for i in range(1, 400):
            journal.append([TrialStarted(i - 1, 1732190185.0)], expected=i)
    del journal
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    saved = {}
    for page in range(4096, len(content), 4096):
        path.write_bytes(content[:page] + b"\xff" * 4096 + content[page + 4096 :])
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        target = tmp_path / f"{page}.db"
        try:
            done = repair_database(path, target)
        except JournalCorrupted:  # not even its studies can be listed
            continue
        saved[page] = sum(one.events + one.salvaged_events for one in done)
        assert any(one.flaw for one in done)
        for one in done:
            if one.output is not None:
                events = [*SqliteStorage(target).open(one.study).read(0)]
                assert (
                    events
                    == [*make_events(0, one.study), *(TrialStarted(i, 1732190185.0) for i in range(399))][: len(events)]
                )
    inner, *leaves = sorted(saved.values())
    assert inner == 0  # the page that leads to all others
    assert all(1200 - 80 <= n <= 1200 for n in leaves)  # no more is lost than what was in the page
    assert sum(n < 1200 for n in leaves) > 12


def test_of_a_study_with_a_row_that_lost_its_key_all_other_rows_are_saved(tmp_path, make_events):
    path = tmp_path / "studies.db"
    journal = SqliteStorage(path, durability="process").create("s", make_events(0))
    for i, event in enumerate(make_events(3)[1:], 1):
        journal.append([event], expected=i)
    del journal
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    keys = [found.start() + 1 for found in re.finditer(rb"[\x05-\x07]\x09\x01[\x04\x05]", content)]
    assert len(keys) == 9  # of all records but the first, the newest first
    path.write_bytes(content[: keys[-4]] + b"\x0d" + content[keys[-4] + 1 :])  # of record 5
    pages, study = check_database(path)[:2]
    assert pages.flaw.kind == study.flaw.kind == "damaged"
    assert study.flaw.problem == "after event 4: record 6 with 1 event(s) follows record 4: others are missing"
    _, saved, orphan = repair_database(path)
    assert (saved.study, saved.events, saved.salvaged_events, saved.lost) == ("s", 4, 5, ((5, 5),))
    assert (orphan.study, orphan.salvaged_events) == (None, 1)


@pytest.mark.parametrize(("broken", "whole"), [("ASC", True), ("DESC", True), ("both", False)])
def test_rows_that_can_be_read_from_one_end_are_all_there(two, monkeypatch, broken, whole):
    class Broken(sqlite3.Connection):
        def execute(self, statement, *parameters):
            direction = "DESC" if statement.endswith("DESC") else "ASC"
            if statement.startswith("SELECT study,") and broken in {direction, "both"}:
                raise sqlite3.DatabaseError("a page is damaged")
            return super().execute(statement, *parameters)

    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: connect(*a, **k, factory=Broken))
    with opened_database(two) as connection:
        contents = [*contents_of(connection, damaged=True)]
    assert [len(content.events) for content in contents] == ([4, 10] if whole else [0, 0])
    assert [content.flaw is None for content in contents] == [whole, whole]


def test_of_flipped_bits_it_says_what_readers_say(two, make_events):
    """Whatever bit it is: what is called healthy is read whole, and nothing else is raised than what is described."""
    change(two, "PRAGMA wal_checkpoint(TRUNCATE)")
    intact, chance, flawed = two.read_bytes(), random.Random(11), 0
    used = [i for i in range(len(intact)) if intact[i]]
    for position in chance.sample(used, 250):
        damaged = bytearray(intact)
        damaged[position] ^= 1 << chance.randrange(8)
        two.write_bytes(damaged)
        try:
            found = check_file(two)
        except UnsupportedJournal:
            found = []
        if found and all(one.healthy for one in found):
            for one, n in zip(found, (1, 3), strict=True):
                assert [*SqliteStorage(two).open(one.study).read(0)] == make_events(n, one.study)
        else:
            flawed += 1
        for rest in ("-wal", "-shm", "-journal"):
            two.with_name(two.name + rest).unlink(missing_ok=True)
    assert flawed > 125
