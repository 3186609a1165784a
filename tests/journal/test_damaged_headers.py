"""A study whose first record is damaged: nothing may take its place, and nothing may be taken for it."""

import logging

import pytest

import hpo
from hpo.errors import JournalCorrupted, UnsupportedJournal
from hpo.journal import DirectoryStorage

UNREADABLE = JournalCorrupted, UnsupportedJournal


def _damaged(text):
    """Every byte of the first record changed in several ways, and what power failures and copies leave."""
    head = text.index(b"\n") + 1
    for i in range(head):
        for byte in {text[i] ^ 1, (10, 34, 92)[i % 3]} - {text[i]}:
            yield text[:i] + bytes([byte]) + text[i + 1 :]
    yield text[:40] + bytes(len(text) - 40)
    yield bytes(4096)
    yield bytes(range(256))


@pytest.mark.parametrize("file", ["a.jsonl", "moved.jsonl"])
def test_nothing_is_created_beside_a_damaged_study_and_no_other_one_is_opened(tmp_path, make_events, file):
    storage = DirectoryStorage(tmp_path, durability="process")
    storage.create("a", make_events(0, "a"))
    text = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "a.jsonl").unlink()
    storage.create("b", make_events(0, "b"))
    for content in _damaged(text):
        (tmp_path / file).write_bytes(content)
        for act in (
            lambda: storage.open(None),
            lambda: storage.open("a"),
            lambda: storage.create("a", make_events(0, "a")),
        ):
            with pytest.raises(UNREADABLE, match=file):
                act()
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["b.jsonl", file])


def test_a_damaged_study_under_its_own_name_keeps_nobody_from_creating_others(tmp_path, make_events):
    storage = DirectoryStorage(tmp_path)
    storage.create("a", make_events(0, "a"))
    text = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(b"0" * 8 + text[8:])
    assert storage.create("b", make_events(0, "b")).read(0) == make_events(0, "b")
    assert storage.open("b").read(0) == make_events(0, "b")


def test_studies_that_can_not_be_read_are_said_when_names_are_listed(tmp_path, make_events, caplog):
    storage = DirectoryStorage(tmp_path)
    for name in "abc":
        storage.create(name, make_events(0, name))
    (tmp_path / "b.jsonl").write_bytes(bytes(100))
    (tmp_path / "notes.jsonl").write_text("hello\n")
    with caplog.at_level(logging.WARNING, "hpo.journal"):
        assert storage.names() == ["a", "c"]
    (record,) = caplog.records
    assert "A study is left out" in record.getMessage()
    assert "b.jsonl" in record.getMessage()


@pytest.mark.parametrize("content", [bytes(4096), b"1234\n", b"0" * 8 + b' 00000000 1 [["created",2,"x",'])
def test_load_if_exists_starts_nothing_anew_beside_a_damaged_study(tmp_path, content):
    hpo.create_study(study_name="a", storage=tmp_path)
    (tmp_path / "moved.jsonl").write_bytes(content)
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(UNREADABLE, match="moved"):
        hpo.create_study(study_name="a", storage=tmp_path, load_if_exists=True)
    with pytest.raises(UNREADABLE, match="moved"):
        hpo.load_study(study_name=None, storage=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["moved.jsonl"]
