"""Files of Optuna that are written by hand: races, damage, and other files than those."""

import contextlib
import json
import math
import sqlite3

import pytest

import hpo
from hpo.errors import InvalidArgument, JournalCorrupted, StudyNotFound, UnsupportedJournal
from hpo.transfer import import_optuna

TABLES = """
CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name VARCHAR(512) NOT NULL);
CREATE TABLE version_info (version_info_id INTEGER PRIMARY KEY, schema_version INTEGER, library_version VARCHAR(256));
CREATE TABLE study_directions (
    study_direction_id INTEGER PRIMARY KEY, direction VARCHAR(8), study_id INTEGER, objective INTEGER
);
CREATE TABLE study_user_attributes (
    study_user_attribute_id INTEGER PRIMARY KEY, study_id INTEGER, key VARCHAR(512), value_json TEXT
);
CREATE TABLE study_system_attributes (
    study_system_attribute_id INTEGER PRIMARY KEY, study_id INTEGER, key VARCHAR(512), value_json TEXT
);
CREATE TABLE trials (
    trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state VARCHAR(8), datetime_start DATETIME,
    datetime_complete DATETIME
);
CREATE TABLE trial_user_attributes (
    trial_user_attribute_id INTEGER PRIMARY KEY, trial_id INTEGER, key VARCHAR(512), value_json TEXT
);
CREATE TABLE trial_system_attributes (
    trial_system_attribute_id INTEGER PRIMARY KEY, trial_id INTEGER, key VARCHAR(512), value_json TEXT
);
CREATE TABLE trial_params (
    param_id INTEGER PRIMARY KEY, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT
);
CREATE TABLE trial_values (
    trial_value_id INTEGER PRIMARY KEY, trial_id INTEGER, objective INTEGER, value FLOAT, value_type VARCHAR(7)
);
CREATE TABLE trial_intermediate_values (
    trial_intermediate_value_id INTEGER PRIMARY KEY, trial_id INTEGER, step INTEGER, intermediate_value FLOAT,
    intermediate_value_type VARCHAR(7)
);
INSERT INTO studies VALUES (1, 'other'), (2, 's');
INSERT INTO version_info VALUES (1, 12, '5.0.0');
INSERT INTO study_directions VALUES (1, 'MINIMIZE', 1, 0), (2, 'MAXIMIZE', 2, 0);
INSERT INTO study_user_attributes VALUES (1, 2, 'who', '"me"');
INSERT INTO study_system_attributes VALUES (1, 2, 'study:metric_names', '["gain"]');
INSERT INTO trials VALUES
    (1, 0, 1, 'FAIL', NULL, NULL),
    (2, 0, 2, 'COMPLETE', '2026-11-20 09:30:00.000001', '2026-11-20 09:31:00'),
    (3, 1, 2, 'WAITING', NULL, NULL);
INSERT INTO trial_params VALUES
    (1, 2, 'k', 1.0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null]}}');
INSERT INTO trial_values VALUES (1, 2, 0, NULL, 'INF_NEG');
INSERT INTO trial_intermediate_values VALUES (1, 2, 4, NULL, 'NAN'), (2, 2, 1, 0.5, 'FINITE');
INSERT INTO trial_system_attributes VALUES (1, 2, 'constraints:c', '0.5'), (2, 3, 'fixed_params', '{"k": "a"}');
INSERT INTO trial_user_attributes VALUES (1, 2, 'x', 'NaN');
"""


@pytest.fixture
def database(tmp_path):
    """A SQLite file with the columns of Optuna's, and a function that changes it."""
    path = tmp_path / "optuna.db"

    def change(*statements):
        with contextlib.closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.executescript(statement)
            db.commit()
        return path

    change(TABLES)
    return change


def brought(path, tmp_path, study_name=None):
    said = import_optuna(path, study_name, tmp_path / "hpo")
    return hpo.load_study(study_name=said.study_name, storage=tmp_path / "hpo")


def test_tables_become_a_study(database, tmp_path):
    study = brought(database(), tmp_path, "s")
    assert (study.direction, study.state.metric_names, dict(study.user_attrs)) == ("maximize", ("gain",), {"who": "me"})
    told, waiting = study.trials
    assert (told.value, dict(told.params), dict(told.constraints)) == (-math.inf, {"k": None}, {"c": 0.5})
    assert repr(dict(told.intermediate_values)) == "{4: nan, 1: 0.5}"
    assert math.isnan(told.user_attrs["x"])
    assert (told.started_at, told.finished_at) == (1795167000.000001, 1795167060.0)
    assert (waiting.state.name, dict(waiting.fixed_params)) == ("WAITING", {"k": "a"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE trials SET state = 'ODD'", "trial 0 .*'ODD'"),
        ("UPDATE trials SET number = 0", "two trials .* number 0"),
        ("UPDATE trials SET datetime_start = 'noon'", "'noon' is not a time"),
        ("UPDATE trial_params SET param_value = 2.0", "the choice with index 2, but there are 2 choices"),
        ("UPDATE trial_params SET param_value = NULL", "'k' is stored as None, which is not a finite number"),
        ("UPDATE trial_params SET distribution_json = '{}'", "not a distribution of Optuna"),
        ("UPDATE trial_params SET distribution_json = '{'", "a distribution is not JSON"),
        (
            """UPDATE trial_params SET distribution_json = '{"name": "FloatDistribution", "attributes": {"low": 0}}'""",
            "not a distribution of Optuna .*high",
        ),
        ("UPDATE trial_user_attributes SET value_json = '{'", "attribute 'x' of a trial is not JSON"),
        ("UPDATE study_user_attributes SET value_json = '{'", "attribute 'who' of the study is not JSON"),
        ("INSERT INTO trial_values VALUES (9, 2, 1, 0.5, 'FINITE')", "trial 0 .*but got 2"),
        ("UPDATE trial_intermediate_values SET step = -1 WHERE step = 1", "trial 0 .*step"),
    ],
)
def test_invalid_optuna_file_is_named_and_nothing_is_created(database, tmp_path, change, problem):
    path = database(change)
    with pytest.raises(InvalidArgument, match=problem):
        import_optuna(path, "s", tmp_path / "hpo")
    assert not (tmp_path / "hpo").exists()


