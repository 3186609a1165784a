"""Failed trials that are tried again, with their parameters and their lineage."""

import pytest

import hpo
from hpo.samplers import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.trial import TrialState


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=1)


def quick(trial):
    return trial.suggest_float("x", 0, 1)


def failing(trial):
    quick(trial)
    raise OSError("no luck")


def test_max_retry_counts_along_the_lineage(study):
    retry = hpo.RetryFailedTrials(max_retry=2, lost_only=False)
    study.optimize(failing, n_trials=7, catch=OSError, callbacks=[retry])
    assert [lineage(trial) for trial in study.trials] == [
        *[(0, 0), (0, 1), (0, 2)],
        *[(3, 0), (3, 1), (3, 2)],
        *[(6, 0), (6, 1)],  # the last one waits
    ]
    assert len({trial.params["x"] for trial in study.trials[:7]}) == 3


def test_without_a_limit_a_trial_is_tried_until_it_succeeds(study):
    def objective(trial):
        return quick(trial) if trial.number == 4 else failing(trial)

    study.optimize(objective, n_trials=6, catch=OSError, callbacks=[hpo.RetryFailedTrials(lost_only=False)])
    assert [lineage(trial) for trial in study.trials] == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (5, 0), (5, 1)]


def test_max_retry_0_retries_nothing(study):
    study.optimize(failing, n_trials=2, catch=OSError, callbacks=[hpo.RetryFailedTrials(max_retry=0, lost_only=False)])
    assert [lineage(trial) for trial in study.trials] == [(0, 0), (1, 0)]


def test_only_lost_trials_are_retried_unless_all_are_wanted(study):
    study.optimize(failing, n_trials=1, catch=OSError, callbacks=[hpo.RetryFailedTrials()])
    study.optimize(quick, n_trials=1, callbacks=[hpo.RetryFailedTrials(lost_only=False)])
    assert not study.state.waiting

    study.ask()
    hpo.RetryFailedTrials()(study, study.tell(2, state=TrialState.FAIL, reason="lost: the node was reclaimed"))
    assert [*study.state.waiting] == [3]


def test_user_attributes_of_the_same_names_are_not_a_lineage(study):
    study.enqueue_trial({}, user_attrs={"retry": "always", "retried_from": None})
    study.optimize(failing, n_trials=2, catch=OSError, callbacks=[hpo.RetryFailedTrials(lost_only=False)])
    assert [lineage(trial) for trial in study.trials[:2]] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("max_retry", [-1, 0.5, "2", True])
def test_a_limit_that_is_not_valid_is_refused(max_retry):
    with pytest.raises(hpo.errors.InvalidArgument, match="max_retry"):
        hpo.RetryFailedTrials(max_retry=max_retry)


def test_every_lost_trial_is_retried_despite_a_raising_callback(study):
    def picky(study, trial):
        raise RuntimeError(f"not {trial.number}")

    with study.as_worker():
        study.ask(n=3)
    with pytest.raises(RuntimeError, match="not 0"):
        study.optimize(lambda trial: 1.0, n_trials=1, callbacks=[hpo.RetryFailedTrials(), picky])
    assert [lineage(trial) for trial in study.trials[3:]] == [(0, 1), (1, 1), (2, 1)]
    assert [trial.state.name for trial in study.trials[3:]] == ["WAITING"] * 3
