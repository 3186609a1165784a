"""What happens when everything is tried: the program may have changed, and the queue must not be blocked."""

import logging

import pytest

import hpo
from hpo.errors import SearchSpaceExhausted
from hpo.samplers import BruteForceSampler, CmaEsSampler, GridSampler, QMCSampler, TPESampler

MODELS = [TPESampler, CmaEsSampler, BruteForceSampler]


def x_below(n, first=0):
    return lambda trial: trial.suggest_int("x", first, first + n - 1)


def used_up(sampler, objective=None):
    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(objective or x_below(3))
    assert len(study.trials) == 3
    return study


def values(study, first=3):
    return [trial.params for trial in study.trials[first:]]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("sampler", MODELS)
@pytest.mark.parametrize(
    ("extended", "new"),
    [
        (x_below(5), {3, 4}),
        (x_below(3, first=5), {5, 6, 7}),
        (lambda trial: trial.suggest_float("x", 0, 2, step=0.5), {0.5, 1.5}),
        (lambda trial: len(trial.suggest_categorical("x", ["a", "b"])), {"a", "b"}),
    ],
)
def test_a_range_that_grew_or_moved_is_searched(sampler, n_jobs, extended, new):
    study = used_up(sampler())
    study.optimize(extended, n_trials=10, n_jobs=n_jobs)
    assert len(values(study)) == len(new)
    assert {params["x"] for params in values(study)} == new
    assert hpo.verify(study).clean


@pytest.mark.parametrize("sampler", MODELS)
def test_a_new_choice_is_tried(sampler):
    study = hpo.create_study(sampler=sampler(), seed=1)
    study.optimize(lambda trial: len(trial.suggest_categorical("c", ["a", "b"])))
    study.optimize(lambda trial: len(trial.suggest_categorical("c", ["a", "b", "c"])), n_trials=10)
    assert values(study, 2) == [{"c": "c"}]


@pytest.mark.parametrize("sampler", MODELS)
def test_a_new_parameter_is_searched(sampler):
    study = used_up(sampler())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 2) + trial.suggest_int("y", 0, 1), n_trials=20)
    assert {trial["y"] for trial in values(study)} == {0, 1}


@pytest.mark.parametrize("sampler", MODELS)
def test_a_new_branch_is_found(sampler):
    def branching(trial):
        if trial.suggest_categorical("kind", ["line", "point", "circle"]) == "circle":
            return trial.suggest_int("radius", 1, 2)
        return 0

    study = hpo.create_study(sampler=sampler(), seed=1)
    study.optimize(lambda trial: len(trial.suggest_categorical("kind", ["line", "point"])))
    study.optimize(branching, n_trials=20)
    assert {"kind": "circle", "radius": 1} in values(study, 2)


@pytest.mark.parametrize("sampler", MODELS)
def test_a_program_whose_range_is_a_variable_is_seen_to_change(sampler):
    high = 2

    def objective(trial):
        return trial.suggest_int("x", 0, high)

    study = used_up(sampler(), objective)
    high = 4
    study.optimize(objective, n_trials=10)
    assert {params["x"] for params in values(study)} == {3, 4}


@pytest.mark.parametrize("sampler", MODELS)
def test_the_same_program_repeats_nothing(sampler):
    objective = x_below(3)
    study = used_up(sampler(), objective)
    study.optimize(objective, n_trials=5)
    assert len(study.trials) == 3


@pytest.mark.parametrize("sampler", MODELS)
def test_a_program_from_elsewhere_repeats_one_trial_at_most(sampler, tmp_path):
    path = tmp_path / "study.jsonl"
    study = hpo.create_study(storage=path, sampler=sampler(), seed=1)
    study.optimize(x_below(3))
    again = hpo.load_study(storage=path)
    again.optimize(x_below(3), n_trials=5)
    assert len(again.trials) == 4
    assert hpo.verify(again).clean


