"""A study seen at its highest fidelity with enough data: reports at one step in place of results."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
from immutables import Map
from msgspec.structs import replace

from hpo.core import FrozenTrial, History, NumberMap, StudyState, TrialState

_RESULT = math.inf  # the fidelity of a result, which is higher than that of any report


def at_highest_fidelity(state: StudyState, number: int, enough: int) -> StudyState:
    """Return a study in which reports at one step stand for results, to learn from trials that ended early or wait.

    The step is the highest one at which at least `enough` trials have reported a number; that is BOHB's rule. If as many trials are
    complete, these are the highest fidelity, and the study is returned as it is, and so it is if no step has enough. Otherwise each trial
    with a report at the step, whether it is complete, pruned, paused or running, is shown as complete with that report as its value.
    Other trials are shown as they are. Studies with several objectives are returned as they are.

    O(running and paused trials + trials finished since the last question about this step).

    Source: Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018, section 4.

    Args:
        state: The study.
        number: The trial that is asked for, which is left out.
        enough: How many trials must have reported, at least 1.

    Example:
        >>> from hpo.core import create_trial
        >>> reports = [{1: 4.0, 3: 2.0}, {1: 5.0, 3: 1.0}, {1: 9.0}]
        >>> pruned = [create_trial(state=TrialState.PRUNED, intermediate_values=each) for each in reports]
        >>> state = replace(StudyState.create(), finished=History(pruned))
        >>> [trial.values for trial in at_highest_fidelity(state, 3, enough=2).finished]
        [(2.0,), (1.0,), None]
    """
    if len(state.directions) > 1:
        return state
    reported: Map[float, int] = state.finished.fold(_Reported())
    counts = dict(reported)
    unfinished = [trial for trial in (*state.running.values(), *state.paused.values()) if trial.number != number]
    for trial in unfinished:
        for step, value in trial.intermediate_values.items():
            if value == value:
                counts[step] = counts.get(step, 0) + 1
    highest = max((step for step, n in counts.items() if n >= enough), default=_RESULT)
    if highest == _RESULT:
        return state
    view = _AtStep(int(highest))
    finished, shown = state.finished.fold(view), set()
    for trial in unfinished:
        seen = view.of(trial)
        if seen is not trial:
            finished = finished.append(seen)
            shown.add(trial.number)

    def left(trials: Mapping[int, FrozenTrial]) -> NumberMap[FrozenTrial]:
        return NumberMap({other: trial for other, trial in trials.items() if other not in shown})

    return replace(state, finished=finished, running=left(state.running), paused=left(state.paused))


@attrs.frozen
class _Reported:
    """Fold: how many finished trials have reported a number, by step, and how many are complete."""

    def init(self) -> Map[float, int]:
        return Map()

    def step(self, carry: Map[float, int], trial: FrozenTrial) -> Map[float, int]:
        if trial.state is TrialState.FAIL:
            return carry
        changed = carry.mutate()
        if trial.state is TrialState.COMPLETE:
            changed[_RESULT] = changed.get(_RESULT, 0) + 1
        for step, value in trial.intermediate_values.items():
            if value == value:
                changed[step] = changed.get(step, 0) + 1
        return changed.finish()


@attrs.frozen
class _AtStep:
    """Fold: the finished trials, of which those with a report at a step are complete with that report as their value."""

    at: int

    def of(self, trial: FrozenTrial) -> FrozenTrial:
        """Return `trial` as it is shown, or itself if it has no report at the step."""
        value = trial.intermediate_values.get(self.at, math.nan)
        if value != value or trial.state is TrialState.FAIL:
            return trial
        return replace(trial, state=TrialState.COMPLETE, values=(value,))

    def init(self) -> History[FrozenTrial]:
        return History()

    def step(self, carry: History[FrozenTrial], trial: FrozenTrial) -> History[FrozenTrial]:
        return carry.append(self.of(trial))
