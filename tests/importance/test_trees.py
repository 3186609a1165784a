"""Measures by models of trees: known Sobol' indices, interactions, noise, and what must not matter."""

import numpy as np
import pytest
from made_studies import evidence, state_of, study_of

import hpo
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PermutationImportanceEvaluator,
    ShapleyImportanceEvaluator,
    importances,
)

UNIT = hpo.FloatDistribution(0.0, 1.0)
EVALUATORS = [
    FanovaImportanceEvaluator,
    ShapleyImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PermutationImportanceEvaluator,
]


def ishigami(random, n):
    columns = {name: random.random(n) for name in "abc"}
    x = {name: np.pi * (2 * each - 1) for name, each in columns.items()}
    return columns, np.sin(x["a"]) + 7 * np.sin(x["b"]) ** 2 + 0.1 * x["c"] ** 4 * np.sin(x["a"])


def additive(random, n):
    columns = {"a": random.random(n), "b": random.random(n), "c": random.integers(0, 3, n), "x": random.random(n)}
    return columns, columns["a"] + columns["b"] + np.array([0.0, 0.607, 1.214])[columns["c"]]


KNOWN = {  # main and total effects
    ishigami: {"a": (0.314, 0.558), "b": (0.442, 0.442), "c": (0.0, 0.244)},
    additive: {"a": (0.202, 0.202), "b": (0.202, 0.202), "c": (0.596, 0.596), "x": (0.0, 0.0)},
}


@pytest.mark.parametrize("function", KNOWN)
def test_effects_are_known_sobol_indices(function):
    found = FanovaImportanceEvaluator().assess(evidence(*function(np.random.default_rng(1), 1000)))
    for name, (main, total) in KNOWN[function].items():
        assert found[name].value == pytest.approx(main, abs=0.05)
        assert found[name].total == pytest.approx(total, abs=0.05)
    assert found.r2 > 0.9
    assert found["a"].is_clear


def test_a_logarithmic_range_counts_by_its_logarithms():
    space = {"lr": hpo.FloatDistribution(1e-4, 1.0, log=True), "x": UNIT}
    state = state_of(space, lambda p: np.log10(p["lr"]) + 4 * p["x"], 300)
    for evaluator in (FanovaImportanceEvaluator, PermutationImportanceEvaluator):
        found = importances(state, evaluator=evaluator())
        assert found["lr"].share == pytest.approx(0.5, abs=0.06)


def test_shapley_effects_share_what_is_done_together():
    columns, loss = ishigami(np.random.default_rng(1), 400)
    found = ShapleyImportanceEvaluator().assess(evidence(columns, loss))
    assert sum(each.value for each in found.values()) == pytest.approx(1.0)
    assert found["c"].value == pytest.approx(0.122, abs=0.06)
    assert found["b"].value == pytest.approx(0.442, abs=0.08)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_two_parameters_that_matter_only_together_are_found(evaluator):
    random = np.random.default_rng(2)
    columns = {name: random.random(200) for name in "abz"}
    found = evaluator().assess(evidence(columns, (columns["a"] > 0.5) ^ (columns["b"] > 0.5)))
    assert found["a"].is_clear
    assert found["b"].is_clear
    assert not found["z"].is_clear
    if evaluator is FanovaImportanceEvaluator:
        assert found.interactions[0].names == ("a", "b")
        assert found.interactions[0].value > 0.8
        assert "look at total effects" in found.doubts[0]


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_noise_is_not_clear(evaluator):
    n_clear = 0
    for seed in range(6):
        random = np.random.default_rng(seed)
        columns = {name: random.random(40) for name in "abcd"}
        found = evaluator(n_trees=32).assess(evidence(columns, random.random(40)))
        n_clear += any(each.is_clear for each in found.values())
    assert n_clear <= 1


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_neither_the_order_of_trials_nor_names_matter(evaluator):
    columns, loss = additive(np.random.default_rng(1), 40)
    order = np.random.default_rng(2).permutation(40)
    found = evaluator().assess(evidence(columns, loss))
    assert evaluator().assess(evidence({name: x[order] for name, x in columns.items()}, loss[order])) == found
    assert evaluator(seed=1).assess(evidence(columns, loss)) != found


