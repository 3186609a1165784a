"""Studies as journals, studies as a sampler would have lived them, other units, and options drawn from fields."""

import collections
import math
import sys
import warnings
from typing import Literal

import attrs
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from msgspec.structs import replace

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    InsertOnlyDict,
    IntDistribution,
    SearchSpace,
    TrialState,
    replay,
)
from hpo.errors import InvalidArgument
from hpo.samplers import CmaEsSampler, GridSampler, QMCSampler, RandomSampler, TPESampler
from hpo.testing import strategies
from hpo.testing._engine.cases import Question
from hpo.testing._engine.counterexamples import events_towards
from hpo.testing._engine.question_sources import own_run, with_own_history
from hpo.testing._engine.steps import count_steps
from hpo.testing._engine.transformations import rescaled
from hpo.testing.options import configured
from hpo.testing.scenarios import MIXED, ORDINARY, SMALL, scenarios

FEW = settings(max_examples=25, deadline=None, database=None, suppress_health_check=[*HealthCheck])
SEARCH = settings(
    max_examples=2000, database=None, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck]
)


def told(state):
    """The state without what depends on how it came to be."""
    return replace(state, version=0, spaces=InsertOnlyDict())


@given(question=strategies.questions(reporting=True))
@FEW
def test_a_study_as_a_journal_is_the_same_study(question):
    assert told(replay(events_towards(question.state))) == told(question.state)


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_as_a_journal_is_the_same_study(name):
    state = scenarios()[name]
    assert told(replay(events_towards(state))) == told(state)


def kinds_of(dist):
    """What is nasty about a distribution."""
    kinds = {type(dist).__name__}
    if dist.single():
        kinds.add("one value")
    if isinstance(dist, CategoricalDistribution):
        types = {*map(type, dist.choices)}
        return kinds | {
            "choices of one type" if len(types) == 1 else "mixed choices",
            len(dist.choices) == 5 and "five",
        }
    if dist.log:
        kinds.add(f"log {type(dist).__name__}")
    if isinstance(dist, IntDistribution):
        return kinds | {dist.step > 1 and "int step", abs(dist.high) > 2**63 and "beyond 64 bits"}
    if dist.step is not None:
        whole = ((dist.high - dist.low) / dist.step).is_integer()
        kinds.add("step" if whole else "step that does not divide")
    if dist.log and math.log10(dist.high) - math.log10(dist.low) > 600:
        kinds.add("600 decades")
    subnormal = any(0.0 < abs(end) < sys.float_info.min for end in (dist.low, dist.high))
    return kinds | {dist.high - dist.low == math.inf and "wider than a float", subnormal and "subnormal"}


def oddities_of(question):
    """What is unusual about a study."""
    state, trials = question.state, question.state.trials
    numbers = [trial.number for trial in state.finished]
    complete = [trial for trial in state.finished if trial.state is TrialState.COMPLETE]
    drifted = [
        (question.space[name], dist)
        for trial in trials
        for name, dist in trial.distributions.items()
        if name in question.space and question.space[name] != dist
    ]
    found = {
        "told in another order": numbers != sorted(numbers),
        "several run": len(state.running) > 1,
        "waiting": bool(state.waiting),
        "several directions": len(state.directions) > 1,
        "maximized": "maximize" in state.directions,
        "infinite": any(math.isinf(value) for trial in complete for value in trial.values),
        "all failed": len(numbers) > 1 and all(trial.state is TrialState.FAIL for trial in state.finished),
        "all pruned": len(numbers) > 1 and all(trial.state is TrialState.PRUNED for trial in state.finished),
        "a report of nan": any(math.isnan(value) for trial in trials for value in trial.intermediate_values.values()),
        "two constraints": any(len(trial.constraints) > 1 for trial in trials),
        "an enqueued trial": any(trial.fixed_params for trial in trials),
        "another range": any(type(one) is type(other) for one, other in drifted),
        "other choices": any(
            isinstance(one, CategoricalDistribution) and type(one) is type(other) for one, other in drifted
        ),
        "another kind": any(type(one) is not type(other) for one, other in drifted),
        "a part of the space": any(0 < len(trial.params) < len(question.space) for trial in trials),
        "equal values": len({trial.values for trial in complete}) < len(complete),
        "duplicates": len({repr(trial.params) for trial in complete if trial.params}) < sum(map(bool, complete)) - 1,
        "declared": state.space is not None,
        "paused": bool(state.paused),
        "a checkpoint": any(trial.checkpoint for trial in trials),
        "a standard error": any(trial.sem for trial in trials),
        "a cost": any(trial.cost is not None for trial in trials),
        "metrics by name": any(trial.metrics for trial in trials),
    }
    return {name for name, is_so in found.items() if is_so}


def test_the_nasty_kinds_are_well_represented():
    counts = collections.Counter()

    @given(question=strategies.questions(reporting=True))
    @settings(SEARCH, max_examples=500, phases=[Phase.generate])
    def look(question):
        counts.update(oddities_of(question))
        counts.update({kind for dist in question.space.values() for kind in kinds_of(dist) if kind})

    look()
    often = [kind for kind, count in counts.items() if count >= 10]
    assert len(often) > 25, "most of them many times"
    # what is drawn depends on the modules that are loaded, so the rarest kind may need a few more rounds
    for number in range(4):
        if len(counts) < 39:
            seed(number)(look)()
    assert len(counts) == 39, "and each of them"


