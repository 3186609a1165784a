"""Grid search: every combination once, whoever asks, in whatever order results come."""

import itertools
import random

import numpy as np
import pytest

from hpo.core import (
    Ask,
    CategoricalDistribution,
    Exhausted,
    FloatDistribution,
    IntDistribution,
    ParamsSuggested,
    SearchSpace,
    StudyState,
    Suggestion,
    Tell,
    TrialState,
    ask,
    decide,
    enqueue,
    replay,
    suggest_joint,
    suggest_lone,
    tell,
)
from hpo.errors import InvalidSuggestion, SearchSpaceExhausted
from hpo.samplers import GridSampler, RandomSampler
from hpo.samplers.grid import _Order
from hpo.study.studies import create_study

GRID = {"x": [-50, 0, 50], "y": [-99, 0, 99]}
SPACE = {"x": FloatDistribution(-100, 100), "y": IntDistribution(-100, 100)}
PRODUCT = [{"x": float(x), "y": y} for x, y in itertools.product(*GRID.values())]


def run(state, sampler, space=None, at_most=100):
    """Ask and tell, one after another, until nothing is left; the parameters of the trials."""
    params = []
    for _ in range(at_most):
        try:
            state, trial = ask(state, sampler, space)
        except SearchSpaceExhausted:
            break
        state = tell(state, trial.number, 0.0)
        params.append(dict(trial.params))
    return state, params


class Worker:
    """One define-by-run trial: started, given its joint parameters, and asked for others, each when the test says."""

    def __init__(self, state, sampler):
        self.sampler = sampler
        self.started = replay(decide(state, Ask()), state)
        self.number = self.started.n_trials - 1

    def suggest_joint(self, state):
        command = suggest_joint(self.started, self.sampler, self.started.running[self.number])
        assert not isinstance(command, Exhausted)
        state = replay(decide(state, command), state)
        self.joint = state.running[self.number]
        return state

    def suggest(self, state, space):
        for name, distribution in space.items():
            if self.joint.distributions.get(name) == distribution:
                continue
            command = suggest_lone(self.started, self.sampler, self.joint, name, SearchSpace({name: distribution}))
            state = replay(decide(state, command), state)
        return state


def define_by_run(state, sampler, space):
    worker = Worker(state, sampler)
    state = worker.suggest(worker.suggest_joint(worker.started), space)
    return tell(state, worker.number, 0.0)


def test_every_combination_comes_once_in_the_order_of_nested_loops():
    state, params = run(StudyState.create(), GridSampler(GRID), SPACE)
    assert params == PRODUCT
    with pytest.raises(SearchSpaceExhausted, match="all 9 combinations of the grid are tried or running"):
        ask(state, GridSampler(GRID), SPACE)


def test_a_study_ends_by_itself_when_the_grid_is_used_up():
    def objective(trial):
        x = trial.suggest_float("x", -100, 100)
        y = trial.suggest_int("y", -100, 100)
        return x**2 + y**2

    study = create_study(sampler=GridSampler(GRID))
    study.optimize(objective, n_trials=20)
    assert [trial.params for trial in study.trials] == PRODUCT
    assert (study.best_value, study.best_params) == (0.0, {"x": 0.0, "y": 0})


@pytest.mark.parametrize("order", ["any", "deterministic"])
def test_threads_share_the_cells(order):
    study = create_study(sampler=GridSampler(GRID, seed=2))
    study.optimize(lambda t: t.suggest_int("y", -100, 100) + t.suggest_float("x", -100, 100), n_jobs=4, order=order)
    assert sorted(sorted_items(trial.params) for trial in study.trials) == sorted(map(sorted_items, PRODUCT))


def test_a_grid_value_may_lie_between_steps():
    study = create_study(sampler=GridSampler({"x": [-0.5, 0.5]}))
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5, step=1) ** 2, n_trials=2)
    assert [trial.params["x"] for trial in study.trials] == [-0.5, 0.5]


def test_a_declared_space_gets_the_same_combinations():
    assert run(StudyState.create(space=SPACE), GridSampler(GRID))[1] == PRODUCT


