"""CMA-ES as a sampler: pure, joint, better than random search, and able to cope with any history."""

import itertools
import math
import pickle
import statistics
import subprocess
import sys

import numpy as np
import pytest
import sampled_studies
from msgspec.structs import replace
from sampled_studies import best, mixed_loss

import hpo
from hpo.core import (
    AddTrial,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    create_trial,
    decide,
    enqueue,
    identity_of,
    replay,
    report,
    set_constraint,
    tell,
)
from hpo.errors import HpoError, SeveralObjectives
from hpo.samplers.cma_es import CmaEsSampler
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.cma_es.sampler import fold_for
from hpo.samplers.random import RandomSampler
from hpo.study.replaying.rebuild import rebuild_advisor
from hpo.study.replaying.verification import verify

CUBE = SearchSpace({f"x{i}": FloatDistribution(-5.0, 5.0) for i in range(5)})
MIXED = SearchSpace({**sampled_studies.MIXED, "only": IntDistribution(3, 3)})


def sphere(params):
    return sum((x - 1.3) ** 2 for x in params.values())


def rosenbrock(params):
    x = [*params.values()]
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x))


def ellipsoid(params):
    return sum(10.0 ** (6 * i / (len(params) - 1)) * (x - 0.7) ** 2 for i, x in enumerate(params.values()))


def study(n, loss=sphere, space=CUBE, sampler=None, **create):
    return sampled_studies.study(n, loss, space, sampler or CmaEsSampler(), **create)


def suggested(state, space=CUBE, sampler=None):
    """What is suggested to a trial that starts now."""
    state, trial = ask(state, RandomSampler(), {})
    return (sampler or CmaEsSampler())(state, trial, SearchSpace.of(space), Key(99))


def carry_of(state, space=CUBE, sampler=None):
    """What the sampler has learned."""
    evolution = fold_for(sampler or CmaEsSampler(), SearchSpace.of(space), state.directions, state.seed)
    return state.finished.fold(evolution)


@pytest.mark.parametrize(("loss", "factor"), [(sphere, 1e-2), (rosenbrock, 0.2), (ellipsoid, 0.1)])
def test_it_beats_random_search_by_far_in_300_trials(loss, factor):
    ours = statistics.median(best(study(300, loss, seed=seed)) for seed in range(3))
    chance = statistics.median(best(study(300, loss, seed=seed, sampler=RandomSampler())) for seed in range(3))
    assert ours < factor * chance


@pytest.mark.parametrize("separable", [False, True])
def test_one_dimension_is_enough(separable):
    space = {"x": FloatDistribution(-5.0, 5.0)}
    state = study(100, space=space, sampler=CmaEsSampler(use_separable_cma=separable))
    assert best(state) < 1e-6


def test_an_optimum_in_a_corner_is_found():
    state = study(600, lambda params: sum(params.values()))
    assert best(state) < -25.0 + 0.2


def test_huge_log_integers_are_searched_linearly():
    space = {"n": IntDistribution(10**20, 10**20 + 5, log=True), "x": FloatDistribution(0.0, 1.0)}
    state = study(40, lambda params: params["x"], space)
    assert carry_of(state, space).model.mean.shape == (2,)
    assert {trial.params["n"] - 10**20 for trial in state.finished} == {*range(6)}


def test_a_suggestion_is_a_function_of_its_arguments_alone():
    state = study(35, mixed_loss, MIXED)
    again = StudyState.from_bytes(state.to_bytes())
    first = suggested(state, MIXED)
    assert suggested(again, MIXED) == first == suggested(state, MIXED)
    assert first.note["rule"] == "model"
    assert first.note["cma"] == DrawCoding.of(MIXED).digest
    assert first.note["generation"] == carry_of(state, MIXED).generation > 2


@pytest.mark.parametrize("n", [1, 7, 8, 9, 40])
def test_folding_at_once_equals_folding_trial_by_trial(n):
    state = study(n, mixed_loss, MIXED)
    assert carry_of(StudyState.from_bytes(state.to_bytes()), MIXED) == carry_of(state, MIXED)


def test_the_order_of_parameters_does_not_matter():
    turned = SearchSpace({name: MIXED[name] for name in [*MIXED][::-1]})
    straight, reverse = study(40, mixed_loss, MIXED), study(40, mixed_loss, turned)
    assert [t.params for t in straight.finished] == [t.params for t in reverse.finished]


