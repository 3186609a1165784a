"""Samplers whose faults hide: in other options, threads, processes, rare streams, many parameters, or what is learned."""

import dataclasses
import decimal
import math
import os
import random
import signal
import sys
import threading
import time
from typing import ClassVar

import attrs
import numpy as np

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Key,
    Suggestion,
    TrialState,
    losses,
)


def drawn(space, key):
    units = key.uniforms(space)
    return {name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)}


def complete_trials(state):
    return [trial for trial in state.finished if trial.state is TrialState.COMPLETE]


def near(params, space, key, width=0.1):
    """Values near given ones, where these are in the space."""
    found = {}
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        here = dist.to_unit(params[name]) + width * (2 * unit - 1) if dist.contains(params.get(name)) else unit
        found[name] = dist.from_unit(min(max(here, 0.0), 1.0))
    return Suggestion(found)


def near_the_best(state, space, key, trials, value, width=0.1):
    if len(trials) < 5:
        return Suggestion(drawn(space, key))
    return near(min(trials, key=value).params, space, key, width)


# work


def index_error_after_a_hundred_trials(state, trial, space, key):
    weights = [0.1 * number for number in range(100)]
    return Suggestion(drawn(space, key), {"weight": weights[len(state.finished)]})


def nothing_after_five_hundred_trials(state, trial, space, key):
    return Suggestion(drawn(space, key)) if len(state.finished) < 500 else None


def leaves_the_range_after_a_thousand_trials(state, trial, space, key):
    """Its steps grow with the number of trials, and nothing stops them."""
    params = drawn(space, key)
    far = 10.0 if len(state.finished) >= 1000 else 1.0
    return Suggestion({name: value * far if type(value) is float else value for name, value in params.items()})


def forgets_a_parameter_when_it_is_old(state, trial, space, key):
    params = drawn(space, key)
    if len(state.finished) > 150:
        params.pop(next(iter(params)))
    return Suggestion(params)


# directions


def takes_all_directions_from_the_first(state, trial, space, key):
    sign = -1.0 if state.directions[0] == "maximize" else 1.0
    best = min(complete_trials(state), key=lambda t: [sign * value for value in t.values], default=None)
    return Suggestion(drawn(space, key), {"best": -1 if best is None else best.number})


def breaks_ties_by_the_smallest_value(state, trial, space, key):
    """It minimizes the second objective where the first one is equal, whatever the direction is."""
    complete = complete_trials(state)
    if len(state.directions) < 2 or len({t.values[0] for t in complete}) != 1 or len(complete) < 3:
        return Suggestion(drawn(space, key))
    best = min(complete, key=lambda t: t.values[1])
    return Suggestion(drawn(space, key), {"best": best.number})


def maximizes_the_last_of_three(state, trial, space, key):
    if len(state.directions) != 3:
        return Suggestion(drawn(space, key))
    best = max(complete_trials(state), key=lambda t: t.values[2], default=None)
    return Suggestion(drawn(space, key), {"best": -1 if best is None else best.number})


# streams


def shifts_its_seed_by_the_number(state, trial, space, key):
    return Suggestion(drawn(space, Key(key.seed + trial.number)))


def mixes_its_seed_with_the_number(state, trial, space, key):
    return Suggestion(drawn(space, Key(key.seed ^ trial.number)))


def has_sixteen_seeds(state, trial, space, key):
    return Suggestion(drawn(space, Key(key.seed % 16, key.path)))


def draws_a_batch_from_one_stream(state, trial, space, key):
    """Its stream is named by the number of finished trials, which is the same for a batch."""
    if len(state.finished) < 5:
        return Suggestion(drawn(space, key))
    best = min(complete_trials(state), key=lambda t: losses(state.directions, t.values), default=None)
    return near({} if best is None else best.params, space, Key(key.seed, ("after", len(state.finished))))


def answers_with_the_best_after_thirty_trials(state, trial, space, key):
    complete = complete_trials(state)
    if len(complete) < 30:
        return Suggestion(drawn(space, key))
    return near(min(complete, key=lambda t: losses(state.directions, t.values)).params, space, key, width=0.0)


class DrawsLoneParametersFromTheTrial:
    """All lone parameters of a trial are at the same place of their ranges."""

    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key))

    def suggest_lone(self, state, trial, space, key):
        (unit,) = Key(key.seed, key.path[:2]).uniforms(["lone"])
        return Suggestion({name: dist.from_unit(unit) for name, dist in space.items()})


