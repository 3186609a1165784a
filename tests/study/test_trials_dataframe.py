"""`Study.trials_dataframe`."""

import pandas as pd
import pytest

import hpo
from hpo.errors import InvalidArgument
from hpo.samplers import RandomSampler


@pytest.fixture
def study():
    study = hpo.create_study(sampler=RandomSampler(), seed=0)

    def objective(trial):
        trial.set_user_attr("tag", f"t{trial.number}")
        if trial.number == 1:
            raise LookupError("gone")
        x = trial.suggest_float("x", 0, 1)
        return x + (trial.suggest_int("n", 1, 3) if trial.number == 2 else 0)

    study.optimize(objective, n_trials=3, catch=LookupError)
    return study


def test_the_default_columns_are_those_that_users_know(study):
    df = study.trials_dataframe()
    assert [*df.columns] == [
        "number",
        "value",
        "datetime_start",
        "datetime_complete",
        "duration",
        "params_x",
        "params_n",
        "user_attrs_tag",
        "system_attrs_fail_reason",
        "state",
    ]
    assert [*df["state"]] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [*df["user_attrs_tag"]] == ["t0", "t1", "t2"]
    assert "LookupError" in df["system_attrs_fail_reason"][1]


def test_what_a_trial_lacks_is_missing_in_its_row(study):
    df = study.trials_dataframe()
    assert [*df["value"].isna()] == [False, True, False]
    assert [*df["params_n"].isna()] == [True, True, False]
    assert df["value"][0] == study.trials[0].value
    assert (df["datetime_complete"] >= df["datetime_start"]).all()


def test_columns_may_stay_pairs(study):
    df = study.trials_dataframe(attrs=("number", "params"), multi_index=True)
    assert isinstance(df.columns, pd.MultiIndex)
    assert [*df.columns] == [("number", ""), ("params", "x"), ("params", "n")]
    assert df[("params", "x")][0] == study.trials[0].params["x"]


def test_a_study_without_trials_is_an_empty_frame():
    assert hpo.create_study().trials_dataframe().empty


def test_a_field_that_trials_do_not_have_is_named(study):
    with pytest.raises(InvalidArgument, match="no field 'colour': there are number, value"):
        study.trials_dataframe(attrs=["number", "colour"])


def test_data_frame_has_a_column_per_objective():
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    study.optimize(lambda trial: (1.0, 2.0), n_trials=1)
    assert [*study.trials_dataframe(attrs=["value"]).columns] == ["values_0", "values_1"]
    study.set_metric_names(["loss", "accuracy"])
    df = study.trials_dataframe(attrs=["number", "values"])
    assert [*df.columns] == ["number", "values_loss", "values_accuracy"]
    assert df["values_accuracy"][0] == 2.0


def test_reports_and_constraints_have_a_column_each():
    study = hpo.create_study(sampler=RandomSampler())

    def objective(trial):
        trial.report(0.5, 3)
        trial.set_constraint("memory", -1.0)
        return 1.0

    study.optimize(objective, n_trials=1)
    df = study.trials_dataframe(attrs=["intermediate_values", "constraints"])
    assert df.to_dict("list") == {"intermediate_values_3": [0.5], "constraints_memory": [-1.0]}
