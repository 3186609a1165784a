"""Checking journals without trusting them, and saving what is intact of damaged ones."""

import fcntl
import stat
import zlib
from pathlib import Path

import pytest

from hpo.core import StudyCreated, TrialFinished, TrialStarted, TrialState, encode_events, replay
from hpo.errors import (
    HpoError,
    InvalidArgument,
    JournalBusy,
    JournalCorrupted,
    JournalFull,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal import DirectoryStorage, FileJournal, FileStorage
from hpo.journal.file.lines import pack
from hpo.journal.repair import check_directory, check_journal, files, repair_journal


@pytest.fixture
def sample(journal_file, make_events):
    """A path, its events, and its lines: one event each, 13 in all."""
    events = make_events(4)
    path = journal_file(events)
    return path, events, path.read_bytes().splitlines(keepends=True)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def newer_record(sequence):
    line = pack([TrialStarted(0)], sequence)
    body = line[9:-1].replace(b'"started"', b'"teleported"')
    return b"%08x %s\n" % (zlib.crc32(body), body)


def flawed(line):
    return line[:20] + b"~" + line[21:]


def test_an_intact_journal_is_counted(sample):
    path, _, lines = sample
    found = check_journal(path)
    assert (found.healthy, found.study, found.records, found.events, found.torn) == (True, "s", 13, 13, 0)
    assert found.path == str(path)
    assert path.read_bytes() == b"".join(lines)


def test_records_and_events_are_counted_apart(tmp_path, make_events):
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", make_events(4))
    found = check_journal(path)
    assert (found.records, found.events) == (1, 13)


def test_an_empty_file_holds_no_study_and_is_healthy(tmp_path):
    path = tmp_path / "s.jsonl"
    path.touch()
    found = check_journal(path)
    assert (found.healthy, found.study, found.records) == (True, None, 0)


def test_a_torn_end_is_measured_and_healthy_wherever_it_was_cut(sample):
    path, _, lines = sample
    whole = b"".join(lines)
    for kept in range(len(whole) - len(lines[-1]), len(whole)):
        path.write_bytes(whole[:kept])
        found = check_journal(path)
        assert found.healthy
        assert (found.records, found.torn) == (12, kept - len(whole) + len(lines[-1]))
    path.write_bytes(whole + b"\0" * 512 + b"\n")
    assert check_journal(path).torn == 513


def test_check_agrees_with_readers_on_every_flipped_bit(journal_file, make_events):
    path = journal_file(make_events(1))
    whole = bytearray(path.read_bytes())
    for i in range(len(whole)):
        for bit in range(8):
            whole[i] ^= 1 << bit
            path.write_bytes(whole)
            whole[i] ^= 1 << bit
            found = check_journal(path)
            try:
                read = len(FileJournal(path).read(0))
            except JournalCorrupted as error:
                assert found.flaw.kind == "damaged"
                assert (found.flaw.line, found.flaw.offset, found.flaw.problem) == (  # noqa: PT017
                    error.line,
                    error.offset,
                    error.problem,
                )
            except UnsupportedJournal:  # a reader looks at the first bytes only
                assert (found.flaw.kind, found.flaw.line) == ("damaged", 1)
            else:
                assert found.healthy
                assert found.events == read


def test_check_agrees_with_readers_on_every_cut(sample):
    path, _, lines = sample
    whole = b"".join(lines)
    for kept in range(len(whole)):
        path.write_bytes(whole[:kept])
        found = check_journal(path)
        try:
            read = len(FileJournal(path).read(0))
        except HpoError:
            assert found.flaw.line == 1
        else:
            assert found.healthy
            assert found.events == read


@pytest.mark.parametrize("i", range(1, 12))
def test_check_agrees_with_readers_on_dropped_and_doubled_lines(sample, i):
    path, _, lines = sample
    for content in [[*lines[:i], *lines[i + 1 :]], [*lines[: i + 1], *lines[i:]], [*lines[: i + 1], lines[i]]]:
        path.write_bytes(b"".join(content))
        with pytest.raises(JournalCorrupted) as caught:
            FileJournal(path).read(0)
        flaw = check_journal(path).flaw
        assert (flaw.kind, flaw.line, flaw.offset) == ("damaged", caught.value.line, caught.value.offset)
        assert flaw.problem == caught.value.problem


def test_a_newer_format_is_no_damage(sample):
    path, _, lines = sample
    path.write_bytes(b"".join(lines[:5]) + newer_record(6))
    found = check_journal(path)
    assert (found.flaw.kind, found.flaw.line, found.records) == ("newer", 6, 5)
    assert "teleported" in found.flaw.problem
    path.write_bytes(pack([StudyCreated(99, "s", ("minimize",), 7)], 1))
    found = check_journal(path)
    assert (found.flaw.kind, found.flaw.line) == ("newer", 1)
    assert "99" in found.flaw.problem


@pytest.mark.parametrize(
    "event",
    [TrialFinished(9, TrialState.COMPLETE, (1.0,)), StudyCreated(1, "again", ("minimize",), 7)],
)
def test_events_that_follow_from_nothing_are_found_under_a_right_checksum(sample, event):
    path, _, lines = sample
    path.write_bytes(b"".join(lines[:4]) + pack([event], 5))
    found = check_journal(path)
    assert (found.flaw.kind, found.flaw.line, found.records) == ("inconsistent", 5, 4)
    assert found.flaw.offset == len(b"".join(lines[:4]))


@pytest.mark.parametrize("content", [b"hello\nworld\n", b"{}", b"\0" * 5000, b"number,value\n0,1.5\n"])
def test_another_file_is_called_foreign(tmp_path, content):
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    assert check_journal(path).flaw.kind == "foreign"
    with pytest.raises(UnsupportedJournal, match="not the journal"):
        repair_journal(path)
    assert names(tmp_path) == ["s.jsonl"]


def test_a_missing_file_is_an_error(tmp_path):
    for act in (check_journal, repair_journal):
        with pytest.raises(StudyNotFound):
            act(tmp_path / "s.jsonl")


def test_a_directory_is_checked_file_by_file(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path)
    for name in ["b", "a"]:
        storage.create(name, make_events(1, name))
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / ".draft.jsonl").write_text("not looked at")
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    path = tmp_path / "b.jsonl"
    path.write_bytes(flawed(path.read_bytes()))
    found = check_directory(tmp_path)
    assert [(Path(one.path).name, one.healthy) for one in found] == [("a.jsonl", True), ("b.jsonl", False)]
    with pytest.raises(UnsupportedJournal, match="can't be listed"):
        check_directory(tmp_path / "a.jsonl")


