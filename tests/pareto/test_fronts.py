"""Fronts, ranks, hypervolumes and attainment surfaces of studies: known answers, laws, and moocore as an oracle."""

import math

import moocore
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import hpo
from hpo.core import AddTrial, StudyState, decide, replay
from hpo.errors import InvalidArgument, InvalidType, NoFeasibleTrial
from hpo.pareto import (
    attained,
    attainment_surface,
    contributions,
    crowding,
    default_reference_point,
    front,
    hypervolume,
    hypervolume_history,
    objective_names,
    ranks,
)

DIRECTIONS = ["minimize", "maximize", "minimize", "maximize", "minimize", "maximize", "minimize", "maximize"]
VALUE = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 7.0])


def study_of(values, directions=None, constraints=None, names=None):
    m = len(values[0]) if len(values) else 2
    state = StudyState.create(directions=directions or DIRECTIONS[:m], metric_names=names)
    for place, each in enumerate(values):
        violated = None if constraints is None else {"c": constraints[place]}
        state = replay(decide(state, AddTrial(hpo.create_trial(values=list(each), constraints=violated))), state)
    return state


def points(max_objectives=4, max_points=10, elements=VALUE):
    return st.integers(2, max_objectives).flatmap(
        lambda m: st.lists(st.lists(elements, min_size=m, max_size=m), min_size=1, max_size=max_points)
    )


def permuted(values, directions, order):
    return study_of([[each[i] for i in order] for each in values], [directions[i] for i in order])


@given(points(), st.randoms())
@settings(deadline=None)
def test_the_order_of_objectives_does_not_matter(values, random):
    m = len(values[0])
    order = random.sample(range(m), m)
    state, other = study_of(values), permuted(values, DIRECTIONS, order)
    assert front(other) == [] or [t.number for t in front(other)] == [t.number for t in front(state)]
    assert ranks(other) == ranks(state)
    assert float(hypervolume(other)) == pytest.approx(float(hypervolume(state)), rel=1e-12)
    assert contributions(other) == pytest.approx(contributions(state), abs=1e-12)
    assert crowding(other) == pytest.approx(crowding(state))


@given(points())
@settings(deadline=None)
def test_turning_a_direction_and_its_sign_changes_nothing(values):
    turned = ["maximize" if direction == "minimize" else "minimize" for direction in DIRECTIONS]
    state = study_of(values)
    other = study_of([[-value for value in each] for each in values], turned[: len(values[0])])
    assert ranks(other) == ranks(state)
    assert float(hypervolume(other)) == float(hypervolume(state))
    assert contributions(other) == contributions(state)
    assert crowding(other) == crowding(state)
    assert default_reference_point(other) == {name: -v for name, v in default_reference_point(state).items()}


@given(points(), st.sampled_from([0.5, 2.0, 1024.0]), st.sampled_from([0.0, 8.0, -3.0]))
@settings(deadline=None)
def test_units_and_zeros_scale_volumes_and_change_nothing_else(values, scale, shift):
    state = study_of(values)
    other = study_of([[each[0] * scale + shift, *each[1:]] for each in values])
    assert ranks(other) == ranks(state)
    assert crowding(other) == pytest.approx(crowding(state))
    assume(len({each[0] for each in values}) > 1)  # without a range, the margin is 1 in any unit
    assert float(hypervolume(other)) == pytest.approx(scale * float(hypervolume(state)), rel=1e-9)


@given(points())
@settings(deadline=None)
def test_dominance_implies_rank_and_rank_0_is_the_front(values):
    state = study_of(values)
    found = ranks(state)
    signs = [1.0 if direction == "minimize" else -1.0 for direction in state.directions]
    losses = np.array(values) * signs
    for one in range(len(losses)):
        for other in range(len(losses)):
            if (losses[one] <= losses[other]).all() and (losses[one] < losses[other]).any():
                assert found[one] < found[other]
    assert [trial.number for trial in front(state)] == [number for number, rank in found.items() if rank == 0]


@given(points(max_objectives=3), st.lists(VALUE, min_size=3, max_size=3))
@settings(deadline=None)
def test_another_trial_never_lowers_a_hypervolume(values, more):
    reference = [8.0, -2.0, 8.0][: len(values[0])]
    before = hypervolume(study_of(values), reference).value
    after = hypervolume(study_of([*values, more[: len(values[0])]]), reference).value
    assert after >= before - 1e-9
    history = [*hypervolume_history(study_of([*values, more[: len(values[0])]]), reference).values()]
    assert history == sorted(history)
    assert history[-2:] == pytest.approx([before, after], abs=1e-9)


