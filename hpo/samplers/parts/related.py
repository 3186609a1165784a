"""What a study of a related problem says: its best trials, and a belief about the best values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FrozenDict,
    FrozenTrial,
    History,
    Sampler,
    StudyState,
    TrialState,
    coerced_value,
)
from hpo.samplers.parts import Fold, Region, Weights

_SHARE = 0.15  # of the trials are good
_FEWEST, _MOST = 5, 25  # good trials
_PLACES = 17  # at which the density of a numeric parameter is given
_NARROWEST = (
    0.08  # standard deviation of a kernel, as a share of the range: the best values of a related problem are near
)
_ANY = 0.5  # what each choice weighs beside the trials that have it


def best_complete(state: StudyState, n: int) -> list[FrozenTrial]:
    """Return up to `n` of the complete and feasible trials of a study with different parameters, the best first.

    With several objectives they are ordered by non-domination, and within a front by hypervolume.

    Example:
        >>> from hpo.core import create_trial
        >>> trials = [create_trial(value=v, params={"x": v}, distributions={"x": CategoricalDistribution([1, 2])}) for v in (2, 1, 2)]
        >>> state = StudyState(directions=("minimize",), finished=History(trials))
        >>> [trial.value for trial in best_complete(state, 9)]
        [1.0, 2.0]
    """
    trials = [
        trial for trial in state.finished if trial.state is TrialState.COMPLETE and trial.feasible and trial.params
    ]
    fold = Fold(state.directions, ())
    carry = History(trials).fold(fold)
    # all of them in order, since equal parameters may be many
    order = fold.best_first(carry.rows.array, len(trials), alike=carry.alike) if trials else ()
    found: dict[tuple[Any, ...], FrozenTrial] = {}
    for index in order:
        if len(found) >= n:
            break
        trial = trials[int(index)]
        found.setdefault(tuple(sorted((name, repr(value)) for name, value in trial.params.items())), trial)
    return [*found.values()]


def learned_beliefs(state: StudyState) -> FrozenDict[str, Region | Weights]:
    """Return a belief about each parameter that the best trials of a study have, as `checked_prior` takes it.

    The best 15 % of the complete trials count, at least 5 and at most 25 of them. A numeric parameter has weights at 17 places, a
    sum of normal kernels at its values; a categorical one the number of the trials with each choice, and a half. Parameters that fewer
    than three of these trials have are left out.
    """
    n = sum(trial.state is TrialState.COMPLETE for trial in state.finished)
    good = best_complete(state, min(max(math.ceil(_SHARE * n), _FEWEST), _MOST))
    found: dict[str, Region | Weights] = {}
    for name in sorted({name for trial in good for name in trial.params}):
        having = [trial for trial in good if name in trial.params]
        distribution = having[0].distributions[name]
        values = [trial.params[name] for trial in having if distribution.contains(trial.params[name])]
        if len(values) >= 3 and not distribution.single():
            found[name] = _weights(distribution, values)
    return FrozenDict(found)


def believing(sampler: Sampler, beliefs: Mapping[str, Region | Weights]) -> Sampler:
    """Return a sampler with these beliefs as its `prior`, which count less than those that it has already.

    If it has no such option, the samplers in it get them, at any depth. Without any of them it is the same sampler.

    Example:
        >>> from hpo.samplers import RandomSampler, TPESampler, Warmup
        >>> believing(Warmup(5, RandomSampler(), TPESampler()), {"x": (0.0, 1.0)}).then.prior
        {'x': (0.0, 1.0)}
    """
    kind: Any = type(sampler)
    if not attrs.has(kind):
        return sampler
    own = getattr(sampler, "prior", None)
    changed: dict[str, Any] = {}
    if isinstance(own, Mapping):
        changed["prior"] = {**beliefs, **own}
    else:
        for field in attrs.fields(kind):
            inner = getattr(sampler, field.name, None)
            if field.init and callable(inner) and (learned := believing(inner, beliefs)) is not inner:
                changed[field.alias or field.name] = learned
    result: Sampler = attrs.evolve(sampler, **changed) if changed else sampler  # type: ignore[misc]
    return result


def _weights(distribution: Distribution, values: Sequence[Any]) -> Weights:
    if isinstance(distribution, CategoricalDistribution):
        indices = [distribution.member(value) for value in values]
        return tuple((choice, _ANY + indices.count(index)) for index, choice in enumerate(distribution.choices))
    units = np.array([distribution.to_unit(value) for value in values])
    width = max(_NARROWEST, 1.06 * float(units.std()) * len(units) ** -0.2)
    weights: dict[Any, float] = {}
    for unit in ((place + 0.5) / _PLACES for place in range(_PLACES)):
        value = coerced_value("", distribution.from_unit(unit), distribution)
        if value not in weights:  # a coarse grid has fewer values
            centre = distribution.to_unit(value)
            weights[value] = round(float(np.exp(-0.5 * ((units - centre) / width) ** 2).mean()), 6)
    return tuple(weights.items())
