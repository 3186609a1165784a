"""The examples of the reference page of studies, with today's names."""

import pandas as pd
import pytest

import hpo
from hpo.distributions import CategoricalDistribution, FloatDistribution


def objective(trial):
    x = trial.suggest_float("x", 0, 10)
    return x**2


def test_create_study_and_run_three_trials():  # EX-17, EX-51
    study = hpo.create_study()
    study.optimize(objective, n_trials=3)
    assert len(study.trials) == 3
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}


def test_a_loaded_study_has_the_trials_of_the_one_that_was_created(tmp_path):  # EX-18
    storage = str(tmp_path / "study.jsonl")
    study = hpo.create_study(study_name="my_study", storage=storage)
    study.optimize(objective, n_trials=3)

    loaded_study = hpo.load_study(study_name="my_study", storage=storage)
    assert len(loaded_study.trials) == len(study.trials)
    assert loaded_study.trials == study.trials


def test_a_deleted_study_is_gone(tmp_path):  # EX-19
    storage = f"{tmp_path}/runs/"
    study = hpo.create_study(study_name="example-study", storage=storage)
    study.optimize(objective, n_trials=3)

    hpo.delete_study(study_name="example-study", storage=storage)
    with pytest.raises(KeyError, match="example-study"):
        hpo.load_study(study_name="example-study", storage=storage)
    assert hpo.get_all_study_names(storage) == []


def test_summaries_tell_of_every_study(tmp_path):  # EX-20
    storage = f"{tmp_path}/runs/"
    study = hpo.create_study(study_name="example-study", storage=storage)
    study.optimize(objective, n_trials=3)

    study_summaries = hpo.get_all_study_summaries(storage=storage)
    assert len(study_summaries) == 1
    study_summary = study_summaries[0]
    assert study_summary.study_name == "example-study"
    assert study_summary.n_trials == 3
    assert study_summary.best_trial == study.best_trial


def test_trials_made_by_hand_are_added_and_copied_to_another_study():  # EX-48
    study = hpo.create_study()
    assert len(study.trials) == 0

    trial = hpo.trial.create_trial(
        params={"x": 2.0},
        distributions={"x": FloatDistribution(0, 10)},
        value=4.0,
    )
    study.add_trial(trial)
    assert len(study.trials) == 1

    study.optimize(objective, n_trials=3)
    assert len(study.trials) == 4

    other_study = hpo.create_study()
    for trial in study.trials:
        other_study.add_trial(trial)
    assert len(other_study.trials) == len(study.trials)
    assert [trial.params for trial in other_study.trials] == [trial.params for trial in study.trials]

    other_study.optimize(objective, n_trials=2)
    assert len(other_study.trials) == len(study.trials) + 2


def test_enqueued_parameters_are_tried_first_in_their_order():  # EX-49
    study = hpo.create_study()
    study.enqueue_trial({"x": 5})
    study.enqueue_trial({"x": 0})
    study.optimize(objective, n_trials=2)

    assert study.trials[0].params == {"x": 5}
    assert study.trials[1].params == {"x": 0}


def test_get_trials_gives_all_of_them():  # EX-50
    study = hpo.create_study()
    study.optimize(objective, n_trials=3)
    trials = study.get_trials()
    assert len(trials) == 3
    assert trials == study.get_trials(deepcopy=False)


def test_attributes_of_a_study_are_read_back_equal():  # EX-52
    study = hpo.create_study()
    study.set_user_attr("objective function", "quadratic function")
    study.set_user_attr("dimensions", 1)
    study.set_user_attr("contributors", ["Akiba", "Sano"])
    assert study.user_attrs == {
        "objective function": "quadratic function",
        "dimensions": 1,
        "contributors": ["Akiba", "Sano"],
    }


def test_stop_at_trial_four_makes_five_trials():  # EX-53
    study = hpo.create_study()

    def stopping(trial):
        if trial.number == 4:
            study.stop()
        x = trial.suggest_float("x", 0, 10)
        return x**2

    study.optimize(stopping, n_trials=10)
    assert len(study.trials) == 5


def test_the_data_frame_has_a_row_per_trial():  # EX-54
    study = hpo.create_study()
    study.optimize(objective, n_trials=3)
    df = study.trials_dataframe()
    assert isinstance(df, pd.DataFrame)
    assert df.shape[0] == 3  # n_trials.


def test_an_objective_is_a_function_of_a_fixed_trial():  # EX-63
    def mixed(trial):
        x = trial.suggest_float("x", -100, 100)
        y = trial.suggest_categorical("y", [-1, 0, 1])
        return x**2 + y

    assert mixed(hpo.trial.FixedTrial({"x": 1, "y": 0})) == 1


def test_create_trial_makes_a_frozen_trial_with_what_was_given():  # EX-66
    trial = hpo.trial.create_trial(
        params={"x": 1.0, "y": 0},
        distributions={
            "x": FloatDistribution(0, 10),
            "y": CategoricalDistribution([-1, 0, 1]),
        },
        value=5.0,
    )

    assert isinstance(trial, hpo.trial.FrozenTrial)
    assert trial.value == 5.0
    assert trial.params == {"x": 1.0, "y": 0}
