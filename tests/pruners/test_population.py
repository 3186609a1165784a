"""Population-based training: who ends, who is copied, and how the copies differ."""

import math
from collections import Counter

import pytest

import hpo
from hpo.core import FloatDistribution, Key, StudyState, TrialState, ask, pause, report
from hpo.errors import InvalidArgument
from hpo.pruners import Decision, NopPruner, PauseInPopulation, PopulationTraining
from hpo.samplers import RandomSampler
from hpo.stopping import MaxTrials
from hpo.testing import check_promoter, check_pruner

SAMPLER = RandomSampler()
POPULATION = PopulationTraining(population_size=5, interval=3, max_resource=30)
STEPS = 30


def objective(trial):
    """The error falls fastest with a rate that grows during the training, so that no constant rate is best."""
    rate = trial.suggest_float("rate", 0.01, 1.0, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    done, error = (0.0, 1.0) if trial.checkpoint is None else map(float, trial.checkpoint.split())
    for step in range(int(done) + 1, STEPS + 1):
        best = 0.2 + 0.4 * step / STEPS
        error *= 1.0 - 0.2 * math.exp(-2.0 * abs(math.log(rate / best))) * (1.0 if kind == "a" else 0.5)
        trial.report(error, step)
        if trial.pause_point(checkpoint=f"{step} {error}"):
            return None
    return error


def trained(population=POPULATION, seed=1):
    study = hpo.create_study(sampler=SAMPLER, pruner=population.pruner, promoter=population, seed=seed)
    study.optimize(objective, n_trials=2000, stop=MaxTrials(population.population_size))
    return study


def test_the_population_keeps_its_size_and_is_trained_to_the_end():
    study = trained()
    states = Counter(trial.state for trial in study.trials)
    assert states[TrialState.COMPLETE] == 5
    assert not states[TrialState.RUNNING]
    assert not states[TrialState.PAUSED]
    forks = [trial for trial in study.trials if trial.parent is not None]
    assert len(forks) == states[TrialState.PRUNED] > 0
    assert len(study.trials) == 5 + len(forks)


def test_copies_go_on_from_where_their_donors_were():
    study = trained()
    for trial in study.trials:
        if trial.parent is None:
            continue
        first = min(trial.intermediate_values)
        assert (first - 1) % 3 == 0
        assert (
            first - 1 in study.trials[trial.parent].intermediate_values or study.trials[trial.parent].parent is not None
        )


def test_it_beats_the_same_number_of_constant_rates():
    better = 0
    for seed in range(3):
        alone = hpo.create_study(sampler=SAMPLER, pruner=NopPruner(), seed=seed)
        alone.optimize(objective, n_trials=5)
        better += trained(seed=seed).best_value < alone.best_value
    assert better >= 2


def test_the_rule_is_recorded_and_can_be_verified():
    study = trained()
    assert hpo.verify(study, SAMPLER, POPULATION.pruner, POPULATION).clean
    fork = next(trial for trial in study.trials if trial.parent is not None)
    reason = hpo.explain(study, fork.number).decisions[0].reason
    assert reason["donor"] == fork.parent
    assert {*reason["explored"]} == {"rate", "kind"}


def test_parameters_are_perturbed_within_their_ranges():
    population = PopulationTraining(resample_probability=0.0, factor=1.25)
    seen = {population._perturbed(FloatDistribution(0.0, 1.0), 0.5, Key(1).child(i))[0] for i in range(40)}
    assert sorted(round(value, 9) for value in seen) == [0.4, 0.625]
    top = {population._perturbed(FloatDistribution(0.0, 1.0), 0.9, Key(1).child(i))[0] for i in range(40)}
    assert max(top) == 1.0
    grid = hpo.IntDistribution(0, 100, step=10)
    assert {population._perturbed(grid, 50, Key(1).child(i))[0] for i in range(40)} == {40, 60}
    # what the factor does not move goes to a neighbour, so that no parameter is stuck
    small, signed = hpo.IntDistribution(1, 9), FloatDistribution(-1.0, 1.0)
    assert {population._perturbed(small, 1, Key(1).child(i)) for i in range(40)} == {(2, "up"), (1, "times 0.8")}
    assert {round(population._perturbed(signed, 0.0, Key(1).child(i))[0], 9) for i in range(40)} == {0.2, -0.2}
    negative = {population._perturbed(hpo.IntDistribution(-9, -1), -1, Key(1).child(i)) for i in range(40)}
    assert negative == {(-2, "down"), (-1, "times 0.8")}
    choices = hpo.CategoricalDistribution(["a", "b"])
    assert {population._perturbed(choices, "a", Key(1).child(i)) for i in range(9)} == {("a", "kept")}


def test_the_worst_at_a_milestone_are_stopped_and_ties_are_not():
    def decided(others, value):
        state = StudyState.create()
        for other in others:
            state, trial = ask(state, SAMPLER)
            state = pause(report(state, trial, other, 5), trial)
        state, trial = ask(state, SAMPLER)
        state = report(state, trial, value, 5)
        return PauseInPopulation(5)(state, state.running[trial.number]).decision

    assert decided([], 1.0) is Decision.PAUSE
    assert decided([1.0, 2.0, 3.0], 4.0) is Decision.STOP
    assert decided([1.0, 2.0, 3.0], 2.5) is Decision.PAUSE
    assert decided([4.0, 4.0, 4.0], 4.0) is Decision.PAUSE
    assert decided([1.0, 1.0, 1.0], math.nan) is Decision.STOP


def test_the_laws_are_kept():
    check_pruner(PauseInPopulation(1), laws=["total", "survives_every_scenario", "fold", "mirror"], max_examples=10)
    check_promoter(PopulationTraining(3), laws=["total", "same_answer_twice", "relabel", "fold"], max_examples=10)


def test_options_are_checked():
    for options in (
        {"population_size": 1},
        {"interval": 0},
        {"quantile": 0.0},
        {"quantile": 0.6},
        {"resample_probability": 2.0},
        {"factor": 1.0},
    ):
        with pytest.raises(InvalidArgument):
            PopulationTraining(**options)
