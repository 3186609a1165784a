"""Studies out of what older versions of Optuna wrote: kept here with what those versions themselves showed of it.

Each file has a study of four trials (complete, pruned, failed, and complete with an infinite value) and an enqueued one:
as the rows of the SQLite tables and, where the version has them, as the lines of a journal file.
"""

import contextlib
import json
import sqlite3
import time
from pathlib import Path

import pytest

import hpo
from hpo.transfer import import_optuna

FILES = sorted(Path(__file__).with_name("older_optuna").glob("*.json"))
WRITTEN = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    """The machine's time zone is the one of the machine that wrote the files, whose times are local."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def made_database(path, tables):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for name, table in tables.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(table['columns'])})")
            places = ", ".join("?" for _ in table["columns"])
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", table["rows"])
        connection.commit()


def shown(trial):
    """A trial in the form in which the files say what Optuna showed."""
    params = trial.fixed_params if trial.state.name == "WAITING" else trial.params
    return {
        "state": trial.state.name,
        "values": repr(trial.values and [*trial.values]),
        "params": repr(sorted(params.items())),
        "user_attrs": repr(sorted(trial.user_attrs.items())),
        "intermediate_values": repr(sorted(trial.intermediate_values.items())),
        "started": trial.started_at,
        "finished": trial.finished_at,
    }


def check(study, expected):
    assert study.direction == "maximize"
    assert dict(study.user_attrs) == {"tree": {"a": [1, None, "ü"]}}
    *told, waiting = study.trials
    assert [shown(trial) for trial in told] == expected[:-1]
    assert [trial["state"] for trial in expected] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "WAITING"]
    assert dict(waiting.fixed_params) == {"x": 0.25, "c": None}


@pytest.mark.parametrize("version", WRITTEN)
def test_a_database_of_an_older_version_comes_whole(tmp_path, version):
    made_database(tmp_path / "optuna.db", WRITTEN[version]["tables"])
    import_optuna(tmp_path / "optuna.db", None, tmp_path / "hpo")
    study = hpo.load_study(study_name="old", storage=tmp_path / "hpo")
    check(study, WRITTEN[version]["shown_of_tables"])
    assert study.metric_names == (None if version == "3.0.6" else ["gain"])


@pytest.mark.parametrize("version", [version for version in WRITTEN if WRITTEN[version]["journal"]])
def test_a_journal_of_an_older_version_comes_whole(tmp_path, version):
    (tmp_path / "optuna.log").write_text("".join(f"{line}\n" for line in WRITTEN[version]["journal"]))
    import_optuna(tmp_path / "optuna.log", None, tmp_path / "hpo")
    study = hpo.load_study(study_name="old", storage=tmp_path / "hpo")
    check(study, WRITTEN[version]["shown_of_journal"])
    assert study.metric_names == ["gain"]


def test_three_versions_are_kept():
    assert [*WRITTEN] == ["3.0.6", "3.6.1", "4.5.0"]
    assert [version for version in WRITTEN if WRITTEN[version]["journal"]] == ["3.6.1", "4.5.0"]
