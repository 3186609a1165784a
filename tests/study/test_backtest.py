"""Pruners and stopping rules on studies that are over, and the audit of what pruning did."""

import json

import pytest

import hpo
from hpo.cli import main
from hpo.core import TrialState
from hpo.errors import InvalidType, SeveralObjectives
from hpo.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner, ThresholdPruner
from hpo.samplers import RandomSampler
from hpo.stopping import MaxTrials, NoImprovement

HALVING = SuccessiveHalvingPruner(1, 3)


def curve(params):
    return [params["x"] + 1.0 / step for step in range(1, 10)]


def crossing(params):
    """What begins badly ends well."""
    return [1.0 - params["x"]] * 8 + [params["x"]]


def trained(shape, pruner, n_trials=30, storage=None):
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        value = 0.0
        for step, value in enumerate(shape(trial.params), 1):
            trial.report(value, step)
            if trial.should_prune():
                raise hpo.TrialPruned
            trial.set_user_attr("seen", step)
        return value

    study = hpo.create_study(sampler=RandomSampler(), pruner=pruner, seed=1, storage=storage)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_pruner_saves_in_a_backtest_what_it_would_have_saved():
    found = hpo.backtest(trained(curve, NopPruner()), HALVING)
    run = trained(curve, HALVING)
    (row,) = found.rows
    assert found.steps == 30 * 9
    assert row.steps == sum(len(trial.intermediate_values) for trial in run.trials)
    assert row.stopped == sum(trial.state is TrialState.PRUNED for trial in run.trials)
    assert row.saved == pytest.approx(1 - row.steps / 270)
    assert row.saved_interval[0] < row.saved < row.saved_interval[1]
    assert (row.lost, row.best_value) == (0, found.best_value)
    assert row.lost_interval[0] == 0.0 < row.lost_interval[1] < 0.3


def test_winners_that_were_stopped_are_counted():
    found = hpo.backtest(trained(crossing, NopPruner()), [HALVING, NopPruner()])
    row, nothing = found.rows
    assert row.lost > 0
    assert row.best_value > found.best_value
    assert row.lost_interval[0] > 0.0
    assert (nothing.saved, nothing.stopped, nothing.best_value) == (0.0, 0, found.best_value)


def test_a_stopping_rule_ends_the_study_early():
    study = trained(curve, NopPruner())
    found = hpo.backtest(study, stop={"ten": MaxTrials(10), "never": MaxTrials(1000)})
    ten, never = found.rows
    assert (ten.name, ten.steps, ten.stopped) == ("ten", 90, 20)
    assert never.saved == 0.0
    assert ten.best_value == min(trial.value for trial in study.trials[:10])


def test_trials_that_were_added_as_a_whole_report_step_by_step():
    study = hpo.create_study(seed=1)
    for trial in trained(curve, NopPruner()).trials:
        study.add_trial(trial)
    (row,) = hpo.backtest(study, HALVING).rows
    (expected,) = hpo.backtest(trained(curve, NopPruner()), HALVING).rows
    assert (row.steps, row.stopped, row.best_value) == (expected.steps, expected.stopped, expected.best_value)


def test_several_of_one_kind_are_told_apart():
    found = hpo.backtest(trained(curve, NopPruner(), 10), [MedianPruner(2), MedianPruner(4)], NoImprovement(3))
    assert len({row.name for row in found.rows}) == 3
    assert str(found).count("saves") == 3


def test_an_audit_says_what_was_saved_and_what_was_lost():
    audit = hpo.audit_pruning(trained(curve, HALVING), curves=curve)
    assert audit.pruned == audit.judged == audit.by_rule["halving"]
    assert audit.steps + audit.saved_steps == 270
    assert (audit.lost, audit.lost_interval[0]) == (0, 0.0)
    assert "would have won" in str(audit)
    study = trained(crossing, HALVING)
    full = {trial.number: crossing(trial.params) for trial in study.trials if trial.number % 2}
    some = hpo.audit_pruning(study, curves=full)
    assert 0 < some.lost <= some.judged < some.pruned


def test_without_curves_an_audit_goes_by_the_length_of_complete_trials():
    audit = hpo.audit_pruning(trained(curve, HALVING))
    assert audit.steps + audit.saved_steps == 270
    assert (audit.judged, audit.lost_interval) == (0, (0.0, 1.0))
    assert hpo.audit_pruning(hpo.create_study()).saved == 0.0


def test_arguments_are_checked():
    study = trained(curve, NopPruner(), 2)
    with pytest.raises(InvalidType):
        hpo.backtest(study, 5)
    with pytest.raises(InvalidType, match="pass an instance"):
        hpo.backtest(study, NopPruner)
    several = hpo.create_study(directions=["minimize"] * 2)
    for function in (hpo.backtest, hpo.audit_pruning):
        with pytest.raises(SeveralObjectives):
            function(several)


def test_the_command_line(tmp_path, capsys):
    path = str(tmp_path / "study.jsonl")
    trained(curve, NopPruner(), storage=path)
    arguments = ["--pruner", 'SuccessiveHalvingPruner {"min_resource": 1}', "--pruner", "MedianPruner"]
    assert main(["backtest", path, *arguments, "--stop", 'MaxTrials {"n_trials": 10}', "-f", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [arguments[1], arguments[3], 'MaxTrials {"n_trials": 10}']
    assert rows[0]["saved"] > rows[1]["saved"] > 0
    assert main(["backtest", path]) == 0
    assert "HyperbandPruner" in capsys.readouterr().out
    assert main(["backtest", path, "--pruner", "Nothing"]) == 1
    assert "there is no pruner 'Nothing'" in capsys.readouterr().err


def test_a_threshold_can_be_backtested_too():
    (row,) = hpo.backtest(trained(curve, NopPruner()), {"limit": ThresholdPruner(upper=1.5)}).rows
    assert row.name == "limit"
    assert row.stopped > 0
