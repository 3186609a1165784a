"""What is expected of configurations, and which trial is recommended, whatever sampler the study has."""

import math

import numpy as np
import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidType, NoCompletedTrial, SeveralObjectives, ValueOutsideDistribution


def run(objective, n, **create):
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=1), **create)
    study.optimize(objective, n_trials=n)
    return study


def branching(trial):
    x, kind = trial.suggest_float("x", 0.0, 10.0), trial.suggest_categorical("kind", ["a", "b"])
    rate = math.log10(trial.suggest_float("rate", 1e-3, 1.0, log=True)) if kind == "a" else 0.0
    return math.exp((x - 3.0) ** 2 / 8.0) + rate**2, 10.0 - x


def test_each_objective_is_predicted_in_its_unit():
    study = run(branching, 40, directions=["minimize", "maximize"])
    first, second = study.predict({"x": 5.0, "kind": "b"})
    assert first.mean == pytest.approx(math.exp(0.5), rel=0.02)
    assert second.mean == pytest.approx(5.0, rel=0.02)
    assert 0.0 < first.deviation < 0.1
    first, second = study.predict({"x": 3.0, "kind": "a", "rate": 0.1})
    assert first.mean == pytest.approx(2.0, rel=0.3)


def test_deviations_cover_the_errors():
    study = run(
        lambda trial: math.exp(trial.suggest_float("x", 0.0, 3.0)) * (1.0 + trial.suggest_float("y", 0.0, 1.0)), 12
    )
    errors = []
    for x, y in np.random.default_rng(0).random((40, 2)).tolist():
        (prediction,) = study.predict({"x": 3.0 * x, "y": y})
        errors.append((math.exp(3.0 * x) * (1.0 + y) - prediction.mean) / prediction.deviation)
    assert 0.02 < np.mean(np.square(errors)) < 9.0


def test_constant_results_are_predicted_to_stay():
    (prediction,) = run(lambda trial: 7.0 + 0.0 * trial.suggest_float("x", 0.0, 1.0), 5).predict({"x": 0.3})
    assert prediction == (7.0, 0.0)


def test_a_lucky_trial_is_not_recommended():
    chance = np.random.default_rng(0)
    study = run(lambda trial: (trial.suggest_float("x", 0.0, 10.0) - 3.0) ** 2 + 5.0 * chance.normal(), 60)
    assert abs(study.recommend().params["x"] - 3.0) < abs(study.best_trial.params["x"] - 3.0)


def test_without_noise_the_best_trial_is_recommended_and_without_knowledge_too():
    study = run(lambda trial: -((trial.suggest_float("x", 0.0, 10.0) - 3.0) ** 2), 20, direction="maximize")
    assert study.recommend() == study.best_trial
    study = run(lambda trial: math.sin(1e4 * trial.suggest_float("x", 0.0, 1.0)), 3)
    assert study.recommend() == study.best_trial


def test_an_infeasible_trial_is_not_recommended():
    def objective(trial):
        x = trial.suggest_float("x", 0.0, 10.0)
        trial.set_constraint("limit", 5.0 - x)
        return x

    study = run(objective, 20)
    assert study.recommend() == study.best_trial
    assert study.recommend().params["x"] >= 5.0


def test_errors_say_what_is_needed():
    study = run(branching, 5, directions=["minimize", "maximize"])
    with pytest.raises(InvalidArgument, match="speed"):
        study.predict({"speed": 1.0})
    with pytest.raises(InvalidArgument, match="empty"):
        study.predict({})
    with pytest.raises(InvalidType, match="a mapping of names to values, got 3"):
        study.predict(3)
    with pytest.raises(ValueOutsideDistribution, match="x"):
        study.predict({"x": 11.0})
    with pytest.raises(SeveralObjectives, match="recommend"):
        study.recommend()
    empty = hpo.create_study(space={"x": hpo.FloatDistribution(0.0, 1.0)})
    with pytest.raises(NoCompletedTrial):
        empty.predict({"x": 0.5})
    with pytest.raises(NoCompletedTrial):
        empty.recommend()
    with pytest.raises(NoCompletedTrial):
        hpo.create_study().predict({"x": 0.5})
