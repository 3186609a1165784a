"""Stopping rules that are broken on purpose, each with the law that names its fault, and one that is sound."""

import threading
from functools import wraps

import attrs
import numpy as np

from hpo.core import Stop, TrialState


def when(enough):
    """A stopping rule from a function that says whether there were enough trials."""

    @wraps(enough)
    def rule(*arguments):
        return Stop("enough") if enough(*arguments) else None

    return rule


def values(state):
    return [trial.values[0] for trial in state.finished if trial.state is TrialState.COMPLETE]


def says_true(state):
    return True


def gives_itself_as_the_reason(state):
    return Stop(says_true) if state.finished else None


@when
def best_of_nothing(state):
    return len(state.finished) > 0 and min(values(state)) < 0.0


@when
def at_once(state):
    return len(state.finished) < 3


class SecondTime:
    def __init__(self):
        self.asked = 0

    @when
    def __call__(self, state):
        self.asked += 1
        return len(state.finished) > 0 and self.asked % 2 == 0


class RemembersTheFirst:
    def __init__(self):
        self.known = {}

    @when
    def __call__(self, state):
        return self.known.setdefault(len(state.finished), len(state.finished) > 0 and sum(values(state)) > 1.0)


@when
def by_hash(state):
    return len(state.finished) > 0 and hash(f"{len(state.finished)} trials, {sum(values(state))}") % 2 == 0


@when
def by_name(state):
    return len(state.finished) > 0 and state.name == ""


@when
def first_constraint(state):
    first = [next(iter(trial.constraints.values()), 0.0) for trial in state.finished]
    return any(value > 0.25 for value in first)


@attrs.frozen
class GrowingList:
    """A fold whose carry is one list for all prefixes."""

    def init(self):
        return []

    def step(self, carry, trial):
        carry.append(trial.number)
        return carry


@when
def remembers_a_list(state):
    return len(state.finished.fold(GrowingList())) % 2 == 1


@when
def below_one(state):
    return any(value < 1.0 for value in values(state))


@when
def least_is_first(state):
    """It minimizes, whatever the direction is."""
    known = values(state)
    return len(known) > 1 and min(known) == known[0] != max(known)


@when
def reads_everything(state):
    return sum(len(trial.params.keys()) for trial in state.finished) < 0


@when
def in_other_threads_only(state):
    return bool(state.finished) and threading.current_thread() is not threading.main_thread()


@when
def seeds_the_generator_of_all(state):
    np.random.seed(len(state.finished))  # noqa: NPY002
    return len(state.finished) > 3


@attrs.frozen
class SharesItsFoldWithOtherOptions:
    most: int = 2

    def __call__(self, state):
        newest = state.finished.fold(NewestOfAnyNumber(self.most))
        return Stop(f"{len(newest)} in a row") if len(newest) > 1 else None


@attrs.frozen
class NewestOfAnyNumber:
    """Fold: the numbers of the newest trials; it equals the one of another `n`, and so their results are mixed up."""

    n: int = attrs.field(eq=False)

    def init(self):
        return ()

    def step(self, carry, trial):
        return (*carry, trial.number)[-self.n :]


STOPPING = [
    (says_true, "total"),
    (gives_itself_as_the_reason, "total"),
    (best_of_nothing, "survives_every_scenario"),
    (at_once, "begins"),
    (SecondTime(), "same_decision_twice"),
    (RemembersTheFirst(), "any_order_of_calls"),
    (by_hash, "any_process"),
    (by_name, "relabel"),
    (first_constraint, "recording_order"),
    (remembers_a_list, "fold"),
    (below_one, "rank_based"),
    (below_one, "affine"),
    (least_is_first, "mirror"),
    (reads_everything, "bounded_work"),
    (in_other_threads_only, "any_thread"),
    (seeds_the_generator_of_all, "leaves_no_trace"),
    (SharesItsFoldWithOtherOptions(), "options_apart"),
]
"""Broken rules and the law that each of them breaks."""


@attrs.frozen
class NothingNew:
    """The best of `n` trials was the first: a rule for the tests."""

    n: int = 3

    @when
    def __call__(self, state):
        known = [
            value if state.directions[0] == "minimize" else -value for value in state.finished.fold(Newest(self.n))
        ]
        return len(state.directions) == 1 and len(known) == self.n and min(known) == known[0]


@attrs.frozen
class Newest:
    """Fold: the first values of the newest complete trials."""

    n: int

    def init(self):
        return ()

    def step(self, carry, trial):
        return (*carry, trial.values[0])[-self.n :] if trial.state is TrialState.COMPLETE else carry
