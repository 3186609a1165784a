"""On file systems without locks, journals are written by claims; a study that was created so stays so."""

import errno
import fcntl
import json
import os
import socket

import pytest
from claimed_journals import CREATED, append_all, check, claims_of, made_without_locks, refuse_to_lock
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

import hpo
from hpo.core import StudyAttributeSet, TrialStarted
from hpo.errors import (
    DuplicatedStudyError,
    JournalCorrupted,
    JournalMoved,
    JournalUnwritable,
)
from hpo.journal import DirectoryStorage, FileJournal, FileStorage
from hpo.samplers import RandomSampler
from hpo.testing.journals import StorageLaws, agreement_machine, backup_of_files


@pytest.fixture
def no_locks(monkeypatch):
    monkeypatch.setattr("fcntl.flock", refuse_to_lock)


@pytest.fixture
def path(tmp_path, monkeypatch):
    return made_without_locks(tmp_path / "s.jsonl", monkeypatch)


def test_a_study_that_is_made_without_locks_works(tmp_path, no_locks):
    study = hpo.create_study(study_name="s", storage=tmp_path / "s.jsonl", sampler=RandomSampler(), seed=0)
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    try:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    finally:
        hpo.logging.set_verbosity(hpo.logging.INFO)
    again = hpo.load_study(study_name="s", storage=tmp_path / "s.jsonl")
    assert [trial.values for trial in again.trials] == [trial.values for trial in study.trials]
    assert hpo.verify(again).clean
    assert not [*tmp_path.glob("*.torn*")]


def test_locks_are_not_used_for_it_even_where_they_work(path):
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert FileJournal(path, lock_timeout=0).append([TrialStarted(0)], expected=1) == 2


def test_a_claim_says_whose_it_is_and_only_the_last_one_stays(path):
    check(path, append_all(path, "a", 3))
    (claim,) = claims_of(path).iterdir()
    owner, record = claim.read_bytes().splitlines(keepends=True)
    assert claim.name == "3"
    assert json.loads(owner) == {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "token": json.loads(owner)["token"],
    }
    assert path.read_bytes().endswith(record)


def test_a_journal_with_locks_has_no_claims(tmp_path):
    FileStorage(tmp_path / "s.jsonl").create("s", [CREATED])
    assert [file.name for file in tmp_path.iterdir()] == ["s.jsonl"]


def test_a_journal_with_locks_is_not_written_where_there_are_none(tmp_path, monkeypatch):
    FileStorage(tmp_path / "s.jsonl").create("s", [CREATED])
    monkeypatch.setattr("fcntl.flock", refuse_to_lock)
    with pytest.raises(JournalUnwritable, match="can't be locked"):
        FileJournal(tmp_path / "s.jsonl").append([TrialStarted(0)], expected=1)
    with pytest.raises(JournalUnwritable, match="can't be locked"):
        FileStorage(tmp_path / "s.jsonl").delete("s")
    with pytest.raises(DuplicatedStudyError):
        FileStorage(tmp_path / "s.jsonl").create("s", [CREATED, TrialStarted(0)])
    assert [file.name for file in tmp_path.iterdir()] == ["s.jsonl"]


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_each_answer_that_means_no_locks_is_understood(tmp_path, monkeypatch, error):
    def refuse(fd, how):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr("fcntl.flock", refuse)
    FileStorage(tmp_path / "s.jsonl").create("s", [CREATED])
    assert claims_of(tmp_path / "s.jsonl").is_dir()
    check(tmp_path / "s.jsonl", append_all(tmp_path / "s.jsonl", "a", 2))


def test_another_error_of_a_lock_is_one(tmp_path, monkeypatch):
    def refuse(fd, how):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(JournalUnwritable, match="Input/output error"):
        FileStorage(tmp_path / "s.jsonl").create("s", [CREATED])
    assert [*tmp_path.iterdir()] == []


def test_deleting_it_leaves_nothing_and_ends_the_writers_of_today(tmp_path, no_locks):
    storage = DirectoryStorage(tmp_path)
    journal = storage.create("s", [CREATED])
    journal.append([TrialStarted(0)], expected=1)
    storage.delete("s")
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=2)
    storage.create("s", [CREATED, TrialStarted(0)])
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(1)], expected=2)
    assert len(storage.open("s").read(0)) == 2


class TestLawsOfJournalsWithoutLocks(StorageLaws):
    make_storage = staticmethod(lambda place: DirectoryStorage(place / "runs", durability="process"))
    make_backup = staticmethod(backup_of_files)

    @pytest.fixture(autouse=True)
    def _without_locks(self, no_locks):
        """Children have locks again, and must not use them."""


def test_journals_without_locks_answer_as_memory_does(no_locks):
    run_state_machine_as_test(
        agreement_machine({"claims": lambda place: DirectoryStorage(place, durability="process")}),
        settings=settings(max_examples=10, stateful_step_count=20, deadline=None, derandomize=True, database=None),
    )


@pytest.mark.parametrize("length", [1, 30, 70, 500, 5000])
def test_what_is_torn_is_saved_and_covered_and_never_cut_off(path, length):
    append_all(path, "a", 1)
    torn = (b"1234abcd 3 [" + b"x" * length)[:length]
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(torn)
    check(path, append_all(path, "b", 2), others=1)
    assert path.read_bytes().startswith(whole)
    (saved,) = path.parent.glob("*.torn-*")
    assert saved.read_bytes() == torn
    assert FileJournal(path).read(2) == [StudyAttributeSet("b", 0), StudyAttributeSet("b", 1)]


@pytest.mark.parametrize("damage", [b"", b"x", b"{}\n", b'{}\n00000000 9 [["x"]]\n', b'{"pid": 1}\n'])
def test_a_damaged_claim_is_an_error_that_names_it(path, damage):
    claim = claims_of(path) / "1"
    claim.write_bytes(damage)
    with pytest.raises(JournalCorrupted, match=r"claims-[0-9a-f]{8}/1, .*this claim is damaged"):
        FileJournal(path).append([TrialStarted(0)], expected=1)
    assert len(FileJournal(path).read(0)) == 1
    claim.unlink()
    assert FileJournal(path).append([TrialStarted(0)], expected=1) == 2


def test_a_claim_for_another_place_is_damage(path):
    append_all(path, "a", 2)
    (claim,) = claims_of(path).iterdir()
    claim.rename(claim.with_name("3"))
    with pytest.raises(JournalCorrupted, match="for another place"):
        FileJournal(path).append([TrialStarted(0)], expected=3)


def test_without_links_nothing_is_written(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(JournalUnwritable, match="neither locks nor links"):
        FileJournal(path).append([TrialStarted(0)], expected=1)
    monkeypatch.undo()
    assert FileJournal(path).append([TrialStarted(0)], expected=1) == 2


def test_a_link_whose_answer_was_lost_is_recognized(path, monkeypatch):
    link = os.link

    def lose_the_answer(draft, claim):
        link(draft, claim)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), claim)

    monkeypatch.setattr(os, "link", lose_the_answer)
    assert FileJournal(path).append([TrialStarted(0)], expected=1) == 2
    assert FileJournal(path).read(1) == [TrialStarted(0)]


def test_claims_that_are_gone_are_told_as_a_journal_that_is_gone(path):
    journal = FileJournal(path)
    for claim in claims_of(path).iterdir():
        claim.unlink()
    claims_of(path).rmdir()
    with pytest.raises(JournalMoved):
        journal.append([TrialStarted(0)], expected=1)
