"""Databases as places for studies: what they are made of, and what is taken for one."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.core import TrialStarted
from hpo.errors import (
    DuplicatedStudyError,
    InvalidArgument,
    InvalidType,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal import SqliteJournal, SqliteStorage, open_journal
from hpo.journal.sqlite.schema import APPLICATION, bring_up_to_date, version_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "studies.db"


def ask(path, question, *parameters):
    """What the sqlite3 module finds, by itself."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question, parameters).fetchall()
    finally:
        connection.close()


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("sqlite:///s.db", "s.db"),
        ("sqlite:///runs/s.sqlite3", "runs/s.sqlite3"),
        ("sqlite:///s", "s"),
        ("sqlite:///a b#ü%20.db", "a b#ü%20.db"),
        ("sqlite:////tmp/s.db", "/tmp/s.db"),
        ("sqlite:///~/s.db", "home/s.db"),
    ],
)
def test_urls_lead_to_databases_with_options(tmp_path, monkeypatch, location, leads_to):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    storage = open_journal(location, durability="process", lock_timeout=2.5)
    assert storage == SqliteStorage(leads_to, durability="process", lock_timeout=2.5)
    assert storage.path == os.path.realpath(tmp_path / leads_to)
    assert open_journal(storage.location, durability="process", lock_timeout=2.5) == storage
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("sqlite://", UnsupportedJournal),
        ("sqlite:///", UnsupportedJournal),
        ("sqlite://s.db", UnsupportedJournal),
        ("sqlite+aiosqlite:///s.db", UnsupportedJournal),
        ("sqlite:///s.db?mode=ro", InvalidArgument),
        ("sqlite:///runs/", InvalidArgument),
        ("sqlite:///a\0b", InvalidArgument),
    ],
)
def test_urls_that_lead_to_no_file_are_refused(location, error):
    with pytest.raises(error):
        open_journal(location)


@pytest.mark.parametrize("name", ["a?b.db", "a#b.db", "a%3fmode=memory.db", "file:x.db", "ü .db", ":memory:"])
def test_a_path_is_a_path(tmp_path, make_events, name):
    SqliteStorage(tmp_path / name).create("s", make_events(1))
    assert [file.name for file in tmp_path.iterdir() if file.stat().st_size] == [name]
    assert len(SqliteStorage(tmp_path / name).open("s").read(0)) == 4


@pytest.mark.parametrize(("option", "value"), [("durability", "none"), ("lock_timeout", -1), ("lock_timeout", "1")])
def test_options_are_checked(path, make_events, option, value):
    with pytest.raises(InvalidArgument, match=option):
        SqliteStorage(path, **{option: value})
    SqliteStorage(path).create("s", make_events(0))
    with pytest.raises(InvalidArgument, match=option):
        SqliteJournal(path, "s", **{option: value})


def test_anybody_can_read_the_tables(path, make_events):
    storage = SqliteStorage(path)
    journal = storage.create("s", make_events(0))
    journal.append(make_events(1)[1:3], expected=1)
    journal.append(make_events(1)[3:], expected=3)
    assert ask(path, "SELECT id, name FROM studies") == [(1, "s")]
    rows = ask(path, "SELECT study, sequence, json_extract(payload, '$[0][0]') FROM events ORDER BY study, sequence")
    assert rows == [(1, 1, "created"), (1, 3, "started"), (1, 4, "finished")]
    types = ask(path, "SELECT DISTINCT typeof(study), typeof(sequence), typeof(crc32), typeof(payload) FROM events")
    assert types == [("integer", "integer", "integer", "text")]
    (sql,) = ask(path, "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE name IN ('studies', 'events')")[0]
    assert sql.count("STRICT") == 2
    assert "WITHOUT ROWID" in sql
    assert ask(path, "PRAGMA journal_mode") == [("wal",)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]


