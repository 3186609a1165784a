"""Pruners and folds that are broken on purpose, each with the law that names its fault."""

import attrs

from hpo.core import Decision, TrialState, Verdict


def complete_trials(state):
    return [trial for trial in state.finished if trial.state is TrialState.COMPLETE]


@attrs.frozen
class GrowingList:
    """A fold whose carry is one list for all prefixes."""

    def init(self):
        return []

    def step(self, carry, trial):
        carry.append(trial.number)
        return carry


def stop_if(verdict):
    return Decision.STOP if verdict else Decision.CONTINUE


def reports(trial):
    return [*trial.intermediate_values.values()]


def says_true(state, trial):
    return True


def gives_the_trial_as_the_reason(state, trial):
    return Verdict(Decision.CONTINUE, trial)


class CountsInItsReasons:
    def __init__(self):
        self.asked = 0

    def __call__(self, state, trial):
        self.asked += 1
        return Verdict(Decision.CONTINUE, {"asked": self.asked})


def wants_a_report(state, trial):
    return stop_if(reports(trial)[-1] > 0)


def stops_the_silent(state, trial):
    return stop_if(not reports(trial))


class SecondStrike:
    def __init__(self):
        self.asked = 0

    def __call__(self, state, trial):
        self.asked += 1
        return stop_if(self.asked % 2)


class RemembersTheFirst:
    def __init__(self):
        self.verdicts = {}

    def __call__(self, state, trial):
        verdict = any(value > 1.0 for value in reports(trial))
        return stop_if(self.verdicts.setdefault((trial.number, len(state.finished), len(reports(trial))), verdict))


def by_hash(state, trial):
    return stop_if(reports(trial) and hash(f"trial {trial.number}") % 2)


def by_attribute(state, trial):
    return stop_if(reports(trial) and trial.user_attrs)


def above_the_first(state, trial):
    """It minimizes, whatever the direction is."""
    others = [value for other in complete_trials(state) for value in reports(other)]
    return stop_if(others and reports(trial) and min(reports(trial)) > min(others))


def nan_wins(state, trial):
    """The least of some numbers is NaN if that comes first, and nothing is better than NaN."""
    others = [value for other in complete_trials(state) for value in reversed(reports(other))]
    if not others or not reports(trial) or len(state.directions) > 1:
        return stop_if(False)
    sign = 1.0 if state.directions[0] == "minimize" else -1.0
    return stop_if(not sign * reports(trial)[-1] < min(sign * value for value in others))


def above_one(state, trial):
    return stop_if(reports(trial) and reports(trial)[-1] > 1.0)


def after_the_last_recorded(state, trial):
    """It takes the report that came last for the one of the last step."""
    return stop_if(reports(trial) and reports(trial)[-1] > 1.0)


def remembers_a_list(state, trial):
    return stop_if(reports(trial) and len(state.finished.fold(GrowingList())) % 2)


def walks_through_everything_too(state, trial):
    n = 0
    for _ in range(len(state.finished)):
        n += 1
    return stop_if(n < 0)


def reads_everything(state, trial):
    return stop_if(sum(len(other.params.keys()) for other in state.finished) < 0)


PRUNERS = [
    (says_true, "total"),
    (gives_the_trial_as_the_reason, "total"),
    (CountsInItsReasons(), "same_decision_twice"),
    (wants_a_report, "total"),
    (wants_a_report, "survives_every_scenario"),
    (stops_the_silent, "silence_goes_on"),
    (SecondStrike(), "same_decision_twice"),
    (RemembersTheFirst(), "any_order_of_calls"),
    (by_hash, "any_process"),
    (by_attribute, "relabel"),
    (after_the_last_recorded, "recording_order"),
    (remembers_a_list, "fold"),
    (above_one, "rank_based"),
    (above_one, "affine"),
    (above_the_first, "mirror"),
    (above_the_first, "never_stops_the_leader"),
    (nan_wins, "never_stops_the_leader"),
    (reads_everything, "bounded_work"),
    (walks_through_everything_too, "bounded_work"),
]
"""Broken pruners and the law that each of them breaks."""


class Unhashable:
    __hash__ = None

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + 1


class EqualToItselfAlone:
    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + 1


@attrs.frozen
class SumOfValues:
    def init(self):
        return 0.0

    def step(self, carry, trial):
        return carry + sum(trial.values)


@attrs.define(hash=True)
class CountsItsSteps:
    calls: int = attrs.field(default=0, eq=False)

    def init(self):
        return 0

    def step(self, carry, trial):
        self.calls += 1
        return self.calls


FOLDS = [
    (Unhashable(), "equal_and_hashable"),
    (EqualToItselfAlone(), "equal_and_hashable"),
    (SumOfValues(), "total"),
    (GrowingList(), "carries_are_values"),
    (GrowingList(), "fresh_is_incremental"),
    (CountsItsSteps(), "steps_are_pure"),
]
"""Broken folds and the law that each of them breaks."""
