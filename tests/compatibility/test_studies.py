"""Create, load, copy, save and delete studies, and read them as a table."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from optuna_programs import quadratic, same_with_optuna, unit

import hpo


def test_a_new_study_runs_three_trials():
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    assert len(study.trials) == 3
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}


def test_studies_in_memory_and_in_a_file_need_no_server(tmp_path):
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    assert len(study.trials) == 3

    study = hpo.create_study(study_name="foo_study", storage=str(tmp_path / "example.jsonl"))
    study.optimize(quadratic, n_trials=3)
    assert len(hpo.load_study(study_name="foo_study", storage=str(tmp_path / "example.jsonl")).trials) == 3


def test_a_loaded_study_has_the_trials_that_were_run(tmp_path):
    storage = str(tmp_path / "study.jsonl")
    study = hpo.create_study(study_name="my_study", storage=storage)
    study.optimize(quadratic, n_trials=3)

    loaded_study = hpo.load_study(study_name="my_study", storage=storage)
    assert len(loaded_study.trials) == len(study.trials)
    assert loaded_study.trials == study.trials


def test_a_deleted_study_is_gone(tmp_path):
    storage = f"{tmp_path}/runs/"
    study = hpo.create_study(study_name="example-study", storage=storage)
    study.optimize(quadratic, n_trials=3)

    hpo.delete_study(study_name="example-study", storage=storage)
    with pytest.raises(KeyError, match="example-study"):
        hpo.load_study(study_name="example-study", storage=storage)
    assert hpo.get_all_study_names(storage) == []


def test_there_is_a_summary_of_every_study(tmp_path):
    storage = f"{tmp_path}/runs/"
    study = hpo.create_study(study_name="example-study", storage=storage)
    study.optimize(quadratic, n_trials=3)

    study_summaries = hpo.get_all_study_summaries(storage=storage)
    assert len(study_summaries) == 1
    study_summary = study_summaries[0]
    assert study_summary.study_name == "example-study"
    assert study_summary.n_trials == 3
    assert study_summary.best_trial == study.best_trial


@same_with_optuna
def test_studies_are_created_loaded_copied_and_deleted(lib):
    place = "sqlite:///s.db"
    lib.create_study(study_name="s", storage=place).optimize(unit, n_trials=2)
    lib.create_study(study_name="s", storage=place, load_if_exists=True).optimize(unit, n_trials=1)
    errors = []
    for call, error in (
        (lambda: lib.create_study(study_name="s", storage=place), lib.exceptions.DuplicatedStudyError),
        (lambda: lib.load_study(study_name="t", storage=place), KeyError),
    ):
        with pytest.raises(error):
            call()
        errors.append(error.__name__)
    lib.copy_study(from_study_name="s", from_storage=place, to_storage=place, to_study_name="u")
    lib.delete_study(study_name="s", storage=place)
    return errors, lib.study.get_all_study_names(place), len(lib.load_study(study_name="u", storage=place).trials)


def test_two_objects_of_one_study_see_each_others_trials(agreed):
    def program(lib):
        one = lib.create_study(study_name="r", storage="sqlite:///r.db", sampler=lib.samplers.TPESampler(seed=1))
        one.optimize(unit, n_trials=3)
        other = lib.load_study(study_name="r", storage="sqlite:///r.db")
        other.optimize(unit, n_trials=2)
        (summary,) = lib.get_all_study_summaries(storage="sqlite:///r.db")
        return len(one.trials), summary.n_trials, summary.best_trial.number == one.best_trial.number

    assert agreed(program) == (5, 5, True)


SHARED_SCRIPT = """
import sys
import hpo

def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2

if __name__ == "__main__":
    study = hpo.load_study(study_name="distributed-example", storage=sys.argv[1])
    study.optimize(objective, n_trials=15)
    print("seen", len(study.trials))