def test_ask_finds_what_a_program_asks_for_now():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    study.optimize(x_below(3))
    found = []
    for _ in range(2):
        trial = study.ask()
        found.append(trial.suggest_int("x", 0, 4))
        study.tell(trial, 0.0)
    assert sorted(found) == [3, 4]
    with pytest.raises(SearchSpaceExhausted):
        study.ask()


@pytest.mark.parametrize("sampler", MODELS)
def test_a_declared_space_that_is_used_up_is_not_doubted(sampler):
    study = hpo.create_study(sampler=sampler(), seed=1, space={"x": hpo.IntDistribution(0, 2)})
    study.optimize(x_below(3))
    study.optimize(x_below(5), n_trials=5)
    assert len(study.trials) == 3


def test_a_grid_that_is_used_up_is_not_doubted_and_a_larger_one_goes_on():
    study = used_up(GridSampler({"x": [0, 1, 2]}))
    study.optimize(x_below(5), n_trials=5)
    assert len(study.trials) == 3
    study.sampler = GridSampler({"x": [3, 4]})
    study.optimize(x_below(5), n_trials=5)
    assert [params["x"] for params in values(study)] == [3, 4]


def test_quasi_random_search_follows_a_range_that_grew():
    study = hpo.create_study(sampler=QMCSampler(), seed=1)
    study.optimize(x_below(3), n_trials=3)
    study.optimize(x_below(9), n_trials=30)
    assert max(params["x"] for params in values(study)) == 8


@pytest.fixture
def log(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("hpo"), "propagate", True)
    return caplog


@pytest.mark.parametrize(
    ("space", "sampler", "named"),
    [
        (None, TPESampler(), ["create_study(space=...)", "enqueue_trial", 'duplicates="allow"']),
        ({"x": hpo.IntDistribution(0, 2)}, TPESampler(), ["enqueue_trial", 'duplicates="allow"']),
        (None, GridSampler({"x": [0, 1, 2]}), ["enqueue_trial"]),
    ],
)
def test_a_run_that_ends_early_warns_and_names_the_ways_out(log, space, sampler, named):
    study = hpo.create_study(sampler=sampler, seed=1, space=space)
    study.optimize(x_below(3), n_trials=5)
    (warning,) = [record.getMessage() for record in log.records if record.levelno == logging.WARNING]
    assert "after 3 of 5 trials" in warning
    ways = ["create_study(space=...)", "enqueue_trial", 'duplicates="allow"']
    assert [way for way in ways if way in warning] == named


def test_a_run_without_a_number_of_trials_ends_quietly(log):
    used_up(TPESampler())
    assert not [record for record in log.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("space", [None, {"x": hpo.IntDistribution(0, 2)}])
@pytest.mark.parametrize("sampler", [*MODELS, lambda: GridSampler({"x": [0, 1, 2]})])
def test_an_open_point_at_the_head_of_the_queue_does_not_block_it(space, sampler):
    objective = x_below(3)
    study = hpo.create_study(sampler=sampler(), seed=1, space=space)
    study.optimize(objective)
    study.enqueue_trial({})
    study.enqueue_trial({"x": 1})
    study.optimize(objective, n_trials=2)
    first, second = values(study)
    assert first["x"] in range(3)
    assert second == {"x": 1}
    assert not study.state.waiting
    assert hpo.verify(study).clean


def test_asked_for_by_hand_an_enqueued_trial_runs_after_everything_is_tried():
    space = {"x": hpo.IntDistribution(0, 2)}
    state = hpo.StudyState.create(seed=1)
    for _ in range(3):
        state, trial = hpo.ask(state, TPESampler(), space)
        state = hpo.tell(state, trial, 0.0)
    state = hpo.enqueue(hpo.enqueue(state, {}), {"x": 1})
    state, (first, second) = hpo.ask(state, TPESampler(), space, n=2)
    assert first.params["x"] in range(3)
    assert second.params == {"x": 1}
    with pytest.raises(SearchSpaceExhausted):
        hpo.ask(state, TPESampler(), space)
