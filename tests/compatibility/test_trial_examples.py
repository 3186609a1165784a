"""The examples of the reference pages of trials and pruners, with today's names and models that train in a moment."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import hpo

X, y = load_iris(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, random_state=0)
CLASSES = np.unique(y)


def score(classifier):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few iterations are enough here
        classifier.fit(X_train, y_train)
    return classifier.score(X_valid, y_valid)


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


def test_an_objective_that_raises_trial_pruned_leaves_a_pruned_trial():  # EX-21
    study = hpo.create_study(direction="maximize", seed=0)
    study.optimize(staged, n_trials=20)
    states = {trial.state for trial in study.trials}
    assert states == {hpo.TrialState.COMPLETE, hpo.TrialState.PRUNED}
    assert hpo.TrialPruned is hpo.errors.TrialPruned


def test_the_median_pruner_keeps_its_startup_warmup_and_interval():  # EX-34, with a curve instead of a model
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


def test_the_nop_pruner_never_prunes():  # EX-35
    def objective(trial):
        for step in range(10):
            trial.report(float(trial.number * step), step)
            assert not trial.should_prune()
        return trial.suggest_float("x", 0, 1)

    study = hpo.create_study(direction="minimize", pruner=hpo.pruners.NopPruner())
    study.optimize(objective, n_trials=20)
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}


def test_reports_take_the_step_by_name_and_come_back_by_step():  # EX-55
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


def test_a_trial_attribute_is_there_at_once_and_with_the_best_trial():  # EX-56
    def objective(trial):
        trial.set_user_attr("BATCHSIZE", 64)
        momentum = trial.suggest_float("momentum", 0, 1.0)
        return score(
            MLPClassifier(
                hidden_layer_sizes=(10,),
                batch_size=trial.user_attrs["BATCHSIZE"],
                momentum=momentum,
                solver="sgd",
                random_state=0,
                max_iter=5,
            )
        )

    study = hpo.create_study(direction="maximize")
    study.optimize(objective, n_trials=3)
    assert "BATCHSIZE" in study.best_trial.user_attrs
    assert study.best_trial.user_attrs["BATCHSIZE"] == 64


def kernel_of_a_machine(trial):
    kernel = trial.suggest_categorical("kernel", ["linear", "poly", "rbf"])
    return score(SVC(kernel=kernel, gamma="scale", random_state=0))


def subsample_of_boosting(trial):
    subsample = trial.suggest_float("subsample", 0.1, 1.0, step=0.1)
    return score(GradientBoostingClassifier(subsample=subsample, n_estimators=5, random_state=0))


def three_floats_of_a_network(trial):
    momentum = trial.suggest_float("momentum", 0.0, 1.0)
    learning_rate_init = trial.suggest_float("learning_rate_init", 1e-5, 1e-3, log=True)
    power_t = trial.suggest_float("power_t", 0.2, 0.8, step=0.1)
    return score(
        MLPClassifier(
            hidden_layer_sizes=(10,),
            momentum=momentum,
            learning_rate_init=learning_rate_init,
            solver="sgd",
            random_state=0,
            power_t=power_t,
            max_iter=5,
        )
    )


def size_of_a_forest(trial):
    n_estimators = trial.suggest_int("n_estimators", 5, 40)
    return score(RandomForestClassifier(n_estimators=n_estimators, random_state=0))


def penalty_of_a_machine(trial):
    c = trial.suggest_float("c", 1e-5, 1e2, log=True)
    return score(SVC(C=c, gamma="scale", random_state=0))


def momentum_of_a_network(trial):
    momentum = trial.suggest_float("momentum", 0.0, 1.0)
    return score(MLPClassifier(hidden_layer_sizes=(10,), momentum=momentum, solver="sgd", random_state=0, max_iter=5))


TENTHS = {
    "subsample": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    "power_t": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
}


@pytest.mark.parametrize(
    ("example", "objective", "allowed"),
    [
        ("EX-57", kernel_of_a_machine, {"kernel": lambda v: v in ("linear", "poly", "rbf")}),
        ("EX-58", subsample_of_boosting, {"subsample": TENTHS["subsample"].__contains__}),
        (
            "EX-59",
            three_floats_of_a_network,
            {
                "momentum": lambda v: 0.0 <= v <= 1.0,
                "learning_rate_init": lambda v: 1e-5 <= v <= 1e-3,
                "power_t": TENTHS["power_t"].__contains__,
            },
        ),
        ("EX-60", size_of_a_forest, {"n_estimators": lambda v: type(v) is int and 5 <= v <= 40}),
        ("EX-61", penalty_of_a_machine, {"c": lambda v: 1e-5 <= v <= 1e2}),
        ("EX-62", momentum_of_a_network, {"momentum": lambda v: 0.0 <= v <= 1.0}),
    ],
)
def test_a_model_is_tuned_with_values_from_the_ranges_asked_for(example, objective, allowed):
    study = hpo.create_study(direction="maximize")
    study.optimize(objective, n_trials=3)
    assert len(study.trials) == 3
    for trial in study.trials:
        assert trial.state is hpo.TrialState.COMPLETE
        assert {*trial.params} == {*allowed}
        assert all(allowed[name](value) for name, value in trial.params.items()), trial.params
    assert study.best_value == max(trial.value for trial in study.trials)


def test_the_best_trial_evaluates_again_to_the_best_value():  # EX-64
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        return x**2

    study = hpo.create_study()
    study.optimize(objective, n_trials=3)
    assert objective(study.best_trial) == study.best_value