@given(points(max_objectives=4, max_points=6))
@settings(deadline=None)
def test_a_contribution_is_what_is_lost_without_the_trial_and_0_for_twins(values):
    reference = [8.0, -2.0, 8.0, -2.0][: len(values[0])]
    whole = hypervolume(study_of(values), reference).value
    for number, contribution in contributions(study_of(values), reference).items():
        rest = [each for place, each in enumerate(values) if place != number]
        on_front = [values[trial.number] for trial in front(study_of(values)) if trial.number != number]
        if on_front:
            assert contribution == pytest.approx(whole - hypervolume(study_of(on_front), reference).value, abs=1e-9)
        if values[number] in rest:
            assert contribution == 0.0


def test_infinities_are_on_fronts_and_do_not_spoil_volumes():
    state = study_of([[math.inf, 5.0], [1.0, 2.0], [2.0, 3.0], [math.inf, math.inf], [3.0, -math.inf]])
    assert [trial.number for trial in front(state)] == [1, 2, 3]
    assert ranks(state) == {0: 1, 1: 0, 2: 0, 3: 0, 4: 1}
    assert default_reference_point(state) == pytest.approx({"objective 0": 2.1, "objective 1": 1.9})
    # an infinite time dominates nothing
    assert hypervolume(state).value == pytest.approx(1.1 * 0.1 + 0.1 * 1.0)
    endless = study_of([[-math.inf, 1.0], [0.0, 2.0], [1.0, 3.0]])
    assert hypervolume(endless).value == math.inf
    assert contributions(endless)[2] == pytest.approx(0.1)
    assert [*hypervolume_history(endless).values()] == [math.inf] * 3
    assert hypervolume(study_of([[math.inf, -math.inf]])).value == 0.0


def test_only_feasible_trials_are_on_a_front():
    state = study_of([[0.0, 9.0], [1.0, 2.0], [2.0, 3.0]], constraints=[1.0, 0.0, -1.0])
    assert [trial.number for trial in front(state)] == [1, 2]
    assert ranks(state) == {1: 0, 2: 0}
    assert hypervolume_history(state, [3.0, 0.0]) == {0: 0.0, 1: 4.0, 2: 5.0}
    nothing = study_of([[0.0, 9.0], [1.0, 2.0]], constraints=[1.0, 2.0])
    assert front(nothing) == hpo.best_trials(nothing) == []
    assert ranks(nothing) == crowding(nothing) == contributions(nothing) == {}
    assert hypervolume(nothing) == hpo.pareto.Hypervolume(0.0, 0.0, 0.0, {})
    assert hypervolume(nothing, [3.0, 0.0]).value == 0.0
    assert hypervolume_history(nothing) == {0: 0.0, 1: 0.0}
    with pytest.raises(NoFeasibleTrial, match="each of the 2 complete trials violates a constraint"):
        default_reference_point(nothing)
    with pytest.raises(NoFeasibleTrial, match="none of the study's 0 trials is complete"):
        default_reference_point(StudyState.create(directions=["minimize"] * 2))


def test_the_default_reference_point_is_a_tenth_beyond_the_front():
    assert default_reference_point(study_of([[0.0, 5.0], [10.0, 6.0], [99.0, 0.0]])) == {
        "objective 0": 11.0,
        "objective 1": 4.9,
    }
    # one trial on the front: the range of all trials; and where that is 0, 1
    assert default_reference_point(study_of([[0.0, 5.0], [10.0, 5.0]])) == {"objective 0": 1.0, "objective 1": 4.0}
    assert hypervolume(study_of([[0.0, 5.0]])).reference_point == {"objective 0": 1.0, "objective 1": 4.0}


def test_a_history_follows_the_order_told_and_keeps_trials_that_change_nothing():
    study = hpo.create_study(directions=["minimize", "minimize"], sampler=hpo.samplers.RandomSampler(seed=0))
    trials = [study.ask() for _ in range(4)]
    study.tell(trials[2], [2.0, 2.0])
    study.tell(trials[0], state="fail")
    study.tell(trials[3], [1.0, 3.0])
    assert [*study.hypervolume_history([4.0, 4.0]).items()] == [(2, 4.0), (0, 4.0), (3, 5.0)]
    assert study.hypervolume([4.0, 4.0]).value == 5.0


@pytest.mark.parametrize("m", [2, 3, 4])
def test_a_history_of_random_trials_ends_at_moocores_hypervolume(m):
    values = np.random.default_rng(0).random((60, m))
    state = study_of(values.tolist(), ["minimize"] * m)
    history = [*hypervolume_history(state, [1.0] * m).values()]
    for n in (1, 10, 60):
        assert history[n - 1] == pytest.approx(moocore.hypervolume(values[:n], ref=np.ones(m)))


