"""Files and directories as places for studies, against the one in memory."""

import os
import pickle
import threading
from pathlib import Path

import pytest

import hpo
from hpo.core import StudyCreated, TrialStarted
from hpo.errors import (
    DuplicatedStudyError,
    JournalCorrupted,
    JournalMoved,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal import DirectoryStorage, FileJournal, FileStorage, MemoryStorage
from hpo.journal.file.lines import pack
from hpo.journal.file.storage import file_name
from hpo.journal.repair import check_file
from hpo.samplers import RandomSampler

NAMES = [
    "digits",
    "",
    " ",
    ".",
    "..",
    ".hidden",
    "../x",
    "../../../../tmp/x",
    "/etc/x",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "-rf",
    "CON",
    "%2e%2e%2f",
    "Digits",
    "DIGITS",
    "é",
    "e\u0301",
    "名前",
    "🎉" * 200,
    "n" * 100,
    "n" * 101,
    "n" * 5000,
    "digits.jsonl",
    "digits.jsonl.torn-12",
    "~",
    "$HOME",
    "; rm -rf /",
    "\u202edesrever",
    "[",
]


@pytest.fixture(params=["memory", "file", "directory"])
def storage(request, tmp_path):
    """An empty storage of each kind."""
    return {
        "memory": MemoryStorage,
        "file": lambda: FileStorage(tmp_path / "s.jsonl"),
        "directory": lambda: DirectoryStorage(tmp_path / "runs"),
    }[request.param]()


@pytest.mark.parametrize("kind", [FileStorage, DirectoryStorage])
def test_a_deleted_study_takes_what_was_torn_off_it_along_and_its_writers_are_told(tmp_path, make_events, kind):
    storage = kind(tmp_path / "s.jsonl")
    journal = storage.create("s", make_events(0))
    with Path(journal.path).open("ab") as file:
        file.write(b"torn")
    journal.append([TrialStarted(0)], expected=1)
    directory = Path(journal.path).parent
    assert len([*directory.iterdir()]) == 2
    storage.delete("s")
    assert [*directory.iterdir()] == []
    storage.create("s", make_events(0))
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=2)


def test_a_file_holds_one_study(tmp_path, make_events):
    storage = FileStorage(tmp_path / "s.jsonl")
    storage.create("s", make_events(0))
    with pytest.raises(UnsupportedJournal, match=r"s\.jsonl: the file holds the study 's', and holds only one"):
        storage.create("t", make_events(0, name="t"))
    assert storage.names() == ["s"]


def test_an_empty_file_holds_no_study_and_becomes_one(tmp_path, make_events):
    path = tmp_path / "s.jsonl"
    path.touch()
    storage = FileStorage(path)
    assert storage.names() == []
    with pytest.raises(StudyNotFound):
        storage.open(None)
    storage.create("s", make_events(1))
    assert [*storage.open("s").read(0)] == make_events(1)
    assert [file.name for file in tmp_path.iterdir()] == ["s.jsonl"]


def test_of_many_creators_in_an_empty_file_one_wins(tmp_path, make_events):
    path = tmp_path / "s.jsonl"
    path.touch()
    storage, outcomes = FileStorage(path), []

    def create():
        try:
            storage.create("s", make_events(3))
        except DuplicatedStudyError:
            outcomes.append("told")
        else:
            outcomes.append("won")

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told"] * 15 + ["won"]
    assert [*storage.open("s").read(0)] == make_events(3)


def test_a_file_may_have_a_name_as_long_as_the_system_takes(tmp_path, make_events):
    storage = FileStorage(tmp_path / ("名" * 83 + ".jsonl"))
    storage.create("s", make_events(0))
    assert storage.names() == ["s"]


def test_a_file_needs_its_directory(tmp_path, make_events):
    with pytest.raises(UnsupportedJournal, match="make it first"):
        FileStorage(tmp_path / "no" / "s.jsonl").create("s", make_events(0))
    assert FileStorage(tmp_path / "no" / "s.jsonl").names() == []


def test_a_link_to_a_file_means_the_file(tmp_path, make_events):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "s.jsonl")
    storage = FileStorage(tmp_path / "link.jsonl")
    storage.create("s", make_events(0))
    assert storage.location == str(tmp_path / "s.jsonl")
    assert FileStorage(tmp_path / "s.jsonl").names() == ["s"]


def _directory(path):
    path.mkdir()


def _pipe(path):
    os.mkfifo(path)


def _loop(path):
    path.symlink_to(path)