def test_lone_parameters_belong_to_one_combination_in_any_order():
    state = StudyState.create()
    for i in range(9):
        names = list(SPACE) if i % 2 else list(reversed(SPACE))
        state = define_by_run(state, GridSampler(GRID, seed=i % 2), {name: SPACE[name] for name in names})
    assert sorted(map(sorted_items, PRODUCT)) == sorted(sorted_items(trial.params) for trial in state.finished)
    with pytest.raises(SearchSpaceExhausted):
        ask(state, GridSampler(GRID))


def sorted_items(params):
    return sorted(params.items())


def test_what_all_trials_have_asked_for_is_suggested_together():
    study = create_study(sampler=GridSampler(GRID))
    study.optimize(lambda trial: sum(trial.suggest_float(name, -100, 100) for name in GRID))
    suggested = [event for event in study.events() if isinstance(event, ParamsSuggested)]
    assert [event.lone for event in suggested] == [False, True, True] + [False] * 8
    assert [dict(trial.params) for trial in study.trials] == PRODUCT


def test_a_parameter_whose_range_lacks_grid_values_is_suggested_alone():
    def objective(trial):
        high = 10 * (trial.number + 1)  # the next value of the grid is never in the last trial's range
        return trial.suggest_int("x", 0, high) + trial.suggest_int("y", 0, 9)

    study = create_study(sampler=GridSampler({"x": [10, 20, 30], "y": [7]}))
    study.optimize(objective)
    assert [dict(trial.params) for trial in study.trials] == [{"x": x, "y": 7} for x in (10, 20, 30)]
    joint = [event.space for event in study.events() if isinstance(event, ParamsSuggested) and not event.lone]
    assert [{*study.state.spaces.key_at(space)} for space in joint] == [set(), {"y"}, {"y"}]


def test_a_seed_shuffles_the_order_and_another_seed_does_so_differently():
    orders = [run(StudyState.create(), GridSampler(GRID, seed=seed), SPACE)[1] for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2] != orders[3] != PRODUCT
    assert all(sorted(map(sorted_items, order)) == sorted(map(sorted_items, PRODUCT)) for order in orders)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9, 10, 97, 100, 1000])
def test_the_shuffle_is_a_permutation_and_its_inverse_undoes_it(size):
    for seed in (0, 1, -7):
        order = _Order(size, seed)
        cells = [order.cell_at(position) for position in range(size)]
        assert sorted(cells) == list(range(size))
        assert [order.position_of(cell) for cell in cells] == list(range(size))


def test_the_shuffle_favours_no_cell_and_takes_grids_of_any_size():
    firsts = [_Order(12, seed).cell_at(0) for seed in range(1200)]
    seconds = [_Order(12, seed).cell_at(1) for seed in range(1200)]
    for cells in (firsts, seconds):
        assert all(60 < cells.count(cell) < 150 for cell in range(12))  # 100 expected, standard deviation 10
    huge = _Order(10**30, 3)
    assert [huge.position_of(huge.cell_at(position)) for position in (0, 1, 10**29)] == [0, 1, 10**29]


def test_a_huge_grid_costs_nothing():
    sampler = GridSampler({f"x{i}": range(1000) for i in range(12)}, seed=5)
    space = {f"x{i}": IntDistribution(0, 999) for i in range(12)}
    _, params = run(StudyState.create(), sampler, space, at_most=20)
    assert sampler.n_cells == 10**36
    assert len({tuple(p.values()) for p in params}) == 20


def test_trials_that_run_at_the_same_time_have_different_cells():
    state, trials = ask(StudyState.create(), GridSampler(GRID), SPACE, 9)
    assert [dict(trial.params) for trial in trials] == PRODUCT
    with pytest.raises(SearchSpaceExhausted):
        ask(state, GridSampler(GRID), SPACE)


def test_workers_that_started_before_others_had_suggestions_get_different_cells():
    state, workers = StudyState.create(), []
    for _ in range(4):
        workers.append(Worker(state, GridSampler(GRID)))
        state = workers[-1].started
    for worker in reversed(workers):
        state = worker.suggest(worker.suggest_joint(state), SPACE)
    assert [dict(trial.params) for trial in state.running.values()] == PRODUCT[:4]
    _, rest = run(state, GridSampler(GRID), SPACE)
    assert rest == PRODUCT[4:]


