"""Studies as journals, studies as a sampler would have lived them, other units, and options drawn from fields."""

from typing import Literal

import attrs
import pytest
from hypothesis import HealthCheck, find, given, settings
from msgspec.structs import replace

from hpo.core.distributions import FloatDistribution, IntDistribution
from hpo.core.persistent import InsertOnlyDict
from hpo.core.space import SearchSpace
from hpo.core.state import replay
from hpo.errors import InvalidArgument
from hpo.samplers import CmaEsSampler, QMCSampler, RandomSampler, TPESampler
from hpo.testing import strategies
from hpo.testing.counterexamples import events_towards
from hpo.testing.lived import lived
from hpo.testing.options import configured
from hpo.testing.questions import Question
from hpo.testing.retelling import rescaled
from hpo.testing.scenarios import MIXED, scenarios

FEW = settings(max_examples=25, deadline=None, database=None, suppress_health_check=[*HealthCheck])
SEARCH = settings(max_examples=2000, database=None, derandomize=True, suppress_health_check=[*HealthCheck])


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


@given(question=strategies.questions())
@FEW
def test_a_lived_study_keeps_its_outcomes(question):
    again = lived(question, QMCSampler())
    for before, after in zip(question.state.trials, again.state.trials, strict=True):
        assert (after.number, after.state, after.values) == (before.number, before.state, before.values)
        assert after.distributions == before.distributions


def test_a_lived_study_has_the_notes_of_its_sampler_and_what_it_would_have_suggested():
    question = lived(Question(scenarios()["constant"], 12, MIXED), CmaEsSampler(popsize=4))
    assert {trial.note["rule"] for trial in question.state.finished} == {"startup", "model"}
    assert len({trial.params["lr"] for trial in question.state.finished}) == 12


def test_a_sampler_without_an_answer_leaves_a_study_as_it_was():
    def broken(state, trial, space, key):
        raise RuntimeError

    question = Question(scenarios()["constant"], 12, MIXED)
    assert told(lived(question, broken).state) == told(question.state)


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
