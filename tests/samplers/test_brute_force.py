"""Brute force: every combination that an objective can ask for, whoever asks and whatever depends on what."""

import itertools
import random

import pytest
from branching_objective import LEAVES, counted, objective, quiet_study

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    StudyState,
    TrialState,
    ask,
    enqueue,
    index_of,
    tell,
    value_of,
)
from hpo.errors import InvalidSuggestion, SearchSpaceExhausted
from hpo.samplers import BruteForceSampler, PartialFixedSampler, RandomSampler
from hpo.samplers.brute_force.sampler import _TreeOfTrials
from hpo.samplers.brute_force.tree import Node
from hpo.study.studies import load_study

SPACE = {
    "x": IntDistribution(0, 6, step=3),
    "y": CategoricalDistribution(["a", True, 1, None]),
    "z": FloatDistribution(0.0, 0.3, step=0.1),
}
N_PRODUCT = 3 * 4 * 4


def run(state, sampler, space, at_most=200):
    for _ in range(at_most):
        try:
            state, trial = ask(state, sampler, space)
        except SearchSpaceExhausted:
            break
        state = tell(state, trial.number, 0.0)
    return state


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_every_combination_of_a_conditional_space_is_tried_once(seed):
    study = quiet_study(sampler=BruteForceSampler(seed=seed))
    study.optimize(objective, n_trials=100)
    assert counted(study) == dict.fromkeys(LEAVES, 1)
    assert hpo.verify(study).clean


def test_values_are_visited_as_in_nested_loops_once_the_space_is_known():
    study = quiet_study()
    study.optimize(lambda trial: trial.suggest_int("x", 0, 1) + trial.suggest_int("y", 0, 2))
    assert [tuple(t.params.values()) for t in study.trials] == [*itertools.product(range(2), range(3))]


def test_another_seed_gives_another_order():
    def order(seed):
        study = quiet_study(sampler=BruteForceSampler(seed=seed))
        study.optimize(lambda trial: trial.suggest_int("x", 0, 19))
        return [trial.params["x"] for trial in study.trials]

    assert order(1) == order(1)
    assert sorted(order(1)) == sorted(order(2)) == order(None) == [*range(20)]
    assert len({tuple(order(seed)) for seed in (None, 1, 2)}) == 3


def test_a_loaded_study_continues_where_it_stopped(tmp_path):
    path = str(tmp_path / "study.jsonl")
    uninterrupted = quiet_study(study_name="s", seed=1)
    uninterrupted.optimize(objective, n_trials=100)
    quiet_study(study_name="s", seed=1, storage=path).optimize(objective, n_trials=5)
    load_study(study_name="s", storage=path, sampler=BruteForceSampler()).optimize(objective, n_trials=4)
    resumed = load_study(study_name="s", storage=path, sampler=BruteForceSampler())
    resumed.optimize(objective, n_trials=100)
    assert [t.params for t in resumed.trials] == [t.params for t in uninterrupted.trials]
    assert hpo.verify(resumed).clean


def test_a_batch_in_a_declared_space_has_no_duplicates():
    state, trials = ask(StudyState.create(space=SPACE), BruteForceSampler(seed=3), None, N_PRODUCT)
    assert len({repr(trial.params) for trial in trials}) == N_PRODUCT
    assert all(SPACE[name].contains(value) for trial in trials for name, value in trial.params.items())
    for trial in trials:
        state = tell(state, trial.number, 1.0)
    with pytest.raises(SearchSpaceExhausted, match="all combinations are tried"):
        ask(state, BruteForceSampler(seed=3))


def test_a_declared_space_may_list_a_parameter_before_its_condition():
    space = {"y": IntDistribution(0, 3), "x": IntDistribution(0, 1), "z": IntDistribution(0, 2)}
    study = quiet_study(space=space)
    study.optimize(
        lambda trial: trial.suggest_int("y", 0, 3) if trial.suggest_int("x", 0, 1) else trial.suggest_int("z", 0, 2),
        n_trials=100,
    )
    assert counted(study).keys() == {
        *(((("x", 1), ("y", y)),) for y in range(4)),
        *(((("x", 0), ("z", z)),) for z in range(3)),
    }
    assert len(study.trials) < 15


