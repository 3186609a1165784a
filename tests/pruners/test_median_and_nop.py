"""The median stopping rule, and the pruner that stops nothing."""

import math
import pickle
import random

import attrs
import pytest

from hpo.core import StudyState, TrialState, ask, report, should_prune, tell
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.pruners import Decision, MedianPruner, NopPruner
from hpo.samplers import RandomSampler

NAN, INF = math.nan, math.inf


def study(*histories, direction="minimize", outcomes=None):
    """A study whose finished trials reported these values at the steps 0, 1, ... or by step."""
    state = StudyState.create(directions=[direction])
    for history, outcome in zip(histories, outcomes or [TrialState.COMPLETE] * len(histories), strict=True):
        state, number = running(state, history)
        values = 0.0 if outcome is TrialState.COMPLETE else None
        state = tell(state, number, values, state=outcome)
    return state


def running(state, history):
    state, trial = ask(state, RandomSampler())
    for step, value in history.items() if isinstance(history, dict) else enumerate(history):
        state = report(state, trial.number, value, step)
    return state, trial.number


def stops(state, history, **options):
    state, number = running(state, history)
    return should_prune(state, MedianPruner(**{"n_startup_trials": 0, **options}), number)


def test_a_trial_worse_than_the_median_is_stopped_and_one_equal_to_it_goes_on():
    state = study([1.0], [2.0], [3.0])
    assert [stops(state, [value]) for value in (1.5, 2.0, 2.0000001, 3.0)] == [False, False, True, True]


def test_maximization_is_the_mirror_image():
    state = study([1.0], [2.0], [3.0], direction="maximize")
    assert [stops(state, [value]) for value in (2.5, 2.0, 1.9999999, 1.0)] == [False, False, True, True]


def test_the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle():
    state = study([1.0], [2.0], [4.0], [9.0])
    assert [stops(state, [value]) for value in (3.0, 3.1)] == [False, True]


def test_the_best_value_so_far_counts_not_the_last_one():
    state = study([5.0, 5.0], [5.0, 5.0])
    assert not stops(state, [1.0, 100.0])
    assert stops(state, [100.0, 6.0])


def test_others_are_compared_at_the_same_step_only():
    state = study([0.0, 9.0], [0.0, 9.0], [0.0])
    assert not stops(state, [9.0, 9.0])
    assert stops(state, [9.0])
    assert not stops(state, {7: 1e9})


def test_the_first_trials_are_never_stopped():
    for n_startup in range(5):
        for n_done in range(5):
            state = study(*[[1.0]] * n_done)
            assert stops(state, [2.0], n_startup_trials=n_startup) is (n_done >= max(n_startup, 1))


def test_by_default_the_first_five_trials_run_to_their_ends():
    assert not stops(study(*[[1.0]] * 4), [2.0], n_startup_trials=5)
    state, number = running(study(*[[1.0]] * 5), [2.0])
    assert should_prune(state, MedianPruner(), number)


@pytest.mark.parametrize("outcome", [TrialState.PRUNED, TrialState.FAIL])
def test_only_complete_trials_count(outcome):
    state = study(*[[1.0]] * 6, [3.0], outcomes=[outcome] * 6 + [TrialState.COMPLETE])
    assert [stops(state, [value]) for value in (2.0, 4.0)] == [False, True]
    assert not stops(state, [4.0], n_startup_trials=2)


def test_trials_that_still_run_do_not_count():
    state, _ = running(study([1.0]), [0.0])
    assert not stops(state, [0.9])


def test_a_trial_can_be_stopped_from_the_end_of_the_warm_up_on():
    state = study([1.0] * 6, [1.0] * 6)
    verdicts = [stops(state, [2.0] * (step + 1), n_warmup_steps=3) for step in range(6)]
    assert verdicts == [False, False, False, True, True, True]


def test_checks_are_interval_steps_apart_from_the_warm_up_on():
    state = study([1.0] * 10, [1.0] * 10)
    verdicts = [stops(state, [2.0] * (step + 1), n_warmup_steps=1, interval_steps=3) for step in range(10)]
    assert [step for step, verdict in enumerate(verdicts) if verdict] == [1, 4, 7]


def test_a_check_without_a_report_moves_to_the_next_one():
    state = study([1.0] * 10, [1.0] * 10)
    reported = [0, 2, 5, 6, 9]
    verdicts = [stops(state, dict.fromkeys(reported[: i + 1], 2.0), interval_steps=3) for i in range(5)]
    assert dict(zip(reported, verdicts, strict=True)) == {0: True, 2: False, 5: True, 6: True, 9: True}


def test_the_largest_step_counts_even_if_reported_first():
    state = study([1.0, 5.0, 5.0], [1.0, 5.0, 5.0])
    assert not stops(state, {2: 4.0, 0: 4.0})
    assert stops(state, {2: 6.0, 0: 6.0})


def test_a_trial_without_reports_is_not_stopped():
    assert not stops(study([1.0]), [])


def test_a_trial_with_nothing_but_nan_is_stopped():
    assert stops(study([1.0]), [NAN])
    assert stops(study([1.0]), [NAN] * 3)
    assert not stops(study([1.0, 1.0]), [0.5, NAN])
    assert stops(study([1.0, 1.0]), [1.5, NAN])


def test_a_trial_with_nan_is_not_stopped_during_the_warm_up():
    assert not stops(study(), [NAN])
    assert not stops(study([1.0]), [NAN], n_startup_trials=2)
    assert not stops(study([1.0]), [NAN], n_warmup_steps=1)