def test_only_the_order_of_the_values_matters():
    plain, bent = study(60), study(60, lambda params: math.log(sphere(params)) * 1e100 - 5.0)
    assert [t.params for t in plain.finished] == [t.params for t in bent.finished]


def test_maximizing_is_minimizing_the_negative():
    up = study(60, lambda params: -sphere(params), directions=["maximize"])
    assert [t.params for t in up.finished] == [t.params for t in study(60).finished]


@pytest.mark.parametrize("sampler", [CmaEsSampler(), CmaEsSampler(restart_strategy="ipop", popsize=4, x0={"x": 1.0})])
def test_a_parallel_study_is_verified_from_its_journal(sampler):
    study = hpo.create_study(sampler=sampler)

    def objective(trial):
        x, k = trial.suggest_float("x", -5, 5), trial.suggest_int("k", 0, 9)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if kind == "a":
            k += trial.suggest_float("extra", 0, 1)
        return x**2 + k

    study.optimize(objective, n_trials=45, n_jobs=3)
    found = verify(study)
    assert found.clean
    assert found.n_suggestions > 45
    assert study.trials[-1].note["generation"] > 2


def test_late_results_are_injected():
    state = study(1)
    trials = []
    for _ in range(12):
        state, trial = ask(state, CmaEsSampler(), CUBE)
        trials.append(trial)
    for trial in trials:
        state = tell(state, trial.number, sphere(trial.params))
    learned = carry_of(state)
    assert learned.generation == 1
    assert [result.injected for result in learned.pending] == [True] * 5  # 1 of the start and 12, 8 in a generation


def test_twenty_workers_lose_little():
    state, running = StudyState.create(seed=3), []
    for _ in range(400):
        state, trial = ask(state, CmaEsSampler(), CUBE)
        running.append(trial)
        if len(running) == 20:
            done = running.pop(0)
            state = tell(state, done.number, sphere(done.params))
    assert best(state) < 0.05
    assert carry_of(state).generation > 40


def test_an_enqueued_trial_counts_only_if_it_is_the_best():
    state = study(12)
    for value, waiting in ((2.0, 0), (1.3, 1)):
        told = enqueue(state, dict.fromkeys(CUBE, value if waiting else 4.9))
        told, trial = ask(told, CmaEsSampler(), CUBE)
        told = tell(told, trial.number, sphere(trial.params))
        assert len(carry_of(told).pending) == len(carry_of(state).pending) + waiting


def test_the_start_is_random_and_as_long_as_told():
    sampler = CmaEsSampler(n_startup_trials=5)
    notes = [trial.note["rule"] for trial in study(8, sampler=sampler).finished]
    assert notes == ["startup"] * 5 + ["model"] * 3
    assert suggested(StudyState.create(), sampler=CmaEsSampler(n_startup_trials=0)).note["rule"] == "model"


def test_x0_and_sigma0_say_where_the_first_generation_is():
    sampler = CmaEsSampler(x0={"x0": 4.0, "x1": -4.0, "elsewhere": 1}, sigma0=1e-4)
    state = study(8, sampler=sampler)
    for trial in state.finished[1:]:
        assert [trial.params[name] for name in CUBE] == pytest.approx([4.0, -4.0, 0.0, 0.0, 0.0], abs=0.02)


def test_categories_are_left_to_a_sampler_that_learns():
    state = study(150, lambda params: mixed_loss(params) + params["p"], MIXED)
    late = state.finished[100:]
    assert statistics.mode(t.params["c"] for t in late) == "b"
    assert sum(t.params["c"] == "b" for t in late) > 30
    assert late[0].note["independent"]["rule"] == "model"
    assert abs(statistics.median(t.params["k"] for t in late) - 7) <= 1


def test_another_independent_sampler_is_asked_in_its_place():
    def always_a(state, trial, space, key):
        return hpo.samplers.Suggestion({name: dist.from_unit(0.0) for name, dist in space.items()})

    state = study(20, mixed_loss, MIXED, CmaEsSampler(independent_sampler=always_a))
    assert {t.params["c"] for t in state.finished} == {"a"}
    assert len({t.params["x"] for t in state.finished}) == 20
    space = {"c": CategoricalDistribution(["a", "b"])}
    assert suggested(StudyState.create(), space, CmaEsSampler(independent_sampler=always_a)).params == {"c": "a"}


