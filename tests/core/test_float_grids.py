"""Ranges of floats whose ends and values are sums: what a person meant is what counts."""

import random

import pytest

import hpo
from hpo import FloatDistribution
from hpo.samplers import RandomSampler


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("low", "high", "step", "end"),
    [
        (0, 0.7 + 0.1, 0.1, 0.8),
        (0, 0.1 + 0.2, 0.1, 0.3),
        (-0.3, -0.3 + 3 * 0.1, 0.1, 0.0),
        (1, 1 + 7 * 1e-3, 1e-3, 1.007),
    ],
)
def test_an_end_that_is_a_sum_of_floats_is_the_grid_value_that_it_stands_for(low, high, step, end):
    distribution = FloatDistribution(low, high, step=step)
    assert distribution.high == end
    assert distribution.from_unit(1.0) == end
    assert distribution == FloatDistribution(low, distribution.high, step=step)


@pytest.mark.filterwarnings("error")
def test_decimal_ranges_keep_their_last_value():
    chance = random.Random(0)
    for _ in range(2_000):
        decimals = chance.choice([1, 2, 3])
        low, step = round(chance.uniform(-5, 5), decimals), round(chance.uniform(0.01, 2), decimals) or 0.1
        n_steps = chance.randint(1, 60)
        assert FloatDistribution(low, low + n_steps * step, step=step).n_values() == n_steps + 1


def test_an_end_between_grid_values_is_lowered_with_a_warning():
    with pytest.warns(UserWarning, match=r"high is lowered to 0\.7"):
        assert FloatDistribution(0, 0.7 + 1e-6, step=0.1).high == 0.7


@pytest.mark.parametrize("end", [0.3, 1.0])
def test_a_sum_on_the_grid_is_a_member_and_never_beyond_the_end(end):
    distribution = FloatDistribution(0, end, step=0.1)
    assert distribution.contains(0.1 + 0.2)
    assert distribution.member(0.1 + 0.2) <= end
    assert not distribution.contains(0.35)
    assert not distribution.contains(end + 1e-6)
    assert not any(map(distribution.contains, [float("nan"), float("inf"), -float("inf")]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("high", [0.3, 1.0])
def test_an_enqueued_sum_is_the_grid_value_that_it_stands_for(high):
    def objective(trial):
        return trial.suggest_float("x", 0, high, step=0.1)

    study = hpo.create_study(sampler=RandomSampler(), seed=0)
    for _ in range(2):  # by itself, and in a joint space
        study.enqueue_trial({"x": 0.1 + 0.2})
        study.optimize(objective, n_trials=1)
    assert [trial.params["x"] for trial in study.trials] == [0.3, 0.3]
    study.enqueue_trial({"x": 0.3}, skip_if_exists=True)
    study.enqueue_trial({"x": 0.1 + 0.2}, skip_if_exists=True)
    assert len(study.trials) == 2
    assert objective(hpo.FixedTrial({"x": 0.1 + 0.2})) == 0.3
    assert hpo.verify(study).clean


def test_a_journal_that_kept_a_sum_as_it_was_is_still_verified():
    study = hpo.create_study(sampler=RandomSampler(), seed=0)
    study.enqueue_trial({"x": 0.1 + 0.2})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1, step=0.1) + trial.suggest_float("y", 0, 1), n_trials=1)
    old = [
        hpo.extend.ParamsSuggested(event.number, event.space, (0.1 + 0.2,), event.note, event.lone)
        if isinstance(event, hpo.extend.ParamsSuggested) and event.values == (0.3,)
        else event
        for event in study.events()
    ]
    assert hpo.replay(old).trial(0).params["x"] == 0.1 + 0.2
    assert hpo.verify(old).clean
