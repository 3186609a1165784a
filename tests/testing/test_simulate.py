"""Studies on a virtual clock."""

import math

import pytest

from hpo.core import FloatDistribution, Stop, StudyState, TrialState, replay
from hpo.errors import InvalidArgument, InvalidType
from hpo.pruners import MedianPruner, PromotionHalving, SuccessiveHalvingPruner
from hpo.samplers import GridSampler, TPESampler
from hpo.testing import CurveTable, simulate

SPACE = {"x": FloatDistribution(0.0, 1.0)}
HALVING = SuccessiveHalvingPruner(1, 3)


def curve(params):
    return [params["x"] + 1.0 / step for step in range(1, 28)]


def test_the_same_arguments_give_the_same_simulation():
    runs = [simulate(curve, SPACE, sampler=TPESampler(), pruner=HALVING, n_trials=40, seed=3) for _ in range(2)]
    assert runs[0] == runs[1]
    assert simulate(curve, SPACE, pruner=HALVING, n_trials=40, seed=4).state != runs[0].state


def test_a_worker_takes_the_time_of_every_step():
    run = simulate(curve, SPACE, n_workers=1, n_trials=3, cost=2.0)
    assert (run.n_steps, run.seconds) == (81, 162.0)
    assert [each.time for each in run.reports[:3]] == [2.0, 4.0, 6.0]
    assert [trial.finished_at for trial in run.state.finished] == [54.0, 108.0, 162.0]


def test_workers_share_the_time():
    run = simulate(curve, SPACE, n_workers=3, n_trials=6)
    assert (run.n_steps, run.seconds) == (6 * 27, 54.0)


def test_trials_with_slow_steps_finish_late():
    run = simulate(curve, SPACE, n_workers=2, n_trials=2, cost=lambda params, step: 1.0 + params["x"] * step)
    slow = max(run.state.finished, key=lambda trial: trial.params["x"])
    assert run.state.finished[-1] == slow
    assert run.seconds == pytest.approx(27 + slow.params["x"] * 27 * 28 / 2)


def test_pruned_trials_end_where_they_were_stopped_and_say_why():
    run = simulate(curve, SPACE, pruner=HALVING, n_trials=60, seed=1)
    pruned = [trial for trial in run.state.finished if trial.state is TrialState.PRUNED]
    assert {trial.last_step for trial in pruned} <= {1, 3, 9}
    assert {*run.reasons} == {trial.number for trial in pruned}
    assert all(run.reasons[trial.number]["step"] == trial.last_step for trial in pruned)
    assert run.n_steps == sum(len(trial.intermediate_values) for trial in run.state.finished)


def test_paused_trials_go_on_after_their_last_step():
    halving = PromotionHalving(1, 3, 27)
    run = simulate(curve, SPACE, pruner=halving.pruner, promoter=halving, n_trials=150, seed=1)
    complete = [trial for trial in run.state.finished if trial.state is TrialState.COMPLETE]
    assert complete
    for trial in complete:
        assert list(trial.intermediate_values.values()) == curve(trial.params)
    assert not run.state.running


def test_limits_end_a_simulation():
    assert simulate(curve, SPACE, max_steps=50).n_steps == 50
    run = simulate(curve, SPACE, max_seconds=30.5)
    assert run.seconds == 30.5
    assert max(each.time for each in run.reports) == 30.0
    assert len(run.state.finished) == len(run.state.running) == 4
    run = simulate(curve, SPACE, stop=lambda state: Stop("two") if len(state.finished) >= 2 else None, n_workers=1)
    assert len(run.state.finished) == 2
    run = simulate(curve, SPACE, sampler=GridSampler({"x": [0.0, 0.5]}), n_trials=99)
    assert len(run.state.finished) == 2


def test_better_pruners_reach_a_target_in_fewer_steps():
    target = 0.08
    whole = simulate(curve, SPACE, n_trials=300, seed=2).steps_to(target)
    halved = simulate(curve, SPACE, pruner=HALVING, n_trials=300, seed=2).steps_to(target)
    median = simulate(curve, SPACE, pruner=MedianPruner(), n_trials=300, seed=2).steps_to(target)
    assert halved < median < whole
    assert simulate(curve, SPACE, n_trials=3).steps_to(-1.0) is None


def test_the_best_value_follows_the_direction():
    run = simulate(curve, SPACE, n_trials=5, direction="maximize")
    best = run.best_by_step()
    assert (best[1:] >= best[:-1]).all()
    assert best[-1] == max(each.value for each in run.reports)


def test_nan_at_the_end_is_a_failed_trial():
    run = simulate(lambda params: [1.0, math.nan], SPACE, n_trials=2)
    assert {trial.state for trial in run.state.finished} == {TrialState.FAIL}


def test_tables_of_curves():
    table = CurveTable([[3.0, 2.0], [5.0, 1.0], [4.0, 4.0]], seconds=[1.0, 10.0, 100.0])
    run = simulate(table, table.space, cost=table.cost, sampler=GridSampler({"configuration": [0, 1, 2]}), n_trials=3)
    assert {trial.value for trial in run.state.finished} == {2.0, 1.0, 4.0}
    assert run.seconds == 200.0
    assert CurveTable([[1.0, 2.0]], [[3.0, 4.0]]).cost({"configuration": 0}, 2) == 4.0


def test_the_state_is_that_of_a_study():
    run = simulate(curve, SPACE, pruner=HALVING, n_trials=20)
    assert StudyState.from_bytes(run.state.to_bytes()) == run.state
    assert replay([], run.state) == run.state


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, InvalidArgument),
        ({"n_trials": -1}, InvalidArgument),
        ({"n_trials": 1, "n_workers": 0}, InvalidArgument),
        ({"n_trials": 1, "cost": -1.0}, InvalidArgument),
        ({"n_trials": 1, "cost": "much"}, InvalidType),
        ({"n_trials": 1, "pruner": 5}, InvalidType),
    ],
)
def test_arguments_are_checked(options, error):
    with pytest.raises(error):
        simulate(curve, SPACE, **options)


def test_curves_and_tables_are_checked():
    with pytest.raises(InvalidArgument, match="is empty"):
        simulate(lambda params: [], SPACE, n_trials=1)
    for arguments in (([1.0],), ([[1.0]], [1.0, 2.0]), ([[1.0]], -1.0)):
        with pytest.raises(InvalidArgument):
            CurveTable(*arguments)
