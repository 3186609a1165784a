"""Class-based samplers: who is called when, with what, and what they may look at."""

import pickle
from collections import OrderedDict

import pytest

from hpo.core import (
    Ask,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyDirection,
    StudyState,
    StudyView,
    TrialState,
    ask,
    create_trial,
    decide,
    enqueue,
    is_replayable,
    replay,
    suggest_joint,
    suggest_lone,
    tell,
)
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType, NoCompletedTrial, SeveralObjectives
from hpo.samplers import BaseSampler, IntersectionSearchSpace, RandomSampler, intersection_search_space

X, Y, Z = FloatDistribution(0, 1), FloatDistribution(0, 2), CategoricalDistribution(["a", "b"])


class Spy(BaseSampler):
    """Writes down every call; answers with `relative` and with the lowest value."""

    def __init__(self, space=None, relative=None):
        self.space = space or {}
        self.relative = relative or {}
        self.calls = []

    def infer_relative_search_space(self, study, trial):
        self.calls.append(("infer", trial.number))
        return self.space

    def sample_relative(self, study, trial, search_space):
        assert isinstance(study, StudyView)
        self.calls.append(("relative", trial.number, search_space))
        return self.relative

    def sample_independent(self, study, trial, param_name, param_distribution):
        self.calls.append(("independent", trial.number, param_name, param_distribution))
        return param_distribution.from_unit(0.0)


def define_by_run(state, sampler, space):
    """One trial: its joint suggestion, then each other parameter on its own."""
    started = replay(decide(state, Ask()), state)
    trial = next(iter(started.running.values()))
    state = replay(decide(started, suggest_joint(started, sampler, trial)), started)
    joint = state.running[trial.number]
    for name, distribution in space.items():
        if name not in joint.params:
            command = suggest_lone(started, sampler, joint, name, SearchSpace({name: distribution}))
            state = replay(decide(state, command), state)
    return tell(state, trial.number, 0.0)


def test_joint_parameters_are_sampled_together_and_the_others_one_by_one():
    sampler = Spy({"x": X, "y": Y}, {"x": 0.5})
    state = define_by_run(StudyState.create(), sampler, {"x": X, "y": Y, "z": Z})
    assert sampler.calls == [
        ("infer", 0),
        ("relative", 0, {"x": X, "y": Y}),
        ("independent", 0, "y", Y),
        ("independent", 0, "z", Z),
    ]
    assert state.finished[0].params == {"x": 0.5, "y": 0.0, "z": "a"}


def test_sample_relative_is_called_even_for_an_empty_space():
    sampler = Spy()
    define_by_run(StudyState.create(), sampler, {"x": X})
    assert sampler.calls == [("infer", 0), ("relative", 0, {}), ("independent", 0, "x", X)]
    assert type(sampler.calls[1][2]) is dict


def test_a_declared_space_is_not_inferred():
    sampler = Spy(relative={"x": 0.25})
    _, trial = ask(StudyState.create(), sampler, {"x": X, "y": Y})
    assert sampler.calls == [("relative", 0, {"x": X, "y": Y}), ("independent", 0, "y", Y)]
    assert trial.params == {"x": 0.25, "y": 0.0}


def test_values_for_enqueued_parameters_are_ignored():
    sampler = Spy({"x": X, "y": Y}, {"x": 0.5, "y": 0.5})
    state = enqueue(StudyState.create(), {"x": 0.75})
    _, trial = ask(state, sampler)
    assert sampler.calls == [("infer", 0), ("relative", 0, {"y": Y})]
    assert trial.params == {"x": 0.75, "y": 0.5}


def test_a_value_for_an_unknown_parameter_is_an_error_that_names_it():
    with pytest.raises(InvalidSuggestion, match=r"Spy\.sample_relative returned 'q', but its search_space has 'x'"):
        ask(StudyState.create(), Spy({"x": X}, {"q": 1}))


