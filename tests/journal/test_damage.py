"""Cut, flipped, dropped, doubled and foreign bytes: recovered from where a crash explains them, else located."""

import zlib
from zlib import crc32

import pytest
from hypothesis import given, settings, strategies as st

from hpo.core import StudyCreated, TrialStarted, encode_events
from hpo.errors import Conflict, HpoError, JournalCorrupted, JournalMoved, UnreadableEvents, UnsupportedJournal
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file import lines as scan
from hpo.journal.file.checksums import PartialChecksums
from hpo.journal.file.lines import pack
from hpo.journal.repair import check_file, repair_file


@pytest.fixture
def sample(journal_file, make_events):
    """A path, its events, and its lines: one event each, 13 in all."""
    events = make_events(4)
    path = journal_file(events)
    return path, events, path.read_bytes().splitlines(keepends=True)


def test_a_journal_cut_anywhere_in_its_last_records_keeps_the_others_and_goes_on(sample):
    path, events, lines = sample
    whole = b"".join(lines)
    for kept in range(len(b"".join(lines[:-3])), len(whole)):
        path.write_bytes(whole[:kept])
        n = whole[:kept].count(b"\n")
        torn = whole[:kept].rpartition(b"\n")[2]
        journal = FileJournal(path, durability="process")
        assert [*journal.read(0)] == events[:n]
        assert path.stat().st_size == kept  # readers change nothing
        assert journal.append([TrialStarted(77)], expected=n) == n + 1
        assert [*FileJournal(path).read(0)] == [*events[:n], TrialStarted(77)]
        saved = [*path.parent.glob("*.torn-*")]
        assert [(file.name, file.read_bytes()) for file in saved] == (
            [(f"{path.name}.torn-{kept - len(torn)}", torn)] if torn else []
        )
        for file in saved:
            file.unlink()


def test_a_stale_writer_leaves_a_torn_end_alone(sample):
    path, _, lines = sample
    path.write_bytes(b"".join(lines)[:-1])
    with pytest.raises(Conflict):
        FileJournal(path).append([TrialStarted(77)], expected=13)
    assert path.read_bytes() == b"".join(lines)[:-1]


def test_a_second_torn_end_at_the_same_place_is_saved_beside_the_first(sample):
    path, _, lines = sample
    for torn in [b"one", b"two", b"three"]:
        path.write_bytes(b"".join(lines) + torn)
        FileJournal(path).append([TrialStarted(77)], expected=13)
    offset = len(b"".join(lines))
    saved = {file.name: file.read_bytes() for file in path.parent.glob("*.torn-*")}
    assert saved == {
        f"s.jsonl.torn-{offset}": b"one",
        f"s.jsonl.torn-{offset}.2": b"two",
        f"s.jsonl.torn-{offset}.3": b"three",
    }


@pytest.mark.parametrize("tail", [b"\0" * 512, b"\n", b"\0" * 100 + b"\n", b"deadbeef 14 [[", b"x" * 100])
def test_one_line_of_garbage_at_the_end_is_torn(sample, tail):
    path, events, lines = sample
    path.write_bytes(b"".join(lines) + tail)
    journal = FileJournal(path)
    assert [*journal.read(0)] == events
    journal.append([TrialStarted(77)], expected=13)
    assert [*FileJournal(path).read(12)] == [*events[12:], TrialStarted(77)]


def test_a_torn_end_that_grows_into_a_record_is_read_then(sample):
    path, events, lines = sample
    path.write_bytes(b"".join(lines)[:-10])
    journal = FileJournal(path)
    assert [*journal.read(0)] == events[:12]
    with path.open("ab") as file:
        file.write(lines[-1][-10:])
    assert [*journal.read(12)] == events[12:]


def test_every_flipped_bit_is_located_or_torn_and_never_read(journal_file, make_events):
    events = make_events(1)
    path = journal_file(events)
    whole = bytearray(path.read_bytes())
    lines = path.read_bytes().splitlines(keepends=True)
    ends = [sum(map(len, lines[: i + 1])) for i in range(len(lines))]
    for i in range(len(whole)):
        line = next(k for k, end in enumerate(ends) if i < end)
        start = ends[line] - len(lines[line])
        for bit in range(8):
            whole[i] ^= 1 << bit
            path.write_bytes(whole)
            whole[i] ^= 1 << bit
            try:
                read = [*FileJournal(path).read(0)]
            except JournalCorrupted as error:
                assert (error.path, error.line, error.offset) == (str(path), line + 1, start)  # noqa: PT017
            except UnsupportedJournal:
                assert line == 0  # its first bytes make a journal
            else:
                assert line == len(lines) - 1
                assert read == events[:-1]


