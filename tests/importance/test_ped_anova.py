"""PED-ANOVA: known divergences, what chance gives, and what must not matter."""

import math
import subprocess
import sys

import numpy as np
import pytest
from made_studies import evidence, state_of, study_of

import hpo
from hpo.errors import InvalidArgument, InvalidType
from hpo.importance import PedAnovaImportanceEvaluator, get_param_importances, importances

UNIT = hpo.FloatDistribution(0.0, 1.0)
EFFECTS = np.array([0.0, 0.6, 1.2])


def three_that_matter(n, seed):
    """Two floats and a category add up to the loss; two other floats do nothing."""
    random = np.random.default_rng(seed)
    columns = {name: random.random(n) for name in "abxy"}
    columns["c"] = random.integers(0, 3, n)
    return columns, columns["a"] + columns["b"] + EFFECTS[columns["c"]]


def exact_divergences():
    """Those of `three_that_matter`, from a million trials in 100 cells."""
    columns, loss = three_that_matter(1_000_000, 99)
    best = loss <= np.quantile(loss, 0.1)
    found = {}
    for name, values in columns.items():
        k = 3 if name == "c" else 100
        shares = np.bincount((values[best] * (1 if name == "c" else k)).astype(int), minlength=k) / best.sum()
        found[name] = k * (shares**2).sum() - 1.0
    return found


def test_divergences_are_the_exact_ones():
    exact = exact_divergences()
    total = sum(exact.values())
    assert exact["c"] > 1.0
    for seed in range(5):
        found = PedAnovaImportanceEvaluator().assess(evidence(*three_that_matter(10_000, seed)))
        for name in "abc":
            assert found[name].share == pytest.approx(exact[name] / total, abs=0.05)
            assert found[name].value == pytest.approx(exact[name], rel=0.12)


def test_intervals_hold_the_exact_divergence():
    exact, inside = exact_divergences(), []
    for seed in range(60):
        found = PedAnovaImportanceEvaluator().assess(evidence(*three_that_matter(400, seed)))
        inside += [found[name].low <= exact[name] <= found[name].high for name in "abc"]
    assert np.mean(inside) >= 0.85


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_a_choice_and_a_range_that_decide_alike_count_alike(k):
    random = np.random.default_rng(k)
    x, c, noise = random.random(5_000), random.integers(0, k, 5_000), random.random(5_000)
    by_range = PedAnovaImportanceEvaluator().assess(evidence({"x": x, "c": c}, noise + (x > 1 / k)))
    by_choice = PedAnovaImportanceEvaluator().assess(evidence({"x": x, "c": c}, noise + (c > 0)))
    assert by_choice["c"].value == pytest.approx(k - 1, rel=0.1)
    assert 0.8 <= by_range["x"].value / by_choice["c"].value <= 1.25
    assert by_range["x"].where[1] < 1.5 / k
    assert by_choice["c"].where == "c0"


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_noise_is_not_clear(n):
    n_clear = 0
    for seed in range(100):
        columns, _ = three_that_matter(n, seed)
        found = PedAnovaImportanceEvaluator().assess(
            evidence(columns, np.random.default_rng(-seed - 1 + 2**32).random(n))
        )
        n_clear += any(each.is_clear for each in found.values())
        assert (found.doubts != ()) == (not any(each.is_clear for each in found.values()))
    assert n_clear <= 10


def test_what_gets_trials_into_the_best_need_not_matter_among_the_best():
    random = np.random.default_rng(1)
    gate, x = random.random(4_000), random.random(4_000)
    shown = evidence({"gate": gate, "x": x}, (gate > 0.5) * 10.0 + x)
    whole = PedAnovaImportanceEvaluator().assess(shown)
    near = PedAnovaImportanceEvaluator(region_quantile=0.5).assess(shown)
    assert whole["gate"].is_clear
    assert whole["gate"].value == pytest.approx(1.0, abs=0.1)
    assert not near["gate"].is_clear
    assert near["x"].is_clear


