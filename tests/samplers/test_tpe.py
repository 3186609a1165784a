"""The joint TPE is a pure function of any history and better than random search."""

import math
import pickle
import statistics
import subprocess
import sys

import attrs
import pytest
from sampled_studies import EAGER, MIXED, mixed_loss, study, suggested

from hpo.core import (
    AddTrial,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
    ask,
    create_trial,
    decide,
    enqueue,
    pause,
    replay,
    report,
    tell,
)
from hpo.samplers.parts.observations import Fold
from hpo.samplers.parts.unit_cube import UnitCube
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import TPESampler, hyperopt_gamma


def added(study, **trial):
    return replay(decide(study, AddTrial(create_trial(**trial))), study)


def retold(state, space):
    """The same results, as if `space` had been the range all along; values outside of it are left out."""
    told = StudyState.create()
    for t in state.finished:
        if all(dist.contains(t.params[name]) for name, dist in space.items()):
            told = added(told, value=t.value, params=t.params, distributions=space)
    return told


# purity


def test_a_suggestion_depends_on_nothing_but_its_arguments():
    state = study(20)
    first = suggested(state)
    suggested(study(7, seed=5))
    suggested(state, {"x": FloatDistribution(-1.0, 0.5)})
    suggested(study(3, seed=8), sampler=TPESampler())
    assert suggested(state) == first
    assert first.note["rule"] == "model"


def test_the_order_of_the_parameters_does_not_matter():
    reverse = SearchSpace(dict(reversed(MIXED.items())))
    state = study(20)
    assert suggested(state, reverse).params == suggested(state).params
    assert list(suggested(state, reverse).params) == list(reverse)


def test_a_state_that_travelled_as_bytes_gives_the_same_suggestion():
    state = study(20)
    assert suggested(StudyState.from_bytes(state.to_bytes())) == suggested(state)


def test_the_sampler_seed_replaces_the_study_seed():
    state = study(20)
    assert suggested(state, seed=1) != suggested(state, seed=2)
    one, two = study(20, seed=1, sampler=TPESampler(seed=5)), study(20, seed=2, sampler=TPESampler(seed=5))
    assert [t.params for t in one.finished] == [t.params for t in two.finished]


def test_samplers_are_comparable_hashable_and_picklable():
    assert TPESampler() == TPESampler()
    assert TPESampler(gamma=hyperopt_gamma) != TPESampler()
    assert hash(TPESampler()) == hash(TPESampler())
    assert pickle.loads(pickle.dumps(TPESampler(seed=3, gamma=hyperopt_gamma))) == TPESampler(
        seed=3, gamma=hyperopt_gamma
    )


def test_importing_the_sampler_does_not_import_scipy():
    code = "import sys, hpo.samplers.tpe; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# folds


def fold_of(state, space=MIXED):
    return Fold(state.directions, UnitCube.of(SearchSpace.of(space)).columns)


def test_folds_of_prefixes_are_those_of_fresh_histories():
    state = StudyState.create(seed=4)
    for _ in range(80):
        state, trial = ask(state, EAGER, MIXED)
        state = tell(state, trial.number, mixed_loss(trial.params))
        fresh = StudyState.from_bytes(state.to_bytes())
        assert state.finished.fold(fold_of(state)) == fresh.finished.fold(fold_of(state))


def test_forks_do_not_see_each_other():
    state = study(12)
    before = suggested(state)
    one, two = state, state
    for i in range(20):
        one, trial = ask(one, EAGER, MIXED)
        one = tell(one, trial.number, float(i))
        two, trial = ask(two, EAGER, MIXED)
        two = tell(two, trial.number, mixed_loss(trial.params))
        for fork in (one, two):
            fresh = StudyState.from_bytes(fork.to_bytes())
            assert fork.finished.fold(fold_of(fork)) == fresh.finished.fold(fold_of(fork))
            assert suggested(fork) == suggested(fresh)
    assert suggested(state) == before


# start-up


def test_start_up_is_random_search_draw_for_draw():
    one = study(10, sampler=TPESampler(), seed=6)
    other = study(10, sampler=RandomSampler(), seed=6)
    assert [t.params for t in one.finished] == [t.params for t in other.finished]
    assert all(t.note["rule"] == "startup" for t in one.finished)
    assert suggested(one, sampler=TPESampler()).note["rule"] == "model"


def test_failed_trials_do_not_count_for_start_up_and_pruned_ones_do():
    state = study(9, sampler=TPESampler())
    state, trial = ask(state, EAGER, MIXED)
    failed = tell(state, trial.number, state=TrialState.FAIL)
    pruned = tell(state, trial.number, state=TrialState.PRUNED)
    assert suggested(failed, sampler=TPESampler()).note["rule"] == "startup"
    assert suggested(pruned, sampler=TPESampler()).note["rule"] == "model"


