"""Samplers with the faults that get through a review: each is right nearly always, and has the law that names its fault."""

import itertools
import math
import random

import attrs
import numpy as np

from hpo.core import (
    CategoricalDistribution,
    Exhausted,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    Suggestion,
    TrialState,
    intersection_space,
    losses,
)


def drawn(space, key):
    units = key.uniforms(space)
    return {name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)}


def best_of(state):
    complete = [trial for trial in state.finished if trial.state is TrialState.COMPLETE]
    return min(complete, key=lambda trial: losses(state.directions, trial.values), default=None)


def maximizes_the_first_objective_alone(state, trial, space, key):
    def loss(trial):
        return (*losses(state.directions[:1], trial.values[:1]), *trial.values[1:])

    best = min((t for t in state.finished if t.state is TrialState.COMPLETE), key=loss, default=None)
    return Suggestion(drawn(space, key), {"best": -1 if best is None else best.number})


def forgets_who_runs_where_they_are_many(state, trial, space, key):
    counts = [dist.n_values() for dist in space.values()]
    if None in counts or math.prod(counts) > 64:
        return Suggestion(drawn(space, key))
    known = [*state.finished, *(state.running.values() if len(state.running) <= 3 else ())]
    taken = [dict(other.params) for other in known]
    values = [[dist.from_unit((i + 0.5) / dist.n_values()) for i in range(dist.n_values())] for dist in space.values()]
    for cell in itertools.product(*values):
        if dict(zip(space, cell, strict=True)) not in taken:
            return Suggestion(dict(zip(space, cell, strict=True)))
    return Exhausted("all are tried")


def notes_a_set_where_the_best_is_infinite(state, trial, space, key):
    best = best_of(state)
    value = 0.0 if best is None else best.values[0]
    return Suggestion(drawn(space, key), {"best": {value} if math.isinf(value) else value})


def keeps_the_best_without_its_grid(state, trial, space, key):
    params, best = drawn(space, key), best_of(state)
    for name, dist in space.items():
        value = None if best is None else best.params.get(name)
        if not isinstance(dist, CategoricalDistribution) and type(value) is type(params[name]):
            params[name] = value if dist.low <= value <= dist.high else params[name]
    return Suggestion(params)


def clips_to_the_range_that_the_best_had(state, trial, space, key):
    params, best = drawn(space, key), best_of(state)
    for name, dist in space.items():
        before = None if best is None else best.distributions.get(name)
        if isinstance(dist, IntDistribution) and isinstance(before, IntDistribution) and dist.step == 1:
            params[name] = min(max(params[name], before.low), before.high)
    return Suggestion(params)


def rounds_down(state, trial, space, key):
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, IntDistribution) and not dist.log:
            params[name] = dist.low + dist.step * int(unit * ((dist.high - dist.low) // dist.step))
    return Suggestion(params)


def trusts_logarithms(state, trial, space, key):
    """The way back from a logarithm ends an ulp beyond some ranges."""
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, FloatDistribution) and dist.log:
            low, high = math.log(dist.low), math.log(dist.high)
            params[name] = math.exp(low + unit * (high - low))
    return Suggestion(params)


def seeded_by_the_trial_alone(state, trial, space, key):
    generator = random.Random(trial.number)
    return Suggestion({name: space[name].from_unit(generator.random()) for name in sorted(space)})


def one_draw_for_the_study(state, trial, space, key):
    return Suggestion(drawn(space, key.parent.parent))


def one_number_for_all(state, trial, space, key):
    (unit,) = key.uniforms(["number"])
    return Suggestion({name: dist.from_unit(unit) for name, dist in space.items()})


def choice_of_numpy(state, trial, space, key):
    params, generator = drawn(space, key), key.generator()
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution) and {*map(type, dist.choices)} == {str}:
            params[name] = generator.choice(dist.choices)
    return Suggestion(params)


def finds_choices_by_equality(state, trial, space, key):
    """1 is equal to True, and so is never suggested."""
    params = drawn(space, key)
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution) and params[name] in dist.choices:
            params[name] = dist.choices[dist.choices.index(params[name])]
    return Suggestion(params)


class JointSpaceInTheOrderOfASet:
    """Its joint space has the same names in every process, and not in the same order."""

    def joint_space(self, state, trial):
        known = intersection_space(state)
        return SearchSpace({name: known[name] for name in {*known}})

    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key))


def nan_wins(state, trial, space, key):
    """The least of some numbers is NaN if that comes first."""
    reports = [(*t.intermediate_values.values(), math.inf)[0] for t in state.finished]
    least = min(reports, default=math.inf)
    return Suggestion(drawn(space, key), {"least": least})


@attrs.frozen
class ImprovementsInAList:
    """Fold: the best value, and a list of who improved it, which is one list for all forks."""

    def init(self):
        return (math.inf, [])

    def step(self, carry, trial):
        best, improved = carry
        if trial.state is TrialState.COMPLETE and trial.values[0] < best:
            improved.append(trial.number)
            return (trial.values[0], improved)
        return carry


def shares_a_list_between_forks(state, trial, space, key):
    _, improved = state.finished.fold(ImprovementsInAList())
    return Suggestion(drawn(space, key), {"improved": improved[-3:]})


@attrs.frozen
class SumInPlace:
    """Fold: an array that each step changes where it is."""

    def init(self):
        return np.zeros(1)

    def step(self, carry, trial):
        carry += 1.0
        return carry


def changes_an_array_in_place(state, trial, space, key):
    return Suggestion(drawn(space, key), {"n": float(state.finished.fold(SumInPlace())[0])})


def warns_of_infinities(state, trial, space, key):
    values = [t.values[0] for t in state.finished if t.state is TrialState.COMPLETE]
    spread = float(np.std(values)) if values else 0.0
    return Suggestion(drawn(space, key), {"spread": spread})


SAMPLERS = [
    (maximizes_the_first_objective_alone, "mirror"),
    (forgets_who_runs_where_they_are_many, "no_repeats"),
    (notes_a_set_where_the_best_is_infinite, "json_note"),
    (keeps_the_best_without_its_grid, "in_domain"),
    (clips_to_the_range_that_the_best_had, "in_domain"),
    (rounds_down, "coverage"),
    (trusts_logarithms, "in_domain"),
    (seeded_by_the_trial_alone, "coverage"),
    (one_draw_for_the_study, "coverage"),
    (one_number_for_all, "coverage"),
    (choice_of_numpy, "builtin_types"),
    (finds_choices_by_equality, "coverage"),
    (JointSpaceInTheOrderOfASet(), "any_process"),
    (nan_wins, "permutation"),
    (shares_a_list_between_forks, "fold"),
    (changes_an_array_in_place, "fold"),
    (warns_of_infinities, "total"),
]
"""Broken samplers and the law that each of them breaks."""