def test_nan_of_others_is_the_worst_value():
    state = study([NAN], [1.0], [NAN], [3.0], [2.0])  # in order: 1, 2, 3 and two that are worse than anything
    assert [stops(state, [value]) for value in (3.0, 3.1)] == [False, True]
    assert not stops(study([NAN], [NAN]), [1e9])
    assert not stops(state, [3.1], n_min_trials=6)
    assert stops(state, [3.1], n_min_trials=5)


def test_infinite_values_are_values():
    assert stops(study([1.0], [2.0], [INF]), [INF])
    assert not stops(study([INF], [INF]), [INF])
    assert not stops(study([-INF], [INF]), [5.0])
    assert not stops(study([1.0], [INF]), [1e308])


def test_medians_of_huge_and_of_tiny_values_are_exact():
    assert [stops(study([1.6e308], [1.7e308]), [value]) for value in (1.64e308, 1.66e308)] == [False, True]
    assert not stops(study([5e-324], [5e-324]), [5e-324])


def test_a_step_with_too_few_trials_is_not_decided():
    state = study([1.0, 1.0], [1.0, 1.0], [1.0])
    assert [stops(state, [2.0] * 2, n_min_trials=n) for n in (1, 2, 3)] == [True, True, False]
    assert stops(state, [2.0], n_min_trials=3)


def test_several_objectives_are_an_error_that_names_another_pruner():
    state = StudyState.create(directions=["minimize", "maximize"])
    state, number = running(state, [1.0])
    with pytest.raises(SeveralObjectives, match=r"MedianPruner .* NopPruner"):
        should_prune(state, MedianPruner(), number)
    assert not should_prune(state, NopPruner(), number)


@pytest.mark.parametrize(
    ("option", "least"), [("n_startup_trials", 0), ("n_warmup_steps", 0), ("interval_steps", 1), ("n_min_trials", 1)]
)
def test_options_are_checked(option, least):
    assert getattr(MedianPruner(**{option: least}), option) == least
    with pytest.raises(InvalidArgument, match=f"{option} is a whole number from {least} on, got {least - 1}"):
        MedianPruner(**{option: least - 1})
    for no_int in (1.5, "1", None, True):
        with pytest.raises(InvalidType, match=f"{option} is a whole number from {least} on, got"):
            MedianPruner(**{option: no_int})


def test_pruners_are_values():
    pruner = MedianPruner(1, 2, 3, n_min_trials=4)
    assert pruner == pickle.loads(pickle.dumps(pruner)) != MedianPruner()
    assert hash(NopPruner()) == hash(NopPruner())
    assert NopPruner() == pickle.loads(pickle.dumps(NopPruner()))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        pruner.n_startup_trials = 0


def test_the_nop_pruner_stops_nothing():
    state, number = running(study(*[[0.0]] * 9), [NAN])
    assert NopPruner()(state, state.running[number]) is Decision.CONTINUE


def test_a_decision_depends_on_the_state_and_not_on_earlier_decisions():
    rng = random.Random(2)
    state, snapshots = study([0.5]), []
    pruner = MedianPruner(0)
    for _ in range(40):
        state, number = running(state, [rng.random() for _ in range(rng.randint(1, 4))])
        snapshots.append((state, number, pruner(state, state.running[number])))
        state = tell(state, number, 0.0)
    for old, number, verdict in reversed(snapshots):
        fresh = StudyState.from_bytes(old.to_bytes())
        assert pruner(old, old.running[number]) == verdict == pruner(fresh, fresh.running[number])
    assert {verdict.decision for _, _, verdict in snapshots if verdict is not Decision.CONTINUE} == {*Decision} - {
        Decision.PAUSE
    }


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_decision_agrees_with_the_definition_on_random_histories(direction):
    rng = random.Random(5)
    for _ in range(60):
        histories = [
            {s: rng.choice([NAN, rng.randint(0, 9)]) for s in rng.sample(range(6), rng.randint(1, 6))}
            for _ in range(rng.randint(0, 9))
        ]
        mine = {s: rng.choice([NAN, rng.randint(0, 9)]) for s in rng.sample(range(6), rng.randint(1, 6))}
        startup, warmup, interval = rng.randint(0, 3), rng.randint(0, 3), rng.randint(1, 3)
        got = stops(
            study(*histories, direction=direction),
            mine,
            n_startup_trials=startup,
            n_warmup_steps=warmup,
            interval_steps=interval,
        )
        assert got is by_definition(histories, mine, direction, startup, warmup, interval)


def by_definition(histories, mine, direction, startup, warmup, interval):
    last = max(mine)
    checks = list(range(warmup, last + 1, interval))
    if not checks or not histories or len(histories) < startup:
        return False
    if any(checks[-1] <= step < last for step in mine):
        return False  # that check was made at an earlier report
    sign = 1.0 if direction == "minimize" else -1.0
    numbers = [sign * value for value in mine.values() if value == value]
    if not numbers:
        return True
    others = [sign * history[last] for history in histories if last in history]
    others = sorted(value if value == value else math.inf for value in others)  # NaN is the worst value
    if not others:
        return False
    lower, upper = others[(len(others) - 1) // 2], others[len(others) // 2]
    return min(numbers) > (lower if lower == upper else lower / 2 + upper / 2)