def test_a_relative_value_outside_its_distribution_is_refused():
    with pytest.raises(InvalidSuggestion, match=r"'x' can't be 7"):
        ask(StudyState.create(), Spy({"x": X}, {"x": 7}))


@pytest.mark.parametrize("no_dict", [None, [("x", 1)]])
def test_an_answer_that_is_not_a_dict_is_an_error_that_names_the_method(no_dict):
    broken = Spy()
    broken.relative = no_dict
    with pytest.raises(InvalidSuggestion, match=r"sample_relative returns a dict, got"):
        ask(StudyState.create(), broken)
    broken.space = no_dict
    with pytest.raises(InvalidType, match=r"infer_relative_search_space returns a dict, got"):
        ask(StudyState.create(), broken)


def test_a_sampler_needs_all_three_methods_and_is_not_replayable():
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (BaseSampler,), {"sample_relative": lambda *_: {}})()
    assert not is_replayable(Spy())
    assert Spy().reseed_rng() is None


def test_the_running_trial_is_the_last_one_that_the_study_shows():
    class Neighbour(Spy):
        def sample_independent(self, study, trial, param_name, param_distribution):
            assert study.trials[-1].number == trial.number
            assert study.trials[-1].state is TrialState.RUNNING
            return 0.0 if trial.number == 0 else study.trials[-2].params[param_name] + 0.25

    state, sampler = StudyState.create(), Neighbour()
    for _ in range(3):
        state = define_by_run(state, sampler, {"x": X})
    assert [trial.params["x"] for trial in state.finished] == [0.0, 0.25, 0.5]


def test_a_sampler_cannot_change_the_study_through_its_trial():
    class Scribbler(Spy):
        def infer_relative_search_space(self, study, trial):
            trial.set_user_attr("mine", 1)
            return {}

        def sample_relative(self, study, trial, search_space):
            trial.set_user_attr("mine", 1)
            study.trials[0].set_user_attr("mine", 1)
            return {}

    state, trial = ask(StudyState.create(), Scribbler())
    assert trial.user_attrs == state.trial(0).user_attrs == {}


def test_a_delegating_sampler_gets_the_values_of_a_random_search():
    class Delegating(Spy):
        def sample_independent(self, study, trial, param_name, param_distribution):
            return RandomSampler().sample_independent(study, trial, param_name, param_distribution)

    alone, inside = StudyState.create(seed=5), StudyState.create(seed=5)
    for _ in range(3):
        inside = define_by_run(inside, Delegating(), {"x": X, "z": Z})
        started = replay(decide(alone, Ask()), alone)
        trial = next(iter(started.running.values()))
        alone = replay(decide(started, suggest_joint(started, RandomSampler(), trial, {})), started)
        for name, distribution in {"x": X, "z": Z}.items():
            command = suggest_lone(started, RandomSampler(), trial, name, SearchSpace({name: distribution}))
            alone = replay(decide(alone, command), alone)
        alone = tell(alone, trial.number, 0.0)
    assert [trial.params for trial in inside.finished] == [trial.params for trial in alone.finished]


def finished(*spaces, states=None, name="", seed=0):
    """A study whose trials had these distributions."""
    state = StudyState.create(name=name, seed=seed)
    for space, outcome in zip(spaces, states or [TrialState.COMPLETE] * len(spaces), strict=True):
        state, trial = ask(state, RandomSampler(), space)
        state = tell(state, trial.number, 1.0 if outcome is TrialState.COMPLETE else None, state=outcome)
    return state


def test_the_intersection_has_what_all_complete_trials_have():
    state = finished({"y": Y, "x": X, "z": Z}, {"x": X, "y": Y}, {"z": Z, "y": Y, "x": FloatDistribution(0, 3)})
    assert intersection_search_space(state) == {"y": Y}
    assert intersection_search_space(finished({"y": Y, "x": X, "z": Z}, {"x": X, "y": Y})) == {"x": X, "y": Y}
    assert intersection_search_space(finished({"x": X}, {"y": Y})) == {}


