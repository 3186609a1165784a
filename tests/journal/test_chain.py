"""Journals of format 2: each record holds the checksum of the record before it, and readers check the chain."""

import os
import re
import sqlite3
import zlib

import pytest
from claimed_journals import made_without_locks

from hpo.core import StudyAttributeSet, StudyCreated, TrialStarted
from hpo.errors import Conflict, HpoError, JournalCorrupted, JournalMoved
from hpo.journal import DirectoryStorage, FileJournal, FileStorage, SqliteStorage
from hpo.journal.file.lines import pack, unpack
from hpo.journal.records import CHAINED_SINCE
from hpo.journal.repair import check_file, check_journal, repair_file, repair_journal


@pytest.fixture(autouse=True)
def _format_is_known(monkeypatch):
    for module in ("hpo.journal.records", "hpo.journal.repair.reports"):
        monkeypatch.setattr(f"{module}.FORMAT", CHAINED_SINCE)


def history(n=6, name="s", start=100):
    """A study of format 2 and `n` attributes."""
    return [
        StudyCreated(CHAINED_SINCE, name, ("minimize",), start),
        *(StudyAttributeSet(f"k{i}", start + i) for i in range(n)),
    ]


def write(storage, events):
    """A journal with one record for each event."""
    journal = storage.create(events[0].name, events[:1])
    for i, event in enumerate(events[1:], 1):
        journal.append([event], expected=i)
    return journal


@pytest.fixture
def lines(tmp_path):
    """The lines of a chained journal, which is at ``s.jsonl``."""
    write(FileStorage(tmp_path / "s.jsonl", durability="process"), history())
    return (tmp_path / "s.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture
def path(tmp_path, lines):
    return tmp_path / "s.jsonl"


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "studies.db"
    write(SqliteStorage(path, durability="process"), history())
    return path


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rows(path):
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT sequence, crc32, previous FROM events ORDER BY study, sequence").fetchall()
    connection.close()
    return found


def outcome_of(path):
    try:
        return [*FileJournal(path).read(0)], None
    except HpoError as error:
        return None, error


def test_each_record_of_a_file_holds_the_checksum_of_the_one_before_it(lines):
    fields = [line.split(b" ")[:3] for line in lines]
    assert [previous for _, previous, _ in fields] == [b"00000000", *(checksum for checksum, *_ in fields[:-1])]
    assert [int(sequence) for *_, sequence in fields] == [1, 2, 3, 4, 5, 6, 7]
    assert all(int(line[:8], 16) == zlib.crc32(line[9:-1]) for line in lines)


def test_each_row_of_a_database_holds_the_checksum_that_a_file_has(database, lines):
    assert [(sequence, checksum) for sequence, checksum, _ in rows(database)] == [
        (i, int(line[:8], 16)) for i, line in enumerate(lines, 1)
    ]
    assert [previous for *_, previous in rows(database)] == [0, *(int(line[:8], 16) for line in lines[:-1])]


@pytest.mark.parametrize("make", [FileStorage, DirectoryStorage, SqliteStorage])
def test_a_chain_goes_on_whoever_appends(make, tmp_path):
    storage = make(tmp_path / ("s.jsonl" if make is FileStorage else "place"))
    write(storage, history(2))
    one, other = storage.open("s"), storage.open("s")
    assert other.append([TrialStarted(0)], expected=3) == 4  # it never read
    assert one.append([], expected=4) == 4
    assert one.append([TrialStarted(1), TrialStarted(2)], expected=4) == 6
    with pytest.raises(Conflict):
        other.append([TrialStarted(9)], expected=4)
    assert other.append([TrialStarted(3)], expected=6) == 7
    for start in range(8):
        assert [*storage.open("s").read(start)] == [*history(2), *map(TrialStarted, range(4))][start:]


@pytest.mark.parametrize("make", [FileStorage, SqliteStorage])
def test_a_study_that_begins_with_thousands_of_events_is_chained_too(make, tmp_path):
    storage = make(tmp_path / "s.jsonl")
    events = history(2500)
    storage.create("s", events).append([TrialStarted(0)], expected=2501)
    assert [*storage.open("s").read(0)] == [*events, TrialStarted(0)]


def test_claims_are_chained(tmp_path, monkeypatch):
    path = tmp_path / "s.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr("claimed_journals.CREATED", history()[0])
        made_without_locks(path, monkeypatch)
    for i in range(1, 4):
        with path.open("ab") as file:
            file.write(b"torn " * 20)  # which the next record covers with spaces
        FileJournal(path).append([StudyAttributeSet("k", i)], expected=i)
    records = [unpack(line) for line in path.read_bytes().splitlines()]
    assert [record.previous for record in records] == [0, *(record.checksum for record in records[:-1])]
    assert len(FileJournal(path).read(0)) == 4


@pytest.mark.parametrize("at", range(1, 7))
def test_a_record_of_another_history_is_located(path, lines, tmp_path, at):
    other = tmp_path / "other"
    write(FileStorage(other.with_suffix(".jsonl")), history(start=900))
    strangers = other.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:at], *strangers[at:]]))
    if at == 6:
        path.write_bytes(path.read_bytes() + pack([TrialStarted(1)], 8, int(strangers[6][:8], 16)))
    for act in (lambda: FileJournal(path).read(0), lambda: FileJournal(path).append([TrialStarted(5)], expected=7)):
        with pytest.raises(JournalCorrupted, match="the chain of checksums is broken") as caught:
            act()
        assert (caught.value.line, caught.value.offset) == (at + 1, len(b"".join(lines[:at])))
    flaw = check_journal(path).flaw
    assert (flaw.kind, flaw.line, flaw.offset) == ("damaged", at + 1, len(b"".join(lines[:at])))
    done = repair_journal(path)
    assert done.events == at
    assert done.salvaged_events == 7 + (at == 6) - at
    assert FileStorage(done.output).open("s").read(0) == history()[:at]