@pytest.mark.parametrize("seed", [None, 3])
def test_any_interleaving_of_workers_visits_every_cell_once(seed):
    sampler = GridSampler(GRID, seed=seed)
    for chance in range(30):
        rng = random.Random(chance)
        state, started, suggested, used = StudyState.create(), [], [], 0
        while len(state.finished) < 9:
            moves = ["start"] * (used < 9) + ["suggest"] * bool(started) + ["tell"] * bool(suggested)
            match rng.choice(moves):
                case "start":
                    started.append(Worker(state, sampler))
                    state = started[-1].started
                    used += 1
                case "suggest":
                    worker = started.pop(rng.randrange(len(started)))
                    state = worker.suggest(worker.suggest_joint(state), SPACE)
                    suggested.append(worker)
                case "tell":
                    worker = suggested.pop(rng.randrange(len(suggested)))
                    state = tell(state, worker.number, 0.0)
        assert len({tuple(sorted_items(trial.params)) for trial in state.finished}) == 9
        with pytest.raises(SearchSpaceExhausted):
            ask(state, sampler, SPACE)


def test_a_cell_is_not_lost_with_a_trial_that_failed_before_its_suggestion():
    state = Worker(StudyState.create(), GridSampler(GRID)).started
    state, second = ask(state, GridSampler(GRID), SPACE)
    assert second.params == PRODUCT[1]
    state = tell(state, 0, state=TrialState.FAIL)
    assert run(tell(state, 1, 0.0), GridSampler(GRID), SPACE)[1] == [PRODUCT[0], *PRODUCT[2:]]


def test_a_cell_is_held_back_for_a_trial_without_a_suggestion_until_it_fails():
    state, params = run(Worker(StudyState.create(), GridSampler(GRID)).started, GridSampler(GRID), SPACE)
    assert len(params) == 8
    assert run(tell(state, 0, state=TrialState.FAIL), GridSampler(GRID), SPACE)[1] == PRODUCT[:1]


def test_failed_and_pruned_trials_have_tried_their_cells():
    state = StudyState.create()
    for outcome in (TrialState.FAIL, TrialState.PRUNED):
        state, trial = ask(state, GridSampler(GRID), SPACE)
        state = replay(decide(state, Tell(trial.number, state=outcome)), state)
    assert run(state, GridSampler(GRID), SPACE)[1] == PRODUCT[2:]


def test_a_study_restored_from_bytes_continues_where_it_was():
    state, first = run(StudyState.create(), GridSampler(GRID, seed=1), SPACE, at_most=4)
    state, running = ask(state, GridSampler(GRID, seed=1), SPACE)
    _, rest = run(StudyState.from_bytes(state.to_bytes()), GridSampler(GRID, seed=1), SPACE)
    assert [*first, dict(running.params), *rest] == run(StudyState.create(), GridSampler(GRID, seed=1), SPACE)[1]


def test_workers_with_different_seeds_share_the_cells():
    state, params = StudyState.create(), []
    for i in range(9):
        state, trial = ask(state, GridSampler(GRID, seed=[None, 1, 2][i % 3]), SPACE)
        state = tell(state, trial.number, 0.0)
        params.append(trial.params)
    assert sorted(map(sorted_items, params)) == sorted(map(sorted_items, PRODUCT))


def test_trials_of_other_samplers_and_other_grids_use_up_nothing():
    state = StudyState.create()
    for other in (RandomSampler(), GridSampler({"x": [1.0, 2.0], "y": [3]})):
        for _ in range(2):
            state, trial = ask(state, other, SPACE)
            state = tell(state, trial.number, 0.0)
    state, _ = ask(state, RandomSampler(), SPACE)
    assert run(state, GridSampler(GRID), SPACE)[1] == PRODUCT


def test_an_enqueued_trial_borrows_values_and_uses_up_no_cell():
    state = enqueue(StudyState.create(), {"x": 7.0})
    state, params = run(state, GridSampler(GRID), SPACE)
    assert params == [{"x": 7.0, "y": -99}, *PRODUCT]


