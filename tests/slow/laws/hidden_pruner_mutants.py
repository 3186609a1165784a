"""Pruners, rules, promoters and folds whose faults hide, each with the law that names its fault."""

import dataclasses
import math
import os
import random
import threading
import time
from functools import wraps

import attrs
import numpy as np

from hpo.core import Decision, ForkTrial, Resume, Stop, TrialState, Verdict

_TODAY = time.time()


def stop_if(verdict):
    return Decision.STOP if verdict else Decision.CONTINUE


def reports(trial):
    return [*trial.intermediate_values.values()]


def complete_trials(state):
    return [trial for trial in state.finished if trial.state is TrialState.COMPLETE]


# pruners


def index_error_after_three_hundred_trials(state, trial):
    quantiles = [0.5] * 300
    return Verdict(Decision.CONTINUE, {"quantile": quantiles[min(len(state.finished), 10**9)]})


def answers_none_for_poor_trials_when_it_is_old(state, trial):
    poor = reports(trial) and reports(trial)[-1] > 2000.0
    return None if poor and len(state.finished) > 50 else Decision.CONTINUE


def stops_what_is_nan_first(state, trial):
    """It takes the difference of the first two reports for a number."""
    first, *later = reports(trial) or [0.0]
    if later and math.isnan(first) and later[-1] == 100.0:
        raise ValueError("cannot compare nan")
    return Decision.CONTINUE


def stops_what_is_nan_last(state, trial):
    values = reports(trial)
    rank = int(values[-1]) if len(values) > 1 and values[0] == 100.0 else 0
    return stop_if(rank > 1000)


def minimizes_the_second_of_equal_trials(state, trial):
    """Where the first objective is the same for all, the second one decides, which it always minimizes."""
    complete = complete_trials(state)
    if len(state.directions) < 2 or len({t.values[0] for t in complete}) != 1 or len(complete) < 2:
        return Decision.CONTINUE
    return stop_if(complete[-1].values[1] > complete[0].values[1])


def takes_all_directions_from_the_first(state, trial):
    sign = -1.0 if state.directions[0] == "maximize" else 1.0
    totals = [sign * t.values[-1] for t in complete_trials(state)]
    return stop_if(len(state.directions) > 1 and totals and totals[-1] > totals[0])


def counts_trials_with_random_numbers(state, trial):
    random.seed(trial.number)
    return stop_if(reports(trial) and random.random() < 0.1)


def ignores_all_errors_of_numpy(state, trial):
    np.seterr(all="ignore")
    return Decision.CONTINUE


def reads_the_clock_for_long_trials(state, trial):
    """A budget of time, which it measures itself."""
    return stop_if(len(reports(trial)) > 3 and time.time() > _TODAY + 86400)


def asks_how_many_threads_there_are(state, trial):
    return stop_if(reports(trial) and os.environ.get("OMP_NUM_THREADS", "1") == "1")


_LOCAL = threading.local()
_LOCAL.patience = 3


def reads_what_the_main_thread_has(state, trial):
    return stop_if(reports(trial) and len(reports(trial)) > _LOCAL.patience + 99)


class KeepsTheTrialInAnAttribute:
    def __call__(self, state, trial):
        self.trial = trial
        time.sleep(0)
        return Verdict(Decision.CONTINUE, {"reports": [str(value) for value in reports(self.trial)]})


@attrs.frozen
class NewestValues:
    """Fold: the newest values, whose count is not compared."""

    most: int = attrs.field(eq=False)

    def init(self):
        return ()

    def step(self, carry, trial):
        return (*carry, trial.number)[-self.most :]


@attrs.frozen
class HasAFoldThatLacksAnOption:
    most: int = 2

    def __call__(self, state, trial):
        return Verdict(Decision.CONTINUE, {"newest": state.finished.fold(NewestValues(self.most))})


def reads_the_log(state, trial):
    return stop_if(reports(trial) and state.log.start == state.log.end)


PRUNERS = [
    (index_error_after_three_hundred_trials, "bounded_work"),
    (answers_none_for_poor_trials_when_it_is_old, "bounded_work"),
    (stops_what_is_nan_first, "survives_every_scenario"),
    (stops_what_is_nan_last, "survives_every_scenario"),
    (minimizes_the_second_of_equal_trials, "mirror"),
    (takes_all_directions_from_the_first, "mirror"),
    (counts_trials_with_random_numbers, "leaves_no_trace"),
    (ignores_all_errors_of_numpy, "leaves_no_trace"),
    (reads_the_clock_for_long_trials, "same_decision_twice"),
    (asks_how_many_threads_there_are, "any_process"),
    (reads_what_the_main_thread_has, "any_thread"),
    (KeepsTheTrialInAnAttribute(), "any_thread"),
    (HasAFoldThatLacksAnOption(), "options_apart"),
    (reads_the_log, "relabel"),
]
"""Broken pruners and the law that each of them breaks."""


# rules


def when(enough):
    """A stopping rule from a function that says whether there were enough trials."""

    @wraps(enough)
    def rule(*arguments):
        return Stop("enough") if enough(*arguments) else None

    return rule


@when
def index_error_after_two_hundred_trials(state):
    return ([False] * 200)[len(state.finished)]


@when
def stops_at_a_date(state):
    return len(state.finished) > 3 and time.time() > _TODAY + 86400


@when
def seeds_a_generator(state):
    np.random.seed(len(state.finished))  # noqa: NPY002
    return len(state.finished) > 3 and np.random.random() < 0.5  # noqa: NPY002