def test_sqlite_utils_and_plugins_are_not_loaded_to_append_and_read(path, make_events):
    SqliteStorage(path).create("s", make_events(1))
    text = (
        "import sys\nfrom hpo.core.records.events import TrialStarted\nfrom hpo.journal import open_journal\n"
        "journal = open_journal(sys.argv[1]).open('s')\n"
        "journal.append([TrialStarted(9)], expected=len(journal.read(0)))\n"
        "print({'sqlite_utils', 'pluggy', 'click', 'numpy'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", text, f"sqlite:///{path}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_program_never_writes_values_into_statements():
    import re

    import hpo.journal

    for file in Path(hpo.journal.__file__).parent.glob("sqlite/*.py"):
        text = file.read_text()
        calls = re.findall(r"\.execute(?:script|many)?\(\s*([^\s,)]+)", text)
        assert not [first for first in calls if first.startswith(("f", "str(")) or "%" in first]
        assert not re.search(r'"(?:SELECT|INSERT|DELETE|UPDATE|PRAGMA|CREATE)[^"]*"\s*(?:%|\.format)', text)


def test_a_name_that_utf_8_has_no_letters_for_is_refused(path, make_events):
    with pytest.raises(InvalidType, match="surrogate"):
        SqliteStorage(path).create("\ud800", make_events(0, name="\ud800"))
    assert not path.exists()


def test_nothing_is_made_before_it_is_needed(path):
    storage = SqliteStorage(path)
    assert storage.names() == []
    for act in (lambda: storage.open("s"), lambda: storage.delete("s"), lambda: SqliteJournal(path, "s")):
        with pytest.raises(StudyNotFound):
            act()
    assert not path.exists()


def test_a_database_needs_its_directory(tmp_path, make_events):
    (tmp_path / "file").write_text("x")
    for place in ("no", "file"):
        with pytest.raises(UnsupportedJournal, match="make it first"):
            SqliteStorage(tmp_path / place / "s.db").create("s", make_events(0))


def test_an_empty_file_holds_no_studies_and_takes_some(path, make_events):
    path.touch()
    assert SqliteStorage(path).names() == []
    with pytest.raises(StudyNotFound):
        SqliteStorage(path).open("s")
    with pytest.raises(StudyNotFound):
        SqliteJournal(path, "s")
    with pytest.raises(StudyNotFound):
        SqliteStorage(path).delete("s")
    SqliteStorage(path).create("s", make_events(1))
    assert [*SqliteStorage(path).open(None).read(0)] == make_events(1)


def test_a_link_to_a_database_means_the_database(tmp_path, make_events):
    (tmp_path / "link.db").symlink_to(tmp_path / "s.db")
    SqliteStorage(tmp_path / "link.db").create("s", make_events(0))
    assert SqliteStorage(tmp_path / "s.db").names() == ["s"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_regular_file_is_refused_at_once(path, make_events, make):
    make(path)
    storage = SqliteStorage(path)
    for act in (storage.names, lambda: storage.delete("s"), lambda: storage.create("s", make_events(0))):
        with pytest.raises(UnsupportedJournal, match="not a regular file"):
            act()


@pytest.mark.parametrize("content", [b"hello\n", b"d74716d1 1 [[]]\n" * 100, os.urandom(8192), b"\0" * 100])
def test_a_file_that_is_no_database_is_left_as_it_is(path, make_events, content):
    path.write_bytes(content)
    storage = SqliteStorage(path)
    for act in (storage.names, lambda: storage.open("s"), lambda: storage.create("s", make_events(0))):
        with pytest.raises(UnsupportedJournal, match="not an SQLite database"):
            act()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE events (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7", "CREATE VIEW v AS SELECT 1"],
)
def test_the_database_of_another_program_is_left_as_it_is(path, make_events, statement):
    change(path, statement)
    before = path.read_bytes()
    storage = SqliteStorage(path)
    for act in (storage.names, lambda: storage.open("s"), lambda: storage.create("s", make_events(0))):
        with pytest.raises(UnsupportedJournal, match="of another program"):
            act()
    assert path.read_bytes() == before


def test_tables_of_a_newer_version_are_refused_by_their_number(path, make_events):
    SqliteStorage(path).create("s", make_events(0))
    change(path, "PRAGMA user_version = 12")
    storage = SqliteStorage(path)
    for act in (storage.names, lambda: storage.open("s"), lambda: storage.create("t", make_events(0, name="t"))):
        with pytest.raises(UnsupportedJournal, match=r"version 12, .* up to 2"):
            act()


def test_tables_are_brought_up_to_date_step_by_step(path, make_events):
    SqliteStorage(path).create("s", make_events(1))
    before = ask(path, "SELECT * FROM events")
    connection = sqlite3.connect(path, isolation_level=None)

    def add_notes(connection):
        connection.execute("CREATE TABLE notes (study INTEGER, text TEXT) STRICT")
        connection.execute("PRAGMA user_version = 3")

    def never(connection):
        raise AssertionError

    connection.execute("BEGIN IMMEDIATE")
    bring_up_to_date(connection, str(path), steps=(never, never, add_notes))
    connection.execute("COMMIT")
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    connection.close()
    assert ask(path, "SELECT * FROM events") == before


def test_an_interrupted_beginning_leaves_an_empty_database(tmp_path):
    path = str(tmp_path / "s.db")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    bring_up_to_date(connection, path)
    assert version_of(connection, path) == 2
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    connection.rollback()
    assert version_of(connection, path) == 0
    connection.close()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM studies; END"],
        ["CREATE TRIGGER t AFTER INSERT ON EVENTS BEGIN DELETE FROM studies; END"],
        ["DROP TABLE events", "CREATE VIEW events AS SELECT 1 AS study, 1 AS sequence, 0 AS crc32, '[]' AS payload"],
        ["DROP TABLE events"],
    ],
)
def test_tables_that_do_something_of_their_own_are_refused(path, make_events, statements):
    SqliteStorage(path).create("s", make_events(0))
    change(path, *statements)
    with pytest.raises(UnsupportedJournal, match="in the place of its tables"):
        SqliteStorage(path).open("s")


