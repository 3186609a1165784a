"""The commands that check, repair, export and import, from the command line's side."""

import json
import sqlite3
from contextlib import closing

import pytest

import hpo
from hpo.core import StudyCreated, TrialStarted
from hpo.journal import FileJournal, SqliteStorage
from hpo.journal.file.lines import pack
from hpo.transfer import read_jsonl


@pytest.fixture
def journals(folder):
    """A healthy journal, one with a gap, one torn, and one of a newer format, in ``runs/``."""
    (folder / "runs").mkdir()

    def lines(name):
        return [pack([StudyCreated(1, name, ("minimize",), 7)], 1), *(pack([TrialStarted(i)], 2 + i) for i in range(3))]

    files = {
        "a": lines("a"),
        "gap": [*lines("gap")[:2], lines("gap")[3]],
        "torn": [*lines("torn"), b"torn off"],
        "newer": [pack([StudyCreated(99, "newer", ("minimize",), 7)], 1)],
    }
    for name, content in files.items():
        (folder / "runs" / f"{name}.jsonl").write_bytes(b"".join(content))
    return folder / "runs"


def test_check_lists_each_file_of_a_directory(cli, journals):
    (journals / "other.jsonl").write_text("{}\n")
    ran = cli("journal check runs -f json")
    found = {record["path"]: record for record in json.loads(ran.out)}
    assert {path: record["verdict"] for path, record in found.items()} == {
        "runs/a.jsonl": "intact",
        "runs/gap.jsonl": "damaged",
        "runs/newer.jsonl": "newer",
        "runs/other.jsonl": "foreign",
        "runs/torn.jsonl": "torn",
    }
    assert found["runs/a.jsonl"] | {"events": 4, "records": 4, "study": "a"} == found["runs/a.jsonl"]
    assert found["runs/torn.jsonl"]["torn_bytes"] == len("torn off")
    assert found["runs/gap.jsonl"]["line"] == 3
    assert ran.code == 1
    assert ran.err == "hpo: error: 2 of 5 file(s) can't be read as a journal: runs/gap.jsonl, runs/newer.jsonl\n"


@pytest.mark.parametrize(("name", "code"), [("a", 0), ("torn", 0), ("gap", 1), ("newer", 1)])
def test_check_exit_code_follows_the_verdict(cli, journals, name, code):
    assert cli(f"journal check runs/{name}.jsonl").code == code


def test_check_of_a_foreign_or_missing_file_is_an_error(cli, folder):
    (folder / "x.jsonl").write_text("{}\n")
    assert cli("journal check x.jsonl").code == 1
    assert cli("journal check nowhere.jsonl").code == 2


def test_repair_reports_what_it_writes(cli, journals):
    before = (journals / "gap.jsonl").read_bytes()
    start = len(before) - len(pack([TrialStarted(2)], 4))
    ran = cli("journal repair runs/gap.jsonl --output saved.jsonl")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"runs/gap.jsonl is damaged: line 3 (byte {start}): record 4 with 1 event(s) follows record 2: others are missing",
        "saved.jsonl: 2 events, 1 trials, 1 of them without an end",
        "saved.jsonl.salvaged: 1 later events, which can't be replayed",
        "lost: event 3",
    ]
    assert len(FileJournal("saved.jsonl").read(0)) == 2
    assert (journals / "gap.jsonl").read_bytes() == before
    again = cli("journal repair runs/gap.jsonl --output saved.jsonl")
    assert again.code == 1
    assert "saved.jsonl exists already" in again.err


def test_repair_of_an_intact_or_newer_journal_writes_nothing(cli, journals):
    before = sorted(journals.iterdir())
    assert cli("journal repair runs/a.jsonl").out == "runs/a.jsonl needs no repair: 4 events\n"
    assert cli("journal repair runs/newer.jsonl").code == 1
    assert sorted(journals.iterdir()) == before


def test_repair_loses_nothing_to_a_doubled_record(cli, journals):
    path = journals / "a.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[1:]]))
    assert cli("journal repair runs/a.jsonl").out.splitlines()[1:] == [
        "runs/a.repaired.jsonl: 4 events, 3 trials, 3 of them without an end",
        "nothing was lost",
    ]


@pytest.fixture
def database(folder):
    """A database of two studies, one of which lacks an event."""
    storage = SqliteStorage(folder / "runs.db")
    for name in ("a", "gap"):
        journal = storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
        for i in range(3):
            journal.append([TrialStarted(i)], expected=1 + i)
    with closing(sqlite3.connect(folder / "runs.db")) as db, db:
        db.execute("DELETE FROM events WHERE study = 2 AND sequence = 3")
    return folder / "runs.db"


