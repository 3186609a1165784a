"""Trials that one study holds, another can take over."""

import warnings

import hpo


def test_trials_of_a_grid_off_the_step_can_be_added_elsewhere():
    study = hpo.create_study(sampler=hpo.samplers.GridSampler({"x": [-0.5, 0.5]}))
    study.optimize(lambda trial: trial.suggest_float("x", -10, 10, step=1.0), n_trials=9)
    other = hpo.create_study()
    other.add_trials(study.trials)
    assert [trial.params for trial in other.trials] == [{"x": -0.5}, {"x": 0.5}]


def test_a_trial_enqueued_outside_its_range_can_be_added_elsewhere():
    study = hpo.create_study()
    study.enqueue_trial({"x": 100.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    other = hpo.create_study()
    other.add_trials(study.trials)
    assert other.trials[0].params == {"x": 100.0}
    assert hpo.StudyState.from_bytes(other.state.to_bytes()) == other.state