def test_others_may_keep_views_and_tables_beside(path, make_events):
    SqliteStorage(path).create("s", make_events(1))
    change(path, "CREATE VIEW v AS SELECT payload FROM events", "CREATE TABLE mine (x)")
    SqliteStorage(path).open("s").append([TrialStarted(1)], expected=4)
    assert len(ask(path, "SELECT * FROM v")) == 2


def test_a_study_of_a_newer_version_is_refused_by_its_format(path, make_events):
    from msgspec.structs import replace

    storage = SqliteStorage(path)
    storage.create("s", [replace(make_events(0)[0], format=9)])
    with pytest.raises(UnreadableEvents, match=r"studies\.db, study 's', after event 0.*its format is 9"):
        storage.open("s").read(0)


def test_a_deleted_number_is_not_given_again(path, make_events):
    storage = SqliteStorage(path)
    for _ in range(3):
        storage.create("s", make_events(0))
        storage.delete("s")
    storage.create("s", make_events(0))
    assert ask(path, "SELECT id FROM studies") == [(4,)]
    assert ask(path, "SELECT DISTINCT study FROM events") == [(4,)]


def test_a_copy_of_the_file_and_its_log_is_the_same_study(path, tmp_path, make_events):
    journal = SqliteStorage(path).create("s", make_events(2))
    journal.append([TrialStarted(9)], expected=7)
    assert path.with_name("studies.db-wal").stat().st_size
    (tmp_path / "copy").mkdir()
    for file in (path, path.with_name("studies.db-wal")):
        shutil.copy(file, tmp_path / "copy" / file.name)
    assert [*SqliteStorage(tmp_path / "copy" / "studies.db").open("s").read(0)] == [*journal.read(0)]


def test_the_last_user_leaves_one_file(path, tmp_path, make_events):
    journal = SqliteStorage(path).create("s", make_events(2))
    journal.append([TrialStarted(9)], expected=7)
    del journal
    assert [file.name for file in tmp_path.iterdir()] == ["studies.db"]


def test_a_study_may_be_created_in_a_database_that_is_in_use(path, make_events):
    storage = SqliteStorage(path)
    first = storage.create("s", make_events(1))
    second = storage.create("t", make_events(0, name="t"))
    with pytest.raises(DuplicatedStudyError):
        storage.create("t", make_events(0, name="t"))
    assert first.append([TrialStarted(1)], expected=4) == 5
    assert second.append([TrialStarted(0)], expected=1) == 2


def test_a_journal_shows_what_it_is(path, make_events):
    SqliteStorage(path).create("s", make_events(0))
    journal = SqliteJournal(path, "s", durability="process", lock_timeout=2)
    assert repr(journal) == f"SqliteJournal({str(path)!r}, 's', durability='process', lock_timeout=2)"
    assert journal.path == str(path)


def test_hpo_studies_live_in_databases(path):
    import hpo

    hpo.logging.set_verbosity(hpo.logging.WARNING)
    url = f"sqlite:///{path}"
    for _ in range(2):
        study = hpo.create_study(
            storage=url, study_name="digits", load_if_exists=True, sampler=hpo.samplers.RandomSampler()
        )
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert [trial.number for trial in hpo.load_study(storage=url).trials] == [*range(10)]
    assert hpo.get_all_study_names(url) == ["digits"]
    hpo.copy_study(from_study_name="digits", from_storage=url, to_storage=url, to_study_name="copy")
    hpo.delete_study(study_name="digits", storage=url)
    assert hpo.get_all_study_names(url) == ["copy"]