@attrs.frozen
class StopsByAFoldThatLacksAnOption:
    most: int = 2

    def __call__(self, state):
        newest = state.finished.fold(NewestValues(self.most))
        return Stop(f"{len(newest)} in a row") if len(newest) > 1 else None


RULES = [
    (index_error_after_two_hundred_trials, "bounded_work"),
    (stops_at_a_date, "same_decision_twice"),
    (seeds_a_generator, "leaves_no_trace"),
    (StopsByAFoldThatLacksAnOption(), "options_apart"),
]
"""Broken rules and the law that each of them breaks."""


# promoters


def first_paused(state):
    return state.paused.first()


def resumes_what_runs(state, key):
    return Resume(max(state.running)) if state.running else None


def resumes_the_first_even_if_there_is_none(state, key):
    return Resume(state.paused.first())


def forks_a_trial_that_does_not_exist(state, key):
    return ForkTrial(state.n_trials + 3, {}) if state.paused else None


def gives_a_trial_for_a_reason(state, key):
    number = first_paused(state)
    return None if number is None else Resume(number, state.paused[number])


def compares_nothing_with_something(state, key):
    """It ranks paused trials by their last report, which some lack."""
    ranked = sorted(state.paused.values(), key=lambda trial: [*trial.intermediate_values.values()][-1])
    return Resume(ranked[0].number) if ranked else None


class TakesTurns:
    def __init__(self):
        self.turn = 0

    def __call__(self, state, key):
        self.turn += 1
        number = first_paused(state)
        return Resume(number, {"turn": self.turn}) if number is not None else None


class RemembersTheFirstBest:
    """It remembers its choice by the number of paused trials."""

    def __init__(self):
        self.chosen = {}

    def __call__(self, state, key):
        if not state.paused:
            return None
        best = min(state.paused, key=lambda number: repr([*state.paused[number].intermediate_values.values()]))
        return Resume(best, {"among": self.chosen.setdefault(len(state.finished), repr(state.finished[-1:]))})


def chooses_by_hash(state, key):
    numbers = sorted(state.paused, key=lambda number: hash(f"trial {number}"))
    return Resume(numbers[0]) if numbers else None


def chooses_by_the_clock(state, key):
    numbers = [*state.paused]
    return (
        Resume(numbers[int(time.time() // 1000) % len(numbers)], {"at": int(time.time() // 1e6)}) if numbers else None
    )


def seeds_the_generator_of_random(state, key):
    random.seed(0)
    numbers = [*state.paused]
    return Resume(random.choice(numbers)) if numbers else None


def reads_what_the_main_thread_chose(state, key):
    number = first_paused(state)
    return Resume(number, {"patience": _LOCAL.patience}) if number is not None else None


@attrs.frozen
class PromotesByAFoldThatLacksAnOption:
    most: int = 2

    def __call__(self, state, key):
        number = first_paused(state)
        newest = state.finished.fold(NewestValues(self.most))
        return Resume(number, {"newest": newest}) if number is not None else None


def chooses_by_attribute(state, key):
    number = next((number for number, trial in state.paused.items() if not trial.user_attrs), None)
    return None if number is None else Resume(number)


def takes_the_report_that_came_last(state, key):
    """It takes the report that was recorded last for the one of the last step."""
    last = {number: [*trial.intermediate_values][-1:] for number, trial in state.paused.items()}
    number = first_paused(state)
    return Resume(number, {"steps": [*last.values()]}) if number is not None else None


@attrs.frozen
class GrowingList:
    """A fold whose carry is one list for all prefixes."""

    def init(self):
        return []

    def step(self, carry, trial):
        carry.append(trial.number)
        return carry


def remembers_a_list(state, key):
    number = first_paused(state)
    return Resume(number, {"n": len(state.finished.fold(GrowingList()))}) if number is not None else None


PROMOTERS = [
    (resumes_what_runs, "total"),
    (resumes_the_first_even_if_there_is_none, "total"),
    (forks_a_trial_that_does_not_exist, "total"),
    (gives_a_trial_for_a_reason, "total"),
    (compares_nothing_with_something, "survives_every_scenario"),
    (TakesTurns(), "same_answer_twice"),
    (chooses_by_the_clock, "same_answer_twice"),
    (RemembersTheFirstBest(), "any_order_of_calls"),
    (chooses_by_hash, "any_process"),
    (reads_what_the_main_thread_chose, "any_thread"),
    (seeds_the_generator_of_random, "leaves_no_trace"),
    (PromotesByAFoldThatLacksAnOption(), "options_apart"),
    (chooses_by_attribute, "relabel"),
    (takes_the_report_that_came_last, "recording_order"),
    (remembers_a_list, "fold"),
]
"""Broken promoters and the law that each of them breaks."""


# folds


@dataclasses.dataclass(frozen=True)
class Weighted:
    """A weighted count, whose weight is not compared."""

    weight: float = dataclasses.field(default=1.0, compare=False)

    def init(self):
        return 0.0

    def step(self, carry, trial):
        return carry + self.weight


class EqualByName:
    """All of its kind are equal."""

    def __init__(self, least=1):
        self.least = least

    def __eq__(self, other):
        return type(other) is type(self)

    def __hash__(self):
        return 1

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + (trial.number >= self.least)


FOLDS = [
    (NewestValues(3), "options_apart"),
    (Weighted(), "options_apart"),
    (EqualByName(), "options_apart"),
]
"""Broken folds and the law that each of them breaks."""
