"""The Pareto front as a fold: against its definition, one trial at a time and many together."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from hpo.core import AddTrial, History, StudyState, TrialState, best_trials, create_trial, decide, replay
from hpo.core.fronts import ParetoFront, undominated
from hpo.testing import check_fold

LOSS = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, math.inf, -math.inf])
TRIAL = st.tuples(
    st.lists(LOSS, min_size=3, max_size=3),
    st.sampled_from([None, None, None, 0.0, 1.0, 2.0]),
    st.sampled_from([TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]),
)


def trials_of(drawn, m):
    return [
        create_trial(
            values=values[:m] if state is TrialState.COMPLETE else None,
            state=state,
            constraints=None if violated is None else {"c": violated},
        )
        for values, violated, state in drawn
    ]


def state_of(trials, m):
    state = StudyState.create(directions=["minimize", "maximize", "minimize"][:m])
    for trial in trials:
        state = replay(decide(state, AddTrial(trial)), state)
    return state


def front_by_definition(trials, directions):
    def dominates(one, other):
        mine, theirs = (sum(max(value, 0.0) for value in trial.constraints.values()) for trial in (one, other))
        if mine or theirs:
            return mine < theirs
        pairs = [
            (a, b) if direction == "minimize" else (b, a)
            for a, b, direction in zip(one.values, other.values, directions, strict=True)
        ]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return [trial.number for trial in complete if not any(dominates(other, trial) for other in complete)]


@given(st.lists(TRIAL, max_size=20), st.integers(1, 3))
@settings(deadline=None)
def test_the_front_is_what_no_trial_dominates_however_it_is_asked_for(drawn, m):
    state = state_of(trials_of(drawn, m), m)
    fold = ParetoFront(state.directions)
    expected = front_by_definition(state.trials, state.directions)
    feasible = [number for number in expected if state.trials[number].feasible]  # all of a front are, or none
    assert [trial.number for trial in best_trials(state)] == feasible
    one_by_one, together = fold.init(), History(state.finished[:])
    for number, trial in enumerate(state.finished):
        one_by_one = fold.step(one_by_one, trial)
        found = [] if one_by_one is None else [trial.number for trial in one_by_one.trials]
        assert found == front_by_definition(state.trials[: number + 1], state.directions)
    for carry in (
        one_by_one,
        together.fold(fold),
        fold.steps(fold.steps(None, state.finished[:7]), state.finished[7:]),
    ):
        assert expected == [] if carry is None else [trial.number for trial in carry.trials] == expected
        if carry is not None:
            assert carry.losses.shape == (m, len(expected))


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_the_front_of_many_points_is_that_of_the_definition(m):
    losses = np.random.default_rng(m).integers(0, 9, (m, 400)).astype(float)
    losses[:, :150] = np.sqrt(1.0 - np.linspace(0.0, 1.0, 150) ** 2) if m == 1 else losses[:, :150] - 4.0
    covers = (losses[:, :, None] <= losses[:, None, :]).all(axis=0) & (losses[:, :, None] < losses[:, None, :]).any(
        axis=0
    )
    assert undominated(losses).tolist() == np.flatnonzero(~covers.any(axis=0)).tolist()


@pytest.mark.parametrize("m", [2, 3])
def test_a_front_of_hundreds_is_found_whole(m):
    directions = np.abs(np.random.default_rng(0).standard_normal((m, 500)))
    losses = 1.0 - directions / np.linalg.norm(directions, axis=0)
    shuffled = np.concatenate([losses, losses + 0.001, losses[:, :3]], axis=1)
    assert undominated(shuffled).tolist() == [*range(500), 1000, 1001, 1002]


def test_sums_of_losses_that_overflow_or_round_do_not_hide_a_front():
    huge = np.array([[1e308, 1e308, 1e308, -1e308], [1e308, 1.0, 1.0, 1e308], [0.0, 1e-300, 0.0, 5.0]])
    assert undominated(huge).tolist() == [2, 3]
    assert undominated(np.array([[math.inf, -math.inf], [-math.inf, math.inf], [0.0, 0.0]])).tolist() == [0, 1]


def test_trials_told_in_another_order_are_listed_by_number():
    state = StudyState.create(directions=["minimize", "minimize"])
    trials = [replace(create_trial(values=[number, 9 - number]), number=number) for number in (4, 2, 9, 0)]
    fold = ParetoFront(state.directions)
    one_by_one = fold.init()
    for trial in trials:
        one_by_one = fold.step(one_by_one, trial)
    assert [trial.number for trial in one_by_one.trials] == sorted(trial.number for trial in trials)
    np.testing.assert_array_equal(one_by_one.losses, fold.steps(None, trials).losses)


@pytest.mark.parametrize("directions", [("minimize",), ("maximize",)])
def test_the_fold_keeps_the_laws_of_folds(directions):
    def read(front):
        return front and (front.violation, front.losses.tolist(), [trial.number for trial in front.trials])

    check_fold(ParetoFront(directions), read=read, max_examples=25)
