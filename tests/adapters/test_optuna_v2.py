"""Code written for Optuna 2 runs with the import changed."""

import copy
import datetime
import itertools
import pickle

import hpo_adapters.optuna_v2 as optuna
import numpy as np
import pytest

import hpo

uniform = optuna.distributions.UniformDistribution
loguniform = optuna.distributions.LogUniformDistribution
discrete = optuna.distributions.DiscreteUniformDistribution


class SimulatedAnnealingSampler(optuna.samplers.BaseSampler):
    """The example of the documents of Optuna 2, with their layout and comments shortened."""

    def __init__(self, temperature=100):
        self._rng = np.random.RandomState()
        self._temperature = temperature  # Current temperature.
        self._current_trial = None  # Current state.

    def sample_relative(self, study, trial, search_space):
        if search_space == {}:
            return {}

        # Calculate transition probability.
        prev_trial = study.trials[-2]
        if self._current_trial is None or prev_trial.value <= self._current_trial.value:
            probability = 1.0
        else:
            probability = np.exp((self._current_trial.value - prev_trial.value) / self._temperature)
        self._temperature *= 0.9  # Decrease temperature.

        # Transit the current state if the previous result is accepted.
        if self._rng.uniform(0, 1) < probability:
            self._current_trial = prev_trial

        # Sample parameters from the neighborhood of the current point.
        params = {}
        for param_name, param_distribution in search_space.items():
            if not isinstance(param_distribution, optuna.distributions.UniformDistribution):
                raise NotImplementedError("Only suggest_uniform() is supported")

            current_value = self._current_trial.params[param_name]
            width = (param_distribution.high - param_distribution.low) * 0.1
            neighbor_low = max(current_value - width, param_distribution.low)
            neighbor_high = min(current_value + width, param_distribution.high)
            params[param_name] = self._rng.uniform(neighbor_low, neighbor_high)

        return params

    def infer_relative_search_space(self, study, trial):
        return optuna.samplers.intersection_search_space(study)

    def sample_independent(self, study, trial, param_name, param_distribution):
        independent_sampler = optuna.samplers.RandomSampler()
        return independent_sampler.sample_independent(study, trial, param_name, param_distribution)


def tutorial_objective(trial):
    x = trial.suggest_uniform("x", -10, 10)
    y = trial.suggest_uniform("y", -5, 5)
    return x**2 + y


def test_the_simulated_annealing_tutorial_runs():
    sampler = SimulatedAnnealingSampler()
    study = optuna.create_study(sampler=sampler)
    study.optimize(tutorial_objective, n_trials=100)

    assert len(study.trials) == 100
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}
    steps = [abs(b.params["x"] - a.params["x"]) for a, b in itertools.pairwise(study.trials)]
    assert max(steps[1:]) <= 4.0  # two neighbourhoods of the same point: each within 10 % of the range
    assert study.best_value < study.trials[0].value


def test_the_tutorial_sampler_refuses_what_it_does_not_support():
    study = optuna.create_study(sampler=SimulatedAnnealingSampler())
    with pytest.raises(NotImplementedError, match="Only suggest_uniform"):
        study.optimize(lambda trial: trial.suggest_loguniform("x", 1, 10), n_trials=2)


def test_old_suggest_names_make_float_parameters():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = []

    def objective(trial):
        seen.append(trial)
        values = (
            trial.suggest_uniform("u", 0, 1),
            trial.suggest_loguniform("l", 1e-3, 1),
            trial.suggest_discrete_uniform("d", 0, 1, 0.25),
            trial.suggest_int("i", 1, 3),
        )
        trial.report(sum(values), step=0)
        trial.set_user_attr("n", trial.number)
        return sum(values)

    study.optimize(objective, 2)

    assert study.trials[1].distributions == {
        "u": hpo.FloatDistribution(0, 1),
        "l": hpo.FloatDistribution(1e-3, 1, log=True),
        "d": hpo.FloatDistribution(0, 1, step=0.25),
        "i": hpo.IntDistribution(1, 3),
    }
    assert study.trials[1].user_attrs == {"n": 1}
    assert seen[0].params == study.trials[0].params


@pytest.mark.parametrize(
    ("distribution", "kind"),
    [
        (uniform(0, 1), uniform),
        (loguniform(1, 2), loguniform),
        (discrete(0, 1, 0.5), discrete),
        (hpo.IntDistribution(0, 1), None),
        (hpo.CategoricalDistribution(["a"]), None),
    ],
)
def test_old_distribution_classes_recognize_their_own_kind_only(distribution, kind):
    assert [isinstance(distribution, old) for old in (uniform, loguniform, discrete)] == [
        old is kind for old in (uniform, loguniform, discrete)
    ]


def test_create_study_has_the_old_positions_of_arguments():
    place = hpo.journal.MemoryStorage()
    sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
    study = optuna.create_study(place, sampler, pruner, "old", "maximize")
    study.optimize(lambda trial: trial.suggest_uniform("x", 0, 1), n_trials=1)

    again = optuna.create_study(place, sampler, pruner, "old", "maximize", True)

    assert (again.study_name, again.direction, len(again.trials)) == ("old", hpo.StudyDirection.MAXIMIZE, 1)