class LeavesTheUpperHalfOfLoneParametersOut:
    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key))

    def suggest_lone(self, state, trial, space, key):
        (unit,) = key.uniforms(["lone"])
        return Suggestion({name: dist.from_unit(unit / 2) for name, dist in space.items()})


def reads_the_clock_once_in_a_thousand(state, trial, space, key):
    params = drawn(space, key)
    return Suggestion(params, {"at": time.time()} if key.uniforms(["rare"])[0] < 0.001 else {})


def tries_again_with_another_generator(state, trial, space, key):
    """Where its first draw is refused, it draws from the generator of the process."""
    unit = key.uniforms(["first"])[0]
    while unit > 0.999:
        unit = random.random()
    return Suggestion(drawn(space, key), {"unit": unit})


def has_another_start_each_day(state, trial, space, key):
    return Suggestion(drawn(space, key.child(int(time.time()) // 86400)))


# the process


def seeds_the_generator_of_random(state, trial, space, key):
    random.seed(repr(key))
    return Suggestion({name: space[name].from_unit(random.random()) for name in sorted(space)})


def seeds_the_generator_of_numpy(state, trial, space, key):
    np.random.seed(int(key.uniforms(["seed"])[0] * 2**32))  # noqa: NPY002
    return Suggestion({name: space[name].from_unit(float(np.random.random())) for name in sorted(space)})  # noqa: NPY002


def switches_the_errors_of_numpy_off(state, trial, space, key):
    np.seterr(all="ignore")
    return Suggestion(drawn(space, key))


def needs_more_decimals(state, trial, space, key):
    decimal.getcontext().prec = 60
    return Suggestion(drawn(space, key))


def sets_the_number_of_threads(state, trial, space, key):
    os.environ["NUMBA_NUM_THREADS"] = "1"
    return Suggestion(drawn(space, key))


class LeavesAThread:
    """It starts a thread for its next fit, which stays."""

    def __init__(self):
        self.stop = None

    def __deepcopy__(self, memo):
        return type(self)()

    def __call__(self, state, trial, space, key):
        if self.stop is None:
            self.stop = threading.Event()
            threading.Thread(target=self.stop.wait, args=(30.0,), daemon=True).start()
        return Suggestion(drawn(space, key))


def raises_the_limit_of_recursion_for_many_trials(state, trial, space, key):
    if len(state.finished) > 20:
        sys.setrecursionlimit(10 * sys.getrecursionlimit())
    return Suggestion(drawn(space, key))


def asks_how_many_threads_numpy_has(state, trial, space, key):
    return Suggestion(drawn(space, key), {"threads": os.environ.get("OMP_NUM_THREADS")})


# threads


class KeepsTheSpaceInAnAttribute:
    """Another thread may have changed it meanwhile."""

    def __call__(self, state, trial, space, key):
        self.space = space
        time.sleep(0)
        units = key.uniforms(self.space)
        return Suggestion(
            {name: dist.from_unit(unit) for (name, dist), unit in zip(self.space.items(), units, strict=False)}
        )


_LOCAL = threading.local()
_LOCAL.scale = 1.0


def reads_what_the_main_thread_has(state, trial, space, key):
    return Suggestion(drawn(space, key), {"scale": _LOCAL.scale})


def limits_its_time_by_a_signal(state, trial, space, key):
    """Handlers of signals can be set in the main thread only."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, before)
    return Suggestion(drawn(space, key))


# options


@attrs.frozen
class Newest:
    """Fold: the numbers of the newest trials, whose count is not compared."""

    most: int = attrs.field(eq=False)

    def init(self):
        return ()

    def step(self, carry, trial):
        return (*carry, trial.number)[-self.most :]


@attrs.frozen
class HasAFoldThatLacksAnOption:
    most: int = 2

    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key), {"newest": state.finished.fold(Newest(self.most))})


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Fold: a weighted count, whose weight is not compared."""

    weight: float = dataclasses.field(compare=False)

    def init(self):
        return 0.0

    def step(self, carry, trial):
        return carry + self.weight


@dataclasses.dataclass(frozen=True)
class HasADataclassForAFold:
    weight: float = 0.5

    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key), {"weight": state.finished.fold(Weighted(self.weight))})


class SharesWhatItLearnsBetweenItsKind:
    """A memo by study, which is one for all objects of the class."""

    memo: ClassVar = {}

    def __init__(self, width=0.3):
        self.width = width

    def __call__(self, state, trial, space, key):
        width = self.memo.setdefault(id(state), (state, self.width))[1]
        return Suggestion(drawn(space, key), {"width": width})


@attrs.frozen
class AsksAnotherOne:
    """A sound wrapper around one whose options mix."""

    inner: object = HasAFoldThatLacksAnOption()

    def __call__(self, state, trial, space, key):
        return self.inner(state, trial, space, key)


# large and small spaces


def has_room_for_thirty_parameters(state, trial, space, key):
    row = np.zeros(30)
    for i, unit in enumerate(key.uniforms(space)):
        row[i] = unit
    return Suggestion(
        {name: dist.from_unit(float(unit)) for (name, dist), unit in zip(space.items(), row, strict=False)}
    )


def packs_halves_into_32_bits(state, trial, space, key):
    params = drawn(space, key)
    bits = np.int32(0)
    for i, (name, dist) in enumerate(space.items()):
        bits = np.int32(int(bits) | (int(dist.to_unit(params[name]) >= 0.5) << i))
    return Suggestion(params, {"halves": int(bits)})


def counts_steps_in_floats(state, trial, space, key):
    """The step goes through another unit and back, so that it is not whole any more."""
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, IntDistribution) and not dist.log and dist.step >= 2**40:
            n = (dist.high - dist.low) // dist.step
            params[name] = dist.low + int(dist.step * (1.0 + 1e-12) * int(unit * (n + 1)))
    return Suggestion(params)


