"""The knee of a front, choices by weights, bounds and preferences, and their reasons."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import hpo
from hpo.core import AddTrial, StudyState, decide, replay
from hpo.errors import InvalidArgument, InvalidType, NoFeasibleTrial
from hpo.pareto import choose, front, knee

NAMES = ["seconds", "accuracy"]
MODELS = [[1.0, 0.5], [2.0, 0.9], [3.0, 0.6], [4.0, 0.92], [9.0, 0.95], [9.5, 0.8]]  # 2 and 5 are dominated


def study_of(values, directions=("minimize", "maximize"), names=None):
    state = StudyState.create(directions=list(directions), metric_names=names)
    for each in values:
        state = replay(decide(state, AddTrial(hpo.create_trial(values=list(each)))), state)
    return state


@pytest.fixture
def models():
    return study_of(MODELS, names=NAMES)


def test_the_knee_is_where_the_front_bulges_most(models):
    found = knee(models)
    assert (found.number, found.values) == (1, {"seconds": 2.0, "accuracy": 0.9})
    assert found.weights == {"seconds": 0.5, "accuracy": 0.5}
    assert found.reason == (
        "Trial 1 (seconds 2, accuracy 0.9) is the knee of the front of 4 trials: any other gives up at least as much as it "
        "gains, each objective measured by its range over the front. Trial 0 has less seconds (1 instead of 2, 12 % of the "
        "range) for less accuracy (0.5 instead of 0.9, 89 %). Trial 3 has more accuracy (0.92 instead of 0.9, 4 % of the range) "
        "for more seconds (4 instead of 2, 25 %)."
    )


def test_trade_offs_say_what_the_neighbours_give_and_take(models):
    faster, better = knee(models).trade_offs
    assert (faster.objective, faster.trial.number) == ("seconds", 0)
    assert faster.gains == {"seconds": 1.0}
    assert faster.gives_up == pytest.approx({"accuracy": 0.4})
    assert faster.shares == pytest.approx({"seconds": 1 / 8, "accuracy": -0.4 / 0.45})
    assert (better.objective, better.trial.number) == ("accuracy", 3)


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=12))
@settings(deadline=None)
def test_from_the_knee_every_move_gives_up_at_least_what_it_gains(values):
    state = study_of(values, ["minimize"] * 3)
    found, losses = knee(state), np.array([trial.values for trial in front(state)])
    span = np.where(np.ptp(losses, axis=0) > 0.0, np.ptp(losses, axis=0), 1.0)
    change = (losses - np.array(found.trial.values)) / span
    assert (change.sum(axis=1) >= -1e-9).all()
    assert found.number in [trial.number for trial in front(state)]
    for each in found.trade_offs:
        assert each.gives_up
        assert each.gains[each.objective] > 0.0
    assert "nan" not in found.reason


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
@settings(deadline=None)
def test_neither_units_nor_directions_nor_the_order_of_objectives_change_a_choice(values):
    state = study_of(values, names=["a", "b"])
    scaled = study_of([(8.0 * a - 16.0, b) for a, b in values], names=["a", "b"])
    turned = study_of([(-a, -b) for a, b in values], ["maximize", "minimize"], ["a", "b"])
    swapped = study_of([(b, a) for a, b in values], ["maximize", "minimize"], ["b", "a"])
    for other in (scaled, turned, swapped):
        assert knee(other).number == knee(state).number
        assert choose(other, weights={"a": 3, "b": 1}).number == choose(state, weights={"a": 3, "b": 1}).number


def test_a_front_that_does_not_bulge_has_its_knee_at_an_end():
    found = knee(study_of([[0.0, 10.0], [6.0, 6.0], [10.0, 0.0]], ["minimize", "minimize"], ["a", "b"]))
    assert found.number == 0
    assert "takes the place of the knee of the front of 3 trials, which does not bulge between its ends" in found.reason
    assert found.reason.endswith("No trial has less a.")


def test_weights_say_what_counts(models):
    assert choose(models, weights={"seconds": 9, "accuracy": 1}).number == 0
    assert choose(models, weights=[0, 1]).number == 4
    found = choose(models, weights=[1, 3])
    assert found.weights == {"seconds": 0.25, "accuracy": 0.75}
    assert "least weighted sum of losses (weights: seconds 0.25, accuracy 0.75;" in found.reason
    assert choose(models, weights=[1, 1]).number == knee(models).number
    assert choose(models, weights=[1e308, 1e308]).weights == {"seconds": 0.5, "accuracy": 0.5}


def test_bounds_leave_what_meets_them(models):
    found = choose(models, bounds={"accuracy": 0.91})
    assert found.number == 3
    assert found.reason.startswith(
        "Of the 4 trials on the front, 2 have accuracy of at least 0.91; of these, trial 3 (seconds 4, accuracy 0.92) has the "
        "least seconds."
    )
    both = choose(models, bounds={"accuracy": 0.8, "seconds": 4.0})
    assert both.number == 1
    assert "2 have seconds of at most 4 and accuracy of at least 0.8; of these, trial 1" in both.reason
    assert "best compromise between seconds and accuracy" in both.reason
    assert choose(models, bounds={"seconds": 4.0}, weights=[1, 9]).number == 3
    exact = choose(models, bounds={"accuracy": 0.95})
    assert (exact.number, exact.reason[:30]) == (4, "Of the 4 trials on the front, ")
    assert "1 has accuracy" in exact.reason


def test_bounds_reach_what_no_weights_reach():
    hollow = study_of([[0.0, 10.0], [6.0, 6.0], [10.0, 0.0]], ["minimize", "minimize"], ["a", "b"])
    assert {choose(hollow, weights=[w, 1.0 - w]).number for w in np.linspace(0.0, 1.0, 21)} == {0, 2}
    assert choose(hollow, bounds={"b": 7.0}).number == 1


def test_bounds_that_no_trial_meets_are_an_error_that_names_the_best(models):
    with pytest.raises(
        InvalidArgument, match=r"has accuracy of at least 0\.99: the most accuracy is 0\.95, of trial 4"
    ):
        choose(models, bounds={"accuracy": 0.99})
    with pytest.raises(InvalidArgument, match=r"has all of this: seconds of at most 1 and accuracy of at least 0\.9"):
        choose(models, bounds={"accuracy": 0.9, "seconds": 1})


def test_preferences_between_trials_tell_the_weights(models):
    assert choose(models, preferences=[(0, 1)]).number == 0
    found = choose(models, preferences=[(4, 3), (4, 1)])
    assert found.number == 4
    assert found.weights["accuracy"] > 0.7
    assert sum(found.weights.values()) == pytest.approx(1.0)
    assert found.reason.split(". ")[0].endswith("these weights are the mean of all that agree with the preferences")
    torn = choose(models, preferences=[(4, 0), (0, 4)])
    assert "agree with 1 of the 2 preferences, which contradict each other." in torn.reason


@pytest.mark.parametrize(
    ("wishes", "error", "said"),
    [
        ({}, InvalidArgument, "`knee` needs none"),
        ({"weights": [1, 1], "preferences": [(0, 1)]}, InvalidArgument, "weights or preferences"),
        ({"weights": [1, -1]}, InvalidArgument, "from 0 on, not all 0"),
        ({"weights": [0, 0]}, InvalidArgument, "not all 0"),
        ({"weights": [math.inf, 1]}, InvalidArgument, "finite"),
        ({"weights": {"speed": 1}}, InvalidArgument, "'speed'"),
        ({"weights": 3}, InvalidType, "by name"),
        ({"bounds": {}}, InvalidArgument, "some of the objectives"),
        ({"bounds": {"speed": 1}}, InvalidArgument, "'speed'"),
        ({"bounds": {"seconds": math.nan}}, InvalidArgument, "NaN"),
        ({"bounds": [1, 2]}, InvalidType, "by the names"),
        ({"preferences": []}, InvalidArgument, "at least one pair"),
        ({"preferences": [(0, 2)]}, InvalidArgument, r"on the front, \[0, 1, 3, 4\]; got 2"),
        ({"preferences": [0, 1]}, InvalidType, "pairs"),
    ],
)
def test_a_wrong_wish_is_an_error_that_says_what_is_allowed(models, wishes, error, said):
    with pytest.raises(error, match=said):
        choose(models, **wishes)


def test_an_empty_front_has_no_knee():
    with pytest.raises(NoFeasibleTrial):
        knee(StudyState.create(directions=["minimize", "minimize"]))
    with pytest.raises(NoFeasibleTrial):
        choose(StudyState.create(directions=["minimize", "minimize"]), weights=[1, 1])


def test_a_front_of_one_trial_leaves_no_choice():
    found = knee(study_of([[1.0, 2.0], [2.0, 1.0]], names=NAMES))
    assert found.reason == "Trial 0 (seconds 1, accuracy 2) is the only trial on the front."
    assert found.trade_offs == ()


def test_one_objective_and_infinite_values_have_a_knee_too():
    assert knee(study_of([[2.0], [1.0], [1.0]], ["minimize"])).number == 1
    found = knee(study_of([[0.0, math.inf], [1.0, 1.0], [-math.inf, 5.0]], ["minimize", "minimize"]))
    assert found.number == 1
    assert "nan" not in found.reason


def test_a_study_has_the_questions_as_methods():
    study = hpo.create_study(directions=["minimize", "maximize"], metric_names=NAMES)
    study.add_trials([hpo.create_trial(values=values) for values in MODELS])
    assert study.knee() == knee(study)
    assert study.choose(weights=[1, 9]).number == choose(study.state, weights=[1, 9]).number
    assert study.choose(bounds={"seconds": 1.5}).number == 0
    assert study.choose(preferences=[(0, 1)]).number == 0