def test_an_enqueued_trial_borrows_all_values_from_one_cell():
    grid, space = {**GRID, "z": [1, 2]}, {**SPACE, "z": IntDistribution(0, 9)}
    state, _ = run(StudyState.create(), GridSampler(grid), space, at_most=3)
    state = define_by_run(enqueue(state, {"x": 7.0}), GridSampler(grid), space)
    assert state.finished[-1].params == {"x": 7.0, "y": 0, "z": 2}
    assert state.finished[-1].note == {"grid": state.finished[0].note["grid"], "borrowed_cell": 3}
    state, params = run(state, GridSampler(grid), space)
    assert params[0] == {"x": -50.0, "y": 0, "z": 2}
    assert len(params) == 15


def test_an_enqueued_trial_that_waits_for_its_suggestion_holds_no_cell():
    worker = Worker(enqueue(StudyState.create(), {"x": 7.0}), GridSampler(GRID))
    assert run(worker.started, GridSampler(GRID), SPACE)[1] == PRODUCT


def test_a_cell_that_was_tried_twice_changes_nothing_for_the_others():
    state, _ = run(StudyState.create(), GridSampler(GRID), SPACE, at_most=2)
    note = state.finished[0].note
    state, _ = run(state, lambda *_: Suggestion({"x": 0.0, "y": 0}, note), SPACE, at_most=2)
    assert run(state, GridSampler(GRID), SPACE)[1] == PRODUCT[2:]


def test_an_enqueued_trial_runs_also_when_the_grid_is_used_up():
    state, _ = run(StudyState.create(), GridSampler(GRID), SPACE)
    state, params = run(enqueue(state, {"y": 5}), GridSampler(GRID), SPACE)
    assert params == [{"x": -50.0, "y": 5}]


def test_values_between_steps_are_suggested_unchanged():
    space = {"x": FloatDistribution(-5, 5, step=1), "n": IntDistribution(0, 9, step=3)}
    grid = {"x": [-0.5, 0.5], "n": [1, 2]}
    assert run(StudyState.create(), GridSampler(grid), space)[1] == [
        {"x": x, "n": n} for x, n in itertools.product(*grid.values())
    ]
    state = define_by_run(StudyState.create(), GridSampler(grid), space)
    assert state.finished[0].params == {"x": -0.5, "n": 1}
    assert StudyState.from_bytes(state.to_bytes()) == state


def test_choices_keep_their_types():
    choices = [None, True, 1, 1.0, "1", 0.5, float("nan")]
    space = {"c": CategoricalDistribution(choices)}
    params = [p["c"] for p in run(StudyState.create(), GridSampler({"c": choices}), space)[1]]
    assert [repr(value) for value in params] == [repr(choice) for choice in choices]


def test_numpy_values_and_whole_floats_become_builtins():
    grid = {"x": np.linspace(0, 1, 3), "n": [np.int64(2), 3.0]}
    space = {"x": FloatDistribution(0, 1), "n": IntDistribution(0, 5)}
    params = run(StudyState.create(), GridSampler(grid), space)[1]
    assert [tuple(p.values()) for p in params] == list(itertools.product([0.0, 0.5, 1.0], [2, 3]))
    assert {(type(p["x"]), type(p["n"])) for p in params} == {(float, int)}


def test_grid_values_that_the_objective_does_not_ask_for_still_count_as_cells():
    _, params = run(StudyState.create(), GridSampler(GRID), {"x": SPACE["x"]})
    assert [p["x"] for p in params] == [p["x"] for p in PRODUCT]


@pytest.mark.parametrize("how_to_ask", [ask, define_by_run])
def test_a_parameter_outside_the_grid_is_an_error_that_names_both(how_to_ask):
    with pytest.raises(InvalidSuggestion, match="'z' is not in the grid of GridSampler, which has x, y"):
        how_to_ask(StudyState.create(), GridSampler(GRID), {"z": FloatDistribution(0, 1)})


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize("cell", ["text", -1, 9, 10, 1.0, True, None, [1]])
def test_notes_that_do_not_name_a_cell_are_ignored(seed, cell):
    grid = ask(StudyState.create(), GridSampler(GRID), SPACE)[1].note["grid"]
    state, _ = run(StudyState.create(), lambda *_: Suggestion({"x": 0, "y": 0}, {"grid": grid, "cell": cell}), SPACE, 1)
    assert len(run(state, GridSampler(GRID, seed=seed), SPACE)[1]) == 9
