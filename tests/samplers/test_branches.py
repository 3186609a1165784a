"""No configuration of an objective with branches is tried twice, as far as the trials show what it asks for."""

import itertools

import pytest
from branching_objective import LEAVES, counted, objective

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    History,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    create_trial,
)
from hpo.samplers import CmaEsSampler, GPSampler, RandomSampler, TPESampler
from hpo.samplers.parts.branch_tree import Fold
from hpo.samplers.parts.branches import branches_of

KINDS = CategoricalDistribution(["a", "b", "c"])
SMALL = IntDistribution(0, 1)
UNIT = FloatDistribution(0.0, 1.0)
DISTRIBUTIONS = {"kind": KINDS, "x": SMALL, "y": SMALL, "z": UNIT}


def numeric(trial):
    """An objective with a numeric parameter in all of its branches."""
    n = trial.suggest_int("n", 0, 3)
    if n > 1:
        return n + trial.suggest_int("m", 0, 3)
    return float(trial.suggest_categorical("c", [3, 2, 1]) + trial.suggest_int("w", 0, 1))


SAMPLERS = [
    TPESampler(n_startup_trials=3),
    TPESampler(),
    TPESampler(group=True, n_startup_trials=3),
    TPESampler(multivariate=False, n_startup_trials=3),
    CmaEsSampler(),
    CmaEsSampler(independent_sampler=RandomSampler()),
    GPSampler(n_startup_trials=5, n_candidates=32, n_local_searches=2),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_every_configuration_is_tried_once_and_then_the_study_ends(sampler):
    study = hpo.create_study(sampler=sampler, seed=3)
    study.optimize(objective, n_trials=len(LEAVES))
    assert counted(study) == dict.fromkeys(LEAVES, 1)
    study.optimize(objective, n_trials=20)
    assert len(study.trials) <= len(LEAVES) + 1  # one more may look whether the objective asks for something new
    assert hpo.verify(study).clean


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sampler", [TPESampler(), CmaEsSampler()], ids=["tpe", "cma-es"])
def test_numeric_branches_are_used_up(sampler, seed):
    study = hpo.create_study(sampler=sampler, seed=seed)
    study.optimize(numeric, n_trials=20)
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 20


def test_declared_parameters_that_the_objective_does_not_ask_for_do_not_hide_repetitions():
    space = {"kind": KINDS, "x": SMALL, "y": SMALL}
    study = hpo.create_study(sampler=TPESampler(), space=space, seed=1)
    study.optimize(
        lambda trial: (
            trial.suggest_int("x", 0, 1) + KINDS.choices.index(trial.suggest_categorical("kind", KINDS.choices))
        ),
        n_trials=6,
    )
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 6


def test_a_failed_configuration_is_not_tried_again():
    def failing(trial):
        value = objective(trial)
        if trial.params["kind"] == "b":
            raise ValueError("no b")
        return value

    study = hpo.create_study(sampler=TPESampler(n_startup_trials=3), seed=5)
    study.optimize(failing, n_trials=len(LEAVES), catch=ValueError)
    repeated = [config for config, n in counted(study).items() if n > 1]
    assert all(dict(*config)["kind"] == "b" for config in repeated)
    assert len(repeated) <= 1


def test_parallel_asks_with_lone_parameters_already_known_stay_apart():
    study = hpo.create_study(sampler=TPESampler(n_startup_trials=3), seed=2)
    study.optimize(objective, n_trials=9)
    tried = counted(study)
    values = []
    for _ in range(3):
        trial = study.ask()
        objective(trial)
        values.append((tuple(sorted(trial.params.items())),))
    assert len({*values, *tried}) == 12


def finished(*configurations, state=TrialState.COMPLETE, distributions=DISTRIBUTIONS):
    value = 0.0 if state is TrialState.COMPLETE else None
    return [
        create_trial(state=state, value=value, params=each, distributions={name: distributions[name] for name in each})
        for each in configurations
    ]


def branches(*trials, names=("kind",)):
    state = StudyState(directions=("minimize",), finished=History(trials))
    return branches_of(state, create_trial(value=0.0), SearchSpace({name: DISTRIBUTIONS[name] for name in names}))


def test_trees_do_not_depend_on_the_order_of_trials():
    trials = [
        *finished({"kind": "a"}, {"kind": "b", "x": 0}, {"kind": "b", "x": 1, "y": 0}, {"kind": "c", "z": 0.5}),
        *finished({"kind": "b", "x": 0}, state=TrialState.FAIL),
        *finished({"kind": "b", "x": 1}, state=TrialState.FAIL),
    ]
    fold = Fold(frozenset({"kind"}))
    found = []
    for order in itertools.permutations(trials):
        carry = fold.init()
        for trial in order:
            carry = fold.step(carry, trial)
        found.append(drawn(carry.root))
    assert all(each == found[0] for each in found)
    assert found[0][1] == {0: "leaf", 1: ("x", {0: "leaf", 1: "open"}), 2: "open"}


def drawn(node):
    if node.name is None:
        return "leaf" if node.is_leaf else "open"
    return node.name, {index: drawn(child) for index, child in sorted(node.children.items())}


def test_a_branch_is_used_up_when_all_of_its_values_are():
    trials = finished({"kind": "a"}, {"kind": "b", "x": 0}, {"kind": "c", "z": 0.5})
    found = branches(*trials)
    assert [found.contains({"kind": kind}) for kind in "abc"] == [True, False, False]
    found = branches(*trials, *finished({"kind": "b", "x": 1}))
    assert [found.contains({"kind": kind}) for kind in "abc"] == [True, True, False]
    assert {found.random_untried(Key(seed))["kind"] for seed in range(9)} == {"c"}
    assert found.exhausted is None


def test_a_trial_that_was_pruned_before_it_asked_for_more_uses_nothing_up():
    whole = finished({"kind": "b", "x": 0}, {"kind": "b", "x": 1}, {"kind": "c", "x": 0})
    early = finished({"kind": "a"}, state=TrialState.PRUNED)
    assert not branches(*whole, *early).contains({"kind": "a"})
    assert branches(*early, *finished({"kind": "a"}), *whole).contains({"kind": "a"})
    in_branch = finished({"kind": "a", "x": 0}, {"kind": "a", "x": 1}, state=TrialState.PRUNED)
    assert branches(*whole, *in_branch, *finished({"kind": "c"})).contains({"kind": "a"})


def test_continuous_parameters_are_never_used_up():
    assert branches(*finished({"kind": "a", "z": 0.1}, {"kind": "b", "z": 0.2}, {"kind": "c", "z": 0.3})) is None


def test_a_parameter_whose_range_changes_is_never_used_up():
    changing = {**DISTRIBUTIONS, "x": IntDistribution(0, 2)}
    trials = [
        *finished({"kind": "a"}, {"kind": "b", "x": 0}, {"kind": "b", "x": 1}, {"kind": "c"}),
        *finished({"kind": "b", "x": 2}, distributions=changing),
    ]
    assert branches(*trials[:4]).exhausted is not None
    assert branches(*trials).exhausted is None


def test_equal_trials_without_branches_are_left_to_the_exact_count():
    assert branches(*finished({"kind": "a"}, {"kind": "b"})) is None
