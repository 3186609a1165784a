"""Studies as CSV, JSON Lines and SQLite."""

import contextlib
import csv
import datetime
import json
import math
import resource
import sqlite3
import stat

import pytest

import hpo
from hpo.core import FrozenTrial
from hpo.errors import InvalidArgument, InvalidType
from hpo.transfer import export_csv, export_jsonl, export_sqlite, read_jsonl
from hpo.transfer.json_lines import TrialLine

CHOICES = ("=1+1", True, 1, 1.0, None, math.nan, -math.inf)
EXPORTS = [export_csv, export_jsonl, export_sqlite]


def told(state, params, space, value=None, *, outcome=None, reason=None, at=None):
    """A trial with just these parameters, started and finished."""
    state = hpo.enqueue(state, params)
    state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), space, at=at, worker="w1")
    finished = None if at is None else at + 1.5
    return hpo.tell(state, trial.number, value, state=outcome, reason=reason, at=finished)


def needs_pending(state, trial, space, key):
    return hpo.Suggestion({"x": -0.0, "n": 10**25, "k=1": CHOICES[trial.number % len(CHOICES)]})


@pytest.fixture
def rich():
    """A study with everything that a trial can have, and awkward texts in each place."""
    space = {
        "x": hpo.FloatDistribution(-10, 10),
        "n": hpo.IntDistribution(1, 10**30),
        "k=1": hpo.CategoricalDistribution(CHOICES),
    }
    study = hpo.create_study(
        study_name="=rich, really",
        directions=["minimize", "maximize"],
        metric_names=["-cost", "gain\n"],
        sampler=needs_pending,
    )
    study.set_user_attr("when", datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC))
    study.set_user_attr("$odd", {"$float": "nan"})
    for fixed in [{"x": -0.0, "k=1": "=1+1"}, *[{}] * 6]:
        study.enqueue_trial(fixed, user_attrs={"$float": "nan", "who": "@me"})
        trial = study.ask(space)
        trial.report(math.nan, 3)
        trial.report(-math.inf, 1)
        trial.report(0.1, 2)
        trial.set_constraint("c,d", -1.0)
        trial.set_constraint("e", math.inf)
        trial.set_user_attr("tree", {"a": [1, 1.0, math.nan, None, {"b": "\r"}]})
        trial.set_user_attr("ü\t", '-"quoted"\r\n')
        study.tell(trial, (math.inf, -0.0))
    study.tell(study.ask(space), state=hpo.trial.TrialState.FAIL, reason="+boom\nthere")
    study.ask(space)
    study.enqueue_trial({"x": 1.0, "other": "-5"})
    return study


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [*csv.DictReader(file)]


