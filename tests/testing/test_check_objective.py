"""check_objective: an objective that is ready passes, and each kind of mistake is named."""

import random

import pytest

import hpo
from hpo.testing import check_objective

COUNTED = []
SETTINGS = {"power": 2}


def ready(trial):
    x = trial.suggest_float("x", -1, 1)
    trial.report(x, 0)
    if trial.should_prune():
        raise hpo.TrialPruned
    return abs(x) ** SETTINGS["power"] + trial.suggest_categorical("c", [0, 1])


def two(trial):
    return trial.suggest_float("x", 0, 1), 1.0


def pruned(trial):
    trial.suggest_float("x", 0, 1)
    raise hpo.TrialPruned


def noisy(trial):
    return trial.suggest_float("x", 0, 1) + random.random()


def counting(trial):
    COUNTED.append(trial.number)
    return trial.suggest_float("x", 0, 1)


def counting_in_a_helper(trial):
    return counting(trial)


def raising_at_the_end(trial):
    if trial.suggest_int("n", 1, 64, log=True) == 64:
        raise RuntimeError("out of memory")
    return 1.0


def nan_at_the_end(trial):
    return float("nan") if trial.suggest_float("x", 0, 1) == 0 else 1.0


def nameless(trial):
    return trial.suggest_float(f"x{random.random()}", 0, 1)


def moving(trial):
    high = trial.suggest_int("high", 2, 10_000)
    return trial.suggest_float("x", 0, high)


def wordy(trial):
    trial.suggest_float("x", 0, 1)
    return "good"


class Counter:
    def __init__(self):
        self.n = 0

    def __call__(self, trial):
        self.n += 1
        return trial.suggest_float("x", 0, 1)


@pytest.mark.parametrize("objective", [ready, pruned])
def test_an_objective_that_is_ready_passes_and_is_called_five_times(objective):
    n = 0

    def counted(trial):
        nonlocal n
        n += 1
        return objective(trial)

    check_objective(objective)
    check_objective(counted, picklable=False, global_state=False)
    assert n == 5


def test_several_objectives_need_their_directions():
    check_objective(two, directions=["minimize", "maximize"])
    with pytest.raises(AssertionError, match=r"returns \(.*, 1\.0\)"):
        check_objective(two)


@pytest.mark.parametrize(
    ("objective", "finding"),
    [
        (noisy, "with the same parameters it returns .* pass deterministic=False"),
        (counting, "it changes the global 'COUNTED'"),
        (counting_in_a_helper, "it changes the global 'COUNTED'"),
        (Counter(), "it changes its attribute 'n'"),
        (raising_at_the_end, "at n=64 it raises RuntimeError: out of memory"),
        (nan_at_the_end, r"at x=0\.0 it returns nan, which fails its trial"),
        (nameless, "it asks for 'x.*' first and for 'x.*' then"),
        (moving, "the range of 'x' is FloatDistribution"),
        (wordy, "it returns 'good'"),
        (lambda trial: trial.suggest_float("x", 0, 1), "it can't be pickled"),
    ],
    ids=lambda given: given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__),
)
def test_each_mistake_is_named(objective, finding):
    with pytest.raises(AssertionError, match=finding):
        check_objective(objective)


def test_an_enclosed_value_that_changes_is_named():
    seen = []

    def objective(trial):
        seen.append(1)
        return trial.suggest_float("x", 0, 1)

    with pytest.raises(AssertionError, match="it changes the enclosed 'seen'"):
        check_objective(objective, picklable=False)


def test_each_check_can_be_left_out():
    check_objective(noisy, deterministic=False)
    check_objective(counting, global_state=False)
    check_objective(nan_at_the_end, ends=False)
    check_objective(lambda trial: 1.0, picklable=False)


def test_everything_is_in_one_message():
    with pytest.raises(AssertionError) as raised:
        check_objective(lambda trial: 1 / trial.suggest_int("n", 0, 1) + random.random())
    assert str(raised.value).count("\n- ") == 3


def test_the_log_stays_silent(capsys):
    check_objective(ready)
    assert capsys.readouterr() == ("", "")
