"""Views of a state: best trials, losses, violations and joint spaces."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hpo.core import (
    AddTrial,
    Ask,
    CategoricalDistribution,
    FloatDistribution,
    StudyState,
    TrialState,
    best_trial,
    best_trials,
    create_trial,
    decide,
    intersection_space,
    joint_space,
    losses,
    replay,
    violation,
)
from hpo.errors import NoCompletedTrial, SeveralObjectives

X, WIDER = FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 2.0)
C = CategoricalDistribution(["a", "b"])


def study(*trials: dict[str, Any], **fields: Any) -> StudyState:
    state = StudyState.create(**fields)
    for trial in trials:
        state = replay(decide(state, AddTrial(create_trial(**trial))), state)
    return state


def with_space(**space: Any) -> dict[str, Any]:
    return {
        "value": 0.0,
        "params": {name: dist.from_unit(0.0) for name, dist in space.items()},
        "distributions": space,
    }


def test_losses_are_minimized() -> None:
    assert losses(("minimize", "maximize"), (1.0, 2.0)) == (1.0, -2.0)


def test_of_equal_best_trials_the_first_one_told_wins() -> None:
    values = [{"value": value} for value in (2.0, 1.0, 3.0, 1.0, 3.0)]
    assert best_trial(study(*values)).number == 1
    assert best_trial(study(*values, directions=["maximize"])).number == 2


def test_infinite_values_are_the_worst_and_the_best() -> None:
    values = [{"value": value} for value in (math.inf, 1e300, -math.inf)]
    assert best_trial(study(*values)).number == 2
    assert best_trial(study(*values, directions=["maximize"])).number == 0


def test_only_complete_trials_can_be_best() -> None:
    pruned = {"state": TrialState.PRUNED, "value": -9.0}
    assert best_trial(study(pruned, {"value": 1.0}, {"state": TrialState.FAIL})).number == 1
    state = study(pruned)
    state = replay(decide(state, Ask()), state)
    with pytest.raises(NoCompletedTrial) as caught:
        best_trial(state)
    assert (
        str(caught.value)
        == "the study has no best trial yet, because none of its 2 trials is complete: run a trial, or tell the result of one, first"
    )
    with pytest.raises(ValueError, match="it has no trials"):
        best_trial(study())


@pytest.mark.parametrize("names", ["abc", "cba", "bca"])
def test_a_violation_is_an_exact_sum_in_any_order(names) -> None:
    excess = {"a": 0.1, "b": 0.2, "c": 0.3}  # from left to right they make 0.6000000000000001
    assert violation(create_trial(value=0.0, constraints={name: excess[name] for name in names})) == 0.6


def test_a_violation_beyond_the_range_of_floats_is_infinite() -> None:
    assert violation(create_trial(value=0.0, constraints={"a": 1e308, "b": 1e308})) == math.inf
    assert violation(create_trial(value=0.0, constraints={"a": math.inf, "b": 1.0})) == math.inf


def test_feasible_trials_rank_first_then_the_least_violation() -> None:
    assert violation(create_trial(value=0.0, constraints={"a": -5.0, "b": 2.0, "c": 1.0})) == 3.0
    bad = {"value": 0.0, "constraints": {"a": 3.0}}
    less_bad = {"value": 5.0, "constraints": {"a": 1.0, "b": 1.0}}
    feasible = {"value": 9.0, "constraints": {"a": 0.0}}
    assert best_trial(study(bad, less_bad, feasible)).number == 2
    assert best_trial(study(bad, less_bad)).number == 1
    assert best_trial(study(bad, {"value": 9.0})).number == 1


def test_several_objectives_have_no_best_trial() -> None:
    with pytest.raises(SeveralObjectives) as caught:
        best_trial(study(directions=["minimize", "minimize"]))
    assert str(caught.value) == (
        "best_trial requires a single objective: for several, use best_trials, the Pareto front"
    )


def test_best_trials_are_those_that_no_other_dominates() -> None:
    points = [(1, 5), (2, 2), (3, 3), (5, 1), (1, 5), (6, 6), (0, 9)]
    state = study(*[{"values": point} for point in points], directions=["minimize", "minimize"])
    assert [trial.number for trial in best_trials(state)] == [0, 1, 3, 4, 6]
    flipped = study(*[{"values": (a, -b)} for a, b in points], directions=["minimize", "maximize"])
    assert [trial.number for trial in best_trials(flipped)] == [0, 1, 3, 4, 6]
    assert best_trials(study(directions=["minimize", "minimize"])) == []


def test_best_trials_are_feasible() -> None:
    state = study(
        {"values": (0, 0), "constraints": {"a": 2.0}},
        {"values": (9, 9), "constraints": {"a": 1.0}},
        directions=["minimize", "minimize"],
    )
    assert best_trials(state) == []
    state = replay(decide(state, AddTrial(create_trial(values=(10, 10)))), state)
    assert [trial.number for trial in best_trials(state)] == [2]


def test_best_trials_of_one_objective_share_the_best_value() -> None:
    state = study({"value": 1.0}, {"value": 2.0}, {"value": 1.0})
    assert [trial.number for trial in best_trials(state)] == [0, 2]


def test_views_do_not_depend_on_earlier_calls() -> None:
    points = [((7 * i) % 11, (5 * i) % 13) for i in range(40)]
    state = StudyState.create(directions=["minimize", "maximize"])
    for n, point in enumerate(points, start=1):
        state = replay(decide(state, AddTrial(create_trial(values=point))), state)
        fresh = study(*[{"values": p} for p in points[:n]], directions=["minimize", "maximize"])
        assert best_trials(state) == best_trials(fresh)


def test_the_declared_space_is_the_joint_one() -> None:
    state = study(with_space(y=X), space={"x": X})
    assert joint_space(state) == {"x": X}
    assert joint_space(study()) == {}


def test_the_joint_space_has_the_newest_ranges_of_shared_parameters() -> None:
    state = study(with_space(x=X, y=X, c=C), with_space(c=C, x=WIDER), {"state": TrialState.FAIL})
    assert list(joint_space(state).items()) == [("x", WIDER), ("c", C)]
    assert intersection_space(state) == {"c": C}


def test_an_unchanged_joint_space_is_the_same_object() -> None:
    state = study(with_space(x=X, y=X, c=C), with_space(x=X, c=C), with_space(x=X, c=C))
    assert joint_space(state) is state.finished[-1].distributions


def test_a_trial_without_parameters_empties_the_joint_space() -> None:
    assert joint_space(study(with_space(x=X), {"value": 1.0}, with_space(x=X))) == {}
    assert intersection_space(study({"value": 1.0}, with_space(x=X))) == {}


def test_pruned_trials_count_for_the_joint_space_only() -> None:
    pruned = {**with_space(x=X), "state": TrialState.PRUNED}
    assert joint_space(study(with_space(x=X, c=C), pruned)) == {"x": X}
    assert intersection_space(study(with_space(x=X, c=C), pruned)) == {"c": C, "x": X}
    assert list(intersection_space(study(with_space(x=X, c=C)))) == ["c", "x"]