@contextlib.contextmanager
def opened(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        yield db


def test_csv_has_one_row_per_trial_and_one_column_per_fact(tmp_path):
    state = hpo.StudyState.create()
    space = {"x": hpo.FloatDistribution(0, 1), "k": hpo.CategoricalDistribution(["a", True])}
    state = told(state, {"x": 0.25, "k": "a"}, space, 1.5, at=1732190185.25)
    state = told(state, {"x": 1e-300, "k": True}, space, outcome=hpo.TrialState.FAIL, reason="out of memory")
    export_csv(state, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().decode() == (
        "number,state,value,params_x,params_k,reason,worker,datetime_start,datetime_complete,duration\n"
        "0,COMPLETE,1.5,0.25,a,,w1,2024-11-21T11:56:25.250000+00:00,2024-11-21T11:56:26.750000+00:00,1.5\n"
        "1,FAIL,,1e-300,true,out of memory,w1,,,\n"
    )


def test_csv_escapes_formulas_but_not_numbers(tmp_path, rich):
    export_csv(rich, tmp_path / "t.csv")
    rows = rows_of(tmp_path / "t.csv")
    assert [row["number"] for row in rows] == [str(i) for i in range(10)]
    first = rows[0]
    assert first["params_k=1"] == "'=1+1"
    assert first["user_attrs_who"] == "'@me"
    assert first["user_attrs_ü\t"] == '\'-"quoted"\r\n'
    assert first["params_x"] == "-0.0"
    assert first["params_n"] == str(10**25)
    assert first["values_-cost"] == "inf"
    assert first["values_gain\n"] == "-0.0"
    assert first["constraints_c,d"] == "-1.0"
    assert [row["params_k=1"] for row in rows[1:7]] == ["true", "1", "1.0", "", "nan", "-inf"]
    assert rows[7]["reason"] == "'+boom\nthere"
    assert rows[9]["state"] == "WAITING"
    for row in rows:
        for column, cell in row.items():
            assert column[0] not in "=+-@\t\r"
            assert cell[:1] not in {"=", "+", "@", "\t", "\r"}
            assert cell[:1] != "-" or float(cell) <= 0


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_each_beginning_of_a_formula_gets_an_apostrophe(tmp_path, beginning):
    state = hpo.enqueue(hpo.StudyState.create(), {}, user_attrs={"a": f"{beginning}1", "b": f" {beginning}1"})
    export_csv(state, tmp_path / "t.csv")
    (row,) = rows_of(tmp_path / "t.csv")
    assert (row["user_attrs_a"], row["user_attrs_b"]) == (f"'{beginning}1", f" {beginning}1")


def test_json_lines_lose_nothing(tmp_path, rich):
    export_jsonl(rich, tmp_path / "t.jsonl")
    trials = read_jsonl(tmp_path / "t.jsonl")
    assert trials == rich.state.trials
    for trial, original in zip(trials, rich.state.trials, strict=True):
        for field in FrozenTrial.__struct_fields__:
            assert repr(getattr(trial, field)) == repr(getattr(original, field)), field
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    assert len(lines) == 10
    for line in lines:
        json.loads(line, parse_constant=pytest.fail)  # strict JSON: NaN and Infinity stand by name
    assert json.loads(lines[0])["values"] == ["inf", -0.0]
    assert json.loads(lines[0])["intermediate_values"] == [[3, "nan"], [1, "-inf"], [2, 0.1]]


@pytest.mark.parametrize("line", ["", "{}", "[1]", '{"number": 0', "[" * 10_000])
def test_a_line_that_is_no_trial_is_named(tmp_path, rich, line):
    path = tmp_path / "t.jsonl"
    export_jsonl(rich, path)
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InvalidArgument, match=r"t\.jsonl, line 11 is not a trial"):
        read_jsonl(path)


def test_sqlite_answers_questions_about_trials(tmp_path):
    state = hpo.StudyState.create(name="s", directions=["maximize"], metric_names=["accuracy"])
    space = {"x": hpo.FloatDistribution(0, 1), "opt": hpo.CategoricalDistribution(["adam", "sgd"])}
    for x, opt, value in [(0.1, "adam", 0.5), (0.2, "sgd", 0.9), (0.3, "adam", 0.7)]:
        state = told(state, {"x": x, "opt": opt}, space, value)
    export_sqlite(state, tmp_path / "s.db")
    with opened(tmp_path / "s.db") as db:
        question = (
            'SELECT params.value, max("values".value) FROM "values" JOIN params USING (trial_id) '
            "WHERE params.name = 'opt' GROUP BY params.value ORDER BY 1"
        )
        assert db.execute(question).fetchall() == [("adam", 0.7), ("sgd", 0.9)]
        assert db.execute("SELECT name, n_trials FROM studies").fetchall() == [("s", 3)]
        objectives = db.execute("SELECT objective, direction, metric_name FROM objectives").fetchall()
        assert objectives == [(0, "maximize", "accuracy")]
        distribution = db.execute("SELECT distribution FROM params WHERE name = 'x'").fetchone()[0]
        assert hpo.distributions.json_to_distribution(distribution) == space["x"]


def test_sqlite_keeps_every_value_with_its_type(tmp_path, rich):
    export_sqlite(rich, tmp_path / "s.db")
    with opened(tmp_path / "s.db") as db:
        choices = db.execute(
            "SELECT type, value, json FROM params WHERE name = 'k=1' AND trial_id < 7 ORDER BY trial_id"
        ).fetchall()
        assert choices == [
            ("text", "=1+1", '"=1+1"'),
            ("bool", 1, "true"),
            ("int", 1, "1"),
            ("float", 1.0, "1.0"),
            ("none", None, "null"),
            ("float", None, '{"$float":"nan"}'),
            ("float", -math.inf, '{"$float":"-inf"}'),
        ]
        assert [type(value) for _, value, _ in choices[2:4]] == [int, float]
        assert db.execute("SELECT value, json FROM params WHERE name = 'n'").fetchone() == (1e25, str(10**25))
        assert db.execute("SELECT json FROM params WHERE name = 'x'").fetchone() == ("-0.0",)
        reports = db.execute("SELECT step, json FROM intermediate_values WHERE trial_id = 0 ORDER BY rowid").fetchall()
        assert [step for step, _ in reports] == [3, 1, 2]
        kinds = "SELECT kind, name, type FROM attributes WHERE trial_id = 0 OR trial_id IS NULL ORDER BY id"
        assert db.execute(kinds).fetchall() == [
            ("user", "when", "datetime"),
            ("user", "$odd", "dict"),
            ("user", "$float", "text"),
            ("user", "who", "text"),
            ("user", "tree", "dict"),
            ("user", "ü\t", "text"),
            ("fixed_param", "x", "float"),
            ("fixed_param", "k=1", "text"),
        ]
        states = dict(db.execute("SELECT state, count(*) FROM trials GROUP BY state").fetchall())
        assert states == {"COMPLETE": 7, "FAIL": 1, "RUNNING": 1, "WAITING": 1}


def test_sqlite_has_foreign_keys_and_indexes(tmp_path, rich):
    export_sqlite(rich, tmp_path / "s.db")
    with opened(tmp_path / "s.db") as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {*tables} == {
            "studies",
            "objectives",
            "trials",
            "params",
            "values",
            "intermediate_values",
            "metrics",
            "constraints",
            "attributes",
        }
        leads = {t: {row[2] for row in db.execute(f'PRAGMA foreign_key_list("{t}")')} for t in tables}
        assert leads["trials"] == leads["objectives"] == {"studies"}
        for table in ["params", "values", "intermediate_values", "metrics", "constraints"]:
            assert leads[table] == {"trials"}
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("INSERT INTO params VALUES (999, 'x', 1, 'int', '1', '{}')")
        plan = str(db.execute("EXPLAIN QUERY PLAN SELECT * FROM params WHERE name = 'x' AND value > 0").fetchall())
        assert "INDEX" in plan


@pytest.mark.parametrize("export", EXPORTS)
def test_a_study_without_trials_can_be_exported(tmp_path, export):
    export(hpo.StudyState.create(), tmp_path / "empty")
    assert (tmp_path / "empty").exists()


@pytest.mark.parametrize("export", EXPORTS)
def test_a_study_and_its_state_give_the_same_file(tmp_path, export, rich):
    export(rich, tmp_path / "a")
    export(rich.state, str(tmp_path / "b"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("export", EXPORTS)
def test_a_file_that_is_there_is_replaced_on_demand_only(tmp_path, export):
    path = tmp_path / "mine"
    path.write_text("mine")
    with pytest.raises(InvalidArgument, match="exists"):
        export(hpo.StudyState.create(), path)
    assert path.read_text() == "mine"
    export(hpo.StudyState.create(), path, overwrite=True)
    assert path.read_bytes() != b"mine"
    with pytest.raises(InvalidArgument, match="not a regular file"):
        export(hpo.StudyState.create(), tmp_path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_that_fails_leaves_nothing_behind(tmp_path, export, monkeypatch):
    state = hpo.enqueue(hpo.StudyState.create(), {"x": 1.0})

    def broken(*_):
        raise OSError("the disk is gone")

    for module in ["csv_file.moment", "json_lines.to_json_tree", "sqlite_file.moment"]:
        monkeypatch.setattr(f"hpo.transfer.{module}", broken)
    with pytest.raises(OSError, match="gone"):
        export(state, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_without_a_directory_names_it(tmp_path, export):
    (tmp_path / "file").touch()
    for parent in ["nowhere", "file"]:
        with pytest.raises(
            InvalidArgument, match=rf"the directory .*{parent} of .*{parent}/out does not exist: create it first"
        ):
            export(hpo.StudyState.create(), tmp_path / parent / "out")


@pytest.mark.parametrize("export", EXPORTS)
def test_export_to_a_full_disk_is_an_oserror_and_leaves_no_file(tmp_path, export):
    state = hpo.enqueue(hpo.StudyState.create(), {}, user_attrs={"long": "x" * 500_000})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"too large|disk"):
            export(state, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [*tmp_path.iterdir()] == []


def test_exports_have_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    for export in EXPORTS:
        export(hpo.StudyState.create(), tmp_path / export.__name__)
        assert stat.S_IMODE((tmp_path / export.__name__).stat().st_mode) == stat.S_IMODE(
            (tmp_path / "usual").stat().st_mode
        )


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("what", [None, "study.jsonl", [1]])
def test_only_studies_are_exported(tmp_path, export, what):
    with pytest.raises(InvalidType, match="study"):
        export(what, tmp_path / "out")


def test_json_lines_have_every_field_of_a_trial():
    assert {*FrozenTrial.__struct_fields__} == {*TrialLine.__struct_fields__} - {"study"}


def test_json_lines_keep_pauses_metrics_standard_errors_and_costs(tmp_path):
    state = hpo.StudyState.create()
    state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)})
    state = hpo.report(state, trial, {"loss": math.inf, "accuracy": 0.5}, step=3)
    state = hpo.pause(state, trial, checkpoint="s3://bucket/0")
    state, trial = hpo.resume(state, trial)
    state = hpo.tell(state, trial, 0.5, sem=0.1, cost=12.5)
    export_jsonl(state, tmp_path / "t.jsonl")
    (kept,) = read_jsonl(tmp_path / "t.jsonl")
    assert kept == state.trials[0]
    assert (kept.sem, kept.cost, kept.checkpoint) == ((0.1,), 12.5, "s3://bucket/0")
    assert kept.metrics == {3: {"loss": math.inf, "accuracy": 0.5}}


def test_json_lines_of_earlier_versions_are_read(tmp_path):
    state, trial = hpo.ask(hpo.StudyState.create(), hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)})
    state = hpo.tell(state, trial, 0.5)
    export_jsonl(state, tmp_path / "t.jsonl")
    line = json.loads((tmp_path / "t.jsonl").read_text())
    earlier = {name: line[name] for name in line if name not in {"sem", "cost", "metrics", "checkpoint", "parent"}}
    (tmp_path / "earlier.jsonl").write_text(json.dumps(earlier) + "\n")
    assert read_jsonl(tmp_path / "earlier.jsonl") == state.trials