def test_running_trials_count_for_start_up_up_to_the_finished():
    def rules(n_finished, n_running, sampler):
        state = study(n_finished, sampler=TPESampler())
        for _ in range(n_running):
            state, _ = ask(state, TPESampler(), MIXED)
        return suggested(state, sampler=sampler).note["rule"]

    careless = TPESampler(constant_liar=False)
    assert rules(6, 3, TPESampler()) == "startup"
    assert rules(6, 4, TPESampler()) == "model"
    assert rules(6, 4, careless) == "startup"
    assert rules(4, 30, TPESampler()) == "startup"
    assert rules(5, 30, TPESampler()) == "model"


def test_the_empty_space_has_an_empty_answer():
    assert suggested(study(5), {}) == Suggestion({})


# which trials count, and how


def test_only_the_order_of_the_values_matters():
    plain = study(40)
    curved = study(40, lambda params: math.atan(mixed_loss(params) ** 3) * 1e300 - 1e299)
    assert [t.params for t in plain.finished] == [t.params for t in curved.finished]


def test_maximizing_is_minimizing_the_negative():
    down = study(40)
    up = study(40, lambda params: -mixed_loss(params), directions=["maximize"])
    assert [t.params for t in down.finished] == [t.params for t in up.finished]


def test_maximizing_is_minimizing_the_negative_for_pruned_trials_too():
    def pruned(sign, direction):
        state = StudyState.create(seed=3, directions=[direction])
        for i in range(30):
            state, trial = ask(state, EAGER, MIXED)
            state = report(state, trial.number, sign * mixed_loss(trial.params), step=i % 3)
            state = tell(state, trial.number, state=TrialState.PRUNED)
        return [t.params for t in state.finished]

    assert pruned(1.0, "minimize") == pruned(-1.0, "maximize")


def order_of(state, enough=100):
    fold = fold_of(state, {"x": FloatDistribution(0.0, 100.0)})
    return fold.best_first(state.finished.fold(fold).rows.array, enough).tolist()


def trial_at(x, **trial):
    return {"params": {"x": float(x)}, "distributions": {"x": FloatDistribution(0.0, 100.0)}, **trial}


def test_trials_are_ordered_complete_pruned_infeasible():
    state = StudyState.create()
    trials = [
        {"value": -9.0, "constraints": {"memory": 2.0}},
        {"state": TrialState.PRUNED, "intermediate_values": {1: 0.1}},
        {"value": 3.0},
        {"state": TrialState.FAIL},
        {"state": TrialState.PRUNED, "intermediate_values": {2: 0.9, 5: 0.3}},
        {"value": 1.0, "constraints": {"memory": -1.0}},
        {"state": TrialState.PRUNED, "intermediate_values": {5: 0.2}},
        {"state": TrialState.PRUNED},
        {"value": math.inf},
        {"state": TrialState.PRUNED, "intermediate_values": {9: 0.0}, "constraints": {"memory": 1.0}},
        {"value": 3.0},
        {"state": TrialState.PRUNED, "intermediate_values": {5: math.nan}},
    ]
    for x, trial in enumerate(trials):
        state = added(state, **trial_at(x, **trial))
    kept = [x for x, trial in enumerate(trials) if trial.get("state") is not TrialState.FAIL]
    assert [kept[row] for row in order_of(state)] == [5, 2, 10, 8, 6, 4, 11, 1, 7, 9, 0]


def test_several_objectives_are_ordered_by_fronts_and_then_as_told():
    state = StudyState.create(directions=["minimize", "maximize"])
    for x, values in enumerate([(3, 3), (1, 1), (5, 0), (2, 2), (0, 4), (0, 4)]):
        state = added(state, **trial_at(x, values=values))
    state = added(state, **trial_at(6, state=TrialState.PRUNED))
    assert order_of(state) == [4, 5, 0, 1, 3, 2, 6]  # nothing dominates (0, 4), and only that (3, 3), (1, 1), (2, 2)


@pytest.mark.parametrize(
    "now",
    [
        FloatDistribution(1.0, 3.0),
        FloatDistribution(0.5, 20.0),
        FloatDistribution(-5.0, 4.0),
        FloatDistribution(0.01, 30.0, log=True),
    ],
)
def test_values_that_fit_a_changed_range_count(now):
    state = study(40, lambda p: (p["x"] - 2.0) ** 2, {"x": FloatDistribution(0.0, 10.0)})
    told = retold(state, {"x": now})
    assert len(told.finished) > 5
    for seed in range(10):
        answer = suggested(state, {"x": now}, seed=seed)
        assert answer.note["rule"] == "model"
        assert answer == suggested(told, {"x": now}, seed=seed)


def test_a_range_without_any_of_the_values_starts_at_random():
    state = study(40, lambda p: (p["x"] - 2.0) ** 2, {"x": FloatDistribution(0.0, 10.0)})
    assert suggested(state, {"x": FloatDistribution(-9.0, -1.0)}).note["rule"] == "startup"