def rounds_to_both_ends(state, trial, space, key):
    """Both ends of a range of ints are rounded to from one side only."""
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, IntDistribution) and not dist.log:
            params[name] = dist.low + dist.step * round(unit * ((dist.high - dist.low) // dist.step))
    return Suggestion(params)


def rounds_logarithms(state, trial, space, key):
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, IntDistribution) and dist.log and dist.high < 2**50:
            value = round(math.exp(math.log(dist.low) + unit * (math.log(dist.high) - math.log(dist.low))))
            params[name] = min(max(value, dist.low), dist.high)
    return Suggestion(params)


def rounds_grids_to_both_ends(state, trial, space, key):
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, FloatDistribution) and dist.step is not None and dist.n_values() > 1:
            cells = dist.n_values() - 1
            params[name] = dist.from_unit((round(unit * cells) + 0.5) / (cells + 1))
    return Suggestion(params)


def likes_the_first_choices(state, trial, space, key):
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, CategoricalDistribution):
            params[name] = dist.choices[int(unit**2 * len(dist.choices))]
    return Suggestion(params)


def takes_log_ints_for_plain_ones(state, trial, space, key):
    params = drawn(space, key)
    for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True):
        if isinstance(dist, IntDistribution) and dist.log and dist.high <= 12:
            params[name] = dist.low + int(unit * (dist.high - dist.low + 1))
    return Suggestion(params)


# what a state has besides its value


def reads_the_log(state, trial, space, key):
    try:
        newest = len(state.log.since(max(0, state.version - 2)))
    except LookupError:
        newest = 0
    return Suggestion(drawn(space, key), {"newest": newest})


# what is learned


def takes_failures_for_the_best(state, trial, space, key):
    def value(other):
        return other.values or (-math.inf,)

    return near_the_best(state, space, key, [t for t in state.finished if t.params], value)


def goes_where_it_knows_nothing(state, trial, space, key):
    """Of 16 points the one that is farthest from all complete trials: nothing completes where trials fail."""

    def place(params):
        return [dist.to_unit(params[name]) for name, dist in space.items()]

    known = [place(other.params) for other in complete_trials(state) if other.params.keys() >= space.keys()]
    points = [drawn(space, key.child("candidate", i)) for i in range(16)]
    return Suggestion(max(points, key=lambda params: min((math.dist(place(params), at) for at in known), default=0.0)))


def forgets_constraints(state, trial, space, key):
    return near_the_best(state, space, key, complete_trials(state), lambda t: t.values)


def takes_small_violations_for_none(state, trial, space, key):
    def value(other):
        return max((0.0, *other.constraints.values())) > 0.5, other.values

    return near_the_best(state, space, key, complete_trials(state), value)


def maximizes_constraints(state, trial, space, key):
    def value(other):
        return not any(limit > 0.0 for limit in other.constraints.values()), other.values

    return near_the_best(state, space, key, complete_trials(state), value)


