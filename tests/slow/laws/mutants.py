"""Samplers that are broken on purpose, each with the law that names its fault."""

import math
import random
import time

import attrs
import numpy as np

from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, Suggestion, TrialState, losses
from hpo.samplers.random import RandomSampler


def drawn(space, units):
    return {name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)}


def everywhere(space, unit):
    return Suggestion(drawn(space, [unit] * len(space)))


def complete_trials(state):
    return [trial for trial in state.finished if trial.state is TrialState.COMPLETE]


def global_generator(state, trial, space, key):
    return Suggestion(drawn(space, [random.random() for _ in space]), {"luck": random.random()})


def the_clock(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)), {"at": time.perf_counter_ns()})


class Counter:
    def __init__(self):
        self.calls = 0

    def __call__(self, state, trial, space, key):
        self.calls += 1
        return Suggestion(drawn(space, [0.5] * len(space)), {"calls": self.calls})


class CacheByLength:
    def __init__(self):
        self.means = {}

    def __call__(self, state, trial, space, key):
        n = len(state.finished)
        if n not in self.means:
            self.means[n] = repr([trial.values for trial in state.finished])
        return Suggestion(drawn(space, [0.5] * len(space)), {"seen": self.means[n]})


_SEEN = {}


def cache_of_the_module(state, trial, space, key):
    values = _SEEN.setdefault(len(state.finished), repr([trial.values for trial in state.finished]))
    return Suggestion(drawn(space, [0.5] * len(space)), {"seen": values})


def hash_of_a_text(state, trial, space, key):
    return Suggestion(drawn(space, [hash(name) % 1000 / 1000 for name in space]))


def order_of_a_set(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)), {"names": [*{f"parameter {i}" for i in range(20)}]})


def one_beyond_high(state, trial, space, key):
    params = drawn(space, [1.0] * len(space))
    return Suggestion({n: v + 1 if isinstance(space[n], IntDistribution) else v for n, v in params.items()})


class SeededTooHigh:
    """Its values are one too high, whatever the seed of the study is."""

    seed = 11

    def __call__(self, state, trial, space, key):
        return one_beyond_high(state, trial, space, key)


def steps_forgotten(state, trial, space, key):
    params = drawn(space, [0.3] * len(space))
    for name, dist in space.items():
        if not isinstance(dist, CategoricalDistribution) and not dist.log and dist.step and dist.n_values() > 1:
            params[name] = dist.low + dist.step / 3 if dist.step > 2 else dist.low + dist.step * 0.5
    return Suggestion(params)


def history_without_its_range(state, trial, space, key):
    params = drawn(space, [0.5] * len(space))
    for other in complete_trials(state):
        params.update({n: v for n, v in other.params.items() if n in space})
    return Suggestion(params)


def numpy_scalars(state, trial, space, key):
    params = drawn(space, [0.5] * len(space))
    return Suggestion({n: np.float64(v) if isinstance(v, float) else v for n, v in params.items()})


def floats_for_ints(state, trial, space, key):
    params = drawn(space, [0.5] * len(space))
    small = {n for n, dist in space.items() if isinstance(dist, IntDistribution) and abs(params[n]) < 2**53}
    return Suggestion({n: float(v) if n in small else v for n, v in params.items()})


def a_parameter_is_missing(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)) if len(space) < 2 else {})


def a_parameter_too_many(state, trial, space, key):
    return Suggestion({**drawn(space, [0.5] * len(space)), "more": 1})


def no_suggestion(state, trial, space, key):
    return drawn(space, [0.5] * len(space))


def best_of_nothing(state, trial, space, key):
    best = min(complete_trials(state), key=lambda t: losses(state.directions, t.values)) if state.finished else None
    return everywhere(space, 0.5 if best is None else 0.25)


def mean_of_infinities(state, trial, space, key):
    values = [value for other in complete_trials(state) for value in other.values]
    return everywhere(space, int(sum(values)) % 2 / 2)


def object_in_the_note(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)), {"trial": trial})


def only_with_others(state, trial, space, key):
    """It wants to be the one who gave the joint parameters, and to have noted so."""
    if trial.params and "mine" not in trial.note:
        raise KeyError("mine")
    return everywhere(space, 0.5)


def by_position(state, trial, space, key):
    return Suggestion(drawn(space, key.generator().random(len(space)).tolist()))


def by_name_of_the_study(state, trial, space, key):
    return everywhere(space, 0.25 if state.name else 0.75)


def by_worker(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)), {"worker": trial.worker or "nobody"})


@attrs.frozen
class GrowingList:
    """A fold whose carry is one list for all prefixes."""

    def init(self):
        return []

    def step(self, carry, trial):
        carry.append(trial.number)
        return carry


def remembers_what_it_should_not(state, trial, space, key):
    numbers = state.finished.fold(GrowingList())
    return Suggestion(drawn(space, [0.5] * len(space)), {"numbers": len(numbers)})