@pytest.mark.parametrize("with_margin", [True, False])
def test_the_margin_keeps_integers_moving_to_their_optimum(with_margin):
    space = {"x": FloatDistribution(-5.0, 5.0), "b": IntDistribution(0, 1), "k": IntDistribution(-10, 10)}
    sampler = CmaEsSampler(with_margin=with_margin, restart_strategy=None)
    state = study(400, lambda p: (p["x"] - 1.3) ** 2 + (p["k"] - 4) ** 2 - p["b"], space, sampler)
    late = state.finished[200:]
    assert statistics.mode(t.params["k"] for t in late) == 4
    others = sum(t.params["k"] != 4 for t in late) + sum(t.params["b"] != 1 for t in late)
    assert (others > 10) == with_margin


def test_a_run_that_is_over_starts_again_with_a_larger_population():
    sampler = CmaEsSampler(restart_strategy="ipop", sigma0=0.05)
    state = study(700, space={"x": FloatDistribution(-5.0, 5.0)}, sampler=sampler)
    learned = carry_of(state, {"x": FloatDistribution(-5.0, 5.0)}, sampler)
    assert learned.run.number >= 1
    assert learned.strategy.popsize == 4 * 2**learned.run.number
    plain = carry_of(state, {"x": FloatDistribution(-5.0, 5.0)}, CmaEsSampler(restart_strategy=None))
    assert (plain.run.number, plain.strategy.popsize) == (0, 4)


def test_pruned_trials_count_only_on_request():
    state = study(5)
    state, trial = ask(state, CmaEsSampler(), CUBE)
    state = report(state, trial.number, 0.5, 3)
    state = tell(state, trial.number, state=TrialState.PRUNED)
    considering = CmaEsSampler(consider_pruned_trials=True)
    assert len(carry_of(state, sampler=considering).pending) == len(carry_of(state).pending) + 1
    assert max(carry_of(state, sampler=considering).pending, key=lambda r: r.standing).standing == (0.0, 1.0, -3.0, 0.5)


def test_a_range_that_drifts_keeps_what_was_learned():
    state = study(100)
    wider = {name: FloatDistribution(-6.0, 5.0) for name in CUBE}
    before, after = carry_of(state), carry_of(state, wider)
    assert after.generation == before.generation > 8
    assert after.model.mean * 11.0 - 6.0 == pytest.approx(before.model.mean * 10.0 - 5.0, abs=0.1)
    assert suggested(state, wider).note["generation"] == before.generation


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(-1.7e308, 1.7e308),
        FloatDistribution(5e-324, 1e-300, log=True),
        FloatDistribution(1.0, math.nextafter(1.0, 2.0)),
        FloatDistribution(0.0, 0.9, step=0.3),
        IntDistribution(0, 1),
        IntDistribution(-(10**18), 10**18),
        IntDistribution(1, 10**9, log=True),
        IntDistribution(0, 10**300),
        IntDistribution(3, 3),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_nasty_ranges_are_sampled_within(distribution, sign):
    space = {"odd": distribution, "x": FloatDistribution(0.0, 1.0)}
    state = study(60, lambda params: sign * distribution.to_unit(params["odd"]), space)
    assert all(distribution.contains(trial.params["odd"]) for trial in state.finished)


@pytest.mark.parametrize("values", [[0.0], [math.inf], [-math.inf], [math.inf, -math.inf, 1e308, -1e308, 5e-324]])
@pytest.mark.parametrize("restart_strategy", [None, "ipop"])
def test_any_values_can_be_learned_from(values, restart_strategy):
    results = iter(values * 200)
    sampler = CmaEsSampler(restart_strategy=restart_strategy)
    state = study(150, lambda params: next(results), MIXED, sampler)
    assert suggested(state, MIXED, sampler).note["rule"] == "model"


@pytest.mark.parametrize("outcome", [TrialState.FAIL, TrialState.PRUNED])
def test_histories_may_have_no_complete_trial(outcome):
    state = StudyState.create()
    for _ in range(12):
        state, trial = ask(state, CmaEsSampler(), MIXED)
        state = tell(state, trial.number, state=outcome)
    rule = "startup" if outcome is TrialState.FAIL else "model"
    assert suggested(state, MIXED).note["rule"] == rule