def test_damage_that_a_second_look_does_not_find_is_a_writer_at_work(sample, monkeypatch):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:5], flawed(lines[5]), *lines[6:]]))
    look = files._inspected

    def and_then_it_is_whole(file, shown):
        found = look(file, shown)
        path.write_bytes(b"".join(lines))
        return found

    monkeypatch.setattr(files, "_inspected", and_then_it_is_whole)
    assert check_journal(path).events == 13


def test_a_new_journal_that_fails_leaves_nothing_in_the_way_of_the_next_attempt(sample, monkeypatch):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))

    def full(target, *_, **__):
        raise JournalFull(target, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(files, "create_file", full)
        with pytest.raises(JournalFull):
            repair_journal(path)
    assert names(path.parent) == ["s.jsonl"]
    assert repair_journal(path).events == 5


def test_a_healthy_journal_is_left_alone(sample):
    path, _, lines = sample
    for tail in (b"", b"deadbeef 14 [["):
        path.write_bytes(b"".join(lines) + tail)
        done = repair_journal(path)
        assert (done.flaw, done.output, done.events) == (None, None, 13)
        assert path.read_bytes() == b"".join(lines) + tail
        assert names(path.parent) == ["s.jsonl"]


def test_a_damaged_record_ends_the_new_journal_and_the_rest_is_put_aside(sample):
    path, events, lines = sample
    damaged = b"".join([*lines[:5], flawed(lines[5]), *lines[6:]])
    path.write_bytes(damaged)
    path.chmod(0o444)
    done = repair_journal(path)
    assert path.read_bytes() == damaged
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert [*FileJournal(done.output).read(0)] == events[:5]
    assert done.output == str(path.with_name("s.repaired.jsonl"))
    assert path.with_name("s.repaired.jsonl.salvaged").read_bytes() == b"".join(lines[6:])
    assert done.salvaged == done.output + ".salvaged"
    assert (done.events, done.salvaged_events, done.lost) == (5, 7, ((6, 6),))
    assert done.unreadable == ((len(b"".join(lines[:5])), len(lines[5])),)
    state = replay(events[:5])
    assert (done.n_trials, done.n_running) == (state.n_trials, 1)
    journal = FileJournal(done.output)
    journal.append([TrialFinished(1, TrialState.FAIL)], expected=5)
    assert check_journal(done.output).healthy


@pytest.mark.parametrize("i", range(1, 12))
def test_doubled_swapped_and_preceded_records_are_all_kept(sample, i):
    path, events, lines = sample
    for number, content in enumerate(
        [
            [*lines[: i + 1], lines[i], *lines[i + 1 :]],
            [*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]],
            [*lines[:i], b"garbage\n", *lines[i:]],
            [*lines[:i], b"x" * 40, *lines[i:]],
        ]
    ):
        path.write_bytes(b"".join(content))
        assert not check_journal(path).healthy
        done = repair_journal(path, path.with_name(f"{i}-{number}.jsonl"))
        assert [*FileJournal(done.output).read(0)] == events
        assert (done.lost, done.salvaged, done.salvaged_events) == ((), None, 0)
        assert sum(size for _, size in done.unreadable) == (0, 0, 8, 40)[number]


