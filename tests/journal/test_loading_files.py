"""A long file is loaded in another way than a short one, and to the same end: the same state, or the same error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import hpo
from hpo.core import TrialStarted, replay
from hpo.errors import HpoError
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file import loading
from hpo.study.recorder import JournalRecorder

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(autouse=True)
def every_file_is_long(monkeypatch):
    monkeypatch.setattr(loading, "_WORTHWHILE", 0)
    monkeypatch.setattr(loading, "_CHUNK", 700)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "s.jsonl"
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.create_study(storage=str(path), sampler=hpo.samplers.RandomSampler(), seed=1)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 5), n_trials=30)
    study.enqueue_trial({"x": 0.5})
    study.ask()
    return path


def outcome(path: Path, *, quickly: bool) -> object:
    """The state that a new handle finds, or its error."""
    journal = FileJournal(path)
    try:
        return JournalRecorder(journal).state if quickly else replay(journal.read(0))
    except HpoError as error:
        return type(error), str(error)


def test_the_state_is_that_of_the_events(path) -> None:
    journal = FileJournal(path)
    loaded = journal.load_state()
    assert loaded.version == len(FileJournal(path).read(0))
    assert loaded == outcome(path, quickly=True) == outcome(path, quickly=False)
    assert journal.load_state() is None, "it has been read already"
    assert [*journal.read(loaded.version)] == []
    assert journal.append([TrialStarted(loaded.n_trials)], expected=loaded.version) == loaded.version + 1
    assert [*journal.read(0)] == [*FileJournal(path).read(0)]


@pytest.mark.parametrize("name", ["optimized", "format-2", "all-events", "torn", "newer-format", "unknown-event"])
def test_golden_journals(tmp_path, name) -> None:
    path = shutil.copy(GOLDEN / f"{name}.jsonl", tmp_path)
    assert outcome(path, quickly=True) == outcome(path, quickly=False)


def test_every_cut_is_told_as_by_an_ordinary_reader(path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert outcome(path, quickly=True) == outcome(path, quickly=False)


def test_every_damage_is_told_as_by_an_ordinary_reader(path) -> None:
    whole = path.read_bytes()
    for place in range(0, len(whole), 31):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert outcome(path, quickly=True) == outcome(path, quickly=False)


def test_records_that_only_make_sense_together_are_refused(tmp_path) -> None:
    """Their checksums are right: somebody wrote them so."""
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", [hpo.core.StudyCreated(2, "s", ("minimize",), 7)])
    first = path.read_bytes()
    payloads = [b'[["started",0]', b'["started",1]]', b'[["started",2]],[["started",3]]']
    previous = int(first[:8], 16)
    lines = first
    for sequence, payload in zip((3, 4, 5), payloads, strict=True):
        body = b"%08x %d %s" % (previous, sequence, payload)
        previous = loading.crc32(body)
        lines += b"%08x %s\n" % (previous, body)
    path.write_bytes(lines)
    assert outcome(path, quickly=True) == outcome(path, quickly=False)
    assert isinstance(outcome(path, quickly=True), tuple)