"""


def test_two_processes_share_a_study_and_its_numbers(tmp_path):
    storage, script = tmp_path / "example.jsonl", tmp_path / "foo.py"
    script.write_text(SHARED_SCRIPT)
    study = hpo.create_study(study_name="distributed-example", storage=storage)
    workers = [
        subprocess.Popen(
            [sys.executable, script, storage], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        for _ in range(2)
    ]
    logs = []
    for worker in workers:
        out, err = worker.communicate()
        assert worker.returncode == 0, err
        assert out.startswith("seen ")
        logs.append({int(line.split("Trial ")[1].split()[0]) for line in err.splitlines() if "finished" in line})

    assert logs[0].isdisjoint(logs[1])
    assert logs[0] | logs[1] == {*range(30)}
    assert [trial.number for trial in study.trials] == [*range(30)]
    assert all(trial.state is hpo.TrialState.COMPLETE for trial in study.trials)


def test_get_trials_returns_every_trial():
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    trials = study.get_trials()
    assert len(trials) == 3
    assert trials == study.get_trials(deepcopy=False)


def test_the_best_of_no_trials_is_a_value_error(agreed):
    def program(lib):
        study = lib.create_study()
        for ask in ("best_trial", "best_value", "best_params"):
            with pytest.raises(ValueError, match=r"(?i)no trial"):
                getattr(study, ask)
        return study.best_trials, study.trials

    assert agreed(program) == ([], [])


@same_with_optuna
def test_several_objectives(lib):
    study = lib.create_study(directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "accuracy"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 5), float(trial.number % 3)), n_trials=12)
    for ask in ("best_trial", "best_value", "best_params", "direction"):
        with pytest.raises(RuntimeError):
            getattr(study, ask)
    with pytest.raises(RuntimeError):
        _ = study.best_trials[0].value
    frame = study.trials_dataframe(attrs=("number", "values", "params", "state"))
    return (
        [direction.name for direction in study.directions],
        study.metric_names,
        max(study.best_trials, key=lambda trial: trial.values[1]).values[1],
        list(frame.columns),
        frame.shape,
    )


def test_attributes_of_a_study_are_read_back_equal():
    study = hpo.create_study()
    study.set_user_attr("objective function", "quadratic function")
    study.set_user_attr("dimensions", 1)
    study.set_user_attr("contributors", ["Akiba", "Sano"])
    assert study.user_attrs == {
        "objective function": "quadratic function",
        "dimensions": 1,
        "contributors": ["Akiba", "Sano"],
    }


def test_study_attributes_are_in_the_file_and_in_the_summary(tmp_path):
    storage = tmp_path / "runs"
    study = hpo.create_study(storage=f"{storage}/")
    study.set_user_attr("contributors", ["Akiba", "Sano"])
    study.set_user_attr("dataset", "MNIST")
    expected = {"contributors": ["Akiba", "Sano"], "dataset": "MNIST"}
    assert study.user_attrs == expected

    study_summaries = hpo.get_all_study_summaries(storage=f"{storage}/")
    assert [summary.user_attrs for summary in study_summaries] == [expected]


@same_with_optuna
def test_attributes_and_summaries_of_a_database(lib):
    study = lib.create_study(storage="sqlite:///s.db", study_name="a")
    study.set_user_attr("contributors", ["Ann", "Bob"])
    study.set_user_attr("dataset", {"name": "digits", "n": 10})
    study.optimize(lambda trial: trial.set_user_attr("accuracy", 0.75) or 1.5, n_trials=2)
    (summary,) = lib.study.get_all_study_summaries("sqlite:///s.db", True)
    again = lib.load_study(study_name="a", storage="sqlite:///s.db")
    return (
        (summary.study_name, summary.user_attrs, summary.n_trials, summary.best_trial.value, summary.direction.name),
        (again.user_attrs, again.trials[1].user_attrs, again.best_value),
    )


@pytest.mark.parametrize("module", [joblib, pickle])
def test_a_study_in_memory_is_saved_and_resumed(tmp_path, module):
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    file = tmp_path / "study.pkl"
    if module is joblib:
        joblib.dump(study, file)
        loaded = joblib.load(file)
    else:
        file.write_bytes(pickle.dumps(study))
        loaded = pickle.loads(file.read_bytes())

    assert loaded.best_trial.value == study.best_trial.value
    assert loaded.best_trial.params == study.best_trial.params
    loaded.optimize(quadratic, n_trials=2)
    assert (len(loaded.trials), len(study.trials)) == (5, 3)


def test_the_data_frame_has_a_row_per_trial():
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    df = study.trials_dataframe()
    assert isinstance(df, pd.DataFrame)
    assert df.shape[0] == 3  # n_trials.


def test_a_study_in_a_file_is_resumed_and_becomes_a_data_frame(tmp_path):
    storage = tmp_path / "example.jsonl"
    study = hpo.create_study(study_name="example-study", storage=storage)
    study.optimize(quadratic, n_trials=3)

    study = hpo.create_study(study_name="example-study", storage=storage, load_if_exists=True)
    assert len(study.trials) == 3
    study.optimize(quadratic, n_trials=3)

    study = hpo.create_study(study_name="example-study", storage=storage, load_if_exists=True)
    df = study.trials_dataframe(attrs=["number", "value", "params", "state"])
    assert isinstance(df, pd.DataFrame)
    assert [*df.columns] == ["number", "value", "params_x", "state"]
    assert [*df["number"]] == [0, 1, 2, 3, 4, 5]
    assert [*df["state"]] == ["COMPLETE"] * 6
    assert np.allclose((df["params_x"] - 2) ** 2, df["value"])


@same_with_optuna
def test_a_data_frame_of_trials_with_different_states(lib):
    def objective(trial):
        trial.set_user_attr("a", 1)
        if trial.number == 1:
            raise lib.TrialPruned
        if trial.number == 2:
            raise ValueError
        return unit(trial)

    study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=4, catch=(ValueError,))
    frame = study.trials_dataframe()
    columns = [name for name in frame.columns if not name.startswith("system_attrs")]
    return columns, list(frame.state), list(frame.value.isna()), list(frame.user_attrs_a)


def test_columns_of_a_data_frame_have_the_same_names_and_types(agreed):
    pytest.importorskip("pandas")

    def program(lib):
        study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=1))
        study.optimize(lambda trial: trial.report(1, 0) or unit(trial), n_trials=2)
        frame = study.trials_dataframe()
        chosen = study.trials_dataframe(attrs=("number", "value", "params", "intermediate_values"))
        pairs = study.trials_dataframe(multi_index=True)
        return (
            {name: str(frame[name].dtype) for name in frame.columns if not name.startswith("system")},
            list(chosen.columns),
            [pair for pair in pairs.columns if pair[0] != "system_attrs"],
            lib.create_study().trials_dataframe().shape,
        )

    agreed(program)