@given(question=strategies.questions())
@FEW
def test_a_lived_study_keeps_its_outcomes(question):
    again = with_own_history(question, QMCSampler())
    for before, after in zip(question.state.trials, again.state.trials, strict=True):
        assert (after.number, after.state, after.values) == (before.number, before.state, before.values)
        assert after.distributions == before.distributions


def test_a_lived_study_has_the_notes_of_its_sampler_and_what_it_would_have_suggested():
    question = with_own_history(Question(scenarios()["constant"], 12, MIXED), CmaEsSampler(popsize=4))
    assert {trial.note["rule"] for trial in question.state.finished} == {"startup", "model"}
    assert len({trial.params["lr"] for trial in question.state.finished}) == 12


def test_a_run_of_its_own_has_every_outcome_in_no_order():
    *_, last = own_run(RandomSampler(), ORDINARY, most=30, seed=0)
    numbers = [trial.number for trial in last.state.finished]
    assert len(numbers) == 27
    assert numbers != sorted(numbers)
    assert {trial.state for trial in last.state.finished} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert all(trial.params.keys() == ORDINARY.keys() for trial in last.state.finished)
    assert last.trial.params == {}


def test_a_run_of_its_own_ends_where_the_sampler_has_no_answer():
    grid = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
    assert len([*own_run(grid, SMALL, most=30, seed=0)]) == 13
    assert len([*own_run(lambda *arguments: None, SMALL, most=30, seed=0)]) == 1


def test_a_sampler_without_an_answer_leaves_a_study_as_it_was():
    def broken(state, trial, space, key):
        raise RuntimeError

    question = Question(scenarios()["constant"], 12, MIXED)
    assert told(with_own_history(question, broken).state) == told(question.state)


@given(space=strategies.search_spaces())
@FEW
def test_other_units_leave_the_points_of_the_unit_cube_where_they_are(space):
    other = rescaled(space)
    for name, dist in space.items():
        for unit in (0.0, 0.25, 0.8, 1.0):
            first, second = dist.from_unit(unit), other[name].from_unit(unit)
            assert dist.n_values() == other[name].n_values()
            if isinstance(dist, FloatDistribution | IntDistribution):
                assert abs(dist.to_unit(first) - other[name].to_unit(second)) < 1e-6


def test_what_loses_digits_keeps_its_units():
    space = SearchSpace({"far": FloatDistribution(1e9, 1e9 + 1.0), "huge": FloatDistribution(0.0, 1e200)})
    assert rescaled(space) == space


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (lambda sampler: sampler.n_startup_trials == 0, TPESampler),
        (lambda sampler: not sampler.constant_liar, TPESampler),
        (lambda sampler: sampler.popsize == 2, CmaEsSampler),
        (lambda sampler: sampler.popsize == 3 and sampler.use_separable_cma, CmaEsSampler),
    ],
)
def test_options_are_drawn_from_the_fields_of_a_class(wanted, kind):
    assert wanted(find(configured(kind), wanted, settings=SEARCH))


def test_the_simplest_options_are_the_defaults():
    assert find(configured(TPESampler), lambda _: True, settings=SEARCH) == TPESampler()


@attrs.frozen
class Between:
    """It takes what its validators let through."""

    inner: object
    least: int = attrs.field(default=2, validator=attrs.validators.ge(2))
    most: int = attrs.field(default=100, validator=attrs.validators.ge(2))
    kind: Literal["one", "two"] = "one"
    free: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self):
        if self.least > self.most:
            raise ValueError("least is more than most")


@given(made=configured(Between, inner=[RandomSampler(), None]))
@settings(max_examples=200, deadline=None, database=None)
def test_what_a_class_refuses_is_not_drawn(made):
    assert 2 <= made.least <= made.most
    assert made.kind in {"one", "two"}
    assert made.free == {}


def test_a_choice_of_texts_is_drawn_too():
    made = find(configured(Between, inner=[None]), lambda made: made.kind == "two", settings=SEARCH)
    assert made == Between(None, kind="two")


@pytest.mark.parametrize(
    ("kind", "samples", "message"),
    [
        (dict, {}, "an attrs class, got <class 'dict'>"),
        (TPESampler, {"gama": [1]}, "has the options .*, and no gama"),
        (Between, {}, "needs inner: give samples of it"),
    ],
)
def test_what_can_not_be_drawn_is_refused_with_the_reason(kind, samples, message):
    with pytest.raises(InvalidArgument, match=message):
        configured(kind, **samples)


def test_the_first_call_of_a_function_is_counted_as_the_later_ones_are():
    def rounds(n):
        total = 0
        for i in range(n):
            total += i
        return total

    first, again, more, most = (count_steps(lambda n=n: rounds(n)) for n in (9, 9, 19, 99))
    assert first == again
    assert most - first == 9 * (more - first) > 0


def test_a_grid_whose_last_value_is_rounded_otherwise_stays_as_it_is():
    dist = FloatDistribution(0.0, 6.822374535904762e16, step=5685312113253968.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        larger = FloatDistribution(0.0, 4.0 * dist.high, step=4.0 * dist.step)
    assert larger.high != 4.0 * dist.high
    assert rescaled(SearchSpace({"x": dist})) == {"x": dist}
    assert rescaled(SearchSpace({"x": FloatDistribution(0.0, 1.0, step=0.25)})) == {
        "x": FloatDistribution(0.0, 4.0, step=1.0)
    }