def test_damage_is_found_behind_what_was_read_and_nothing_is_written(sample):
    path, _, lines = sample
    journal = FileJournal(path)
    journal.read(0)
    flawed = lines[-1][:20] + b"~" + lines[-1][21:]
    with path.open("ab") as file:
        file.write(flawed + pack([TrialStarted(9)], 15))
    before = path.read_bytes()
    for act in (lambda: journal.read(13), lambda: journal.append([TrialStarted(9)], expected=13)):
        with pytest.raises(JournalCorrupted, match=r"line 14 .*checksum") as caught:
            act()
        assert caught.value.offset == len(b"".join(lines))
    assert path.read_bytes() == before


@pytest.mark.parametrize("i", range(1, 11))
def test_a_dropped_doubled_or_swapped_line_is_located(sample, i):
    path, _, lines = sample
    for damaged, line in [
        ([*lines[:i], *lines[i + 1 :]], i + 1),
        ([*lines[: i + 1], lines[i], *lines[i + 1 :]], i + 2),
        ([*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]], i + 1),
    ]:
        path.write_bytes(b"".join(damaged))
        with pytest.raises(JournalCorrupted, match="follows") as caught:
            FileJournal(path).read(0)
        assert caught.value.line == line
        assert caught.value.offset == len(b"".join(damaged[: line - 1]))


def test_a_whole_last_line_twice_is_no_torn_end(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines, lines[-1]]))
    with pytest.raises(JournalCorrupted, match="record 13 follows record 13"):
        FileJournal(path).append([TrialStarted(9)], expected=13)


def test_a_lost_line_end_before_the_last_record_costs_no_record(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:-2], lines[-2][:-1], b"\x0b", lines[-1]]))
    with pytest.raises(JournalCorrupted) as caught:
        FileJournal(path).read(0)
    assert caught.value.line == 12


def test_two_damaged_lines_at_the_end_are_more_than_a_crash_leaves(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines, b"hello\n", b"world\n"]))
    with pytest.raises(JournalCorrupted) as caught:
        FileJournal(path).read(0)
    assert caught.value.line == 14


def test_two_journals_in_one_file_are_located(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines, *lines]))
    with pytest.raises(JournalCorrupted, match=r"line 14 .*record 1 follows record 13"):
        FileJournal(path).read(0)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b" ", b"  ", 1),
        lambda text: b"\n" + text,
    ],
)
def test_a_journal_that_an_editor_rewrote_is_refused(sample, change):
    path, _, lines = sample
    path.write_bytes(change(b"".join(lines)))
    with pytest.raises((JournalCorrupted, UnsupportedJournal)):
        FileJournal(path).read(0)
    with pytest.raises((JournalCorrupted, UnsupportedJournal)):
        FileStorage(path).names()


