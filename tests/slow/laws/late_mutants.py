"""Subjects whose faults need a longer, an odder or a later study than most, each with the law that names its fault."""

import math
import random
from functools import wraps

import attrs
import numpy as np

from hpo.core import CategoricalDistribution, Decision, Exhausted, SearchSpace, Stop, Suggestion, TrialState, losses

_STARTUP = 10


def drawn(space, key):
    units = key.uniforms(space)
    return {name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), units, strict=True)}


def when(enough):
    """A stopping rule from a function that says whether there were enough trials."""

    @wraps(enough)
    def rule(*arguments):
        return Stop("enough") if enough(*arguments) else None

    return rule


def complete_trials(state):
    return [trial for trial in state.finished if trial.state is TrialState.COMPLETE]


def choice_of_numpy_after_ten_trials(state, trial, space, key):
    """Now and then it mutates a choice with numpy, which gives texts of its own kind."""
    params, generator = drawn(space, key), key.generator()
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution) and len(complete_trials(state)) >= _STARTUP:
            params[name] = generator.choice(dist.choices) if generator.random() < 0.2 else params[name]
    return Suggestion(params)


class RangeForgottenAfterManyTrials:
    """Its steps grow beyond the range when it has not found anything better for long."""

    def __call__(self, state, trial, space, key):
        params = drawn(space, key)
        if len(state.finished) > 2 * _STARTUP:
            params = {n: v * 10.0 if type(v) is float else v for n, v in params.items()}
        return Suggestion(params)


def luck_after_ten_trials(state, trial, space, key):
    luck = random.random() if len(state.finished) >= _STARTUP else 0.5
    return Suggestion(drawn(space, key), {"luck": luck})


class CountsItsCallsAfterTenTrials:
    def __init__(self):
        self.calls = 0

    def __call__(self, state, trial, space, key):
        self.calls += len(state.finished) >= _STARTUP
        return Suggestion(drawn(space, key), {"calls": self.calls % 2})


@attrs.frozen
class Numbers:
    """Fold: a list of all numbers, which is one for all forks."""

    def init(self):
        return []

    def step(self, carry, trial):
        carry.append(trial.number)
        return carry


def remembers_too_much_after_ten_trials(state, trial, space, key):
    n = len(state.finished.fold(Numbers())) if len(state.finished) >= _STARTUP else 0
    return Suggestion(drawn(space, key), {"n": n})


@attrs.frozen
class Points:
    """Fold: the numbers of trials that had all of the space, which does not count where folds are compared."""

    space: SearchSpace = attrs.field(eq=False)

    def init(self):
        return ()

    def step(self, carry, trial):
        return (*carry, trial.number) if self.space.keys() <= trial.params.keys() else carry


def takes_the_points_of_another_space(state, trial, space, key):
    return Suggestion(drawn(space, key), {"points": state.finished.fold(Points(space))})


def finds_trials_by_the_order_in_which_they_were_told(state, trial, space, key):
    newest = [state.finished[other.number].number for other in state.finished]
    return Suggestion(drawn(space, key), {"newest": newest[-3:]})


def counts_the_choices_that_it_knows(state, trial, space, key):
    params = drawn(space, key)
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution):
            counts = {repr(choice): 0 for choice in dist.choices}
            for other in complete_trials(state):
                if isinstance(other.distributions.get(name), CategoricalDistribution):
                    counts[repr(other.params[name])] += 1
    return Suggestion(params)


def adds_up_what_was_a_number(state, trial, space, key):
    """A parameter of its name was a choice before, and is a number now."""
    middles = {}
    for name, dist in space.items():
        if not isinstance(dist, CategoricalDistribution):
            had = [other.params[name] for other in complete_trials(state) if name in other.params]
            middles[name] = min(had, key=abs, default=None)
    return Suggestion(drawn(space, key), {"known": len(middles)})