def test_a_range_that_changes_at_every_trial_still_leads_to_the_optimum():
    state = StudyState.create(seed=0)
    for i in range(60):
        state, trial = ask(state, TPESampler(), {"x": FloatDistribution(-10.0 - i / 60, 10.0 + i / 60)})
        state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
    assert min(t.value for t in state.finished) < 0.01
    folds = state.finished._buffer.memo
    assert sum(isinstance(fold, Fold) for fold in folds) == 1


def test_a_parameter_may_change_its_kind():
    state = study(30, lambda p: abs(p["x"] - 3), {"x": FloatDistribution(1.0, 100.0)})
    assert suggested(state, {"x": IntDistribution(1, 50)}).note["rule"] == "model"
    assert suggested(state, {"x": CategoricalDistribution([1, 2])}).note["rule"] == "startup"


def test_choices_may_come_and_change_places():
    repeating = attrs.evolve(EAGER, duplicates="allow")
    state = study(30, lambda p: p["c"] != "b", {"c": CategoricalDistribution(["a", "b"])}, repeating)
    more = {"c": CategoricalDistribution(["z", "b", "a", "y", "x"])}
    told = retold(state, more)
    for seed in range(10):
        assert suggested(state, more, repeating, seed) == suggested(told, more, repeating, seed)


def test_trials_that_lack_a_parameter_are_skipped():
    state = study(15)
    short = {name: MIXED[name] for name in ("x", "k")}
    for x in (1.0, 2.0):
        state = added(state, value=-1.0, params={"x": x, "k": 3}, distributions=short)
    joint = state.finished.fold(fold_of(state))
    assert (joint.n_learnable, len(joint.rows)) == (17, 15)
    assert len(state.finished.fold(fold_of(state, short)).rows) == 17
    without = study(15)
    assert suggested(state).params == suggested(without).params
    assert suggested(state, short).params != suggested(without, short).params


# the constant liar


def test_running_trials_drive_suggestions_away_from_them():
    space = SearchSpace({"x": FloatDistribution(0.0, 10.0), "y": FloatDistribution(0.0, 10.0)})
    states = [study(40, lambda p: (p["x"] - 5.0) ** 2 + (p["y"] - 5.0) ** 2, space, seed=seed) for seed in range(6)]
    crowded = []
    for state in states:
        for i in range(20):
            state, _ = ask(enqueue(state, {"x": 5.0 + 0.01 * i, "y": 5.0 - 0.01 * i}), EAGER, space)  # noqa: PLW2901
        crowded.append(state)

    def distance(states, sampler):
        answers = [suggested(state, space, sampler, seed=seed).params for state in states for seed in range(10)]
        return statistics.median(math.dist((p["x"], p["y"]), (5.0, 5.0)) for p in answers)

    careless = attrs.evolve(EAGER, constant_liar=False)
    assert distance(crowded, EAGER) > 2.0 * distance(crowded, careless)
    assert distance(crowded, careless) == distance(states, EAGER)


def test_a_paused_trial_counts_as_it_did_while_it_ran():
    state, trial = ask(study(20), EAGER, MIXED)
    paused = pause(state, trial)
    assert not paused.running
    assert suggested(paused) == suggested(state) != suggested(study(20))


def test_without_the_liar_running_trials_are_not_seen():
    state = study(20)
    crowded, _ = ask(state, EAGER, MIXED, n=5)
    quiet = attrs.evolve(EAGER, constant_liar=False)
    assert suggested(crowded, sampler=quiet) == suggested(state, sampler=quiet)
    assert suggested(crowded) != suggested(state)


def test_running_trials_that_do_not_fit_are_ignored():
    state = study(20)
    quiet = attrs.evolve(EAGER, constant_liar=False)
    other, _ = ask(state, EAGER, {"other": FloatDistribution(0.0, 1.0)})
    with pytest.warns(UserWarning, match="outside"):
        outside, _ = ask(enqueue(state, {"x": 99.0}), EAGER, MIXED)
    for crowded in (other, outside):
        assert len(crowded.running) == 1
        for seed in range(10):
            assert suggested(crowded, seed=seed) == suggested(crowded, sampler=quiet, seed=seed)


# how good


@pytest.mark.parametrize(
    ("loss", "space", "factor"),
    [
        (lambda p: sum((v - 1.3) ** 2 for v in p.values()), {k: FloatDistribution(-5, 5) for k in "ab"}, 20),
        (lambda p: sum((v - 1.3) ** 2 for v in p.values()), {k: FloatDistribution(-5, 5) for k in "abcde"}, 4),
        (mixed_loss, MIXED, 4),
    ],
)
def test_80_trials_beat_random_search(loss, space, factor):
    def best(sampler):
        finals = [min(t.value for t in study(80, loss, space, sampler, seed).finished) for seed in range(20)]
        return statistics.median(finals)

    assert best(TPESampler()) * factor < best(RandomSampler())