@pytest.mark.parametrize(
    "text",
    [
        b"hello",
        b"hello\n",
        b"hello\nworld\n",
        b'{"op_code": 0, "worker_id": "x"}\n',
        b"\x80\x04\x95pickle",
        b"\0" * 5000,
        b"\n",
        b"SQLite format 3\0" + b"\n" * 100,
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path, make_events, text):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(text)
    storage = FileStorage(path)
    for act in (
        storage.names,
        lambda: storage.open(None),
        lambda: storage.open("s"),
        lambda: storage.create("s", make_events(0)),
        lambda: storage.delete("s"),
        lambda: FileJournal(path).read(0),
        lambda: FileJournal(path).append(make_events(0), expected=0),
    ):
        with pytest.raises(UnsupportedJournal, match="not the journal"):
            act()
    assert path.read_bytes() == text
    assert [*tmp_path.iterdir()] == [path]


def test_a_first_record_that_is_cut_off_is_damage_and_is_left_as_it_is(sample, make_events):
    path, _, lines = sample
    for kept in range(13, len(lines[0])):
        path.write_bytes(lines[0][:kept])
        for act in (
            lambda: FileJournal(path).append(make_events(0), expected=0),
            lambda: FileStorage(path).create("s", make_events(0)),
        ):
            with pytest.raises(JournalCorrupted, match=r"line 1 \(byte 0\)"):
                act()
        assert path.read_bytes() == lines[0][:kept]


def test_a_file_cut_below_what_was_read_has_moved(sample):
    path, _, lines = sample
    journal = FileJournal(path)
    journal.read(0)
    with path.open("r+b") as file:
        file.truncate(len(b"".join(lines[:5])))
    for act in (lambda: journal.read(13), lambda: journal.append([TrialStarted(9)], expected=13)):
        with pytest.raises(JournalMoved, match=r"was rewritten .* 13 event") as caught:
            act()
        assert (caught.value.path, caught.value.known) == (str(path), 13)


def test_an_unknown_event_with_a_right_checksum_is_new_and_not_damaged(sample):
    path, _, lines = sample
    text = encode_events([TrialStarted(9)]).replace(b"started", b"teleported")
    line = pack([], 14)[9:-1].replace(b"[]", text)
    path.write_bytes(b"".join(lines) + b"%08x %s\n" % (zlib.crc32(line), line))
    before = path.read_bytes()
    journal = FileJournal(path)
    for act in (lambda: journal.read(0), lambda: journal.append([TrialStarted(9)], expected=14)):
        with pytest.raises(UnreadableEvents, match=r"s\.jsonl, line 14 .*teleported.* newer version"):
            act()
    assert path.read_bytes() == before


def test_a_newer_format_is_named_and_hides_no_other_study(tmp_path):
    FileStorage(tmp_path / "new.jsonl").create("s", [StudyCreated(1, "s", ("minimize",), 1)])
    (tmp_path / "new.jsonl").write_bytes(pack([StudyCreated(7, "s", ("minimize",), 1)], 1))
    with pytest.raises(UnreadableEvents, match="its format is 7"):
        FileStorage(tmp_path / "new.jsonl").open("s")


def test_nesting_too_deep_to_read_is_refused_and_does_not_crash(sample):
    path, _, lines = sample
    body = b'14 [["study_attribute","k",' + b"[" * 200_000 + b"]" * 200_000 + b"]]"
    path.write_bytes(b"".join(lines) + b"%08x %s\n" % (zlib.crc32(body), body))
    with pytest.raises(UnreadableEvents, match="line 14"):
        FileJournal(path).read(0)


def test_a_line_without_end_is_given_up_at_a_bound(sample, monkeypatch):
    path, _, lines = sample
    monkeypatch.setattr(scan, "LONGEST", 10_000)
    monkeypatch.setattr(scan, "_CHUNK", 1000)
    path.write_bytes(b"".join(lines) + b"x" * 100_000)
    with pytest.raises(JournalCorrupted, match="longer than 10000 bytes"):
        FileJournal(path).read(0)
    path.write_bytes(b"0badc0de 1 [" * 100_000)
    with pytest.raises(HpoError):
        FileStorage(path).names()


def test_a_torn_end_that_a_writer_replaces_during_the_reading_is_no_damage(sample, monkeypatch):
    """Pages are read one after another: the first may be of the torn end, the next of what came in its place."""
    path, events, lines = sample
    path.write_bytes(b"".join(lines))
    mixed = [b"".join([*lines[:i], b"deadbeef 2 torn", lines[i][15:], *lines[i + 1 :]]) for i in (5, 1)]
    pread = scan.os.pread
    monkeypatch.setattr(
        "os.pread", lambda fd, n, offset: mixed.pop()[offset:] if mixed and n > 1 else pread(fd, n, offset)
    )
    assert [*FileJournal(path).read(0)] == events
    assert mixed == []


def fakes(n, size):
    """A line that is not a record, with `n` beginnings of records in it, the end of one, and about `size` bytes."""
    one = b"deadbeef cafecafe 14 ["
    return (one + b"x" * (size // n - len(one))) * n + b"]"


@pytest.mark.parametrize("n", [1, 999, 20_000])
def test_a_damaged_end_is_read_once_however_many_beginnings_it_fakes(sample, n, monkeypatch):
    path, events, lines = sample
    path.write_bytes(b"".join(lines) + fakes(n, 1_000_000) + b"\n")
    summed = []
    for module in ("lines", "checksums"):
        monkeypatch.setattr(
            f"hpo.journal.file.{module}.crc32", lambda text, value=0: summed.append(len(text)) or crc32(text, value)
        )
    assert [*FileJournal(path).read(0)] == events
    assert sum(summed) < 3_000_000
    assert check_file(path)[0].torn > 900_000


@pytest.mark.parametrize("n", [0, 1, 999, 20_000])
def test_a_record_behind_fake_beginnings_is_found_in_a_merged_line(sample, n):
    path, events, lines = sample
    before = fakes(n, 30 * n)[:-1] if n else b"garbage "
    path.write_bytes(b"".join(lines[:-1]) + before + lines[-1])
    with pytest.raises(JournalCorrupted, match=f"line {len(lines)} "):
        FileJournal(path).read(0)
    [done] = repair_file(path, path.with_name("repaired.jsonl"))
    assert done.events == len(events)
    assert [*FileJournal(done.output).read(0)] == events


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
@settings(derandomize=True, database=None, deadline=None)
def test_checksums_of_parts_are_those_of_the_parts_alone(text, places):
    places = sorted({min(place, len(text)) for place in places})
    checksums = PartialChecksums(text, places)
    for start in places:
        for end in places:
            if start <= end:
                assert checksums.between(start, end) == crc32(text[start:end])