@pytest.mark.parametrize(("value", "reason"), [(None, "without a value"), ("'NAN'", "NaN")])
def test_a_complete_trial_without_a_number_has_failed(database, tmp_path, value, reason):
    change = f"UPDATE trial_values SET value_type = {value}" if value else "DELETE FROM trial_values"
    trial = brought(database(change), tmp_path, "s").trials[0]
    assert (trial.state.name, trial.values, reason in trial.reason) == ("FAIL", None, True)


def test_a_reason_that_somebody_gave_is_kept(database, tmp_path):
    path = database(
        "UPDATE trials SET state = 'FAIL'",
        "INSERT INTO trial_system_attributes VALUES (9, 2, 'fail_reason', '\"out of memory\"')",
    )
    assert [trial.reason for trial in brought(path, tmp_path, "s").trials] == ["out of memory", None]


def test_numbers_that_are_missing_are_those_of_the_order(database, tmp_path):
    path = database("UPDATE trials SET number = NULL")
    assert [trial.state.name for trial in brought(path, tmp_path, "s").trials] == ["COMPLETE", "WAITING"]


def test_an_unknown_study_is_named(database, tmp_path):
    with pytest.raises(StudyNotFound, match="'other', 's'"):
        import_optuna(database(), "c", tmp_path / "hpo")


def test_names_of_metrics_that_are_alike_are_left_out(database, tmp_path):
    path = database(
        """UPDATE study_system_attributes SET value_json = '["a", "a"]'""",
        "INSERT INTO study_directions VALUES (3, 'NOT_SET', 2, 1)",
        "DELETE FROM trial_values",
    )
    study = brought(path, tmp_path, "s")
    assert ([*study.directions], study.state.metric_names) == (["maximize", "minimize"], None)


def test_operations_that_lost_a_race_count_for_nothing(tmp_path):
    path = tmp_path / "optuna.log"
    now = "2026-01-01T00:00:00.000001+00:00"
    float_ = json.dumps({"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0}})
    int_ = json.dumps({"name": "IntDistribution", "attributes": {"low": 0, "high": 9}})

    def param(trial, value, written):
        return {
            "op_code": 5,
            "trial_id": trial,
            "param_name": "x",
            "param_value_internal": value,
            "distribution": written,
        }

    def end(trial, state, values):
        return {"op_code": 6, "trial_id": trial, "state": state, "values": values, "datetime_complete": now}

    operations = [
        {"op_code": 0, "study_name": "s", "directions": [1]},
        {"op_code": 0, "study_name": "s", "directions": [2]},
        {"op_code": 4, "study_id": 7, "datetime_start": now},
        {"op_code": 4, "study_id": 0, "datetime_start": now},
        {"op_code": 4, "study_id": 0, "datetime_start": now},
        {"op_code": 10, "anything": 1},
        param(0, 0.5, float_),
        param(1, 3.0, int_),
        param(9, 3.0, float_),
        end(0, 1, [1.0]),
        end(0, 1, [2.0]),
        {"op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": 1.0},
        {"op_code": 8, "trial_id": 0, "user_attr": {"late": 1}},
        end(1, 3, None),
    ]
    path.write_text("".join(json.dumps({"worker_id": "w", **operation}) + "\n" for operation in operations) + '{"op_co')
    ours = brought(path, tmp_path)
    assert ours.direction == "minimize"
    assert [(trial.value, dict(trial.params)) for trial in ours.trials] == [(1.0, {"x": 0.5}), (None, {})]
    assert not ours.trials[0].user_attrs
    assert not ours.trials[0].intermediate_values


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"{}",
        b"[]",
        b'{"op_code": 99}',
        b'{"op_code": 0}',
        b'{"op_code": 4, "study_id": 0, "datetime_start": "yesterday"}',
        b'{"op_code": 4, "study_id": 0, "datetime_start": null, "state": 9}',
        b'{"op_code": 2, "study_id": 0, "user_attr": 5}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_located(tmp_path, line):
    path = tmp_path / "optuna.log"
    first = b'{"op_code":0,"worker_id":"w","study_name":"s","directions":[1]}\n'
    path.write_bytes(first + line + b"\n")
    with pytest.raises(JournalCorrupted) as caught:
        import_optuna(path, None, tmp_path / "hpo")
    assert (caught.value.line, caught.value.offset) == (2, len(first))


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + b"x" * 4096])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UnsupportedJournal):
        import_optuna(tmp_path / "file", None, tmp_path / "hpo")


def test_another_database_and_a_storage_of_old_are_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE studies (study_id INTEGER, study_name TEXT)")
        db.commit()
    with pytest.raises(UnsupportedJournal, match="optuna storage upgrade"):
        import_optuna(tmp_path / "other.db", None, tmp_path / "hpo")


def test_secrets_in_urls_are_not_repeated(tmp_path):
    with pytest.raises(UnsupportedJournal) as caught:
        import_optuna("postgresql://me:secret@host/db", None, tmp_path / "hpo")
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidArgument, match="does not name a file"):
        import_optuna("sqlite:///:memory:", None, tmp_path / "hpo")
    with pytest.raises(FileNotFoundError):
        import_optuna("sqlite:///nowhere.db", None, tmp_path / "hpo")