def test_a_journal_without_its_first_lines_is_not_another_one(path, lines):
    created = pack(history()[:1], 1, 0)
    assert created == lines[0]
    forged = pack([StudyCreated(CHAINED_SINCE, "s", ("maximize",), 7)], 1, 0)
    path.write_bytes(b"".join([forged, *lines[1:]]))
    with pytest.raises(JournalCorrupted, match=r"line 2 .*chain"):
        FileJournal(path).read(0)


def test_a_journal_with_a_chain_takes_no_record_without_and_the_other_way_round(path, lines, tmp_path):
    path.write_bytes(b"".join(lines) + pack([TrialStarted(0)], 8) + pack([TrialStarted(1)], 9))
    with pytest.raises(JournalCorrupted, match=r"line 8 .*does not hold the checksum"):
        FileJournal(path).read(0)
    old = tmp_path / "old.jsonl"
    old.write_bytes(pack([StudyCreated(1, "s", ("minimize",), 7)], 1) + pack([TrialStarted(0)], 2, 0))
    with pytest.raises(JournalCorrupted, match=r"line 2 .*format does not have"):
        FileJournal(old).read(0)
    for wrong in (pack(history()[:1], 1), pack([StudyCreated(1, "s", ("minimize",), 7)], 1, 0)):
        old.write_bytes(wrong)
        with pytest.raises(JournalCorrupted, match="line 1 "):
            FileJournal(old).read(0)


def test_a_reader_who_goes_on_notices_that_the_record_before_was_another_one(path, lines):
    reader = FileJournal(path)
    assert len(reader.read(0)) == 7
    forged = pack([StudyAttributeSet("k5", 999)], 7, int(lines[5][:8], 16))
    assert len(forged) == len(lines[6])
    with path.open("r+b") as file:  # the same inode, and the same length
        file.write(b"".join([*lines[:6], forged]))
    FileJournal(path).append([TrialStarted(0)], expected=7)
    for read in (reader.read, reader.read):
        with pytest.raises(JournalMoved, match=r"was rewritten .* 7 event"):
            read(7)


def test_every_cut_keeps_the_records_before_it(path, lines):
    whole = b"".join(lines)
    for kept in range(len(lines[0]), len(whole)):
        path.write_bytes(whole[:kept])
        n = whole[:kept].count(b"\n")
        journal = FileJournal(path, durability="process")
        assert [*journal.read(0)] == history()[:n]
        assert journal.append([TrialStarted(77)], expected=n) == n + 1
        assert [*FileJournal(path).read(0)] == [*history()[:n], TrialStarted(77)]
        for torn in path.parent.glob("*.torn-*"):
            torn.unlink()


