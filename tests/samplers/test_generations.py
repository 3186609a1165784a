"""`BaseGASampler`: the generations are those of Optuna, whoever is late."""

import warnings

import pytest

import hpo
from hpo.errors import InvalidArgument
from hpo.samplers import BaseGASampler, RandomSampler, intersection_search_space


def climber(base, independent, shared):
    """A class with two best parents per generation, that writes down what it sees."""

    class Climber(base):
        def __init__(self, population_size):
            super().__init__(population_size)
            self.seen = []

        def select_parent(self, study, generation):
            known = [*self.get_population(study, generation - 1), *self.get_parent_population(study, generation - 1)]
            return sorted(known, key=lambda trial: (trial.value, trial.number))[:2]

        def infer_relative_search_space(self, study, trial):
            return shared(study)

        def sample_relative(self, study, trial, search_space):
            generation = self.get_trial_generation(study, trial)
            parents = self.get_parent_population(study, generation)
            self.seen.append((trial.number, generation, sorted(parent.number for parent in parents)))
            oldest = min(parents, key=lambda parent: parent.number, default=None)
            return {name: oldest.params[name] * 0.9 for name in search_space} if oldest else {}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return independent(trial)

    return Climber


def halves(trial):
    return 1.0 / (1 + (trial.number * 7) % 5)


def test_generations_and_parents_are_those_of_optuna():
    optuna = pytest.importorskip("optuna")
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    from optuna.samplers._ga import BaseGASampler as Theirs

    seen = []
    for library, base, shared in (
        (hpo, BaseGASampler, intersection_search_space),
        (optuna, Theirs, lambda study: optuna.search_space.intersection_search_space(study.get_trials())),
    ):
        sampler = climber(base, halves, shared)(4)
        study = library.create_study(sampler=sampler)
        study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=14)
        seen.append(sampler.seen)
    assert seen[0] == seen[1]
    assert seen[0][-1][:2] == (13, 3)


def test_a_late_result_belongs_to_the_generation_of_its_time():
    sampler = climber(BaseGASampler, halves, intersection_search_space)(2)
    study = hpo.create_study(sampler=sampler)
    late = study.ask()
    for _ in range(4):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0.0, 1.0))
    study.tell(late, late.suggest_float("x", 0.0, 1.0))
    assert [trial.number for trial in sampler.get_population(study, 1)] == [3, 4]
    assert [trial.number for trial in sampler.get_population(study, 2)] == [0]
    assert sampler.get_trial_generation(study, study.trials[0]) == 2
    assert sampler.get_parent_population(study, 0) == []


@pytest.mark.parametrize("size", [0, -1, 1.5, "many"])
def test_a_bad_size_is_named(size):
    sampler = climber(BaseGASampler, RandomSampler(), intersection_search_space)
    with pytest.raises(InvalidArgument, match="population_size is a whole number from 1 on or None, got"):
        sampler(size)


def test_a_size_is_needed_before_the_first_trial():
    sampler = climber(BaseGASampler, halves, intersection_search_space)(None)
    study = hpo.create_study(sampler=sampler)
    with pytest.raises(InvalidArgument, match="population_size is None: set it"):
        study.ask()
    sampler.population_size = 3
    assert study.ask().number >= 0