def _device(path):
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [_directory, _pipe, _loop, _device])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, make_events, make):
    path = tmp_path / "s.jsonl"
    make(path)
    storage = FileStorage(path)
    for act in (
        storage.names,
        lambda: storage.open(None),
        lambda: storage.delete("s"),
        lambda: storage.create("s", make_events(0)),
        lambda: FileJournal(path),
    ):
        with pytest.raises(UnsupportedJournal, match="can't be opened as a journal"):
            act()
    assert os.path.lexists(path)


def test_every_name_has_its_own_file_inside_the_directory(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path / "deep" / "runs")
    for name in NAMES:
        storage.create(name, make_events(1, name=name))
    assert storage.names() == sorted(NAMES)
    for name in NAMES:
        journal = storage.open(name)
        assert [*journal.read(0)] == make_events(1, name=name)
        assert os.path.realpath(journal.path) == journal.path
        assert Path(journal.path).parent == tmp_path / "deep" / "runs"
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert len(files) == len(NAMES)
    assert len({file.lower() for file in files}) == len(NAMES)  # also where A is a
    for name in NAMES:
        storage.delete(name)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_file_names_are_plain(name):
    file = file_name(name)
    assert file.isascii()
    assert file.replace("~", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert not file.startswith((".", "-")) or name == "-rf"
    assert len(file) <= 110


def test_names_that_are_plain_already_are_kept():
    assert file_name("digits_2.v-3") == "digits_2.v-3.jsonl"


def test_a_directory_is_not_made_before_it_is_needed(tmp_path):
    storage = DirectoryStorage(tmp_path / "runs")
    assert storage.names() == []
    with pytest.raises(StudyNotFound):
        storage.open("s")
    assert [*tmp_path.iterdir()] == []


def test_only_journals_count_in_a_directory(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path)
    storage.create("s", make_events(0))
    text = (tmp_path / "s.jsonl").read_bytes()
    (tmp_path / "notes.jsonl").write_text("hello\n")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "cut.jsonl").write_bytes(text[:-1])
    (tmp_path / "s.jsonl.torn-5").write_text("x")
    (tmp_path / ".s.jsonl.0123.tmp").write_bytes(text)
    (tmp_path / ".hidden.jsonl").write_bytes(text)
    (tmp_path / "other.jsonl").symlink_to(tmp_path / ".hidden.jsonl")
    (tmp_path / "pipe.jsonl").mkdir()
    os.mkfifo(tmp_path / "fifo.jsonl")
    assert storage.names() == ["s"]
    with pytest.raises(JournalCorrupted, match=r"cut\.jsonl"):  # it may hold the study that is meant
        storage.open(None)
    (tmp_path / "cut.jsonl").unlink()
    assert [*storage.open(None).read(0)] == make_events(0)


def test_a_damaged_study_is_told_from_a_missing_one(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path)
    storage.create("s", make_events(0))
    (tmp_path / "s.jsonl").write_text("gone\n")
    for act in (lambda: storage.open("s"), lambda: storage.create("s", make_events(0)), lambda: storage.delete("s")):
        with pytest.raises(UnsupportedJournal, match=r"s\.jsonl"):
            act()
    assert (tmp_path / "s.jsonl").read_text() == "gone\n"


def test_a_link_in_a_directory_leads_nowhere(tmp_path, make_events):
    (tmp_path / "runs").mkdir()
    outside = tmp_path / "outside.jsonl"
    (tmp_path / "runs" / "s.jsonl").symlink_to(outside)
    storage = DirectoryStorage(tmp_path / "runs")
    with pytest.raises(UnsupportedJournal, match="symbolic link"):
        storage.create("s", make_events(0))
    FileStorage(outside).create("s", make_events(0))
    with pytest.raises(UnsupportedJournal, match="symbolic link"):
        storage.open("s")
    assert storage.names() == []


def test_a_study_whose_file_has_another_name_is_found(tmp_path, make_events):
    FileStorage(tmp_path / "copied-here.jsonl").create("My Study", make_events(0, name="My Study"))
    storage = DirectoryStorage(tmp_path)
    assert storage.names() == ["My Study"]
    assert len(storage.open("My Study").read(0)) == 1
    with pytest.raises(DuplicatedStudyError):
        storage.create("My Study", make_events(0, name="My Study"))
    storage.delete("My Study")
    assert storage.names() == []


def test_of_two_files_with_one_study_none_is_guessed(tmp_path, make_events):
    for file in ("one.jsonl", "two.jsonl"):
        FileStorage(tmp_path / file).create("s", make_events(0))
    storage = DirectoryStorage(tmp_path)
    with pytest.raises(UnsupportedJournal, match=r"several files: .*one\.jsonl, .*two\.jsonl"):
        storage.open("s")
    (tmp_path / "one.jsonl").rename(tmp_path / "s.jsonl")
    assert storage.open("s").path == str(tmp_path / "s.jsonl")


