"""Built-in samplers: grids, brute force, random search and TPE."""

import itertools

import pytest
from optuna_programs import quadratic, same_with_optuna, unit

import hpo
from hpo.samplers import GridSampler, RandomSampler, TPESampler


def test_a_grid_covers_every_combination_once():
    def objective(trial):
        x = trial.suggest_float("x", -100, 100)
        y = trial.suggest_int("y", -100, 100)
        return x**2 + y**2

    search_space = {"x": [-50, 0, 50], "y": [-99, 0, 99]}
    study = hpo.create_study(sampler=GridSampler(search_space))
    study.optimize(objective, n_trials=3 * 3)

    tried = [(trial.params["x"], trial.params["y"]) for trial in study.trials]
    assert sorted(tried) == sorted(itertools.product(*search_space.values()))
    assert study.best_params == {"x": 0, "y": 0}
    assert all(type(x) is float and type(y) is int for x, y in tried)


def test_a_grid_ends_the_run_when_every_combination_is_tried():
    study = hpo.create_study(sampler=GridSampler({"x": [-50, 0, 50], "y": [-99, 0, 99]}))
    study.optimize(lambda trial: trial.suggest_int("x", -100, 100) + trial.suggest_int("y", -100, 100), n_trials=20)
    assert len(study.trials) == 9
    study.optimize(lambda trial: trial.suggest_int("x", -100, 100) + trial.suggest_int("y", -100, 100), n_trials=20)
    assert len(study.trials) == 9


def test_a_grid_may_hold_values_between_the_steps():
    def objective(trial):
        x = trial.suggest_float("x", -5, 5, step=1)
        return x**2

    study = hpo.create_study(sampler=GridSampler({"x": [-0.5, 0.5]}))
    study.optimize(objective, n_trials=2)
    assert {trial.params["x"] for trial in study.trials} == {-0.5, 0.5}
    assert {trial.value for trial in study.trials} == {0.25}


@same_with_optuna
def test_every_point_of_a_grid_or_a_tree(lib):
    def objective(trial):
        return trial.suggest_float("x", -100, 100) + trial.suggest_int("y", -100, 100)

    grid = lib.create_study(sampler=lib.samplers.GridSampler({"x": [-50, 0, 50], "y": [-99, 0, 99]}))
    grid.optimize(objective)

    def branching(trial):
        low = trial.suggest_int("low", 1, 3)
        return low + trial.suggest_int("high", low, 3) + (trial.suggest_categorical("c", ["a", "b"]) == "a")

    tree = lib.create_study(sampler=lib.samplers.BruteForceSampler())
    tree.optimize(branching)
    return len(grid.trials), grid.best_params, len(tree.trials), tree.best_value


@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler(),
        TPESampler(),
        TPESampler(**TPESampler.hyperopt_parameters()),
    ],
)
def test_a_sampler_runs_ten_trials_of_a_quadratic(sampler):
    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        return x**2

    study = hpo.create_study(sampler=sampler)
    study.optimize(objective, n_trials=10)
    assert len(study.trials) == 10
    assert len({trial.params["x"] for trial in study.trials}) == 10
    assert all(-10 <= trial.params["x"] <= 10 for trial in study.trials)


def test_the_settings_of_hyperopt_find_the_minimum():
    sampler = TPESampler(**TPESampler.hyperopt_parameters())
    study = hpo.create_study(sampler=sampler, seed=0)
    study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=60)
    assert study.best_value < 0.1
    assert sampler.n_startup_trials == 20


@pytest.mark.parametrize("sampler", [TPESampler, RandomSampler])
def test_the_same_seed_gives_the_same_parameters(sampler):
    runs = []
    for seed in (10, 10, 11):
        study = hpo.create_study(sampler=sampler(seed=seed))  # Make the sampler behave in a deterministic way.
        study.optimize(quadratic, n_trials=25)
        runs.append([trial.params for trial in study.trials])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_the_same_seed_makes_the_same_study(agreed):
    def program(lib):
        def run():
            study = lib.create_study(sampler=lib.samplers.TPESampler(seed=42))
            study.optimize(lambda trial: unit(trial) ** 2, n_trials=15)
            return [trial.params for trial in study.trials]

        return run() == run()

    assert agreed(program)


@same_with_optuna
def test_the_sampler_is_replaced_between_runs(lib):
    study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=0))
    objective = lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 3)  # noqa: E731
    study.optimize(objective, n_trials=3)
    study.sampler = lib.samplers.PartialFixedSampler({"n": 2}, study.sampler)
    study.optimize(objective, n_trials=3)
    study.sampler = lib.samplers.TPESampler(n_startup_trials=2, multivariate=True, seed=1)
    study.pruner = lib.pruners.NopPruner()
    study.optimize(objective, n_trials=3)
    names = type(study.sampler).__name__, type(study.pruner).__name__
    return [trial.params["n"] for trial in study.trials[3:6]], names, len(study.trials)
