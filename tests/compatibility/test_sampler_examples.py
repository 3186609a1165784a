"""The examples of the reference pages of the grid, random and TPE samplers, with today's names."""

import itertools

import pytest

import hpo
from hpo.samplers import GridSampler, RandomSampler, TPESampler


def test_a_grid_covers_every_combination_once():  # EX-40
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


def test_a_grid_ends_the_run_when_all_is_tried():  # EX-40, the note below it
    study = hpo.create_study(sampler=GridSampler({"x": [-50, 0, 50], "y": [-99, 0, 99]}))
    study.optimize(lambda trial: trial.suggest_int("x", -100, 100) + trial.suggest_int("y", -100, 100), n_trials=20)
    assert len(study.trials) == 9
    study.optimize(lambda trial: trial.suggest_int("x", -100, 100) + trial.suggest_int("y", -100, 100), n_trials=20)
    assert len(study.trials) == 9


def test_a_grid_gives_its_values_also_between_the_steps():  # EX-41
    def objective(trial):
        x = trial.suggest_float("x", -5, 5, step=1)
        return x**2

    study = hpo.create_study(sampler=GridSampler({"x": [-0.5, 0.5]}))
    study.optimize(objective, n_trials=2)
    assert {trial.params["x"] for trial in study.trials} == {-0.5, 0.5}
    assert {trial.value for trial in study.trials} == {0.25}


@pytest.mark.parametrize(
    ("example", "sampler"),
    [
        ("EX-42", RandomSampler()),
        ("EX-43", TPESampler()),
        ("EX-44", TPESampler(**TPESampler.hyperopt_parameters())),
    ],
)
def test_a_sampler_runs_ten_trials_of_a_quadratic(example, sampler):
    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        return x**2

    study = hpo.create_study(sampler=sampler)
    study.optimize(objective, n_trials=10)
    assert len(study.trials) == 10
    assert len({trial.params["x"] for trial in study.trials}) == 10
    assert all(-10 <= trial.params["x"] <= 10 for trial in study.trials)


def test_hyperopts_settings_lead_to_the_minimum():  # EX-44, with enough trials to leave the random start
    sampler = TPESampler(**TPESampler.hyperopt_parameters())
    study = hpo.create_study(sampler=sampler, seed=0)
    study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=60)
    assert study.best_value < 0.1
    assert sampler.n_startup_trials == 20
