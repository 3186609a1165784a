"""What an objective should be before an expensive run: `check_objective`."""

from __future__ import annotations

import pickle
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

import hpo
from hpo.core import Distribution, Suggestion, objective_values
from hpo.testing.executors import quiet_log

_LONGEST = 200  # characters of a value in a finding


@attrs.frozen
class _Call:
    """One call of the objective: what it asked for, and what came of it."""

    params: Mapping[str, Any]
    distributions: Mapping[str, Distribution]
    values: tuple[float, ...] | None
    problem: str | None


def check_objective(
    objective: Callable[[Any], Any],
    *,
    directions: Sequence[str] = ("minimize",),
    seed: int = 0,
    deterministic: bool = True,
    picklable: bool = True,
    global_state: bool = True,
    ends: bool = True,
) -> None:
    """Call `objective` five times, and raise if it is not ready for a long run.

    It is called twice with the same random parameters, once with others, and with all parameters at the low and at the high
    ends of their ranges. Nothing is recorded. All that was found is in one message.

    Args:
        objective: Takes a trial, as for `Study.optimize`.
        directions: One direction per objective.
        seed: Chooses the random parameters.
        deterministic: Whether equal parameters have to give equal results; False for a noisy objective.
        picklable: Whether it has to be picklable, as executors with processes need it.
        global_state: Whether it must not change globals or what it encloses, which other processes do not see, and which are
            gone after a restart.
        ends: Whether to try the ends of the ranges.

    Raises:
        AssertionError: something is wrong; the message lists all of it.

    Example:
        >>> check_objective(lambda trial: trial.suggest_float("x", -1, 1) ** 2, picklable=False)
        >>> check_objective(lambda trial: 1 / trial.suggest_int("n", 0, 9), picklable=False)
        Traceback (most recent call last):
            ...
        AssertionError: the objective is not ready for a long run:
        - at n=0 it raises ZeroDivisionError: division by zero
    """
    before = _changeable(objective) if global_state else {}
    first, again = (_called(objective, directions, _random(seed)) for _ in range(2))
    findings = [*_repetition(first, again, values=deterministic)]
    calls = [first, again, _called(objective, directions, _random(seed + 1))]
    findings += _instability(first, calls[-1])
    if ends:
        calls += [_called(objective, directions, _at(end)) for end in (0.0, 1.0)]
    findings += dict.fromkeys(_failure(call) for call in calls if call.problem is not None)
    if global_state:
        after = _changeable(objective)
        findings += [
            f"it changes {name}, which other processes do not see, and which is gone after a restart: return it, or keep "
            "it in the trial with set_user_attr"
            for name in before
            if before[name] != after.get(name)
        ]
    if picklable:
        findings += _unpicklable(objective)
    if findings:
        raise AssertionError("\n- ".join(["the objective is not ready for a long run:", *findings]))


def _called(objective: Callable[[Any], Any], directions: Sequence[str], unit: Callable[[str], float]) -> _Call:
    """Call the objective with the parameters at ``unit(name)`` of their ranges."""

    def sampler(state: Any, trial: Any, space: Mapping[str, Distribution], key: Any) -> Suggestion:
        return Suggestion({name: distribution.from_unit(unit(name)) for name, distribution in space.items()})

    values: tuple[float, ...] | None = None
    problem: str | None = None
    with quiet_log():
        study = hpo.create_study(directions=directions, sampler=sampler, pruner=hpo.pruners.NopPruner(), seed=0)
        trial = study.ask()
        try:
            returned = objective(trial)
        except hpo.TrialPruned:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it raises is what was looked for
            problem = f"raises {type(error).__name__}: {error}"[:_LONGEST]
        else:
            try:
                values = objective_values(study.state, returned)
            except Exception as error:  # noqa: BLE001 - a returned object may raise anything when it is looked at
                problem = f"returns {returned!r}"[:_LONGEST] + f": {error}"
        if values is not None and any(value != value for value in values):
            problem = f"returns {values[0] if len(values) == 1 else values}, which fails its trial"
    return _Call(trial.params, trial.distributions, values, problem)


def _random(seed: int) -> Callable[[str], float]:
    root = hpo.Key(seed)
    return lambda name: float(root.child("check", name).generator().random())


def _at(end: float) -> Callable[[str], float]:
    return lambda _: end


def _repetition(first: _Call, again: _Call, *, values: bool) -> Iterator[str]:
    if dict(first.distributions) != dict(again.distributions):
        yield f"it asks for {_asked(first)} first and for {_asked(again)} then, although the parameters are the same"
    elif values and first.problem != again.problem:
        yield f"with the same parameters it {first.problem or 'succeeds'} first and {again.problem or 'succeeds'} then"
    elif values and repr(first.values) != repr(again.values):  # as text, because NaN is not equal to itself
        yield (
            f"with the same parameters it returns {_shown(first)} first and {_shown(again)} then: seed its random numbers "
            "with trial.number, or pass deterministic=False if it is noisy"
        )


def _instability(one: _Call, other: _Call) -> Iterator[str]:
    for name in one.distributions.keys() & other.distributions.keys():
        if one.distributions[name] != other.distributions[name]:
            yield (
                f"the range of {name!r} is {one.distributions[name]!r} in one trial and {other.distributions[name]!r} in "
                "another: models learn more if ranges stay the same"
            )


def _failure(call: _Call) -> str:
    at = ", ".join(f"{name}={value!r}" for name, value in call.params.items()) or "once"
    return f"{'at ' if call.params else ''}{at[:_LONGEST]} it {call.problem}"


def _asked(call: _Call) -> str:
    return ", ".join(map(repr, call.distributions)) or "nothing"


def _shown(call: _Call) -> Any:
    return call.values[0] if call.values is not None and len(call.values) == 1 else call.values


def _unpicklable(objective: object) -> Iterator[str]:
    try:
        pickle.loads(pickle.dumps(objective))  # noqa: S301 - it was pickled in the line itself
    except Exception as error:  # noqa: BLE001 - pickling runs code of the user
        yield (
            f"it can't be pickled for other processes ({error}): define it with def at the top of a module, or pass "
            "picklable=False if it runs in threads only"
        )


def _changeable(objective: Any, seen: set[int] | None = None) -> dict[str, str]:
    """Return what an objective can see and change, as text by name: globals, enclosed values, and its own attributes."""
    seen = set() if seen is None else seen
    found: dict[str, str] = {}
    function = getattr(objective, "__func__", objective)
    owner = getattr(objective, "__self__", None)
    if not isinstance(function, types.FunctionType):
        owner, function = objective, getattr(type(objective).__call__, "__func__", type(objective).__call__)
    if owner is not None and not isinstance(owner, types.ModuleType):
        found |= {f"its attribute {name!r}": _frozen(value) for name, value in getattr(owner, "__dict__", {}).items()}
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return found
    seen.add(id(function))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[f"the enclosed {name!r}"] = _frozen(cell.cell_contents)
        except ValueError:  # it has no value yet
            continue
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            found |= _changeable(value, seen)
        elif name in function.__globals__ and not isinstance(value, types.ModuleType | type) and not callable(value):
            found[f"the global {name!r}"] = _frozen(value)
    return found


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _frozen(value: object) -> str:
    """Return what changes if `value` changes; what can't be pickled is only compared by its identity."""
    try:
        return pickle.dumps(value).hex()
    except Exception:  # noqa: BLE001 - pickling runs code of the user
        return f"{type(value).__name__} at {id(value)}"