def test_another_study_in_the_place_of_a_file_is_named(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path)
    FileStorage(tmp_path / "s.jsonl").create("other", make_events(0, name="other"))
    with pytest.raises(UnsupportedJournal, match="holds the study 'other'"):
        storage.create("s", make_events(0))


def test_a_study_of_a_newer_version_is_left_out_of_lists_and_refused_by_name(tmp_path, make_events):
    from msgspec.structs import replace

    from hpo.journal.file.lines import pack

    storage = DirectoryStorage(tmp_path)
    storage.create("s", make_events(0))
    (tmp_path / "new.jsonl").write_bytes(pack([replace(make_events(0, name="new")[0], format=9)], 1))
    assert storage.names() == ["s"]
    with pytest.raises(UnreadableEvents, match="its format is 9"):
        storage.open("new")


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path, make_events):
    (tmp_path / "runs").write_text("x")
    storage = DirectoryStorage(tmp_path / "runs")
    for act in (storage.names, lambda: storage.open("s"), lambda: storage.create("s", make_events(0))):
        with pytest.raises(UnsupportedJournal, match="director"):
            act()


def test_the_pickle_of_a_deleted_study_in_memory_stays_deleted():
    storage = MemoryStorage()
    journal = storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    storage.delete("s")
    copy = pickle.loads(pickle.dumps(journal))
    for act in (lambda: copy.read(0), lambda: copy.append([TrialStarted(0)], expected=1)):
        with pytest.raises(JournalMoved, match="the study was deleted"):
            act()


def flipped(path, offset, bit=0x40):
    content = bytearray(path.read_bytes())
    content[offset] ^= bit
    path.write_bytes(content)


@pytest.mark.parametrize("offset", range(14))
@pytest.mark.parametrize("kept_name", [True, False])
def test_a_flip_in_the_first_bytes_is_damage_with_a_place_and_hides_no_study(tmp_path, offset, kept_name):
    storage = DirectoryStorage(tmp_path)
    for name in ("mine", "other"):
        hpo.create_study(storage=storage, study_name=name, sampler=RandomSampler()).optimize(lambda _: 0.5, n_trials=1)
    path = tmp_path / "mine.jsonl"
    if not kept_name:
        path = path.rename(tmp_path / "put here by hand.jsonl")
    flipped(path, offset)
    content = path.read_bytes()
    place = rf"{path.name}, line 1 \(byte 0\)"
    for act in (
        lambda: FileJournal(path).read(0),
        lambda: FileStorage(path).names(),
        lambda: storage.open("mine"),
        lambda: storage.open(None),
        lambda: storage.create("mine", [StudyCreated(2, "mine", ("minimize",), 7)]),
        lambda: hpo.load_study(storage=tmp_path),
        lambda: hpo.load_study(storage=tmp_path, study_name="mine"),
        lambda: hpo.create_study(storage=tmp_path, study_name="mine", load_if_exists=True),
        lambda: hpo.create_study(storage=path, study_name="mine", load_if_exists=True),
    ):
        with pytest.raises(JournalCorrupted, match=place):
            act()
    assert storage.names() == ["other"]
    assert len(hpo.load_study(storage=tmp_path, study_name="other").trials) == 1
    hpo.create_study(storage=tmp_path, study_name="third")
    assert path.read_bytes() == content
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, "other.jsonl", "third.jsonl"}


def test_a_journal_whose_beginning_is_gone_is_damage(tmp_path):
    path = tmp_path / "s.jsonl"
    hpo.create_study(storage=path, sampler=RandomSampler()).optimize(lambda _: 0.5, n_trials=3)
    content = path.read_bytes()
    path.write_bytes(b"\0" * 60 + content[60:])
    with pytest.raises(JournalCorrupted, match=r"line 1 \(byte 0\)"):
        hpo.load_study(storage=path)
    [found] = check_file(path)
    assert (found.flaw.kind, found.flaw.line, found.flaw.offset) == ("damaged", 1, 0)


def test_a_journal_of_a_newer_version_is_not_passed_over(tmp_path):
    storage = DirectoryStorage(tmp_path)
    storage.create("other", [StudyCreated(2, "other", ("minimize",), 7)])
    (tmp_path / "newer.jsonl").write_bytes(pack([StudyCreated(99, "mine", ("minimize",), 7)], 1, 0))
    for act in (
        lambda: storage.open(None),
        lambda: storage.open("mine"),
        lambda: storage.create("mine", [StudyCreated(2, "mine", ("minimize",), 7)]),
    ):
        with pytest.raises(UnreadableEvents, match="99"):
            act()
    assert storage.open("other").read(0)
