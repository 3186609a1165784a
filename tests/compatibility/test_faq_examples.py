"""The examples of the frequently asked questions, with today's names."""

import functools
import gc
import pickle

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import hpo
from hpo.samplers import RandomSampler, TPESampler
from hpo.trial import FixedTrial


class Objective:
    def __init__(self, min_x, max_x):
        self.min_x = min_x
        self.max_x = max_x

    def __call__(self, trial):
        x = trial.suggest_float("x", self.min_x, self.max_x)
        return (x - 2) ** 2


def objective_of_three(trial, min_x, max_x):
    x = trial.suggest_float("x", min_x, max_x)
    return (x - 2) ** 2


def quadratic(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


def sum_of_two(trial):
    x = trial.suggest_float("x", -1.0, 1.0)
    y = trial.suggest_int("y", -5, 5)
    return x + y


@pytest.mark.parametrize(
    ("example", "objective"),
    [
        ("EX-74, a callable object", Objective(-100, 100)),
        ("EX-75, a lambda", lambda trial: objective_of_three(trial, -100, 100)),
        ("EX-75, a partial", functools.partial(objective_of_three, min_x=-100, max_x=100)),
    ],
)
def test_an_objective_has_arguments_of_its_own(example, objective):
    study = hpo.create_study(seed=0)
    study.optimize(objective, n_trials=30)
    assert len(study.trials) == 30
    assert {trial.distributions["x"].high for trial in study.trials} == {100.0}
    assert study.best_value < 100


def test_no_server_is_needed_in_memory_or_in_a_file(tmp_path):  # EX-76
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    assert len(study.trials) == 3

    study = hpo.create_study(study_name="foo_study", storage=str(tmp_path / "example.jsonl"))
    study.optimize(quadratic, n_trials=3)
    assert len(hpo.load_study(study_name="foo_study", storage=str(tmp_path / "example.jsonl")).trials) == 3


@pytest.mark.parametrize("module", [joblib, pickle])
def test_a_study_in_memory_is_saved_and_resumed(tmp_path, module):  # EX-77
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


def test_a_model_is_saved_under_the_number_of_its_trial(tmp_path):  # EX-79
    train_x, valid_x, train_y, valid_y = train_test_split(*load_iris(return_X_y=True), random_state=0)

    def objective(trial):
        svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        clf = SVC(C=svc_c)
        clf.fit(train_x, train_y)
        with (tmp_path / f"{trial.number}.pickle").open("wb") as fout:
            pickle.dump(clf, fout)
        return 1.0 - accuracy_score(valid_y, clf.predict(valid_x))

    study = hpo.create_study()
    study.optimize(objective, n_trials=10)

    assert len([*tmp_path.glob("*.pickle")]) == 10
    with (tmp_path / f"{study.best_trial.number}.pickle").open("rb") as fin:
        best_clf = pickle.load(fin)
    assert 1.0 - accuracy_score(valid_y, best_clf.predict(valid_x)) == study.best_value


@pytest.mark.parametrize("sampler", [TPESampler, RandomSampler])
def test_the_same_seed_gives_the_same_parameters(sampler):  # EX-80
    runs = []
    for seed in (10, 10, 11):
        study = hpo.create_study(sampler=sampler(seed=seed))  # Make the sampler behave in a deterministic way.
        study.optimize(quadratic, n_trials=25)
        runs.append([trial.params for trial in study.trials])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"x": 1.0, "y": -1}, 0.0),
        ({"x": -1.0, "y": -4}, -5.0),
        ({"x": 1.0, "y": 0}, 1.0),
        ({"x": 0.0, "y": -1}, -1.0),
        ({"x": -1.0, "y": 1}, 0.0),
    ],
)
def test_an_objective_is_tested_with_fixed_parameters(params, expected):  # EX-82
    assert expected == sum_of_two(FixedTrial(params))


def test_garbage_is_collected_after_each_trial_by_option_or_callback():  # EX-83
    collections = []

    def note(phase, info):
        if phase == "start" and info["generation"] == 2:
            collections.append(info)

    study = hpo.create_study(sampler=RandomSampler())
    gc.collect()
    gc.callbacks.append(note)
    try:
        study.optimize(sum_of_two, n_trials=3, gc_after_trial=True)
        by_option = len(collections)
        study.optimize(sum_of_two, n_trials=3, callbacks=[lambda study, trial: gc.collect()])
        by_callback = len(collections) - by_option
    finally:
        gc.callbacks.remove(note)
    assert by_option >= 3
    assert by_callback >= 3
    assert len(study.trials) == 6
