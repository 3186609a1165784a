"""What model-based samplers share around their models: start-up, exhaustion, and no configuration twice."""

import pytest

from hpo.core import (
    CategoricalDistribution,
    Exhausted,
    FrozenTrial,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
)
from hpo.core.ask_tell import ask
from hpo.samplers import RandomSampler
from hpo.samplers.parts.driver import ask_noted, suggest, suggest_lone

SPACE = SearchSpace({"n": IntDistribution(0, 2), "c": CategoricalDistribution(["a", "b"])})
TRIAL = FrozenTrial(9, TrialState.RUNNING)
FIRST = {"n": 0, "c": "a"}


def start(state, trial, space, key):
    """A sampler for the start-up that always gives the first configuration."""
    return Suggestion({name: FIRST[name] for name in space}, {"why": "first"})


def model(params):
    return lambda tried: Suggestion(params, {"rule": "model"})


def no_model(tried):
    return None


def answer(state, propose, *, space=SPACE, duplicates="avoid", **options):
    return suggest(state, TRIAL, space, Key(1), propose, start=start, duplicates=duplicates, **options)


def running(*configurations):
    """A study in which these configurations are running."""
    state = StudyState.create(seed=1)
    for params in configurations:
        state, _ = ask(state, lambda state, trial, space, key, given=params: Suggestion(given), SPACE)
    return state


def test_without_a_model_the_start_up_sampler_is_asked_and_its_note_kept():
    assert answer(StudyState.create(), no_model) == Suggestion(
        FIRST, {"rule": "startup", "independent": {"why": "first"}}
    )


def test_with_a_model_its_answer_is_the_suggestion():
    assert answer(StudyState.create(), model(FIRST)) == Suggestion(FIRST, {"rule": "model"})


def test_an_empty_space_needs_nobody():
    assert answer(StudyState.create(), None, space=SearchSpace()) == Suggestion({})


def test_the_model_learns_what_was_tried_unless_duplicates_are_allowed():
    given = []
    state = running(FIRST)
    for duplicates in ("avoid", "allow"):
        answer(state, lambda tried: given.append(tried) or Suggestion(FIRST), duplicates=duplicates)
    assert given[0].contains(FIRST)
    assert given[1] is None


def test_what_was_tried_is_replaced_by_something_untried():
    state = running(FIRST)
    found = answer(state, model(FIRST))
    assert found.params != FIRST
    assert found.note == {"rule": "untried"}
    assert answer(state, model(FIRST), duplicates="allow").params == FIRST
    other = {"n": 2, "c": "a"}
    assert answer(state, model(other)) == Suggestion(other, {"rule": "model"})


@pytest.mark.parametrize("keep", [True, False])
def test_a_start_up_draw_that_is_replaced_keeps_its_note_or_not(keep):
    found = answer(running(FIRST), no_model, keep_start_rule=keep)
    assert found.params != FIRST
    assert found.note["rule"] == ("startup" if keep else "untried")


def test_a_finite_space_is_exhausted_before_the_model_is_asked():
    state = running(*({"n": n, "c": c} for n in range(3) for c in "ab"))
    assert answer(state, None) == Exhausted("all 6 configurations are tried or running", of_space=True)


def test_a_model_may_say_that_nothing_is_left():
    nothing = Exhausted("the grid is done")
    assert answer(StudyState.create(), lambda tried: nothing) is nothing


def test_a_lone_parameter_may_have_any_value_again():
    space = SearchSpace({"c": SPACE["c"]})
    given = []

    def propose(one, stream, tried):
        given.append(tried)

    found = suggest_lone(running(FIRST), TRIAL, space, Key(1), propose, start=start)
    assert given == [None]
    assert found == Suggestion({"c": "a"}, {"rule": "startup", "independent": {"why": "first"}})
    found = suggest_lone(StudyState.create(), TRIAL, space, Key(1), lambda *_: Suggestion({"c": "b"}), start=start)
    assert found.params == {"c": "b"}


def test_another_sampler_is_told_which_kind_of_call_it_is():
    state, key, space = StudyState.create(), Key(1).child("c"), SearchSpace({"c": SPACE["c"], "n": SPACE["n"]})
    joint = ask_noted(RandomSampler(), state, TRIAL, space, key.parent, {})
    lone = ask_noted(RandomSampler(), state, TRIAL, SearchSpace({"c": SPACE["c"]}), key, {"rule": "x"}, lone=True)
    assert lone == Suggestion({"c": joint.params["c"]}, {"rule": "x"})
    nothing = Exhausted("nothing")
    assert ask_noted(lambda *_: nothing, state, TRIAL, space, key, {}) is nothing
