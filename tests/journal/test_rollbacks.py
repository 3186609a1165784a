"""A journal that went back to an earlier state, while handles know what was lost, is noticed by each of them."""

import os

import pytest

import hpo
from hpo.core import StudyAttributeSet, StudyCreated
from hpo.errors import JournalMoved
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file.lines import pack


def objective(trial):
    return trial.suggest_float("x", 0, 1)


def overwrite(path, content):
    with path.open("r+b") as file:
        file.truncate()
        file.write(content)


def test_a_study_whose_journal_went_back_and_grew_again_takes_no_further_results(tmp_path):
    path = tmp_path / "s.jsonl"
    study = hpo.create_study(study_name="s", storage=path, seed=0)
    study.optimize(objective, n_trials=3)
    backup = path.read_bytes()
    study.optimize(objective, n_trials=3)
    running = study.ask()
    overwrite(path, backup)
    with pytest.raises(JournalMoved, match="rewritten"):
        study.tell(running, 0.5)
    other = hpo.load_study(study_name="s", storage=path)
    other.optimize(objective, n_trials=6)
    assert len(other.trials) == 9
    content = path.read_bytes()
    assert len(content) > len(backup)
    for act in (lambda: study.tell(running, 0.5), study.ask, lambda: study.trials, lambda: study.best_value):
        with pytest.raises(JournalMoved, match="load the study again"):
            act()
    assert path.read_bytes() == content
    assert [trial.value for trial in hpo.load_study(storage=path).trials] == [trial.value for trial in other.trials]


def test_a_journal_without_a_chain_is_known_by_its_last_record(tmp_path):
    path = tmp_path / "s.jsonl"
    lines = [pack([StudyCreated(1, "s", ("minimize",), 7)], 1)]
    lines += [pack([StudyAttributeSet("k", i)], i) for i in range(2, 8)]
    path.write_bytes(b"".join(lines))
    journal = FileJournal(path)
    assert len(journal.read(0)) == 7
    overwrite(path, b"".join([*lines[:-1], pack([StudyAttributeSet("k", 0)], 7)]))
    for act in (lambda: journal.read(7), lambda: journal.append([], expected=7), lambda: journal.read(0)):
        with pytest.raises(JournalMoved):
            act()


def test_the_same_bytes_again_are_the_same_history(tmp_path):
    path = tmp_path / "s.jsonl"
    journal = FileStorage(path).create("s", [StudyCreated(2, "s", ("minimize",), 7)])
    assert journal.append([StudyAttributeSet("k", 1)], expected=1) == 2
    content = path.read_bytes()
    overwrite(path, content[:60])
    with pytest.raises(JournalMoved):
        journal.read(2)
    overwrite(path, content)
    assert journal.read(2) == ()
    assert journal.append([StudyAttributeSet("k", 2)], expected=2) == 3


@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize("grown", [False, True])
def test_a_journal_that_is_rewritten_while_it_is_read_is_noticed(tmp_path, monkeypatch, after, grown):
    path = tmp_path / "s.jsonl"
    storage = FileStorage(path)
    journal = storage.create("s", [StudyCreated(2, "s", ("minimize",), 7)])
    for i in range(1, 4):
        journal.append([StudyAttributeSet("k", i)], expected=i)
    reader = storage.open("s")
    assert len(reader.read(0)) == 4
    journal.append([StudyAttributeSet("k", 4)], expected=4)
    aside = FileStorage(tmp_path / "other.jsonl").create("s", [StudyCreated(2, "s", ("minimize",), 8)])
    for i in range(1, 6 if grown else 2):
        aside.append([StudyAttributeSet("k", i)], expected=i)
    other = (tmp_path / "other.jsonl").read_bytes()
    pread, rewritten = os.pread, []

    def rewriting_once_it_was_looked_at(fd, n, offset):
        found = pread(fd, n, offset)
        if n == 8 and not rewritten:
            rewritten.append(True)
            overwrite(path, other)
        return found

    monkeypatch.setattr("os.pread", rewriting_once_it_was_looked_at)
    with pytest.raises(JournalMoved):
        reader.read(after)
    assert rewritten
