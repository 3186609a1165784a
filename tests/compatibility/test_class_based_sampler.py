"""A sampler of one's own as a class with three methods: simulated annealing, as in Optuna's tutorial."""

import numpy as np
import pytest

import hpo


class SimulatedAnnealingSampler(hpo.samplers.BaseSampler):
    def __init__(self, temperature=100):
        self._rng = np.random.RandomState(0)
        self._temperature = temperature  # Current temperature.
        self._current_trial = None  # Current state.
        self.calls = []

    def sample_relative(self, study, trial, search_space):
        self.calls.append(("relative", trial.number, tuple(search_space)))
        if search_space == {}:
            return {}

        prev_trial = study.trials[-2]
        if self._current_trial is None or prev_trial.value <= self._current_trial.value:
            probability = 1.0
        else:
            probability = np.exp((self._current_trial.value - prev_trial.value) / self._temperature)
        self._temperature *= 0.9  # Decrease temperature.

        if self._rng.uniform(0, 1) < probability:
            self._current_trial = prev_trial

        params = {}
        for param_name, param_distribution in search_space.items():
            if not isinstance(param_distribution, hpo.distributions.FloatDistribution):
                raise NotImplementedError("Only suggest_float() is supported")

            current_value = self._current_trial.params[param_name]
            width = (param_distribution.high - param_distribution.low) * 0.1
            neighbor_low = max(current_value - width, param_distribution.low)
            neighbor_high = min(current_value + width, param_distribution.high)
            params[param_name] = self._rng.uniform(neighbor_low, neighbor_high)

        return params

    def infer_relative_search_space(self, study, trial):
        self.calls.append(("infer", trial.number))
        return hpo.samplers.intersection_search_space(study)

    def sample_independent(self, study, trial, param_name, param_distribution):
        self.calls.append(("independent", trial.number, param_name))
        independent_sampler = hpo.samplers.RandomSampler()
        return independent_sampler.sample_independent(study, trial, param_name, param_distribution)


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_float("y", -5, 5)
    return x**2 + y


def test_simulated_annealing_runs_a_study():
    study = hpo.create_study(sampler=SimulatedAnnealingSampler(), seed=0)
    study.optimize(objective, n_trials=100)

    assert len(study.trials) == 100
    assert all(type(trial.params["x"]) is float for trial in study.trials)
    assert study.best_value < -3  # the minimum is -5


def test_each_step_stays_near_an_earlier_point():
    study = hpo.create_study(sampler=SimulatedAnnealingSampler(), seed=0)
    study.optimize(objective, n_trials=40)
    for trial in study.trials[1:]:
        earlier = study.trials[: trial.number]
        assert any(
            abs(trial.params["x"] - t.params["x"]) <= 2 + 1e-9 and abs(trial.params["y"] - t.params["y"]) <= 1 + 1e-9
            for t in earlier
        )


def test_only_the_first_trial_is_sampled_independently():
    sampler = SimulatedAnnealingSampler()
    study = hpo.create_study(sampler=sampler)
    study.optimize(objective, n_trials=3)
    assert sampler.calls == [
        ("infer", 0),
        ("relative", 0, ()),
        ("independent", 0, "x"),
        ("independent", 0, "y"),
        ("infer", 1),
        ("relative", 1, ("x", "y")),
        ("infer", 2),
        ("relative", 2, ("x", "y")),
    ]


def test_an_error_of_the_sampler_fails_its_trial_and_ends_the_run():
    study = hpo.create_study(sampler=SimulatedAnnealingSampler())
    with pytest.raises(NotImplementedError, match="Only suggest_float"):
        study.optimize(lambda trial: trial.suggest_int("n", 0, 9), n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL"]
    assert "Only suggest_float" in study.trials[1].reason