def test_the_order_of_suggest_calls_does_not_matter():
    def moody(trial):
        names = ["x", "y"] if trial.number % 2 else ["y", "x"]
        return sum(trial.suggest_int(name, 0, 2) for name in names)

    study = quiet_study()
    study.optimize(moody, n_trials=100)
    assert sorted((t.params["x"], t.params["y"]) for t in study.trials) == [*itertools.product(range(3), repeat=2)]


def test_trials_that_fail_or_are_pruned_have_tried_their_combination():
    def failing(trial):
        x = trial.suggest_int("x", 0, 2)
        if x == 1:
            raise ValueError
        y = trial.suggest_int("y", 0, 1)
        if y == 1:
            raise hpo.TrialPruned
        return 0.0

    study = quiet_study()
    study.optimize(failing, catch=ValueError, n_trials=50)
    assert [tuple(t.params.values()) for t in study.trials] == [(0, 0), (0, 1), (1,), (2, 0), (2, 1)]


def test_a_study_ends_though_trials_fail_before_the_end_of_a_known_path():
    study = quiet_study()
    study.optimize(lambda trial: trial.suggest_int("x", 0, 1) + trial.suggest_int("y", 0, 3), n_trials=1)

    def broken(trial):
        trial.suggest_int("x", 0, 1)
        raise ValueError

    study.optimize(broken, catch=ValueError, n_trials=50)
    assert len(study.trials) == 5


def test_a_wider_range_is_searched_for_its_new_values():
    study = quiet_study()
    study.optimize(lambda trial: trial.suggest_int("x", 0, 3), n_trials=3)
    study.optimize(lambda trial: trial.suggest_int("x", -2, 5), n_trials=50)
    tried = [trial.params["x"] for trial in study.trials]
    assert set(tried) == set(range(-2, 6))
    assert len(tried) <= 10


def test_enqueued_values_are_kept_and_the_other_values_are_new():
    state = StudyState.create(space=SPACE)
    for _ in range(4):
        state = enqueue(state, {"x": 3, "y": True})
    state = run(state, BruteForceSampler(), None)
    assert [dict(t.params) for t in state.finished][:4] == [{"x": 3, "y": True, "z": z} for z in (0.0, 0.1, 0.2, 0.3)]
    assert len(state.finished) == len({repr([*t.params.items()]) for t in state.finished}) == N_PRODUCT


def test_a_trial_that_failed_without_parameters_uses_up_nothing():
    study = quiet_study()
    study.optimize(lambda trial: 1 / 0, catch=ZeroDivisionError, n_trials=2)
    study.optimize(objective, n_trials=100)
    assert counted(study) == {**dict.fromkeys(LEAVES, 1), ((),): 2}


def test_fixed_parameters_are_not_searched():
    study = quiet_study(sampler=PartialFixedSampler({"kind": "a"}, BruteForceSampler()))
    study.optimize(objective, n_trials=100)
    assert counted(study) == {leaf: 1 for leaf in LEAVES if ("kind", "a") in leaf[0]}
    assert hpo.verify(study).clean


def test_trials_of_another_sampler_count_as_tried():
    study = quiet_study(sampler=RandomSampler(), seed=4)
    study.optimize(objective, n_trials=6)
    tried = set(counted(study))
    study = load_into_brute_force(study)
    study.optimize(objective, n_trials=100)
    assert counted(study).keys() == LEAVES
    assert len(study.trials) == 6 + len(LEAVES - tried)


def load_into_brute_force(study):
    other = quiet_study()
    other.add_trials(study.trials)
    return other