def test_compared_with_the_search_space_what_the_sampler_preferred_counts():
    random = np.random.default_rng(1)
    x = random.random(2_000) ** 3  # a sampler that prefers small values, while nothing matters
    shown = evidence({"x": x, "y": random.random(2_000)}, random.random(2_000))
    assert not PedAnovaImportanceEvaluator().assess(shown)["x"].is_clear
    assert PedAnovaImportanceEvaluator(evaluate_on_local=False).assess(shown)["x"].is_clear


@pytest.mark.parametrize(
    "distribution",
    [
        hpo.FloatDistribution(1e-5, 1e3, log=True),
        hpo.IntDistribution(1, 1000, log=True),
        hpo.IntDistribution(0, 70),
        hpo.IntDistribution(0, 9, step=3),
        hpo.FloatDistribution(-1.0, 1.0, step=0.25),
        hpo.CategoricalDistribution([None, "None", 1, "1", True]),
        hpo.IntDistribution(0, 10**30),
        hpo.FloatDistribution(-1.7e308, 1.7e308),
    ],
    ids=str,
)
@pytest.mark.parametrize("local", [True, False])
def test_random_values_of_any_range_are_noise(distribution, local):
    state = state_of({"p": distribution, "x": UNIT}, lambda params: params["x"], 400)
    found = importances(state, evaluator=PedAnovaImportanceEvaluator(evaluate_on_local=local))
    assert not found["p"].is_clear
    assert found["x"].is_clear


def test_the_direction_of_optimization_only_turns_the_loss():
    up = state_of({"x": UNIT, "y": UNIT}, lambda p: p["x"] + 0.1 * p["y"], 100, directions=("maximize",))
    down = state_of({"x": UNIT, "y": UNIT}, lambda p: -p["x"] - 0.1 * p["y"], 100)
    assert importances(up) == importances(down)
    assert importances(up)["x"].direction > 0.5


@pytest.mark.parametrize("change", [lambda y: 3.0 * y + 7.0, np.exp, np.cbrt], ids=["affine", "exp", "cbrt"])
def test_monotone_changes_of_the_loss_change_nothing(change):
    columns, loss = three_that_matter(200, 1)
    evaluator = PedAnovaImportanceEvaluator()
    assert evaluator.assess(evidence(columns, change(loss))) == evaluator.assess(evidence(columns, loss))


def test_neither_the_order_of_trials_nor_names_matter():
    columns, loss = three_that_matter(200, 1)
    order = np.random.default_rng(2).permutation(200)
    evaluator = PedAnovaImportanceEvaluator()
    found = evaluator.assess(evidence(columns, loss))
    assert evaluator.assess(evidence({name: x[order] for name, x in columns.items()}, loss[order])) == found
    names = dict(zip("abxyc", "zkcad", strict=True))
    renamed = evaluator.assess(evidence({names[name]: x for name, x in columns.items()}, loss))
    for name in "abxyc":
        assert renamed[names[name]].value == found[name].value
        assert renamed[names[name]].share == found[name].share
        assert (renamed[names[name]].low, renamed[names[name]].floor) == (found[name].low, found[name].floor)