def test_values_are_by_metric_name():
    state = study_of([[1.0, 0.9], [2.0, 0.95]], names=["seconds", "accuracy"])
    assert objective_names(state) == ("seconds", "accuracy")
    by_name = hypervolume(state, {"accuracy": 0.5, "seconds": 3.0})
    assert by_name == hypervolume(state, [3.0, 0.5])
    assert by_name.exact
    assert float(by_name) == pytest.approx(0.85)
    assert objective_names(study_of([[1.0, 2.0]])) == ("objective 0", "objective 1")


@pytest.mark.parametrize(
    ("given_point", "error", "said"),
    [
        ([1.0], InvalidArgument, "one number for each of"),
        ({"seconds": 1.0}, InvalidArgument, "for all of the objectives"),
        ({"seconds": 1.0, "accuracy": 0.0, "size": 1.0}, InvalidArgument, "'size'"),
        ([1.0, math.nan], InvalidArgument, "NaN for 'accuracy'"),
        ([1.0, math.inf], InvalidArgument, "is finite"),
        ([1.0, "much"], InvalidType, "'much' for 'accuracy'"),
        (3.0, InvalidType, "by name"),
        ("ab", InvalidType, "by name"),
    ],
)
def test_a_wrong_reference_point_is_an_error_that_says_what_is_wrong(given_point, error, said):
    state = study_of([[1.0, 0.9]], names=["seconds", "accuracy"])
    with pytest.raises(error, match=said):
        hypervolume(state, given_point)


@pytest.mark.parametrize(
    "ask", [front, ranks, crowding, hypervolume, contributions, hypervolume_history, hpo.pareto.knee]
)
def test_a_list_of_trials_has_no_directions_and_is_refused(ask):
    with pytest.raises(InvalidType, match="a study or its state, for the directions"):
        ask(study_of([[1.0, 0.9]]).trials)
    with pytest.raises(InvalidType, match="a study"):
        ask(3)


def test_many_objectives_have_an_estimate_with_an_interval():
    values = np.random.default_rng(0).random((40, 7))
    state = study_of(values.tolist(), ["minimize"] * 7)
    found = hypervolume(state, [1.0] * 7)
    truth = moocore.hypervolume(values, ref=np.ones(7))
    assert found.low <= truth <= found.high
    assert found.high - found.low < 0.03 * truth
    assert not found.exact
    assert hypervolume(state, [1.0] * 7) == found
    for ask in (contributions, hypervolume_history):
        with pytest.raises(InvalidArgument, match="more than 6 objectives"):
            ask(state)


def test_crowding_is_that_of_nsga2():
    state = study_of([[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0], [9.0, 9.0]], ["minimize", "minimize"])
    assert crowding(state) == {0: math.inf, 1: 1.5, 2: 1.25, 3: math.inf}


def runs(n, seed):
    random = np.random.default_rng(seed)
    return [random.integers(0, 12, (int(random.integers(1, 8)), 2)).astype(float) for _ in range(n)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 1.0])
def test_an_attainment_surface_is_moocores(seed, share):
    found = runs(5, seed)
    surface = attainment_surface([study_of(run.tolist(), ["minimize"] * 2) for run in found], share)
    sets = np.concatenate([np.full(len(run), number + 1) for number, run in enumerate(found)])
    expected = moocore.eaf(np.concatenate(found), sets, percentiles=[100.0 * math.ceil(5 * share) / 5])
    assert surface == sorted(map(tuple, np.unique(expected[:, :2], axis=0).tolist()))


@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 1.0]))
@settings(deadline=None)
def test_a_surface_is_attained_and_nothing_better_is(seed, share):
    studies = [study_of(run.tolist(), ["minimize", "maximize"]) for run in runs(4, seed)]
    for pair in attainment_surface(studies, share):
        assert attained(studies, pair) >= share
        assert attained(studies, (pair[0] - 0.5, pair[1])) < share
        assert attained(studies, (pair[0], pair[1] + 0.5)) < share


def test_surfaces_need_runs_of_one_problem_with_two_objectives():
    one = study_of([[1.0, 2.0]])
    with pytest.raises(InvalidArgument, match="at least one"):
        attainment_surface([])
    with pytest.raises(InvalidArgument, match="same objectives"):
        attainment_surface([one, study_of([[1.0, 2.0]], ["minimize", "minimize"])])
    with pytest.raises(InvalidArgument, match="of two objectives"):
        attainment_surface([study_of([[1.0, 2.0, 3.0]])])
    for share in (0.0, 1.5, math.nan):
        with pytest.raises(InvalidArgument, match="share is above 0"):
            attainment_surface([one], share)
    empty = StudyState.create(directions=["minimize", "maximize"])
    assert attainment_surface([one, empty], 0.5) == [(1.0, 2.0)]
    assert attainment_surface([one, empty], 1.0) == attainment_surface([empty]) == []
    assert attained([one, empty], [1.0, 2.0]) == 0.5
    assert attained([study_of([[1.0, 2.0, 3.0]])], [1.0, 2.0, 2.0]) == 0.0
