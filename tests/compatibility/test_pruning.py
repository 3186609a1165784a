"""Report intermediate values and prune trials."""

import numpy as np
import pytest
from optuna_programs import same_with_optuna, states
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

X, y = load_iris(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, random_state=0)
CLASSES = np.unique(y)


def staged(trial):
    """Trains step by step and reports the accuracy of each step."""
    alpha = trial.suggest_float("alpha", 0.0, 1.0)
    clf = SGDClassifier(alpha=max(alpha, 1e-9), random_state=trial.number)
    for step in range(15):
        clf.partial_fit(X_train, y_train, classes=CLASSES)
        intermediate_value = clf.score(X_valid, y_valid)
        trial.report(intermediate_value, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return clf.score(X_valid, y_valid)


def test_an_objective_that_raises_trial_pruned_is_pruned():
    study = hpo.create_study(direction="maximize", seed=0)
    study.optimize(staged, n_trials=20)
    states = {trial.state for trial in study.trials}
    assert states == {hpo.TrialState.COMPLETE, hpo.TrialState.PRUNED}
    assert hpo.TrialPruned is hpo.errors.TrialPruned


def test_unpromising_trials_are_pruned():
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


def test_the_median_pruner_keeps_its_startup_warmup_and_interval():
    def objective(trial):
        accuracy = trial.suggest_float("accuracy", 0.0, 1.0)
        for step in range(55):
            trial.report(accuracy * (step % 35), step)  # its best so far is at step 34 and later
            if trial.should_prune():
                raise hpo.TrialPruned
        return accuracy

    pruner = hpo.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=30, interval_steps=10)
    study = hpo.create_study(direction="maximize", pruner=pruner, sampler=hpo.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=20)
    pruned = study.get_trials(states=[hpo.TrialState.PRUNED])
    assert pruned
    assert all(trial.number >= 5 for trial in pruned)
    assert {trial.last_step for trial in pruned} <= {30, 40, 50}
    best_of_first_five = max(trial.value for trial in study.trials[:5])
    assert all(trial.params["accuracy"] < best_of_first_five for trial in pruned)


def test_the_nop_pruner_never_prunes():
    def objective(trial):
        for step in range(10):
            trial.report(float(trial.number * step), step)
            assert not trial.should_prune()
        return trial.suggest_float("x", 0, 1)

    study = hpo.create_study(direction="minimize", pruner=hpo.pruners.NopPruner())
    study.optimize(objective, n_trials=20)
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}


def test_reports_are_kept_by_step():
    def objective(trial):
        clf = SGDClassifier(random_state=0)
        for step in range(10):
            clf.partial_fit(X_train, y_train, np.unique(y))
            intermediate_value = clf.score(X_valid, y_valid)
            trial.report(np.float32(intermediate_value), step=step)
            if trial.should_prune():
                raise hpo.TrialPruned
        return clf.score(X_valid, y_valid)

    study = hpo.create_study(direction="maximize")
    study.optimize(objective, n_trials=3)
    for trial in study.trials:
        assert [*trial.intermediate_values] == [*range(10)]
        assert all(type(value) is float for value in trial.intermediate_values.values())
        assert trial.value == pytest.approx(trial.intermediate_values[9])


@same_with_optuna
def test_the_median_pruner(lib):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(10):
            trial.report([0.1, 0.2, 0.3, 0.9, 0.0][trial.number], step)
            if trial.should_prune():
                raise lib.TrialPruned
        return x

    study = lib.create_study(pruner=lib.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=4))
    study.optimize(objective, n_trials=5)
    pruned = study.get_trials(deepcopy=False, states=(lib.trial.TrialState.PRUNED,))
    return states(study), [(trial.number, trial.last_step, trial.value) for trial in pruned]


@same_with_optuna
def test_a_class_based_pruner(lib):
    class LastPlace(lib.pruners.BasePruner):
        def prune(self, study: "lib.study.Study", trial: "lib.trial.FrozenTrial") -> bool:
            others = [t.value for t in study.get_trials(deepcopy=False, states=(lib.trial.TrialState.COMPLETE,))]
            return len(others) > 1 and trial.intermediate_values[trial.last_step] > max(others)

    def objective(trial):
        value = [0.5, 0.2, 0.9, 0.1][trial.number]
        trial.report(value, 0)
        if trial.should_prune():
            raise lib.exceptions.TrialPruned
        return value

    study = lib.create_study(pruner=LastPlace())
    study.optimize(objective, n_trials=4)
    return states(study)


def test_a_trial_that_reports_only_nan_is_pruned(agreed):
    def program(lib):
        asked = []

        def objective(trial):
            asked.append(trial.should_prune())
            trial.report(float("nan"), 0)
            asked.append(trial.should_prune())
            return 1.0

        study = lib.create_study()
        study.optimize(objective, n_trials=6)
        return asked

    assert agreed(program) == [False] * 11 + [True]