class WantsWhatTheLastOneHad:
    """Its joint space is that of the last trial, which must have a first parameter."""

    def joint_space(self, state, trial):
        last = [other.distributions for other in state.finished][-1:]
        return SearchSpace({name: space[name] for space in last for name in [next(iter(space))]})

    def __call__(self, state, trial, space, key):
        return Suggestion(drawn(space, key))


SAMPLERS = [
    (choice_of_numpy_after_ten_trials, "builtin_types"),
    (RangeForgottenAfterManyTrials(), "in_domain"),
    (luck_after_ten_trials, "same_answer_twice"),
    (CountsItsCallsAfterTenTrials(), "any_order_of_calls"),
    (remembers_too_much_after_ten_trials, "fold"),
    (takes_the_points_of_another_space, "fold"),
    (finds_trials_by_the_order_in_which_they_were_told, "total"),
    (counts_the_choices_that_it_knows, "total"),
    (adds_up_what_was_a_number, "total"),
    (WantsWhatTheLastOneHad(), "total"),
]
"""Broken samplers and the law that each of them breaks."""


def waits_for_its_generation(state, trial, space, key):
    """Sound: it tries a grid in generations of four, and waits for the last of one before it begins the next."""
    cells = [[]]
    for name, dist in space.items():
        n = dist.n_values()
        cells = [[*cell, (name, dist.from_unit((i + 0.5) / n))] for cell in cells for i in range(n)]
    others = len(state.finished) + len(state.running) - 1
    if others >= len(cells):
        return Exhausted("all are tried")
    if len(state.finished) < others // 4 * 4:
        return Exhausted("the generation is not over", for_now=True)
    return Suggestion(dict(cells[others]))


def stop_if(verdict):
    return Decision.STOP if verdict else Decision.CONTINUE


def sign_of(state):
    return -1.0 if state.directions[0] == "maximize" else 1.0


def compares_with_all_at_a_rung(state, trial):
    """Halving at the steps 1, 2, 4, ..., which looks at every trial again."""
    if len(state.directions) > 1 or trial.last_step is None:
        return Decision.CONTINUE
    rung, sign = 1, sign_of(state)
    while rung <= trial.last_step:
        others = [t.intermediate_values[rung] for t in state.trials if rung in t.intermediate_values]
        known = sorted(sign * value for value in others if value == value)
        mine = trial.intermediate_values.get(rung, -math.inf)
        if known and sign * mine > known[len(known) // 2]:
            return Decision.STOP
        rung *= 2
    return Decision.CONTINUE


def minimizes_from_the_third_rung_on(state, trial):
    late = [value for step, value in trial.intermediate_values.items() if step >= 4]
    others = [t.intermediate_values[s] for t in state.finished for s in t.intermediate_values if s >= 4]
    return stop_if(late and others and late[-1] > min(others))


PRUNERS = [
    (compares_with_all_at_a_rung, "bounded_work"),
    (minimizes_from_the_third_rung_on, "mirror"),
]
"""Broken pruners and the law that each of them breaks."""


@when
def newest_are_worse_than_the_oldest(state):
    """It minimizes, whatever the direction is, once there are four old and four new trials."""
    values = [trial.values[0] for trial in complete_trials(state)]
    return len(values) >= 8 and sum(a > b for a in values[-4:] for b in values[:-4]) > 2 * (len(values) - 4)


@when
def nothing_better_for_thirty_trials(state):
    """It takes the greatest value for the best one, and waits for long."""
    values = [trial.values[0] for trial in complete_trials(state)]
    return len(values) > 30 and values.index(max(values)) < len(values) - 30


@when
def means_of_ten(state):
    values = [losses(state.directions, trial.values)[0] for trial in complete_trials(state)]
    return len(values) >= 10 and float(np.mean(values[-10:])) > 1.0


STOPPING = [
    (newest_are_worse_than_the_oldest, "mirror"),
    (nothing_better_for_thirty_trials, "mirror"),
    (means_of_ten, "affine"),
]
"""Broken rules and the law that each of them breaks."""