def test_hash_seeds_change_neither_numbers_nor_the_order_of_equals():
    program = (
        "import hpo; study = hpo.create_study(seed=1)\n"
        "names = ['b', 'a', 'd', 'c']; dists = {n: hpo.FloatDistribution(0, 1) for n in names}\n"
        "study.add_trials([hpo.create_trial(value=i, params={n: (i * 7 % 20) / 20 for n in names}, distributions=dists) for i in range(20)])\n"
        "print(hpo.importance.get_param_importances(study))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
    assert list(eval(printed.pop())) == ["a", "b", "c", "d"]


def conditional(params):
    return {
        "value": params["x"] + ("y" in params) * 0.1,
        "params": params,
        "distributions": dict.fromkeys(params, UNIT),
    }


def test_a_conditional_parameter_is_assessed_and_changes_no_other():
    random = np.random.default_rng(1)
    with_y = [{"x": x, "y": y} if c < 0.5 else {"x": x} for x, y, c in random.random((400, 3)).tolist()]
    study = study_of([hpo.create_trial(**conditional(params)) for params in with_y])
    found = importances(study)
    assert set(found) == {"x", "y"}
    assert found["y"].presence > 0.01
    assert found["x"].presence == 0.0
    assert not found["y"].is_clear
    without = study_of(
        [
            hpo.create_trial(**{**conditional(params), "params": {"x": params["x"]}, "distributions": {"x": UNIT}})
            for params in with_y
        ]
    )
    assert importances(study, params=["x"])["x"].value == found["x"].value
    assert importances(without)["x"].value == found["x"].value
    counted = importances(study, evaluator=PedAnovaImportanceEvaluator(count_absence=True))
    assert counted["y"].value == pytest.approx(found["y"].value + found["y"].presence)


def test_the_divergence_of_all_cells_is_presence_plus_the_weighted_divergence_within():
    random = np.random.default_rng(3)
    trials = []
    for x, y, c in random.random((2000, 3)).tolist():
        params = {"x": x, "y": y} if c < 0.4 else {"x": x}
        value = y if c < 0.4 else 0.3 + x
        trials.append(hpo.create_trial(value=value, params=params, distributions=dict.fromkeys(params, UNIT)))
    found = importances(study_of(trials), evaluator=PedAnovaImportanceEvaluator(count_absence=True))["y"]
    # nearly all of the best 200 have y below 0.25, as a tenth of all trials do
    assert found.value == pytest.approx(9.0, rel=0.15)
    assert found.where[1] < 0.3


def test_a_parameter_that_changed_its_kind_is_assessed_in_both():
    trials = [
        hpo.create_trial(
            value=float(i % 10), params={"p": float(i % 10)}, distributions={"p": hpo.FloatDistribution(0, i + 10)}
        )
        for i in range(100)
    ] + [
        hpo.create_trial(value=20.0, params={"p": "a"}, distributions={"p": hpo.CategoricalDistribution(["b", "a"])})
        for _ in range(100)
    ]
    found = importances(study_of(trials))["p"]
    assert found.is_clear
    assert found.where == (0.0, 1.0)
    assert found.direction is None


def test_several_objectives_are_judged_by_the_pareto_front():
    space = {"x": UNIT, "y": UNIT, "z": UNIT}
    state = state_of(space, lambda p: (p["x"], 1 - p["x"] + 5 * p["y"]), 300, directions=("minimize", "minimize"))
    assert next(iter(importances(state))) == "y"
    assert importances(state)["y"].is_clear
    first = importances(state, target=lambda trial: trial.values[0])
    assert [name for name in first if first[name].is_clear] == ["x"]


def test_infeasible_trials_are_left_out_and_counted_or_are_the_worst():
    trials = [
        hpo.create_trial(
            value=-float(i), params={"x": i / 200}, distributions={"x": UNIT}, constraints={"limit": i - 100.0}
        )
        for i in range(200)
    ]
    study = study_of(trials)
    assert importances(study).left_out == {"infeasible": 99}
    assert importances(study).n_trials == 101
    assert importances(study)["x"].where[1] <= 0.5
    assert importances(study, infeasible="worst")["x"].where[1] <= 0.5
    assert importances(study, infeasible="include")["x"].where[1] == 199 / 200
    assert importances(study, target="infeasibility")["x"].where[0] == pytest.approx(101 / 200, abs=0.03)


def test_costs_and_failures_can_be_asked_for():
    study = hpo.create_study(seed=1, sampler=hpo.samplers.RandomSampler())
    for _ in range(100):
        trial = study.ask({"x": UNIT, "y": UNIT})
        if trial.params["x"] > 0.8:
            study.tell(trial, state="fail")
        else:
            study.tell(trial, 1.0, cost=trial.params["y"])
    why = importances(study, target="failure")
    assert why["x"].is_clear
    assert why["x"].where[0] > 0.8
    assert not why["y"].is_clear
    cheap = importances(study, target="cost")
    assert cheap["y"].direction < -0.5
    assert not cheap["x"].is_clear
    assert importances(study).doubts == ("No evidence: all trials are equally good.",)


def test_pruned_trials_count_if_asked_for():
    trials = [
        hpo.create_trial(
            state=hpo.TrialState.PRUNED if i % 2 else None, value=i, params={"x": i / 50}, distributions={"x": UNIT}
        )
        for i in range(50)
    ]
    assert importances(study_of(trials)).n_trials == 25
    assert importances(study_of(trials), states=["complete", "pruned"]).n_trials == 50


def test_small_and_constant_studies_have_an_answer():
    assert get_param_importances(hpo.create_study()) == {}
    one = hpo.create_trial(value=1.0, params={"x": 0.5}, distributions={"x": UNIT})
    assert get_param_importances(study_of([one])) == {"x": 1.0}
    assert get_param_importances(study_of([one]), normalize=False) == {"x": 0.0}
    assert importances(study_of([one])).doubts == ("No evidence yet: 1 trial can't show what matters.",)
    constant = state_of({"x": UNIT, "y": UNIT}, lambda params: 2.0, 20)
    assert get_param_importances(constant) == {"x": 0.5, "y": 0.5}
    infinite = state_of({"x": UNIT, "y": UNIT}, lambda params: math.inf, 20)
    assert get_param_importances(infinite) == {"x": 0.5, "y": 0.5}
    assert importances(infinite).left_out == {"without a finite value": 20}
    assert str(importances(infinite))


def test_a_result_that_most_trials_share_leaves_the_better_ones_as_the_best():
    state = state_of({"x": UNIT, "y": UNIT}, lambda p: 0.0 if p["x"] < 0.05 else 1.0, 200)
    assert importances(state)["x"].is_clear
    assert importances(state)["x"].where[1] < 0.05


@pytest.mark.parametrize(("target", "region"), [(0.0, 1.0), (0.5, 0.5), (0.1, 1.1), (math.nan, 1.0)])
def test_quantiles_that_make_no_sense_are_refused(target, region):
    with pytest.raises(InvalidArgument, match="quantile"):
        PedAnovaImportanceEvaluator(target_quantile=target, region_quantile=region)


def test_wrong_arguments_are_named():
    state = state_of({"x": UNIT}, lambda params: 1.0, 3)
    with pytest.raises(InvalidArgument, match=r"'z'.*there are 'x'"):
        importances(state, params=["z"])
    with pytest.raises(InvalidType, match="params is a list of names, got 'x'"):
        importances(state, params="x")
    with pytest.raises(InvalidType, match="assess"):
        importances(state, evaluator=PedAnovaImportanceEvaluator)
    with pytest.raises(InvalidType, match="evaluate"):
        get_param_importances(state, evaluator=3)
    with pytest.raises(InvalidType, match="study"):
        importances([1, 2])
    with pytest.raises(InvalidArgument, match="target"):
        importances(state, target="speed")
    with pytest.raises(InvalidType, match="returned 'fast'"):
        importances(state, target=lambda trial: "fast")
    with pytest.raises(InvalidArgument, match="infeasible"):
        importances(state, infeasible="best")
    with pytest.raises(InvalidArgument, match="state"):
        importances(state, states=["done"])


def test_an_evaluator_of_another_library_is_asked_as_its_own_would_be():
    class Lengths:
        def evaluate(self, study, params=None, *, target=None):
            return {name: np.float64(len(name)) for name in ("a", "ccc", "bb")}

    found = get_param_importances(state_of({"a": UNIT}, lambda params: 1.0, 2), evaluator=Lengths())
    assert found == {"ccc": 0.5, "bb": 2 / 6, "a": 1 / 6}
    assert {type(value) for value in found.values()} == {float}


def test_results_are_text_and_records():
    found = importances(state_of({"x": UNIT, "y": UNIT}, lambda params: params["x"], 100))
    assert "x" in str(found)
    assert "no more than chance" in str(found)
    first, second = found.records()
    assert (first["name"], first["clear"], second["clear"]) == ("x", True, False)
    assert first["share_low"] <= first["share"] <= first["share_high"]
    assert "nope" not in found
    assert len(found) == 2