@pytest.mark.parametrize("instead", [b"\x0b", b"", b"\r", b"\0\0"])
@pytest.mark.parametrize("i", range(11))
def test_records_without_a_line_end_between_them_are_all_kept(sample, i, instead):
    path, events, lines = sample
    for number, merged in enumerate([2, 3]):
        path.write_bytes(b"".join(lines[:i]) + instead.join(line[:-1] for line in lines[i : i + merged]) + b"\n")
        with path.open("ab") as file:
            file.write(b"".join(lines[i + merged :]))
        done = repair_journal(path, path.with_name(f"{number}.jsonl"))
        if done.flaw is None:  # the last record of a file may be taken for torn, as its own line end is the only one
            assert i + merged >= len(lines)
            continue
        assert [*FileJournal(done.output).read(0)] == events
        assert (done.lost, done.salvaged) == ((), None)
        assert sum(size for _, size in done.unreadable) == len(instead.strip()) * (min(merged, 13 - i) - 1)


@pytest.mark.parametrize("ending", [b"\r\n", b" \n", b"\0\n", b" <- look here\n{0123abcd 1 [\n"])
def test_what_an_editor_put_behind_records_costs_nothing(sample, ending):
    path, events, lines = sample
    path.write_bytes(b"".join(lines).replace(b"\n", ending))
    if b"look" in ending:
        path.write_bytes(b"".join([lines[0], lines[1][:-1], ending, *lines[2:]]))
    assert check_journal(path).flaw.kind == "damaged"
    done = repair_journal(path)
    assert [*FileJournal(done.output).read(0)] == events
    assert (done.lost, done.salvaged) == ((), None)
    assert bool(done.unreadable) == bool(ending.strip())


def test_several_gaps_are_all_named(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:3], *lines[5:7], flawed(lines[7]), flawed(lines[8]), *lines[9:]]))
    done = repair_journal(path)
    assert (done.events, done.lost, done.salvaged_events) == (3, ((4, 5), (8, 9)), 6)
    assert done.unreadable == ((len(b"".join(lines[:3] + lines[5:7])), len(lines[7] + lines[8])),)


def test_without_the_first_record_there_is_only_salvage(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([flawed(lines[0]), *lines[1:]]))
    done = repair_journal(path)
    assert (done.output, done.events, done.salvaged_events, done.lost) == (None, 0, 12, ((1, 1),))
    assert names(path.parent) == ["s.jsonl", "s.repaired.jsonl.salvaged"]


def test_events_that_follow_from_nothing_are_not_replayed_but_put_aside(sample):
    path, events, lines = sample
    path.write_bytes(b"".join(lines[:4]) + pack([TrialFinished(9, TrialState.FAIL)], 5))
    done = repair_journal(path)
    assert [*FileJournal(done.output).read(0)] == events[:4]
    assert (done.salvaged_events, done.lost) == (1, ())


def test_a_newer_journal_is_refused_and_newer_records_behind_damage_are_put_aside(sample):
    path, events, lines = sample
    path.write_bytes(b"".join(lines[:5]) + newer_record(6))
    with pytest.raises(UnreadableEvents, match="newer version"):
        repair_journal(path)
    path.write_bytes(b"".join([*lines[:4], flawed(lines[4]), newer_record(6), lines[6]]))
    done = repair_journal(path)
    assert [*FileJournal(done.output).read(0)] == events[:4]
    assert path.with_name("s.repaired.jsonl.salvaged").read_bytes() == newer_record(6) + lines[6]


@pytest.mark.parametrize("taken", ["out.jsonl", "out.jsonl.salvaged"])
def test_nothing_is_overwritten(sample, taken):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    path.with_name(taken).write_text("mine")
    with pytest.raises(InvalidArgument, match="already"):
        repair_journal(path, path.with_name("out.jsonl"))
    assert path.with_name(taken).read_text() == "mine"
    assert names(path.parent) == sorted(["s.jsonl", taken])


def test_a_writer_at_work_is_not_disturbed(sample):
    path, _, lines = sample
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy):
            repair_journal(path)
        assert not check_journal(path).healthy  # which does not wait


def test_a_line_full_of_beginnings_takes_no_endless_time(sample):
    path, _, lines = sample
    path.write_bytes(lines[0] + b"01234567 1 [" * 20_000 + b"\n" + lines[1] + lines[2])
    done = repair_journal(path)
    assert done.events == 3


def test_the_last_record_of_many_events_is_whole_or_not(tmp_path, make_events):
    path, events = tmp_path / "s.jsonl", make_events(3)
    path.write_bytes(pack(events[:1], 1) + pack(events[1:], len(events)))
    assert check_journal(path).events == len(events)
    assert encode_events(FileJournal(path).read(0)) == encode_events(events)
    path.write_bytes(path.read_bytes()[:-1])
    assert check_journal(path).events == 1
