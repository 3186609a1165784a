"""The proposals of CMA-ES: evenly spread draws that avoid configurations that were tried already."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core import Key
from hpo.numerics.cma_es import candidate, mirrored_orthogonal
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.cma_es.evolution import Carry
from hpo.samplers.parts import Feasibility, TriedConfigurations

_SETS = 8  # sets of directions that are made at once: one alone costs nearly as much
_REDRAWS = 24
_WIDENING = 1.4  # of each redraw: the last one, 2,000 times as wide, is spread over the whole space


def propose(
    coding: DrawCoding,
    carry: Carry,
    number: int,
    key: Key,
    *,
    tried: TriedConfigurations | None,
    others: Mapping[str, Any],
    feasible: Feasibility | None = None,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return values drawn from the distribution of a generation, and the offsets of the draw (`DrawCoding.params`).

    Trials that start one after the other share a set of directions (see `hpo.numerics.cma_es.mirrored`). Which one is a
    trial's own follows from its number, so that no two workers take the same one, and none needs to know of the others.
    With learning rates that adapt, directions are independent: opposite ones shorten the path of the step size even if
    results are random, which would look like a signal.

    Values that were tried already are drawn again, each time from a wider distribution. When the whole neighbourhood is
    known, the steps to what is not known are long, and learning from them widens the distribution itself.

    Args:
        coding: The columns.
        carry: What was learned.
        number: The number of the trial.
        key: The random stream of the call.
        tried: What to keep away from; None if everything is allowed.
        others: The trial's values of parameters that have no columns.
        feasible: What is known of failures. A draw that is likely to fail is drawn again from the same distribution, and
            if all of them are, the likeliest to succeed is taken.
    """
    model, n = carry.model, len(coding.names)
    mirrored = model.rates is None
    direction = _direction(carry, number, key.seed) if mirrored else key.generator().standard_normal(n)
    values, offsets = coding.params(candidate(model, direction))
    if feasible is not None:
        values, offsets = _likely_to_succeed(coding, carry, key, values, offsets, others, feasible)
    if tried is None:
        return values, offsets
    for again in range(1, _REDRAWS):  # the driver replaces the last one if that was tried as well
        if not tried.contains({**values, **others}):
            break
        # independent directions: the mirrored one is this trial's only once
        step = candidate(model, key.child("again", again).generator().standard_normal(n)) - model.mean
        values, offsets = coding.params(model.mean + _WIDENING**again * step)
    return values, offsets


def _likely_to_succeed(
    coding: DrawCoding,
    carry: Carry,
    key: Key,
    values: dict[str, Any],
    offsets: dict[str, float],
    others: Mapping[str, Any],
    feasible: Feasibility,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the values and offsets of the first draw that is likely to succeed, or else of the likeliest one."""
    draws, cube = [(values, offsets)], feasible.cube
    directions = key.child("feasible").generator().standard_normal((_REDRAWS, len(coding.names)))
    draws += [coding.params(candidate(carry.model, direction)) for direction in directions]
    points = np.full((len(draws), len(cube.columns)), np.nan)
    for row, (drawn, _) in enumerate(draws):
        for column, position in cube.positions({**drawn, **others}).items():
            points[row, column] = position
    probabilities = feasible.probabilities(points)
    likely = np.flatnonzero(probabilities >= feasible.likely)
    return draws[int(likely[0]) if len(likely) else int(probabilities.argmax())]


def _direction(carry: Carry, number: int, seed: int) -> NDArray[np.float64]:
    """Return the standard normal vector of a trial, ``(n,)``."""
    popsize = carry.strategy.popsize
    # counted from the start of the generation, so that the opposite of a direction is in the same generation
    phase = carry.anchor % popsize
    index, row = divmod(number - phase, popsize)
    block, place = divmod(index, _SETS)
    key = Key(seed, ("cma-es", "directions", popsize, phase, block))
    vector: NDArray[np.float64] = _directions(key, (popsize + 1) // 2, carry.strategy.n)[place, row]
    return vector


@lru_cache(maxsize=32)
def _directions(key: Key, pairs: int, n: int) -> NDArray[np.float64]:
    """Return sets of standard normal vectors, ``(8, 2 * pairs, n)``, read-only.

    A memo of a function of its arguments alone: dropping it costs time and nothing else.
    """
    vectors = mirrored_orthogonal(key.generator().standard_normal((_SETS, pairs, n)))
    vectors.flags.writeable = False
    return vectors
