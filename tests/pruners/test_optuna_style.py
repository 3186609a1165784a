"""Pruners made by subclassing, as users of the field write them."""

import numpy as np
import pytest

import hpo
from hpo.core import StudyView
from hpo.errors import InvalidType
from hpo.pruners import BasePruner
from hpo.samplers import RandomSampler

STATES = hpo.TrialState


class LastPlace(BasePruner):
    """Stops whoever is worse than all that got so far."""

    def __init__(self, warmup_steps, warmup_trials):
        self.warmup_steps = warmup_steps
        self.warmup_trials = warmup_trials

    def prune(self, study, trial):
        step = trial.last_step
        others = [
            other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False, states=(STATES.COMPLETE,))
            if step in other.intermediate_values
        ]
        worse = trial.intermediate_values[step] > max(others, default=np.inf)
        return step >= self.warmup_steps and len(others) >= self.warmup_trials and worse


def training(trial):
    error = [0.5, 0.2, 0.9, 0.1][trial.number]
    for step in range(4):
        trial.report(error, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return error


def test_a_subclass_stops_the_trials_that_it_means_to_stop():
    study = hpo.create_study(sampler=RandomSampler(), pruner=LastPlace(warmup_steps=2, warmup_trials=2))
    study.optimize(training, n_trials=4)
    assert [trial.state for trial in study.trials] == [STATES.COMPLETE, STATES.COMPLETE, STATES.PRUNED, STATES.COMPLETE]
    assert study.trials[2].last_step == 2
    assert hpo.verify(study, pruner=LastPlace(2, 2)).clean
    assert not hpo.verify(study, pruner=LastPlace(0, 2)).clean


class Answering(BasePruner):
    def __init__(self, answer):
        self.answer = answer

    def prune(self, study, trial):
        assert isinstance(study, StudyView)
        assert study.trials[-1] == trial
        trial.set_user_attr("seen", True)
        return self.answer


def asked(answer):
    study = hpo.create_study(sampler=RandomSampler(), pruner=Answering(answer))
    trial = study.ask()
    trial.report(0.5, 0)
    stop = trial.should_prune()
    assert trial.user_attrs == {}, "setting an attribute in a pruner changes nothing"
    return stop


@pytest.mark.parametrize("answer", [True, False, np.True_, np.False_, np.array(True)])
def test_true_and_false_may_be_those_of_numpy(answer):
    assert asked(answer) is bool(answer)


@pytest.mark.parametrize("answer", [None, 1, "no", hpo.Decision.STOP])
def test_anything_else_is_an_error_that_names_the_class(answer):
    with pytest.raises(InvalidType, match=r"Answering\.prune returns True or False, got"):
        asked(answer)


def test_a_class_without_the_method_cannot_be_instantiated():
    class Idle(BasePruner):
        pass

    with pytest.raises(TypeError, match="prune"):
        Idle()
