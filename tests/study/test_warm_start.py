"""`Study.warm_start`: the best trials of a related study are tried, and the sampler believes that the best values are near."""

import numpy as np
import pytest

import hpo
from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, StudyState, TrialState, create_trial
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import AutoSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler, Warmup, Where
from hpo.samplers.parts.prior import checked_prior
from hpo.samplers.parts.related import best_complete, learned_beliefs


def objective(best, unit=1.0):
    def loss(trial):
        away = sum((trial.suggest_float(f"x{i}", 0.0, 1.0) - best) ** 2 for i in range(3))
        depth = trial.suggest_int("depth", 1, 9)
        return unit * (away + 0.01 * abs(depth - 4) + 0.1 * (trial.suggest_categorical("kind", ["a", "b", "c"]) != "b"))

    return loss


@pytest.fixture(scope="module")
def source():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    study.optimize(objective(0.7, unit=1000.0), n_trials=60)
    return study


def gp():
    return GPSampler(n_startup_trials=4, n_candidates=64, n_local_searches=2)


@pytest.mark.parametrize("sampler", [TPESampler(), gp(), AutoSampler()], ids=["tpe", "gp", "auto"])
def test_the_best_configurations_are_tried_first_and_all_is_verified_without_the_other_study(source, sampler):
    study = hpo.create_study(sampler=sampler, seed=2)
    study.warm_start(source, k=3)
    study.optimize(objective(0.75), n_trials=14)
    best = sorted(source.trials, key=lambda trial: trial.value)[:3]
    assert [trial.params for trial in study.trials[:3]] == [trial.params for trial in best]
    assert study.sampler.prior.keys() == {"x0", "x1", "x2", "depth", "kind"}
    verified = hpo.verify(study)
    assert verified.clean
    assert verified.n_suggestions >= 14


@pytest.mark.parametrize("sampler_of", [TPESampler, gp], ids=["tpe", "gp"])
def test_a_related_study_helps_and_an_unrelated_one_is_overcome(source, sampler_of):
    values = {"none": [], "related": [], "unrelated": []}
    for seed in range(4):
        for case, best in (("none", 0.72), ("related", 0.72), ("unrelated", 0.15)):
            study = hpo.create_study(sampler=sampler_of(), seed=seed)
            if case != "none":
                study.warm_start(source, k=0)
            study.optimize(objective(best), n_trials=16 if case != "unrelated" else 50)
            values[case].append(study.best_value)
    assert np.median(values["related"]) < np.median(values["none"])
    assert np.median(values["unrelated"]) < 0.1


def test_beliefs_are_where_the_best_trials_were(source):
    beliefs = learned_beliefs(source.state)
    assert checked_prior(beliefs) == beliefs
    x, weights = np.array(beliefs["x0"]).T
    assert abs(x[weights.argmax()] - 0.7) < 0.1
    assert max(beliefs["kind"], key=lambda pair: pair[1])[0] == "b"
    assert [value for value, _ in beliefs["depth"]] == [*range(1, 10)]
    assert max(beliefs["depth"], key=lambda pair: pair[1])[0] in (3, 4, 5)


def finished(value, params, state=TrialState.COMPLETE, **constraints):
    space = {"x": FloatDistribution(0.0, 1.0), "n": IntDistribution(0, 9), "c": CategoricalDistribution(["a", "b"])}
    return create_trial(
        value=value, params=params, distributions={n: space[n] for n in params}, state=state, constraints=constraints
    )


def test_the_best_are_complete_feasible_and_different():
    trials = [
        finished(3.0, {"x": 0.1}),
        finished(1.0, {"x": 0.2}),
        finished(0.5, {"x": 0.3}, weight=1.0),
        finished(1.5, {"x": 0.2}),
        finished(2.0, {"x": 0.4}),
        finished(None, {"x": 0.5}, TrialState.FAIL),
    ]
    minimized = StudyState(directions=("minimize",), finished=hpo.core.History(trials))
    assert [trial.value for trial in best_complete(minimized, 2)] == [1.0, 2.0]
    maximized = StudyState(directions=("maximize",), finished=hpo.core.History(trials))
    assert [trial.value for trial in best_complete(maximized, 9)] == [3.0, 2.0, 1.5]
    assert best_complete(StudyState(directions=("minimize",)), 3) == []
    assert learned_beliefs(StudyState(directions=("minimize",))) == {}


def test_a_list_of_trials_is_minimized_and_rare_parameters_teach_nothing():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    study.warm_start([finished(float(i), {"x": 0.1 * i}) for i in range(4)] + [finished(9.0, {"n": 3, "x": 0.9})], k=1)
    assert study.sampler.prior.keys() == {"x"}
    assert study.state.waiting.first is not None
    assert study.trials[0].fixed_params == {"x": 0.0}


def test_several_objectives_give_their_front():
    source = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler(), seed=1)
    source.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=20)
    study = hpo.create_study(directions=["minimize", "maximize"], seed=2)
    study.warm_start(source, k=2)
    front = [trial.params for trial in source.best_trials]
    assert all(trial.fixed_params in front for trial in study.trials)


def test_what_the_sampler_believed_before_counts_more(source):
    study = hpo.create_study(sampler=TPESampler(prior={"x0": (0.1, 0.2)}), seed=1)
    study.warm_start(source)
    assert study.sampler.prior["x0"] == (0.1, 0.2)
    assert len(study.sampler.prior) == 5


def test_samplers_inside_of_wrappers_learn_too(source):
    where = Where(lambda params: params["depth"] > 1, Warmup(2, RandomSampler(), TPESampler()))
    study = hpo.create_study(sampler=where, seed=1)
    study.warm_start(source, k=0)
    learned = study.sampler.sampler.then.prior
    assert learned == learned_beliefs(source.state)
    assert study.sampler.predicate is where.predicate
    assert study.sampler.sampler.first is where.sampler.first
    study.optimize(objective(0.7), n_trials=4)
    assert hpo.verify(study, sampler=study.sampler).clean


@pytest.mark.parametrize("sampler", [RandomSampler(), CmaEsSampler(), lambda state, trial, space, key: None])
def test_other_samplers_stay_as_they_are(source, sampler):
    study = hpo.create_study(sampler=sampler, seed=1)
    study.warm_start(source, k=2)
    assert study.sampler is sampler
    assert len(study.trials) == 2


def test_a_second_call_enqueues_nothing_again(source):
    study = hpo.create_study(seed=1)
    study.warm_start(source, k=2)
    study.warm_start(source, k=3)
    assert len(study.trials) == 3


def test_a_declared_space_takes_what_fits(source):
    space = {"x0": FloatDistribution(0.0, 0.01), "kind": CategoricalDistribution(["a", "b"])}
    study = hpo.create_study(space=space, seed=1)
    study.warm_start(source, k=1)
    assert study.trials[0].fixed_params == {"kind": source.best_params["kind"]}


@pytest.mark.parametrize("k", [-1, 1.5, "3"])
def test_a_wrong_number_is_refused(source, k):
    with pytest.raises(InvalidArgument, match="at least 0"):
        hpo.create_study().warm_start(source, k=k)


def test_other_directions_are_refused(source):
    with pytest.raises(InvalidArgument, match=r"\['maximize'\], and the other one has \['minimize'\]"):
        hpo.create_study(direction="maximize").warm_start(source)


def test_something_else_is_refused():
    with pytest.raises(InvalidType, match="expected a study"):
        hpo.create_study().warm_start(3)