def size_of_values(state, trial, space, key):
    values = [t.values[0] for t in complete_trials(state) if math.isfinite(t.values[0])]
    return everywhere(space, 0.25 if sum(values) / 2 > max(values, default=0.0) else 0.75)


def absolute_threshold(state, trial, space, key):
    good = any(t.values[0] < 1.0 for t in complete_trials(state))
    return everywhere(space, 0.25 if good else 0.75)


def direction_forgotten(state, trial, space, key):
    best = min(complete_trials(state), key=lambda t: t.values[0], default=None)
    return Suggestion(drawn(space, [0.5] * len(space)), {"best": -1 if best is None else best.number})


def log_ignored(state, trial, space, key):
    params = drawn(space, [0.3] * len(space))
    for name, dist in space.items():
        if isinstance(dist, FloatDistribution) and dist.log:
            params[name] = FloatDistribution(dist.low, dist.high).from_unit(0.3)
    return Suggestion(params)


def steps_of_a_tenth(state, trial, space, key):
    """It tries values near the best ones, in units of its own."""
    best = min(complete_trials(state), key=lambda t: t.values, default=None)
    params = drawn(space, [0.5] * len(space))
    for name, dist in space.items():
        if best is not None and isinstance(dist, FloatDistribution) and dist.step is None and name in best.params:
            params[name] = min(max(best.params[name] + 0.1, dist.low), dist.high)
    return Suggestion(params)


def after_the_last_told(state, trial, space, key):
    last = state.finished[-1].number if state.finished else -1
    return Suggestion(drawn(space, [0.5] * len(space)), {"after": last})


def constraints_by_place(state, trial, space, key):
    """It takes the first constraint that a trial got for the same one in all trials."""
    rows = [[*other.constraints.values()] for other in complete_trials(state)]
    return Suggestion(drawn(space, [0.5] * len(space)), {"first": [row[0] for row in rows if row]})


def running_ignored(state, trial, space, key):
    return everywhere(space, len(state.finished) / 12)


def never_exhausted(state, trial, space, key):
    return everywhere(space, trial.number / 12)


class NotesInItsHistory:
    """It can't read what it has noted itself, in a study that goes on elsewhere."""

    def __call__(self, state, trial, space, key):
        noted = [t.note["seen"] for t in state.finished if "seen" in t.note]
        if any(type(seen) is not tuple for seen in noted):
            raise TypeError("a note is a tuple")
        return Suggestion(drawn(space, [0.5] * len(space)), {"seen": (trial.number,)})


def refits_everything(state, trial, space, key):
    return Suggestion(drawn(space, [0.5] * len(space)), {"n": sum(len(t.params.keys()) for t in state.finished)})


def walks_through_everything(state, trial, space, key):
    """A loop over all of a column, which calls nothing."""
    least = 0.0
    for number in range(len(state.finished)):
        least = least if least < number else number
    return everywhere(space, 0.5)


@attrs.frozen
class Blind:
    """Random search under another name."""

    def __call__(self, state, trial, space, key):
        return RandomSampler()(state, trial, space, key.child("blind"))


SAMPLERS = [
    (global_generator, "same_answer_twice"),
    (the_clock, "same_answer_twice"),
    (Counter(), "same_answer_twice"),
    (CacheByLength(), "any_order_of_calls"),
    (cache_of_the_module, "any_process"),
    (hash_of_a_text, "any_process"),
    (order_of_a_set, "any_process"),
    (one_beyond_high, "in_domain"),
    (steps_forgotten, "in_domain"),
    (history_without_its_range, "in_domain"),
    (numpy_scalars, "builtin_types"),
    (floats_for_ints, "builtin_types"),
    (a_parameter_is_missing, "complete"),
    (a_parameter_too_many, "complete"),
    (no_suggestion, "total"),
    (best_of_nothing, "total"),
    (NotesInItsHistory(), "total"),
    (best_of_nothing, "survives_every_scenario"),
    (mean_of_infinities, "survives_every_scenario"),
    (object_in_the_note, "json_note"),
    (only_with_others, "lone_parameters"),
    (by_position, "parameter_order"),
    (by_name_of_the_study, "relabel"),
    (by_worker, "relabel"),
    (remembers_what_it_should_not, "fold"),
    (size_of_values, "rank_based"),
    (absolute_threshold, "affine"),
    (direction_forgotten, "mirror"),
    (log_ignored, "scale"),
    (steps_of_a_tenth, "scale"),
    (after_the_last_told, "permutation"),
    (constraints_by_place, "recording_order"),
    (running_ignored, "no_repeats"),
    (never_exhausted, "exhaustion"),
    (refits_everything, "bounded_work"),
    (walks_through_everything, "bounded_work"),
    (Blind(), "learning"),
]
"""Broken samplers and the law that each of them breaks."""
