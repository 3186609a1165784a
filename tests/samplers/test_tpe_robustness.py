"""The TPE copes with any results and any distributions, in any order."""

import math
import statistics
import warnings

import pytest
from hypothesis import given, settings, strategies as st
from sampled_studies import EAGER, MIXED, study, suggested

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    StudyState,
    TrialState,
    ask,
    report,
    set_constraint,
    tell,
)
from hpo.samplers.cma_es import CmaEsSampler
from hpo.samplers.tpe import TPESampler


@pytest.mark.parametrize("value", [0.0, math.inf, -math.inf, 1e308, -1e308, 5e-324])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_an_objective_may_be_constant(value, direction):
    state = study(15, lambda params: value, directions=[direction])
    assert suggested(state).note["rule"] == "model"


def test_infinities_among_the_values_rank_last_or_first():
    values = iter([math.inf, -math.inf, 1e308, -1e308, 0.0, math.inf] * 5)
    state = study(30, lambda params: next(values))
    assert suggested(state).note["rule"] == "model"


@pytest.mark.parametrize("outcome", [TrialState.FAIL, TrialState.PRUNED])
@pytest.mark.parametrize("directions", [["minimize"], ["minimize", "maximize"]])
def test_histories_may_have_no_complete_trial(outcome, directions):
    state = StudyState.create(directions=directions)
    for _ in range(12):
        state, trial = ask(state, EAGER, MIXED)
        state = tell(state, trial.number, state=outcome)
    rule = "startup" if outcome is TrialState.FAIL else "model"
    assert suggested(state).note["rule"] == rule
    assert suggested(StudyState.create(), sampler=TPESampler(n_startup_trials=0)).note["rule"] == "startup"


def test_infeasible_trials_only_are_ranked_by_violation():
    space = {"x": FloatDistribution(0.0, 10.0)}
    state = StudyState.create(seed=2)
    for _ in range(60):
        state, trial = ask(state, TPESampler(), space)
        state = set_constraint(state, trial.number, "limit", 1.0 + abs(trial.params["x"] - 7.0))
        state = tell(state, trial.number, trial.params["x"])
    late = [t.params["x"] for t in state.finished[40:]]
    assert statistics.median(abs(x - 7.0) for x in late) < 1.0


NASTY = {
    "single": FloatDistribution(2.5, 2.5),
    "wide": FloatDistribution(-1.7e308, 1.7e308),
    "widest": FloatDistribution(-1.7976931348623157e308, 1.7976931348623157e308),
    "tiny": FloatDistribution(0.0, 5e-324),
    "subnormal": FloatDistribution(-1e-310, 1e-310),
    "neighbours": FloatDistribution(1.0, math.nextafter(1.0, 2.0)),
    "decades": FloatDistribution(1e-300, 1e300, log=True),
    "all decades": FloatDistribution(5e-324, 1.7e308, log=True),
    "log neighbours": FloatDistribution(1e300, math.nextafter(1e300, math.inf), log=True),
    "stepped": FloatDistribution(-0.3, 0.7, step=0.1),
    "wide steps": FloatDistribution(0.0, 1.5e308, step=5e307),
    "int": IntDistribution(-3, 3),
    "one int": IntDistribution(5, 5),
    "big int": IntDistribution(-(10**15), 10**15),
    "huge int": IntDistribution(0, 10**100),
    "coarse": IntDistribution(0, 9, step=3),
    "log int": IntDistribution(1, 2, log=True),
    "big log int": IntDistribution(1, 10**18, log=True),
    "log int far up": IntDistribution(2**60, 2**60 + 4, log=True),
    "one choice": CategoricalDistribution([None]),
    "choices": CategoricalDistribution([True, 1, 1.0, "1", None, math.nan, math.inf]),
}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # their ends are lowered
    NASTY["no divisor"] = FloatDistribution(0.0, 1.0, step=0.3)
    NASTY["int without divisor"] = IntDistribution(1, 20, step=7)


def checked_run(space, losses, sampler, directions=("minimize",)):
    state = StudyState.create(seed=1, directions=directions)
    for loss in losses:
        state, trial = ask(state, sampler, space)
        for name, dist in space.items():
            assert dist.contains(trial.params[name])
            assert trial.params[name] is None or type(trial.params[name]) in (bool, int, float, str)
        state = tell(state, trial.number, loss)
    return state


@pytest.mark.parametrize("name", NASTY)
def test_suggestions_for_a_nasty_distribution_are_members(name):
    state = checked_run(
        {name: NASTY[name]}, [float(i * 7 % 5) for i in range(14)], TPESampler(n_startup_trials=2, duplicates="allow")
    )
    rules = {t.note["rule"] for t in state.finished[3:]}
    assert rules == ({"startup"} if name in STUBBORN else {"model"})


STUBBORN = {"single", "one int", "one choice", "log neighbours", "log int far up"}  # nothing to model


def floats(draw):
    low, high = sorted(draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2)))
    if draw(st.booleans()):
        low, high = sorted((max(abs(low), 5e-324), min(max(abs(high), 5e-324), 1.7e308)))
        return FloatDistribution(min(low, 1.7e308), high, log=True)
    return FloatDistribution(low, high)


def ints(draw):
    low, high = sorted(draw(st.lists(st.integers(-(10**20), 10**20), min_size=2, max_size=2)))
    if draw(st.booleans()):
        low, high = sorted((max(abs(low), 1), max(abs(high), 1)))
        return IntDistribution(low, high, log=True)
    step = draw(st.integers(1, 10**6))
    return IntDistribution(low, low + (high - low) // step * step, step=step)


@st.composite
def distributions(draw):
    kind = draw(st.sampled_from(["float", "int", "choices", "nasty"]))
    if kind == "nasty":
        return draw(st.sampled_from(list(NASTY.values())))
    if kind == "choices":
        return CategoricalDistribution(draw(st.lists(st.integers(), min_size=1, max_size=5, unique=True)))
    return floats(draw) if kind == "float" else ints(draw)


@settings(max_examples=60, deadline=None)
@given(
    space=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), distributions(), max_size=4),
    losses=st.lists(st.floats(allow_nan=False), max_size=8),
    sampler=st.builds(
        TPESampler,
        duplicates=st.just("allow"),
        n_startup_trials=st.integers(0, 2),
        n_ei_candidates=st.integers(1, 5),
        prior_weight=st.floats(0, exclude_min=True, allow_infinity=False),
        consider_magic_clip=st.booleans(),
        consider_endpoints=st.booleans(),
    ),
)
def test_suggestions_are_always_members_of_the_space(space, losses, sampler):
    checked_run(space, losses, sampler)


@settings(max_examples=25, deadline=None)
@given(losses=st.lists(st.tuples(*[st.floats(allow_nan=False)] * 2), max_size=8))
def test_any_pairs_of_values_are_results(losses):
    checked_run(MIXED, losses, TPESampler(n_startup_trials=1), ("minimize", "maximize"))


@pytest.mark.parametrize("sampler", [EAGER, CmaEsSampler(consider_pruned_trials=True)])
def test_pruned_trials_may_have_reported_other_metrics_only(sampler):
    state = StudyState.create(seed=0)
    space = {"x": FloatDistribution(0.0, 1.0)}
    for number in range(20):
        state, trial = ask(state, sampler, space)
        state = report(state, trial.number, {"accuracy": 0.5}, number)
        if number % 3 == 0:  # the objective at an earlier step than the metric
            state = report(state, trial.number, 1.0, 0) if number else state
        state = tell(state, trial.number, state=TrialState.PRUNED)
    assert suggested(state, space, sampler).note["rule"] == "model"
