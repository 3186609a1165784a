"""The tutorials of the field, with today's names: first study, parameters, files, attributes, pruning."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC, SVR

import hpo


def quadratic(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


def test_the_kind_of_model_is_a_parameter_like_any_other():  # EX-1
    data, target = load_diabetes(return_X_y=True)
    train_x, valid_x, train_y, valid_y = train_test_split(data[:120], target[:120], random_state=0)

    def objective(trial):
        regressor_name = trial.suggest_categorical("regressor", ["SVR", "RandomForest"])
        if regressor_name == "SVR":
            svr_c = trial.suggest_float("svr_c", 1e-10, 1e10, log=True)
            regressor = SVR(C=svr_c)
        else:
            rf_max_depth = trial.suggest_int("rf_max_depth", 2, 32)
            regressor = RandomForestRegressor(max_depth=rf_max_depth, n_estimators=5, random_state=0)
        regressor.fit(train_x, train_y)
        return mean_squared_error(valid_y, regressor.predict(valid_x))

    study = hpo.create_study(seed=1)
    study.optimize(objective, n_trials=15)

    names = {frozenset(trial.params) for trial in study.trials}
    assert names == {frozenset({"regressor", "svr_c"}), frozenset({"regressor", "rf_max_depth"})}
    assert study.best_value == min(trial.value for trial in study.trials)
    assert all(trial.value > 0 for trial in study.trials)


def test_a_hundred_trials_find_the_minimum_of_a_quadratic_and_more_can_follow():  # EX-2
    study = hpo.create_study(seed=0)
    study.optimize(quadratic, n_trials=100)

    assert study.best_params["x"] == pytest.approx(2, abs=0.5)
    assert study.best_value == (study.best_params["x"] - 2) ** 2
    assert study.best_trial.number == min(study.trials, key=lambda trial: trial.value).number
    assert len(study.trials) == 100

    study.optimize(quadratic, n_trials=100)
    assert len(study.trials) == 200
    assert [trial.number for trial in study.trials] == [*range(200)]


def test_a_frozen_trial_shows_its_fields():  # EX-2, the printed best trial
    study = hpo.create_study(seed=0)
    study.optimize(quadratic, n_trials=1)
    text = repr(study.best_trial)
    assert text.startswith("FrozenTrial(number=0, ")
    for part in ("COMPLETE", "'x': ", "FloatDistribution(low=-10.0, high=10.0)", "intermediate_values={}"):
        assert part in text


def test_five_kinds_of_parameters_give_values_of_their_kind():  # EX-3
    def objective(trial):
        optimizer = trial.suggest_categorical("optimizer", ["MomentumSGD", "Adam"])
        num_layers = trial.suggest_int("num_layers", 1, 3)
        dropout_rate = trial.suggest_float("dropout_rate", 0.0, 1.0)
        learning_rate = trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True)
        drop_path_rate = trial.suggest_float("drop_path_rate", 0.0, 1.0, step=0.1)

        assert optimizer in {"MomentumSGD", "Adam"}
        assert type(num_layers) is int
        assert num_layers in {1, 2, 3}
        assert type(dropout_rate) is float
        assert 0.0 <= dropout_rate <= 1.0
        assert type(learning_rate) is float
        assert 1e-5 <= learning_rate <= 1e-2
        assert drop_path_rate in {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
        return dropout_rate + drop_path_rate + num_layers

    study = hpo.create_study(seed=0)
    study.optimize(objective, n_trials=20)
    assert len({trial.params["optimizer"] for trial in study.trials}) == 2
    assert sum(trial.params["learning_rate"] < 10**-3.5 for trial in study.trials) >= 3  # half of the log axis


def test_branches_make_conditional_parameters():  # EX-4
    iris = load_iris()

    def objective(trial):
        classifier_name = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
        if classifier_name == "SVC":
            svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
            classifier = SVC(C=svc_c)
        else:
            rf_max_depth = int(trial.suggest_float("rf_max_depth", 2, 32, log=True))
            classifier = RandomForestClassifier(max_depth=rf_max_depth, n_estimators=3, random_state=0)
        return cross_val_score(classifier, iris.data, iris.target, cv=3).mean()

    study = hpo.create_study(direction="maximize", seed=0)
    study.optimize(objective, n_trials=12)
    for trial in study.trials:
        expected = "svc_c" if trial.params["classifier"] == "SVC" else "rf_max_depth"
        assert {*trial.params} == {"classifier", expected} == {*trial.distributions}
    assert len({trial.params["classifier"] for trial in study.trials}) == 2
    assert study.best_value > 0.8


def test_loops_make_parameters_by_name():  # EX-5, without the network
    def objective(trial):
        n_layers = trial.suggest_int("n_layers", 1, 3)
        return sum(int(trial.suggest_float(f"n_units_l{i}", 4, 128, log=True)) for i in range(n_layers))

    study = hpo.create_study(seed=0)
    study.optimize(objective, n_trials=15)
    for trial in study.trials:
        assert [*trial.params] == ["n_layers", *(f"n_units_l{i}" for i in range(trial.params["n_layers"]))]
    assert {trial.params["n_layers"] for trial in study.trials} == {1, 2, 3}


def test_a_study_in_a_file_is_resumed_and_becomes_a_data_frame(tmp_path):  # EX-6, EX-7, EX-8
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


def test_two_processes_share_a_study_and_its_numbers(tmp_path):  # EX-9
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


def test_a_script_prints_the_best_value_and_its_parameters():  # EX-10
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=20)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print(f"Best value: {study.best_value} (params: {study.best_params})")
    assert printed.getvalue() == f"Best value: {(study.best_params['x'] - 2) ** 2} (params: {study.best_params})\n"
    assert type(study.best_params) is dict


def test_study_attributes_are_kept_in_the_file_and_in_the_summary(tmp_path):  # EX-12
    storage = tmp_path / "runs"
    study = hpo.create_study(storage=f"{storage}/")
    study.set_user_attr("contributors", ["Akiba", "Sano"])
    study.set_user_attr("dataset", "MNIST")
    expected = {"contributors": ["Akiba", "Sano"], "dataset": "MNIST"}
    assert study.user_attrs == expected

    study_summaries = hpo.get_all_study_summaries(storage=f"{storage}/")
    assert [summary.user_attrs for summary in study_summaries] == [expected]


def test_an_objective_attaches_what_it_measured_to_its_trial():  # EX-13
    iris = load_iris()

    def objective(trial):
        svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        accuracy = cross_val_score(SVC(C=svc_c), iris.data, iris.target).mean()
        trial.set_user_attr("accuracy", accuracy)  # a numpy scalar
        return 1.0 - accuracy

    study = hpo.create_study()
    study.optimize(objective, n_trials=1)
    assert study.trials[0].user_attrs == {"accuracy": 1.0 - study.trials[0].value}
    assert type(study.trials[0].user_attrs["accuracy"]) is float


def test_hopeless_trials_are_pruned_on_the_way():  # EX-14
    iris = load_iris()
    classes = list(set(iris.target))
    train_x, valid_x, train_y, valid_y = train_test_split(iris.data, iris.target, test_size=0.25, random_state=0)

    def objective(trial):
        alpha = trial.suggest_float("alpha", 1e-5, 1e-1, log=True)
        clf = SGDClassifier(alpha=alpha, random_state=trial.number)
        for step in range(20):
            clf.partial_fit(train_x, train_y, classes=classes)
            intermediate_value = 1.0 - clf.score(valid_x, valid_y)
            trial.report(intermediate_value, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        return 1.0 - clf.score(valid_x, valid_y)

    study = hpo.create_study(pruner=hpo.pruners.MedianPruner(), seed=0)
    study.optimize(objective, n_trials=20)

    pruned = study.get_trials(states=[hpo.TrialState.PRUNED])
    complete = study.get_trials(states=[hpo.TrialState.COMPLETE])
    assert len(pruned) + len(complete) == 20
    assert all(trial.number >= 5 for trial in pruned)  # the first five trials are never pruned
    assert pruned
    for trial in pruned:
        assert len(trial.intermediate_values) < 20
        assert trial.value == trial.intermediate_values[trial.last_step]
    assert all(len(trial.intermediate_values) == 20 for trial in complete)
    assert study.best_trial.number in {trial.number for trial in complete}