def test_failed_and_pruned_trials_do_not_narrow_the_intersection():
    outcomes = [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED]
    assert intersection_search_space(finished({"x": X}, {}, {"y": Y}, states=outcomes)) == {"x": X}


def test_the_intersection_of_no_complete_trial_is_an_empty_dict():
    assert intersection_search_space(StudyView(StudyState.create())) == {}


def test_the_intersection_is_a_plain_or_an_ordered_dict_sorted_by_name():
    view = StudyView(finished({"y": Y, "x": X}))
    plain, ordered = intersection_search_space(view), intersection_search_space(view, ordered_dict=True)
    assert type(plain) is dict
    assert type(ordered) is OrderedDict
    assert list(plain) == list(ordered) == ["x", "y"]


def test_both_forms_agree_and_take_a_study_a_state_or_a_list_of_trials():
    shared = IntersectionSearchSpace()
    state = StudyState.create()
    for space in ({"x": X, "z": Z}, {"x": X, "y": Y}, {"y": Y}):
        state, trial = ask(state, RandomSampler(), space)
        state = tell(state, trial.number, 0.0)
        expected = intersection_search_space(StudyView(state))
        assert shared.calculate(StudyView(state)) == intersection_search_space(state) == expected
        assert shared.calculate(state.trials) == intersection_search_space(state.trials) == expected
    assert intersection_search_space([create_trial(value=0, params={"x": 0}, distributions={"x": X})]) == {"x": X}


def test_one_intersection_search_space_is_for_one_study():
    shared = IntersectionSearchSpace()
    shared.calculate(finished({"x": X}, name="a"))
    shared.calculate(finished({"x": X}, {"y": Y}, name="a"))
    for other in (finished(name="b"), finished(name="a", seed=1)):
        with pytest.raises(InvalidArgument, match="is for the study 'a', got"):
            shared.calculate(other)


@pytest.mark.parametrize("no_study", [None, "study", 3, [1], create_trial(value=1.0)])
def test_the_intersection_of_something_else_is_an_error(no_study):
    with pytest.raises(InvalidType, match="expected a study"):
        intersection_search_space(no_study)


def test_the_view_of_a_study_answers_like_the_study():
    state = StudyState.create(name="s", directions=["maximize"], metric_names=["accuracy"])
    for value in (0.25, 0.75, 0.5):
        state, trial = ask(state, RandomSampler(), {"n": IntDistribution(0, 9)})
        state = tell(state, trial.number, value)
    state, running = ask(state, RandomSampler(), {})
    view = StudyView(state)
    assert (view.study_name, view.direction, view.directions) == ("s", StudyDirection.MAXIMIZE, ["maximize"])
    assert (view.best_value, view.best_trial.number, view.metric_names) == (0.75, 1, ["accuracy"])
    assert view.best_params == view.best_trial.params == view.trials[1].params
    assert view.best_trials == [view.best_trial]
    assert view.user_attrs == {}
    assert [trial.number for trial in view.get_trials(states=[TrialState.RUNNING])] == [running.number]
    assert view.get_trials(deepcopy=False)[0] is state.trials[0]
    assert view.trials[0] == state.trials[0]
    assert view.trials[0] is state.trials[0], "a trial never changes, so no copy is needed"
    assert pickle.loads(pickle.dumps(view)) == view


def test_the_view_of_a_study_refuses_what_the_study_refuses():
    two = StudyView(StudyState.create(directions=["minimize", "maximize"]))
    with pytest.raises(SeveralObjectives, match="directions"):
        _ = two.direction
    with pytest.raises(SeveralObjectives):
        _ = two.best_value
    with pytest.raises(NoCompletedTrial):
        _ = StudyView(StudyState.create()).best_trial
    with pytest.raises(AttributeError):
        two.state = StudyState.create()
