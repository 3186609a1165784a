"""Parameters: their kinds, conditions, loops and ranges, and models that are tuned with them."""

import json
import warnings

import numpy as np
import pytest
from optuna_programs import same_with_optuna, unit
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, SVR

import hpo


def test_five_kinds_of_parameters():
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


def test_parameters_with_steps_and_logarithms(agreed):
    def objective(trial):
        trial.suggest_float("third", 0.0, 1.0, step=0.25)
        trial.suggest_int("odd", 2, 11, step=3)
        trial.suggest_int("many", 1, 100, log=True)
        return 0.0

    def program(lib):
        study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=0))
        study.optimize(objective, n_trials=60)
        seen = {name: sorted({trial.params[name] for trial in study.trials}) for name in ("third", "odd")}
        kinds = {name: type(value).__name__ for name, value in study.trials[0].params.items()}
        return seen, kinds, study.trials[0].distributions["odd"].high

    assert agreed(program)[0] == {"third": [0.0, 0.25, 0.5, 0.75, 1.0], "odd": [2, 5, 8, 11]}


def test_the_kind_of_model_is_a_parameter():
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


def test_branches_make_conditional_parameters():
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


def test_loops_name_their_parameters():
    def objective(trial):
        n_layers = trial.suggest_int("n_layers", 1, 3)
        return sum(int(trial.suggest_float(f"n_units_l{i}", 4, 128, log=True)) for i in range(n_layers))

    study = hpo.create_study(seed=0)
    study.optimize(objective, n_trials=15)
    for trial in study.trials:
        assert [*trial.params] == ["n_layers", *(f"n_units_l{i}" for i in range(trial.params["n_layers"]))]
    assert {trial.params["n_layers"] for trial in study.trials} == {1, 2, 3}


@same_with_optuna
def test_branches_and_loops(lib):
    def objective(trial):
        if trial.suggest_categorical("kind", ["linear", "deep"]) == "linear":
            return trial.suggest_float("c", 1e-10, 1e10, log=True) ** 0.01
        layers = trial.suggest_int("layers", 1, 3)
        return sum(trial.suggest_int(f"units_{i}", 4, 128, log=True) for i in range(layers)) + trial.suggest_float(
            "drop", 0.0, 1.0, step=0.1
        )

    study = lib.create_study(direction="maximize", sampler=lib.samplers.TPESampler(seed=3))
    study.optimize(objective, n_trials=30)
    best = study.best_trial
    kinds = {type(value).__name__ for trial in study.trials for value in trial.params.values()}
    assert best.value == study.best_value == max(trial.value for trial in study.trials)
    assert best.params == study.best_params
    return kinds, len(study.trials), {next(iter(trial.params)) for trial in study.trials}, study.direction.name


@same_with_optuna
def test_invalid_reports_and_ranges_raise_errors(lib):
    errors = []

    def objective(trial):
        for call in (
            lambda: trial.report("a", 2),
            lambda: trial.report(1.0, -1),
            lambda: trial.report(None, 3),
            lambda: trial.suggest_int("x", 3, 1),
            lambda: trial.suggest_categorical("q", []),
            lambda: trial.suggest_float("r", 0, 1, log=True),
            lambda: trial.suggest_float("r", 0.1, 1, log=True, step=0.1),
            lambda: trial.suggest_float("r", 0.1, 1, 0.1),
        ):
            with pytest.raises((TypeError, ValueError)) as caught:
                call()
            errors.append(isinstance(caught.value, TypeError))
        trial.report(np.float32(0.5), 0)
        trial.report(1, 5)
        return unit(trial)

    study = lib.create_study()
    study.optimize(objective, n_trials=1)
    trial = study.trials[0]
    return (
        errors,
        dict(trial.intermediate_values),
        trial.last_step,
        json.dumps(trial.params) == json.dumps(study.best_params),
    )


X, y = load_iris(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, random_state=0)


def score(classifier):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few iterations are enough here
        classifier.fit(X_train, y_train)
    return classifier.score(X_valid, y_valid)


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
    ("objective", "allowed"),
    [
        (kernel_of_a_machine, {"kernel": lambda v: v in ("linear", "poly", "rbf")}),
        (subsample_of_boosting, {"subsample": TENTHS["subsample"].__contains__}),
        (
            three_floats_of_a_network,
            {
                "momentum": lambda v: 0.0 <= v <= 1.0,
                "learning_rate_init": lambda v: 1e-5 <= v <= 1e-3,
                "power_t": TENTHS["power_t"].__contains__,
            },
        ),
        (size_of_a_forest, {"n_estimators": lambda v: type(v) is int and 5 <= v <= 40}),
        (penalty_of_a_machine, {"c": lambda v: 1e-5 <= v <= 1e2}),
        (momentum_of_a_network, {"momentum": lambda v: 0.0 <= v <= 1.0}),
    ],
)
def test_a_model_is_tuned_with_values_from_its_ranges(objective, allowed):
    study = hpo.create_study(direction="maximize")
    study.optimize(objective, n_trials=3)
    assert len(study.trials) == 3
    for trial in study.trials:
        assert trial.state is hpo.TrialState.COMPLETE
        assert {*trial.params} == {*allowed}
        assert all(allowed[name](value) for name, value in trial.params.items()), trial.params
    assert study.best_value == max(trial.value for trial in study.trials)


def test_a_trial_attribute_is_kept_with_the_best_trial():
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