def test_names_change_values_by_chance_only():
    columns, loss = additive(np.random.default_rng(1), 40)
    found = FanovaImportanceEvaluator().assess(evidence(columns, loss))
    names = dict(zip("abcx", "zbya", strict=True))
    renamed = FanovaImportanceEvaluator().assess(evidence({names[name]: x for name, x in columns.items()}, loss))
    for name in "abcx":
        assert renamed[names[name]].value == pytest.approx(found[name].value, abs=0.03)


def test_the_direction_of_optimization_only_turns_the_loss():
    space = {"x": UNIT, "y": UNIT}
    up = state_of(space, lambda p: p["x"] + 0.1 * p["y"], 40, directions=("maximize",))
    down = state_of(space, lambda p: -p["x"] - 0.1 * p["y"], 40)
    for evaluator in EVALUATORS:
        found = importances(up, evaluator=evaluator(n_trees=16))
        assert found == importances(down, evaluator=evaluator(n_trees=16))
        assert found["x"].direction > 0.9


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_units_of_the_result_do_not_matter(evaluator):
    columns, loss = additive(np.random.default_rng(1), 40)
    plain = evaluator().assess(evidence(columns, loss))
    for changed in (1e-200 * loss, 1e200 * loss - 1e200):
        found = evaluator().assess(evidence(columns, changed))
        assert found.values_by_name() == pytest.approx(plain.values_by_name(), abs=1e-6)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_small_constant_and_single_valued_studies_have_an_answer(evaluator):
    assert dict(importances(hpo.create_study(), evaluator=evaluator())) == {}
    one = hpo.create_trial(value=1.0, params={"x": 0.5}, distributions={"x": UNIT})
    assert importances(study_of([one]), evaluator=evaluator()).doubts == (
        "No evidence yet: 1 trial can't show what matters.",
    )
    constant = state_of({"x": UNIT, "k": hpo.IntDistribution(3, 3)}, lambda params: 2.0, 5)
    found = importances(constant, evaluator=evaluator())
    assert found.doubts == ("No evidence: all trials are equally good.",)
    assert found.values_by_name() == {"k": 0.0, "x": 0.0}
    two = state_of({"x": UNIT, "k": hpo.IntDistribution(3, 3)}, lambda params: params["x"], 2)
    assert importances(two, evaluator=evaluator())["k"].value == 0.0


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_only_shared_parameters_are_assessed_and_the_others_named(evaluator):
    trials = [
        hpo.create_trial(value=float(i), params=params, distributions=dict.fromkeys(params, UNIT))
        for i in range(30)
        for params in [{"x": i / 30, "y": 0.5} if i % 3 else {"x": i / 30}]
    ]
    study = study_of(trials)
    found = importances(study, evaluator=evaluator())
    assert list(found) == ["x"]
    assert "Not assessed" in found.doubts[-1]
    assert importances(study, evaluator=evaluator(), params=["x", "y"]).n_trials == 20


def test_what_they_can_not_assess_is_refused():
    two = study_of(
        [hpo.create_trial(values=[1.0, 2.0], params={"x": 0.5}, distributions={"x": UNIT})], ("minimize",) * 2
    )
    with pytest.raises(SeveralObjectives, match="target"):
        importances(two, evaluator=FanovaImportanceEvaluator())
    wider = [
        hpo.create_trial(value=1.0, params={"x": 0.5}, distributions={"x": hpo.FloatDistribution(0, high)})
        for high in (1, 2)
    ]
    with pytest.raises(InvalidArgument, match="'x' changed: use PedAnovaImportanceEvaluator"):
        importances(study_of(wider), evaluator=ShapleyImportanceEvaluator(), params=["x"])
    apart = [hpo.create_trial(value=1.0, params={name: 0.5}, distributions={name: UNIT}) for name in "xy"]
    with pytest.raises(InvalidArgument, match="no trial has all of the parameters 'x', 'y'"):
        importances(study_of(apart), evaluator=PermutationImportanceEvaluator(), params=["x", "y"])


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_options_are_checked(evaluator):
    with pytest.raises(InvalidArgument, match="n_trees"):
        evaluator(n_trees=0)
    with pytest.raises(InvalidArgument, match="max_depth"):
        evaluator(max_depth=1.5)
    with pytest.raises(InvalidType, match="seed"):
        evaluator(seed="a")
