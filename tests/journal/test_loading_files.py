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


# --- snapshots


@pytest.fixture
def snapshots_at_once(monkeypatch):
    monkeypatch.setattr(loading, "_MANY_EVENTS", 1)
    monkeypatch.setattr(loading, "_MANY", 0.0)


def is_from_snapshot(monkeypatch, path: Path) -> bool:
    """Whether a new handle loads the snapshot, and does not read the records that it stands for."""
    spied = loading._read_snapshot
    kept = []
    monkeypatch.setattr(loading, "_read_snapshot", lambda *given: kept.append(spied(*given)) or kept[-1])
    FileJournal(path).load_state()
    monkeypatch.setattr(loading, "_read_snapshot", spied)
    return bool(kept and kept[-1] is not None)


@pytest.mark.usefixtures("snapshots_at_once")
def test_the_second_who_opens_a_study_finds_a_snapshot(path, monkeypatch) -> None:
    wanted = outcome(path, quickly=False)
    assert not is_from_snapshot(monkeypatch, path)
    assert is_from_snapshot(monkeypatch, path)
    assert outcome(path, quickly=True) == wanted
    assert [entry.name for entry in sorted(path.parent.iterdir())] == ["s.jsonl", "s.jsonl.snapshot"]


@pytest.mark.usefixtures("snapshots_at_once")
def test_a_study_goes_on_from_its_snapshot(path, monkeypatch) -> None:
    FileJournal(path).load_state()
    for round_ in range(3):
        study = hpo.load_study(storage=str(path), sampler=hpo.samplers.RandomSampler())
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3 + round_)
        assert is_from_snapshot(monkeypatch, path)
        assert outcome(path, quickly=True) == outcome(path, quickly=False)
        assert study.state == outcome(path, quickly=False)
    assert hpo.verify(hpo.load_study(storage=str(path))).clean


@pytest.mark.usefixtures("snapshots_at_once")
@pytest.mark.parametrize("name", ["optimized", "advised", "forked", "format-2", "all-events"])
def test_golden_journals_are_the_same_from_snapshots(tmp_path, name) -> None:
    path = shutil.copy(GOLDEN / f"{name}.jsonl", tmp_path)
    wanted = outcome(path, quickly=False)
    assert [outcome(path, quickly=True) for _ in range(3)] == [wanted] * 3


@pytest.mark.usefixtures("snapshots_at_once")
def test_a_snapshot_of_other_bytes_is_ignored(path, monkeypatch) -> None:
    """A journal that went back, or was damaged at any place, is what counts."""
    FileJournal(path).load_state()
    whole, kept = path.read_bytes(), Path(loading.snapshot_of(path)).read_bytes()
    for place in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        Path(loading.snapshot_of(path)).write_bytes(kept)
        assert outcome(path, quickly=True) == outcome(path, quickly=False)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:20]))
    Path(loading.snapshot_of(path)).write_bytes(kept)
    assert outcome(path, quickly=True) == outcome(path, quickly=False)


@pytest.mark.usefixtures("snapshots_at_once")
def test_a_damaged_snapshot_is_ignored(path) -> None:
    wanted = outcome(path, quickly=False)
    FileJournal(path).load_state()
    snapshot = Path(loading.snapshot_of(path))
    whole = snapshot.read_bytes()
    for place in range(0, len(whole), 53):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        snapshot.write_bytes(damaged)
        assert outcome(path, quickly=True) == wanted
    for length in range(0, len(whole), 211):
        snapshot.write_bytes(whole[:length])
        assert outcome(path, quickly=True) == wanted


@pytest.mark.usefixtures("snapshots_at_once")
def test_a_snapshot_of_another_version_is_ignored_and_replaced(path, monkeypatch) -> None:
    monkeypatch.setattr(hpo, "__version__", "0.0.0")
    FileJournal(path).load_state()
    monkeypatch.undo()
    old = Path(loading.snapshot_of(path)).read_bytes()
    monkeypatch.setattr(loading, "_WORTHWHILE", 0)
    monkeypatch.setattr(loading, "_MANY_EVENTS", 1)
    assert not is_from_snapshot(monkeypatch, path)
    assert Path(loading.snapshot_of(path)).read_bytes() != old


@pytest.mark.usefixtures("snapshots_at_once")
def test_snapshots_can_be_switched_off(path) -> None:
    hpo.load_study(storage=hpo.open_journal(path, snapshots=False)).best_value  # noqa: B018 - it reads the journal
    assert [entry.name for entry in path.parent.iterdir()] == ["s.jsonl"]
    hpo.load_study(storage=hpo.open_journal(path)).best_value  # noqa: B018
    assert Path(loading.snapshot_of(path)).exists()
    hpo.delete_study(study_name=None or hpo.load_study(storage=str(path)).study_name, storage=str(path))
    assert [*path.parent.iterdir()] == []


@pytest.mark.usefixtures("snapshots_at_once")
def test_what_prevents_a_snapshot_prevents_nothing_else(path, monkeypatch) -> None:
    wanted = outcome(path, quickly=False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loading, "write_all", full)
    assert outcome(path, quickly=True) == wanted
    assert [entry.name for entry in path.parent.iterdir()] == ["s.jsonl"]
    Path(loading.snapshot_of(path)).symlink_to(path)  # a link is not followed
    assert outcome(path, quickly=True) == wanted


@pytest.mark.usefixtures("snapshots_at_once")
def test_who_may_not_read_the_journal_may_not_read_its_snapshot(path) -> None:
    path.chmod(0o640)
    FileJournal(path).load_state()
    assert Path(loading.snapshot_of(path)).stat().st_mode & 0o777 == 0o640
