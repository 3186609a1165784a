"""Named studies that have broken samplers before: all failed, constant, infinite, duplicates, five directions, ..."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from hpo.core import (
    Ask,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    Suggest,
    TrialState,
    decide,
    pause,
    replay,
    report,
    set_constraint,
    tell,
)

MIXED: SearchSpace = SearchSpace(
    {
        "lr": FloatDistribution(1e-5, 1.0, log=True),
        "momentum": FloatDistribution(0.0, 0.9, step=0.1),
        "layers": IntDistribution(1, 9),
        "units": IntDistribution(8, 512, log=True),
        "kind": CategoricalDistribution(["a", True, 1, 1.0, None]),
    }
)
"""A space with every kind of parameter."""

SMALL: SearchSpace = SearchSpace(
    {"n": IntDistribution(0, 2), "kind": CategoricalDistribution(["a", "b"]), "step": FloatDistribution(0, 1, step=1)}
)
"""A space of 12 combinations."""

ORDINARY: SearchSpace = SearchSpace(
    {
        "x": FloatDistribution(-5.0, 5.0),
        "lr": FloatDistribution(1e-5, 1.0, log=True),
        "momentum": FloatDistribution(0.0, 0.9, step=0.1),
        "layers": IntDistribution(1, 9),
        "kind": CategoricalDistribution(["a", "b", "c"]),
    }
)
"""A typical space of a user."""

WIDE: SearchSpace = SearchSpace({f"{name} {i}": dist for i in range(7) for name, dist in ORDINARY.items()})
"""A space of 35 parameters."""

STEPS: Sequence[int] = (0, 1, 2, 4, 8)
"""The steps at which trials that report often report a value."""

_TOLD = 12  # beyond the random start of the usual model-based sampler
_LONG = 50
Finish: TypeAlias = Callable[[StudyState, int], StudyState]


def started(state: StudyState) -> StudyState:
    """Return the state after one more trial has started, which has no parameters yet.

    Example:
        >>> len(started(StudyState.create()).running)
        1
    """
    return replay(decide(state, Ask()), state)


def suggested(state: StudyState, space: Mapping[str, Distribution], units: Sequence[float]) -> StudyState:
    """Return the state after one more trial has started with the given parameters.

    Args:
        state: The study.
        space: The trial's parameters.
        units: A point in the unit cube, one number per parameter.

    Example:
        >>> suggested(StudyState.create(), {"x": IntDistribution(0, 9)}, [1.0]).running[0].params
        {'x': 9}
    """
    state = started(state)
    params = {name: space[name].from_unit(unit) for name, unit in zip(space, units, strict=True)}
    return replay(decide(state, Suggest(max(state.running), SearchSpace.of(space), params)), state)


def scenarios(
    space: Mapping[str, Distribution] = MIXED, *, only: Collection[str] | None = None
) -> dict[str, StudyState]:
    """Return the named studies; in each, the newest running trial waits for its parameters.

    Args:
        space: The parameters of their trials; the studies declare no space.
        only: The names of some of them; all if not given.

    Example:
        >>> len(scenarios()["all failed"].finished)
        12
    """
    space = SearchSpace.of(space)
    return {name: make(space) for name, make in _STUDIES.items() if only is None or name in only}


def are_whole(state: StudyState) -> bool:
    """Return whether all values and reports of a study are whole numbers, for which float arithmetic is exact.

    Example:
        >>> are_whole(scenarios()["constant"]), are_whole(scenarios()["infinities"])
        (True, False)
    """
    numbers = (v for trial in state for v in (*(trial.values or ()), *trial.intermediate_values.values()))
    return all(abs(number) < 1e15 and number == round(number) for number in numbers)


def _study(space: SearchSpace, finish: Finish, directions: Sequence[str] = ("minimize",), n: int = _TOLD) -> StudyState:
    state = StudyState.create(directions=directions, seed=1)
    for number in range(n):
        state = finish(suggested(state, space, Key(0, ("scenario", number)).uniforms(space)), number)
    return started(state)


def _many_running(space: SearchSpace) -> StudyState:
    state = _study(space, _complete)
    for number in range(_TOLD):
        state = suggested(state, space, Key(1, ("scenario", number)).uniforms(space))
    return started(state)


def _some_paused(space: SearchSpace) -> StudyState:
    """Return a study in which every third trial is paused, the later ones with a checkpoint."""
    state = StudyState.create(seed=1)
    for number in range(_TOLD):
        state = suggested(state, space, Key(0, ("scenario", number)).uniforms(space))
        if number % 3 == 2:
            state = pause(report(state, number, float(number), 0), number, checkpoint="epoch 1" if number > 6 else None)
        else:
            state = tell(state, number, float((number * 5) % 7))
    return started(state)


def _duplicates(space: SearchSpace) -> StudyState:
    state = StudyState.create(seed=1)
    for number in range(_TOLD):
        state = tell(suggested(state, space, [0.25] * len(space)), number, float(number % 2))
    return started(state)


def _drifted(space: SearchSpace) -> SearchSpace:
    """Return the same parameters with the lower half of each range; choices stay as they are."""
    drifted: dict[str, Distribution] = {}
    for name, dist in space.items():
        if isinstance(dist, FloatDistribution):
            drifted[name] = FloatDistribution(dist.low, float(dist.from_unit(0.5)), log=dist.log)
        elif isinstance(dist, IntDistribution):
            drifted[name] = IntDistribution(dist.low, dist.from_unit(0.5), log=dist.log, step=dist.step)
        else:
            drifted[name] = dist
    return SearchSpace(drifted)


def _wider(space: SearchSpace) -> SearchSpace:
    """Return the same parameters with ranges that are wider at both ends and have no steps."""
    wider: dict[str, Distribution] = {}
    for name, dist in space.items():
        if isinstance(dist, CategoricalDistribution):
            wider[name] = dist
        elif isinstance(dist, IntDistribution):
            n = dist.high - dist.low + 1
            wider[name] = IntDistribution(1 if dist.log else dist.low - n, dist.high + n, log=dist.log)
        elif dist.log:
            wider[name] = FloatDistribution(dist.low / 2.0 or dist.low, min(2.0 * dist.high, 1.7e308), log=True)
        else:
            more = dist.high / 2.0 - dist.low / 2.0
            wider[name] = FloatDistribution(max(dist.low - more, -1.7e308), min(dist.high + more, 1.7e308))
    return SearchSpace(wider)


def _elsewhere(space: SearchSpace) -> SearchSpace:
    """Return the same parameters with ranges that begin where those of `space` end."""
    elsewhere: dict[str, Distribution] = {}
    for name, dist in space.items():
        if isinstance(dist, IntDistribution):
            elsewhere[name] = IntDistribution(dist.high + 1, 2 * abs(dist.high) + 9, log=dist.log)
        elif isinstance(dist, FloatDistribution):
            end = min(2.0 * abs(dist.high) + 1.0, 1.7e308)
            elsewhere[name] = FloatDistribution(min(dist.high, end), end, log=dist.log)
        else:
            elsewhere[name] = dist
    return SearchSpace(elsewhere)


def _other_choices(space: SearchSpace) -> SearchSpace:
    """Return the same parameters with another first choice and the other choices in reverse order."""
    return SearchSpace(
        {
            name: CategoricalDistribution(["was", *reversed(dist.choices[1:])])
            if isinstance(dist, CategoricalDistribution)
            else dist
            for name, dist in space.items()
        }
    )


def _other_kinds(space: SearchSpace) -> SearchSpace:
    """Return the same parameters with choices in place of numbers and numbers in place of choices."""
    return SearchSpace(
        {
            name: FloatDistribution(0.0, 1.0)
            if isinstance(dist, CategoricalDistribution)
            else CategoricalDistribution(["was", "is"])
            for name, dist in space.items()
        }
    )


def _complete(state: StudyState, number: int) -> StudyState:
    return tell(state, number, float((number * 5) % 7))


def _nothing_better(state: StudyState, number: int) -> StudyState:
    return tell(state, number, float(max(20 - number, 1 + (number * 5) % 7)))


def _reported_often(state: StudyState, number: int) -> StudyState:
    level = float((number * 5) % 7)
    for i, step in enumerate(STEPS[: 2 + number % 4]):
        state = report(state, number, level + 2.0 ** (3 - i), step)
    return tell(state, number, state=TrialState.PRUNED) if number % 4 < 2 else tell(state, number, level)


def _several(state: StudyState, number: int) -> StudyState:
    return tell(state, number, [float((number * (5 + i)) % 7) for i in range(len(state.directions))])


def _failed(state: StudyState, number: int) -> StudyState:
    return tell(state, number, state=TrialState.FAIL, reason="it broke")


def _pruned(state: StudyState, number: int) -> StudyState:
    return tell(report(state, number, float(number % 3), number % 4), number, state=TrialState.PRUNED)


def _pruned_in_silence(state: StudyState, number: int) -> StudyState:
    return tell(state, number, state=TrialState.PRUNED)


def _constant(state: StudyState, number: int) -> StudyState:
    return tell(state, number, 1.0)


def _infinite(state: StudyState, number: int) -> StudyState:
    return tell(state, number, (math.inf, -math.inf, 0.0)[number % 3])


def _huge(state: StudyState, number: int) -> StudyState:
    return tell(state, number, (1.7e308, -1.7e308, 5e-324, -0.0)[number % 4])


def _reported_nan(state: StudyState, number: int) -> StudyState:
    value = math.nan if number % 3 else float(number)
    return tell(report(state, number, value, 0), number, state=(TrialState.PRUNED, None)[number % 2], values=0.0)


def _infeasible(state: StudyState, number: int) -> StudyState:
    return tell(set_constraint(state, number, "c", 1.0 + number), number, float(number))


def _half_feasible(state: StudyState, number: int) -> StudyState:
    return tell(set_constraint(state, number, "c", (-1.0, 1.0, math.inf)[number % 3]), number, float(number))


def _with_error_and_cost(state: StudyState, number: int) -> StudyState:
    sem, cost = (0.0, None, math.inf)[number % 3], (1.0, math.inf, None, 0.0)[number % 4]
    return tell(state, number, float(number % 5), sem=sem, cost=cost)


def _reported_by_name(state: StudyState, number: int) -> StudyState:
    for step in STEPS[: 1 + number % 3]:
        state = report(state, number, {"loss": float(number + step), "latency": (math.nan, 12.0)[step % 2]}, step)
    return tell(state, number, float(number % 5))


_FINISHES: Mapping[str, Finish] = {
    "all failed": _failed,
    "all pruned": _pruned,
    "all pruned without a report": _pruned_in_silence,
    "constant": _constant,
    "infinities": _infinite,
    "huge and tiny values": _huge,
    "reports of nan": _reported_nan,
    "nothing feasible": _infeasible,
    "some feasible": _half_feasible,
    "errors and costs": _with_error_and_cost,
    "reports by name": _reported_by_name,
}


def _of_several(n: int, space: SearchSpace) -> StudyState:
    return _study(space, _several, ["minimize", "maximize"] * (n // 2) + ["minimize"] * (n % 2))


_STUDIES: Mapping[str, Callable[[SearchSpace], StudyState]] = {
    **{name: partial(_study, finish=finish) for name, finish in _FINISHES.items()},
    **{f"{n} directions": partial(_of_several, n) for n in (2, 5)},
    "nothing yet": lambda _: started(StudyState.create()),
    "one trial": lambda space: started(tell(suggested(StudyState.create(), space, [0.5] * len(space)), 0, 1.0)),
    "many running": _many_running,
    "duplicates": _duplicates,
    "some paused": _some_paused,
    "reported often": lambda space: _study(space, _reported_often, n=2 * _TOLD),
    "nothing better for long": lambda space: _study(space, _nothing_better, n=_LONG),
    "other parameters": lambda _: _study(SearchSpace({"was": FloatDistribution(0.0, 1.0)}), _complete),
    "drifted ranges": lambda space: _study(_drifted(space), _complete),
    "wider ranges": lambda space: _study(_wider(space), _complete),
    "ranges elsewhere": lambda space: _study(_elsewhere(space), _complete),
    "other choices": lambda space: _study(_other_choices(space), _complete),
    "other kinds": lambda space: _study(_other_kinds(space), _complete),
}
