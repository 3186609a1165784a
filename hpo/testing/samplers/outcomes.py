"""Laws that a sampler may claim about what it learns from results, failures, constraints and pruned trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    Sampler,
    SearchSpace,
    StudyState,
    TrialState,
    report,
    set_constraint,
    tell,
)
from hpo.errors import SeveralObjectives
from hpo.samplers.random import RandomSampler
from hpo.testing._engine import Counterexample
from hpo.testing.samplers.case import SamplerCase
from hpo.testing.samplers.runs import Step, Told, run_of

Objective: TypeAlias = Callable[[Mapping[str, Any]], float]

_BUDGET, _SEEDS, _MARGIN = 60, range(5), 0.25
_CLOSE = 1e-6
_LATE, _MANY_SEEDS = 20, range(8)  # trials before this one may be a random start
_BORDER = 0.6
_MORE = 0.08  # three standard deviations of the share of 320 random trials
_NEARER = 0.75
_SQUARE = SearchSpace({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})


def learning(case: SamplerCase) -> None:
    """On easy problems it comes closer to the optimum than random search, on average by a factor of 1.8 in 60 trials."""
    gains = {
        name: _mean_log_regret(RandomSampler(), space, objective) - _mean_log_regret(case.sampler, space, objective)
        for name, (space, objective) in PROBLEMS.items()
    }
    mean = sum(gains.values()) / len(gains)
    if not mean >= _MARGIN:
        each = ", ".join(f"{name} {10**gain:.2f}" for name, gain in gains.items())
        raise AssertionError(f"it comes {10**mean:.2f} times as close to the optimum as random search: {each}")


def failures_do_not_attract(case: SamplerCase) -> None:
    """Where trials fail it does not look more often than random search: ``y > 0.6`` fails, and values are best near it."""

    def told(state: StudyState, trial: FrozenTrial) -> StudyState:
        if trial.params["y"] > _BORDER:
            return tell(state, trial.number, state=TrialState.FAIL, reason="out of memory")
        return tell(state, trial.number, _distance(trial, 0.3, _BORDER))

    _check_share_beyond(case, told, "fails")


def violations_repel(case: SamplerCase) -> None:
    """Where a constraint is violated it does not look more often than random search, though values are better there."""

    def told(state: StudyState, trial: FrozenTrial) -> StudyState:
        state = set_constraint(state, trial.number, "limit", trial.params["y"] - _BORDER)
        return tell(state, trial.number, _distance(trial, 0.3, 0.9))

    _check_share_beyond(case, told, "violates the constraint")


def pruned_is_not_best(case: SamplerCase) -> None:
    """Pruned trials are not the best ones, whatever they have reported: a value lower than all others, or nothing."""

    def told(state: StudyState, trial: FrozenTrial, *, reports: bool) -> StudyState:
        if trial.params["y"] <= _BORDER:
            return tell(state, trial.number, _distance(trial, 0.3, 0.3))
        if reports:
            state = report(state, trial.number, -100.0, 0)
        return tell(state, trial.number, state=TrialState.PRUNED)

    for reports in (True, False):
        _check_share_beyond(case, partial(told, reports=reports), "is pruned")


def later_objectives_count(case: SamplerCase) -> None:
    """If all but one objective are constant it comes closer to the optimum of that one than random search, be it the last.

    `SeveralObjectives` is a valid answer.
    """
    for i in range(2):

        def told(state: StudyState, trial: FrozenTrial, i: int = i) -> StudyState:
            distance = _distance(trial, 0.3, 0.7)
            return tell(state, trial.number, [1.0, -distance] if i else [distance, 1.0])

        def mean_distance(sampler: Sampler, told: Told = told) -> float:
            steps = _late_steps(sampler, told, ["minimize", "maximize"], seeds=range(3))
            return sum(_distance(step.trial, 0.3, 0.7) for step in steps if step.trial is not None) / len(steps)

        try:
            mine = mean_distance(case.sampler)
        except Counterexample as found:
            if isinstance(found.__cause__, SeveralObjectives):
                return
            raise
        theirs = mean_distance(RandomSampler())
        if not mine < _NEARER * theirs:
            which = "first" if i else "second"
            raise AssertionError(
                f"if the {which} of two objectives is constant, it is {mine:.3f} away from the optimum of the other on "
                f"average, and random search {theirs:.3f}"
            )


def _check_share_beyond(case: SamplerCase, told: Told, does: str) -> None:
    """Check that the sampler suggests ``y > 0.6`` to no more of the later trials than random search."""
    steps = [step for step in _late_steps(case.sampler, told, ["minimize"]) if step.trial is not None]
    share = sum(step.trial.params["y"] > _BORDER for step in steps if step.trial is not None) / len(steps)
    if share > 1.0 - _BORDER + _MORE:
        raise AssertionError(
            f"{share:.0%} of trials {_LATE} to {_BUDGET - 1} are where {1.0 - _BORDER:.0%} of the space {does}"
        )


def _late_steps(sampler: Sampler, told: Told, directions: list[str], seeds: Iterable[int] = _MANY_SEEDS) -> list[Step]:
    """Return the later trials of several studies."""
    steps: list[Step] = []
    for seed in seeds:
        state = StudyState.create(seed=seed, directions=directions)
        steps += [*run_of(sampler, _SQUARE, state, most=_BUDGET, batch=1, told=told)][_LATE:]
    return steps


def _distance(trial: FrozenTrial, x: float, y: float) -> float:
    return math.hypot(trial.params["x"] - x, trial.params["y"] - y)


def _bowl(params: Mapping[str, Any]) -> float:
    return float((params["x"] - 3.0) ** 2 + (params["y"] + 1.0) ** 2)


def _rate(params: Mapping[str, Any]) -> float:
    return float((math.log10(params["lr"]) + 3.0) ** 2 + abs(params["layers"] - 4) / 4)


def _kinds(params: Mapping[str, Any]) -> float:
    return {"a": 2.0, "b": 1.0, "c": 0.0, "d": 3.0}[params["kind"]] + float(abs(params["x"] - 0.7))


PROBLEMS: dict[str, tuple[SearchSpace, Objective]] = {
    "bowl": (SearchSpace({"x": FloatDistribution(-10.0, 10.0), "y": FloatDistribution(-10.0, 10.0)}), _bowl),
    "rate": (SearchSpace({"lr": FloatDistribution(1e-7, 1.0, log=True), "layers": IntDistribution(1, 16)}), _rate),
    "kinds": (
        SearchSpace({"kind": CategoricalDistribution(("a", "b", "c", "d")), "x": FloatDistribution(0.0, 1.0)}),
        _kinds,
    ),
}
"""Easy problems to minimize; the optimum of each is 0."""


def _mean_log_regret(sampler: Sampler, space: SearchSpace, objective: Objective) -> float:
    logs = []
    for seed in _SEEDS:
        state = StudyState.create(seed=seed)
        steps = run_of(sampler, space, state, most=_BUDGET, batch=1, told=partial(_told, objective))
        best = min((objective(trial.params) for _, trial in steps if trial is not None), default=math.inf)
        logs.append(math.log10(best + _CLOSE))
    return sum(logs) / len(logs)


def _told(objective: Objective, state: StudyState, trial: FrozenTrial) -> StudyState:
    return tell(state, trial.number, objective(trial.params))