def test_a_continuous_parameter_is_refused_with_advice():
    study = quiet_study()
    with pytest.raises(InvalidSuggestion, match=r"parameter 'x' has infinitely many.*give.*a step"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(InvalidSuggestion, match="parameter 'lr'"):
        ask(StudyState.create(), BruteForceSampler(), {"lr": FloatDistribution(1e-3, 1.0, log=True)})


def test_continuous_parameters_and_foreign_notes_in_the_history_are_ignored():
    state = StudyState.create()
    state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0, 1)})
    state = tell(state, trial.number, 0.0)
    for note in ({"way": "no", "ticket": -1}, {"way": [10**9, -3], "ticket": 7}, {"way": [True]}):
        state, trial = ask(state, lambda s, t, space, key, note=note: hpo.Suggestion({"x": 0}, note), {"x": SPACE["x"]})
        state = tell(state, trial.number, state=TrialState.FAIL)
    assert len(run(state, BruteForceSampler(), SPACE).finished) == 4 + N_PRODUCT * 2 // 3  # x=0 was tried, and failed


def test_a_space_without_parameters_is_tried_once():
    study = quiet_study()
    study.optimize(lambda trial: 1.0, n_trials=20)
    assert len(study.trials) == 1


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(-(10**17), 10**17),
        IntDistribution(1, 10**6, log=True),
        FloatDistribution(0.1, 0.1),
        FloatDistribution(-1e9, 1e9, step=1e-3),
        FloatDistribution(0.1, 1.0, step=0.1),
        CategoricalDistribution([float("nan"), 0.0, -0.0, False]),
    ],
)
@pytest.mark.parametrize("seed", [None, 9])
def test_values_are_numbered_in_both_directions_and_in_domain(distribution, seed):
    node = Node.untried("x", distribution, seed)
    for position in {0, 1, node.n_values // 2, node.n_values - 1} & {*range(min(node.n_values, 2))} | {0}:
        value = node.value_at(position)
        assert distribution.contains(value)
        assert node.position_of(index_of(distribution, value)) == position
    last = node.n_values - 1
    assert index_of(distribution, value_of(distribution, last)) == last
    _, trials = ask(StudyState.create(), BruteForceSampler(seed=seed), {"x": distribution}, min(4, last + 1))
    assert len({repr(trial.params["x"]) for trial in trials}) == len(trials)
    assert all(distribution.contains(trial.params["x"]) for trial in trials)


def test_the_fold_at_every_prefix_is_the_fold_of_that_prefix_alone():
    study = quiet_study()
    study.optimize(objective, n_trials=100)
    fold = _TreeOfTrials(None, ())
    carry = fold.init()
    for length, trial in enumerate(study.state.finished, 1):
        carry = fold.step(carry, trial)
        fresh = fold.init()
        for earlier in study.state.finished[:length]:
            fresh = fold.step(fresh, earlier)
        assert fresh == carry
    assert study.state.finished.fold(fold) == carry


def test_a_path_may_have_a_thousand_parameters():
    space = {f"x{i}": IntDistribution(0, 1) for i in range(1200)}
    state = StudyState.create()
    for _ in range(3):
        state, trial = ask(state, BruteForceSampler(), space)
        state = tell(state, trial.number, 0.0)
    assert len({tuple(t.params.values()) for t in state.finished}) == 3


def random_tree(generator, depth):
    """(name, number of values, what follows each), or None for nothing."""
    if depth == 0 or generator.random() < 0.25:
        return None
    n = generator.randint(1, 4)
    return f"p{generator.randint(0, 3)}_{depth}", n, [random_tree(generator, depth - 1) for _ in range(n)]


def n_leaves(tree):
    return 1 if tree is None else sum(map(n_leaves, tree[2]))


@pytest.mark.parametrize("seed", range(30))
def test_one_worker_is_exact_on_any_tree_of_conditions(seed):
    tree = random_tree(random.Random(seed), 3)

    def follow(trial):
        node = tree
        while node is not None:
            name, n, following = node
            node = following[trial.suggest_int(name, 0, n - 1)]
        return 0.0

    study = quiet_study(sampler=BruteForceSampler(seed=seed if seed % 2 else None))
    study.optimize(follow, n_trials=n_leaves(tree) + 5)
    assert len(study.trials) == len(counted(study)) == n_leaves(tree)