def test_trials_that_do_not_fit_are_skipped():
    state = study(9, mixed_loss, MIXED)
    odd = [
        create_trial(value=-1.0, params={"z": 1.0}, distributions={"z": FloatDistribution(0.0, 1.0)}),
        create_trial(value=-2.0, params={"x": "a"}, distributions={"x": CategoricalDistribution(["a", "b"])}),
        create_trial(value=-3.0),
    ]
    for trial in odd:
        state = replay(decide(state, AddTrial(trial)), state)
    assert len(carry_of(state, MIXED).pending) == len(carry_of(study(9, mixed_loss, MIXED), MIXED).pending)
    coding, trial = DrawCoding.of(MIXED), state.finished[5]
    for draw in ("text", {"k": "1"}, {"k": math.inf}, {"k": 7.0, "p": -7.0}, {"x": 0.1}):
        assert coding.point(replace(trial, note={"draw": draw})) == coding.point(replace(trial, note={}))


def test_feasible_trials_lead():
    state = StudyState.create(seed=2)
    for _ in range(200):
        state, trial = ask(state, CmaEsSampler(), CUBE)
        state = set_constraint(state, trial.number, "limit", 2.0 - trial.params["x0"])
        state = tell(state, trial.number, sphere(trial.params))
    late = state.finished[150:]
    assert statistics.median(abs(t.params["x0"] - 2.0) for t in late) < 0.3
    assert sum(t.feasible for t in late) > 10


def test_several_objectives_are_refused_by_name():
    with pytest.raises(SeveralObjectives, match="TPESampler"):
        suggested(StudyState.create(directions=["minimize", "maximize"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma0": 0.0}, "sigma0"),
        ({"sigma0": math.nan}, "sigma0"),
        ({"popsize": 1}, "popsize"),
        ({"popsize": 2.5}, "popsize"),
        ({"n_startup_trials": -1}, "n_startup_trials"),
        ({"n_startup_trials": None}, "n_startup_trials"),
        ({"inc_popsize": 0}, "inc_popsize"),
        ({"restart_strategy": "bippop"}, "'ipop'"),
        ({"restart_strategy": []}, "'ipop'"),
        ({"use_separable_cma": 1}, "use_separable_cma"),
        ({"with_margin": None}, "with_margin"),
        ({"consider_pruned_trials": "no"}, "consider_pruned_trials"),
        ({"x0": [1.0]}, "x0"),
        ({"x0": {1: 2.0}}, "x0"),
        ({"x0": {"x": [1.0]}}, "x0"),
        ({"independent_sampler": 3}, "independent_sampler"),
        ({"seed": "1"}, "seed"),
    ],
)
def test_invalid_options_are_named(options, message):
    with pytest.raises(HpoError, match=message):
        CmaEsSampler(**options)


@pytest.mark.parametrize("given", [99.0, "text", None])
def test_a_first_value_outside_of_its_range_is_named(given):
    with pytest.raises(HpoError, match="x0"):
        suggested(study(2), sampler=CmaEsSampler(x0={"x0": given}))


def test_samplers_are_values_that_a_journal_can_name():
    sampler = CmaEsSampler(
        x0={"x": np.float32(1.5), "c": "a"}, sigma0=np.float64(0.2), popsize=np.int64(7), restart_strategy="ipop"
    )
    assert pickle.loads(pickle.dumps(sampler)) == sampler
    assert rebuild_advisor(identity_of(sampler)) == sampler
    assert hpo.samplers.CmaEsSampler is CmaEsSampler


def test_another_process_suggests_the_same():
    code = (
        "import sys; from hpo.core.state import StudyState; from hpo.core.ask_tell import ask\n"
        "from hpo.samplers import CmaEsSampler\n"
        "state = StudyState.from_bytes(sys.stdin.buffer.read())\n"
        "space = state.finished[0].distributions\n"
        "print(dict(ask(state, CmaEsSampler(), space)[1].params))"
    )
    state = study(20)
    printed = subprocess.run([sys.executable, "-c", code], input=state.to_bytes(), capture_output=True, check=True)
    here = ask(state, CmaEsSampler(), CUBE)[1].params
    assert printed.stdout.decode().strip() == repr({name: here[name] for name in CUBE})


@pytest.mark.parametrize("low", [2**60, 2**70])
def test_a_log_range_of_a_few_ints_beyond_floats_is_searched(low):
    state, space = hpo.StudyState.create(seed=1), {"n": IntDistribution(low, low + 3, log=True)}
    for number in range(4):
        state, trial = ask(state, CmaEsSampler(popsize=3), space)
        state = tell(state, number, float(trial.params["n"] - low))
    assert {trial.params["n"] - low for trial in state.finished} == {0, 1, 2, 3}