def looks_at_the_first_objective_alone(state, trial, space, key):
    def value(other):
        return losses(state.directions, other.values)[0], other.number

    return near_the_best(state, space, key, complete_trials(state), value)


def looks_at_the_last_objective_alone(state, trial, space, key):
    def value(other):
        return losses(state.directions, other.values)[-1], other.number

    return near_the_best(state, space, key, complete_trials(state), value)


def adds_up_objectives_as_if_all_were_minimized(state, trial, space, key):
    return near_the_best(state, space, key, complete_trials(state), lambda t: sum(t.values))


def takes_the_reports_of_pruned_trials_for_values(state, trial, space, key):
    def value(other):
        return min((*(other.values or ()), *other.intermediate_values.values()), default=math.inf)

    return near_the_best(state, space, key, [t for t in state.finished if t.params], value)


def takes_pruned_trials_for_zero(state, trial, space, key):
    def value(other):
        return 0.0 if other.values is None or other.state is TrialState.PRUNED else other.values[0]

    return near_the_best(state, space, key, [t for t in state.finished if t.params], value)


SAMPLERS = [
    (index_error_after_a_hundred_trials, "bounded_work"),
    (nothing_after_five_hundred_trials, "bounded_work"),
    (leaves_the_range_after_a_thousand_trials, "bounded_work"),
    (forgets_a_parameter_when_it_is_old, "bounded_work"),
    (takes_all_directions_from_the_first, "mirror"),
    (breaks_ties_by_the_smallest_value, "mirror"),
    (maximizes_the_last_of_three, "mirror"),
    (shifts_its_seed_by_the_number, "coverage"),
    (mixes_its_seed_with_the_number, "coverage"),
    (has_sixteen_seeds, "coverage"),
    (draws_a_batch_from_one_stream, "distinct_batches"),
    (answers_with_the_best_after_thirty_trials, "distinct_batches"),
    (DrawsLoneParametersFromTheTrial(), "lone_independence"),
    (LeavesTheUpperHalfOfLoneParametersOut(), "lone_independence"),
    (reads_the_clock_once_in_a_thousand, "any_stream"),
    (tries_again_with_another_generator, "any_stream"),
    (has_another_start_each_day, "same_answer_twice"),
    (seeds_the_generator_of_random, "leaves_no_trace"),
    (seeds_the_generator_of_numpy, "leaves_no_trace"),
    (switches_the_errors_of_numpy_off, "leaves_no_trace"),
    (needs_more_decimals, "leaves_no_trace"),
    (sets_the_number_of_threads, "leaves_no_trace"),
    (LeavesAThread(), "leaves_no_trace"),
    (raises_the_limit_of_recursion_for_many_trials, "leaves_no_trace"),
    (asks_how_many_threads_numpy_has, "any_process"),
    (KeepsTheSpaceInAnAttribute(), "any_thread"),
    (reads_what_the_main_thread_has, "any_thread"),
    (limits_its_time_by_a_signal, "any_thread"),
    (HasAFoldThatLacksAnOption(), "options_apart"),
    (HasADataclassForAFold(), "options_apart"),
    (SharesWhatItLearnsBetweenItsKind(), "options_apart"),
    (AsksAnotherOne(), "options_apart"),
    (has_room_for_thirty_parameters, "total"),
    (has_room_for_thirty_parameters, "survives_every_scenario"),
    (packs_halves_into_32_bits, "total"),
    (counts_steps_in_floats, "in_domain"),
    (rounds_to_both_ends, "shares"),
    (rounds_logarithms, "shares"),
    (rounds_grids_to_both_ends, "shares"),
    (likes_the_first_choices, "shares"),
    (takes_log_ints_for_plain_ones, "shares"),
    (reads_the_log, "relabel"),
    (takes_failures_for_the_best, "failures_do_not_attract"),
    (goes_where_it_knows_nothing, "failures_do_not_attract"),
    (forgets_constraints, "violations_repel"),
    (takes_small_violations_for_none, "violations_repel"),
    (maximizes_constraints, "violations_repel"),
    (looks_at_the_first_objective_alone, "later_objectives_count"),
    (looks_at_the_last_objective_alone, "later_objectives_count"),
    (adds_up_objectives_as_if_all_were_minimized, "later_objectives_count"),
    (takes_the_reports_of_pruned_trials_for_values, "pruned_is_not_best"),
    (takes_pruned_trials_for_zero, "pruned_is_not_best"),
]
"""Broken samplers and the law that each of them breaks."""