def test_several_directions_are_given_by_name():
    assert len(optuna.create_study(directions=["minimize", "maximize"]).directions) == 2


def test_a_study_with_old_names_survives_a_pickle():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(tutorial_objective, n_trials=2)
    copied = pickle.loads(pickle.dumps(study))
    copied.optimize(tutorial_objective, n_trials=1)
    assert [trial.params for trial in copied.trials[:2]] == [trial.params for trial in study.trials]


def timed_objective(trial):
    x = trial.suggest_uniform("x", -1, 1)
    trial.set_user_attr("evaluation time", datetime.datetime.now())  # noqa: DTZ005 - as users write it
    return x**2


def test_evaluating_a_finished_trial_again_overwrites_its_attributes():
    study = optuna.create_study()
    study.optimize(timed_objective, n_trials=3)

    best_trial = study.best_trial
    best_trial_copy = copy.deepcopy(best_trial)

    timed_objective(best_trial)  # re-evaluate

    assert best_trial.user_attrs != best_trial_copy.user_attrs
    assert best_trial_copy == study.best_trial
    assert isinstance(best_trial.user_attrs["evaluation time"], datetime.datetime)


def finished_trials(study):
    """Return the study's only trial, in each way that a program gets hold of it, and how it was got."""
    from_callbacks = []
    study.optimize(tutorial_objective, n_trials=1, callbacks=[lambda study, trial: from_callbacks.append(trial)])
    return {
        "best_trial": study.best_trial,
        "best_trials": study.best_trials[0],
        "trials": study.trials[0],
        "get_trials": study.get_trials(deepcopy=False)[0],
        "callback": from_callbacks[0],
        "tell": study.tell(study.ask(), 99.0),
        "create_trial": optuna.create_trial(value=1.0),
    }


def test_every_trial_that_a_study_hands_out_can_be_overwritten():
    study = optuna.create_study()
    for source, trial in finished_trials(study).items():
        trial.set_user_attr("k", source)
        assert trial.user_attrs == {"k": source}
        assert isinstance(trial, optuna.trial.FrozenTrial)
    assert [trial.user_attrs for trial in study.trials] == [{}, {}]


def test_values_that_a_study_cannot_keep_are_refused():
    trial = optuna.create_trial(value=1.0)
    with pytest.raises(TypeError):
        trial.set_user_attr("k", object())
    assert trial.user_attrs == {}


def test_finished_trials_are_compared_sorted_copied_and_pickled():
    study = optuna.create_study()
    study.optimize(tutorial_objective, n_trials=3)
    first, second = study.trials[:2]
    assert first == study.trials[0]
    assert first == study.hpo_study.trials[0]
    assert first != second
    assert sorted([second, first]) == [first, second]
    assert copy.deepcopy(first) == pickle.loads(pickle.dumps(first)) == first
    assert repr(first) == repr(study.hpo_study.trials[0])


def test_trials_made_by_hand_and_trials_of_other_studies_are_added():
    space = {"x": uniform(0, 10)}
    study, other = optuna.create_study(), optuna.create_study()
    study.add_trial(optuna.trial.create_trial(params={"x": 2.0}, distributions=space, value=4.0))
    other.add_trials(study.trials)
    assert other.trials == study.trials
    assert other.best_trial.suggest_uniform("x", 0, 10) == 2.0


def test_trials_that_are_asked_for_have_the_old_names():
    study = optuna.create_study()
    trial = study.ask()
    assert study.tell(trial, trial.suggest_loguniform("x", 1, 10)).params == trial.params
    assert [study.tell(one, one.suggest_uniform("y", 0, 1)).number for one in study.ask(n=2)] == [1, 2]
    assert study.tell(study.ask().number, state=hpo.TrialState.FAIL).state is hpo.TrialState.FAIL


def test_an_objective_is_tested_with_fixed_parameters():
    assert tutorial_objective(optuna.trial.FixedTrial({"x": 2.0, "y": -1.0})) == 3.0


def test_callbacks_get_the_study_with_the_old_names():
    def stop_after_two(study, trial):
        if study.get_trials()[-1] == trial and trial.number == 1:
            study.stop()

    study = optuna.create_study()
    study.optimize(tutorial_objective, 9, callbacks=[stop_after_two])
    assert len(study.trials) == 2


def test_the_sampler_and_the_pruner_of_a_study_can_be_replaced():
    study = optuna.create_study()
    study.sampler, study.pruner = optuna.samplers.RandomSampler(seed=1), optuna.pruners.NopPruner()
    assert study.hpo_study.sampler == study.sampler == optuna.samplers.RandomSampler(seed=1)
    assert study.hpo_study.pruner == study.pruner == optuna.pruners.NopPruner()


@pytest.mark.parametrize("wrong", [{"func": 1}, {"func": tutorial_objective, "callbacks": [1]}])
def test_an_objective_or_callback_that_cannot_be_called_is_refused(wrong):
    study = optuna.create_study()
    with pytest.raises(TypeError, match="got 1"):
        study.optimize(**wrong, n_trials=1)
    assert study.trials == []