@pytest.mark.parametrize("given", ["runs.db", "sqlite:///runs.db"])
def test_check_lists_each_study_of_a_database(cli, database, given):
    ran = cli(f"journal check {given} -f json")
    assert [(one["study"], one["verdict"], one["events"], one["line"]) for one in json.loads(ran.out)] == [
        ("a", "intact", 4, None),
        ("gap", "damaged", 2, None),
    ]
    assert (ran.code, ran.err) == (1, "hpo: error: 1 of 1 file(s) can't be read as a journal: runs.db\n")


def test_repair_that_saves_nothing_fails(cli, journals):
    (journals / "cut.jsonl").write_bytes((journals / "a.jsonl").read_bytes()[:30])
    ran = cli("journal repair runs/cut.jsonl")
    assert (ran.code, ran.err) == (
        1,
        "hpo: error: nothing of runs/cut.jsonl could be saved: no new journal was written\n",
    )
    assert "no new journal: the study's creation is lost" in ran.out
    assert not (journals / "cut.repaired.jsonl").exists()


def test_repair_of_a_database_reports_each_study(cli, database):
    ran = cli(f"journal repair {database.name}")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "study 'a' in runs.db is whole: 4 events",
        "study 'gap' in runs.db is damaged: after event 2: record 4 with 1 event(s) follows record 2: others are missing",
        "runs.repaired.db: 2 events, 1 trials, 1 of them without an end",
        "runs.repaired.db.salvaged: 1 later events, which can't be replayed",
        "lost: event 3",
    ]
    assert cli("study-names --storage sqlite:///runs.repaired.db").out == "a\ngap\n"
    assert cli("journal check runs.repaired.db").code == 0


@pytest.fixture
def net(cli):
    """A storage ``runs/`` with one study of two trials."""
    space = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}}'
    assert cli("create-study --storage runs/ --study-name net --seed 3 --space", space).code == 0
    for value in ["0.5", "nan"]:
        cli("ask --storage runs/ --sampler RandomSampler")
        number = "0" if value == "0.5" else "1"
        cli(f"tell --storage runs/ --number {number} --value {value}")
    return "runs/"


def test_export_format_from_suffix_or_option(cli, folder, net):
    for name in ["t.csv", "T.CSV", "t.jsonl", "t.ndjson", "t.db", "t.sqlite", "t.sqlite3"]:
        ran = cli(f"export --storage {net} --to {name}")
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (folder / "t.csv").read_text().startswith("number,state,value,params_x,")
    assert [trial.state.name for trial in read_jsonl("t.jsonl")] == ["COMPLETE", "FAIL"]
    with closing(sqlite3.connect("t.db")) as db:
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (2,)
    assert cli(f"export --storage {net} --to odd.txt -f csv").code == 0
    assert (folder / "odd.txt").read_bytes() == (folder / "t.csv").read_bytes()
    nothing = cli(f"export --storage {net} --to t.xlsx")
    assert (nothing.code, "give --format" in nothing.err) == (1, True)


def test_export_overwrites_only_with_the_option(cli, folder, net):
    (folder / "t.csv").write_text("mine")
    assert cli(f"export --storage {net} --to t.csv").err == (
        "hpo: error: t.csv exists: choose another file, or overwrite it\n"
    )
    assert (folder / "t.csv").read_text() == "mine"
    assert cli(f"export --storage {net} --to t.csv --overwrite").code == 0
    assert (folder / "t.csv").read_text() != "mine"


def test_import_prints_the_name_and_warns_about_interrupted_trials(cli, folder):
    operations = [
        {"op_code": 0, "study_name": "digits", "directions": [2]},
        {"op_code": 4, "study_id": 0, "datetime_start": "2026-01-01T12:00:00+00:00"},
    ]
    (folder / "optuna.log").write_text("".join(json.dumps(operation) + "\n" for operation in operations))
    ran = cli("import optuna.log --storage runs/")
    assert (ran.code, ran.out) == (0, "digits\n")
    assert "Imported as failed, because it still ran in Optuna: 1 trial\n" in ran.err
    assert hpo.load_study(storage="runs/").trials[0].state.name == "FAIL"
    assert cli("import optuna.log --storage runs/ --study-name digits --to-study-name again").out == "again\n"
    ran = cli("import optuna.log --storage runs/")
    assert (ran.code, ran.err.endswith("choose another name with --to-study-name\n")) == (1, True)
    assert cli("import optuna.log --storage runs/ --study-name other").code == 1
    assert cli("import nowhere.db --storage runs/").code == 1