def rich_results(directions=("minimize",)):
    """A study whose trials have standard errors, costs, checkpoints, parents and metrics."""
    study = hpo.create_study(directions=directions, sampler=hpo.samplers.RandomSampler())
    n = len(directions)
    trial = study.ask()
    trial.report({"loss": 0.5, "accuracy": math.nan}, step=3)
    study.pause(trial, "epoch-3.pt")
    study.tell(study.resume(0), [1.0] * n, sem=[0.25 * (i + 1) for i in range(n)], cost=12.0)
    study.tell(study.ask(), [2.0] * n)
    return study


def test_csv_has_standard_errors_costs_and_checkpoints_if_there_are_any(tmp_path):
    export_csv(rich_results(), tmp_path / "one.csv")
    first, second = rows_of(tmp_path / "one.csv")
    assert (first["sem"], first["cost"], first["checkpoint"]) == ("0.25", "12.0", "epoch-3.pt")
    assert (second["sem"], second["cost"], second["checkpoint"], "parent" in second) == ("", "", "", False)
    export_csv(rich_results(("minimize", "maximize")), tmp_path / "two.csv")
    assert [row["sem_1"] for row in rows_of(tmp_path / "two.csv")] == ["0.5", ""]


def test_sqlite_has_standard_errors_costs_checkpoints_and_metrics(tmp_path):
    export_sqlite(rich_results(), tmp_path / "s.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as db:
        trials = db.execute(
            "SELECT cost, checkpoint, parent, sem FROM trials JOIN 'values' ON trial_id = id"
        ).fetchall()
        metrics = db.execute("SELECT trial_id, step, name, value, json FROM metrics ORDER BY name DESC").fetchall()
    assert trials == [(12.0, "epoch-3.pt", None, 0.25), (None, None, None, None)]
    assert metrics == [(0, 3, "loss", 0.5, "0.5"), (0, 3, "accuracy", None, '{"$float":"nan"}')]
