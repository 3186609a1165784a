"""Trials that pause at rungs and are promoted: nothing is lost, waits for nothing, or runs twice."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import hpo
from hpo.core import StudyState, TrialState, ask, pause, report, tell
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives, TrialPruned
from hpo.pruners import Decision, NopPruner, PauseAtRungs, PromotionHalving, ThresholdPruner
from hpo.samplers import RandomSampler
from hpo.testing import check_promoter

SAMPLER = RandomSampler()
HALVING = PromotionHalving(1, 3, 9)


def waiting(*histories, direction="minimize"):
    state = StudyState.create(direction=direction)
    for history in histories:
        state, trial = ask(state, SAMPLER)
        for step, value in history.items():
            state = report(state, trial, value, step)
        state = pause(state, trial)
    return state


def promoted(state, halving=HALVING):
    answer = halving(state, state.key)
    return None if answer is None else answer.number


def test_one_is_promoted_once_so_many_have_reached_the_rung():
    assert promoted(waiting({1: 1.0}, {1: 2.0})) is None
    assert promoted(waiting({1: 2.0}, {1: 1.0}, {1: 3.0})) == 1
    assert promoted(waiting({1: 2.0}, {1: 1.0}, {1: 3.0}, direction="maximize")) == 2


def test_a_place_is_taken_once():
    state = hpo.resume(waiting({1: 2.0}, {1: 1.0}, {1: 3.0}), 1)[0]
    assert promoted(state) is None
    state = tell(state, 1, state="fail")  # it was at the rung, whatever becomes of it
    assert promoted(state) is None


def test_equals_do_not_all_go_on():
    state = waiting(*[{1: 1.0}] * 3)
    assert promoted(state) == 0
    assert promoted(hpo.resume(state, 0)[0]) is None


def test_upper_rungs_come_first():
    state = waiting({1: 0.0}, *[{1: 5.0, 3: 5.0 + i} for i in range(3)], *[{1: 9.0}] * 3)
    answer = HALVING(state, state.key)
    assert (answer.number, answer.reason["rung"], answer.reason["step"]) == (1, 1, 3)
    assert promoted(hpo.resume(state, 1)[0]) == 0


def test_nan_is_stopped_instead_of_paused_and_never_promoted():
    state, trial = ask(StudyState.create(), SAMPLER)
    state = report(state, trial, math.nan, 1)
    assert HALVING.pruner(state, state.running[0]).decision is Decision.STOP
    assert promoted(waiting(*[{1: math.nan}] * 5)) is None


def test_a_trial_pauses_once_per_rung_and_not_at_the_end():
    state, trial = ask(StudyState.create(), SAMPLER)
    paused = []
    for step in range(12):
        state = report(state, trial, 1.0, step)
        answer = HALVING.pruner(state, state.running[0])
        if answer is not Decision.CONTINUE and answer.decision is Decision.PAUSE:
            paused.append(step)
    assert paused == [1, 3]


def curve(trial):
    """Goes on from its checkpoint; a value and a rate per trial."""
    x = trial.suggest_float("x", 0, 1)
    for step in range(int(trial.checkpoint or 0) + 1, 10):
        trial.report(x + 1.0 / step, step)
        if trial.pause_point(checkpoint=str(step)):
            return None
    return x + 1.0 / 9


def full_curve(trial):
    x = trial.suggest_float("x", 0, 1)
    for step in range(1, 10):
        trial.report(x + 1.0 / step, step)
    return x + 1.0 / 9


def test_promoted_trials_equal_those_that_never_paused():
    study = hpo.create_study(sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=4)
    study.optimize(curve, n_trials=150)
    whole = hpo.create_study(sampler=SAMPLER, pruner=NopPruner(), seed=4)
    whole.optimize(full_curve, n_trials=len(study.trials))
    complete = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    assert complete
    for trial in complete:
        same = whole.trials[trial.number]
        assert (trial.params, trial.value, dict(trial.intermediate_values)) == (
            same.params,
            same.value,
            dict(same.intermediate_values),
        )
    assert hpo.verify(study, SAMPLER, HALVING.pruner, HALVING).clean


def test_nothing_is_lost_and_nothing_runs_twice():
    study = hpo.create_study(sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=4)
    with ThreadPoolExecutor(3) as executor:
        study.optimize(curve, n_trials=120, executor=executor)
    starts = Counter(event.number for event in study.events() if type(event).__name__ == "TrialStarted")
    assert set(starts.values()) == {1}
    assert not study.state.running
    steps = Counter((e.number, e.step) for e in study.events() if type(e).__name__ == "ValueReported")
    assert set(steps.values()) == {1}
    at = {rung: sum(trial.last_step >= 3**rung for trial in study.trials) for rung in range(3)}
    # late arrivals that are better go on as well, although their places were taken
    assert at[0] / 2 >= at[1] > at[2] > 0
    for trial in study.trials:
        assert trial.state in {TrialState.PAUSED, TrialState.COMPLETE}
        assert sorted(trial.intermediate_values) == list(range(1, trial.last_step + 1))


def test_every_free_place_is_filled_before_a_new_trial_starts():
    study = hpo.create_study(sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=4)
    study.optimize(curve, n_trials=100)
    while (number := promoted(study.state)) is not None:
        trial = study.resume(number)
        if (value := curve(trial)) is not None:
            study.tell(trial, value)
    losses = sorted(trial.intermediate_values[1] for trial in study.trials)
    for trial in study.trials:
        if trial.intermediate_values[1] in losses[: len(losses) // 3]:
            assert trial.last_step > 1


@pytest.mark.filterwarnings("ignore:trial .* has a value for step")
def test_a_trial_without_a_checkpoint_begins_anew_and_still_moves_on():
    def anew(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x, step)
            if trial.pause_point():
                return None
        return x

    study = hpo.create_study(sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=4)
    study.optimize(anew, n_trials=60)
    assert any(trial.state is TrialState.COMPLETE for trial in study.trials)


def test_pause_point_stops_goes_on_and_saves_only_when_it_pauses():
    saved = []
    study = hpo.create_study(pruner=ThresholdPruner(upper=1.0), sampler=SAMPLER)
    trial = study.ask()
    trial.report(0.5, 1)
    assert not trial.pause_point(lambda: saved.append(1))
    trial.report(2.0, 2)
    with pytest.raises(TrialPruned):
        trial.pause_point(lambda: saved.append(1))
    assert not saved


def test_several_workers_share_paused_trials_through_a_file(tmp_path):
    path = str(tmp_path / "study.jsonl")
    one = hpo.create_study(storage=path, sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING, seed=1)
    one.optimize(curve, n_trials=5)
    other = hpo.load_study(storage=path, sampler=SAMPLER, pruner=HALVING.pruner, promoter=HALVING)
    other.optimize(curve, n_trials=25)
    assert any(trial.number < 5 and trial.last_step > 1 for trial in other.trials)


def test_the_promoter_keeps_the_laws():
    check_promoter(
        PromotionHalving(1, 2, 8),
        max_examples=15,
        laws=["total", "survives_every_scenario", "same_answer_twice", "relabel", "recording_order", "fold"],
    )


def test_options_are_checked():
    for kind in (PauseAtRungs, PromotionHalving):
        with pytest.raises(InvalidArgument, match="max_resource"):
            kind(9, 3, 8)
        with pytest.raises(InvalidArgument):
            kind(0)
        with pytest.raises(InvalidType):
            kind(1, "3")
    state = StudyState.create(directions=["minimize"] * 2)
    with pytest.raises(SeveralObjectives):
        HALVING(state, state.key)