def test_every_flipped_bit_is_located_or_torn(path, lines):
    whole, starts = b"".join(lines), [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for i in range(len(whole)):
        at = max(k for k, start in enumerate(starts) if start <= i)
        for bit in (0, 1, 4, 7):
            path.write_bytes(whole[:i] + bytes([whole[i] ^ 1 << bit]) + whole[i + 1 :])
            events, error = outcome_of(path)
            if isinstance(error, JournalCorrupted):
                assert error.offset in {starts[at], starts[max(at - 1, 0)]}
            elif error is not None:
                assert at == 0  # the beginning no longer says that it is a journal
            else:
                assert at == 6
                assert events == history()[:6]


def test_lines_that_are_dropped_doubled_or_swapped_are_located(path, lines):
    for changed in (
        [*lines[:3], *lines[4:]],
        [*lines[:3], lines[2], *lines[3:]],
        [*lines[:3], lines[4], lines[3], *lines[5:]],
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(JournalCorrupted, match="line 4 "):
            FileJournal(path).read(0)


def test_a_row_of_another_history_is_told(database, tmp_path):
    write(SqliteStorage(tmp_path / "other.db"), history(start=900))
    change(
        database,
        f"ATTACH '{tmp_path / 'other.db'}' AS other",
        "DELETE FROM main.events WHERE sequence > 4",
        "INSERT INTO main.events SELECT * FROM other.events WHERE sequence > 4",
    )
    with pytest.raises(JournalCorrupted, match=r"study 's', after event 4: .*the chain of checksums is broken"):
        SqliteStorage(database).open("s").read(0)
    [found] = check_file(database)
    assert (found.events, found.flaw.kind) == (4, "damaged")
    [done] = repair_file(database)
    assert (done.events, done.salvaged_events) == (4, 3)


@pytest.mark.parametrize("value", ["previous + 1", "0", "NULL", "-1", "1 << 40"])
def test_a_changed_checksum_of_the_row_before_is_told(database, value):
    change(database, f"UPDATE events SET previous = {value} WHERE sequence = 4")
    with pytest.raises(JournalCorrupted, match="after event 3: "):
        SqliteStorage(database).open("s").read(0)


def test_the_first_row_tells_whether_there_is_a_chain(database):
    change(database, "UPDATE events SET previous = NULL WHERE sequence = 1")
    with pytest.raises(JournalCorrupted, match="after event 0: the checksum is wrong"):
        SqliteStorage(database).open("s").read(0)


def test_a_database_of_version_1_is_read_and_appended_to_as_it_is(tmp_path, make_events):
    path = tmp_path / "old.db"
    storage = SqliteStorage(path)
    storage.create("s", make_events(1))
    change(path, "ALTER TABLE events DROP COLUMN previous", "PRAGMA user_version = 1")
    handle = storage.open("s")
    assert handle.append([TrialStarted(1)], expected=4) == 5
    assert [*storage.open("s").read(0)] == [*make_events(1), TrialStarted(1)]
    assert check_file(path)[0].healthy
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    before = connection.execute("SELECT study, sequence, crc32, payload FROM events").fetchall()
    connection.close()

    write(storage, history(name="new"))  # the first new study brings the column along
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    query = "SELECT study, sequence, crc32, payload FROM events WHERE previous IS NULL"
    assert connection.execute(query).fetchall() == before
    connection.close()
    assert handle.append([TrialStarted(2)], expected=5) == 6  # one that was open meanwhile goes on
    assert len(storage.open("s").read(0)) == 6
    assert storage.open("new").read(0) == history(name="new")
    assert all(found.healthy for found in check_file(path))


def test_a_journal_of_format_1_stays_without_a_chain(tmp_path, make_events):
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", make_events(1)).append([TrialStarted(1)], expected=4)
    assert re.fullmatch(rb"([0-9a-f]{8} [0-9]+ \[.*\n){2}", path.read_bytes())


def test_a_repaired_journal_has_a_chain_of_its_own(path, lines):
    path.write_bytes(b"".join([*lines[:3], b"garbage\n", *lines[3:]]))
    done = repair_journal(path)
    assert (done.events, done.lost) == (7, ())
    assert FileStorage(done.output).open("s").read(0) == history()
    assert check_journal(done.output).healthy


def test_an_append_reads_nothing_but_the_size_and_the_last_checksum(path, lines, monkeypatch):
    journal = FileJournal(path)
    assert len(journal.read(0)) == 7
    asked, pread = [], os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, offset: asked.append((n, offset)) or pread(fd, n, offset))
    assert journal.append([TrialStarted(0)], expected=7) == 8
    assert asked == [(8, sum(map(len, lines[:6])))]
