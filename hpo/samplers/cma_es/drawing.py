"""Draws from the distribution of a generation: spread evenly, and away from what was tried already."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core import Key
from hpo.numerics.cma_es.mirrored import mirrored_orthogonal
from hpo.numerics.cma_es.model import candidate
from hpo.samplers.cma_es.coding import CubeCoding
from hpo.samplers.cma_es.evolution import Course
from hpo.samplers.parts.tried import TriedConfigurations

_SETS = 8  # of directions are made at once: one alone costs nearly as much
_REDRAWS = 24
_WIDER = 1.4  # each redraw than the one before: the last one knows no neighbourhood any more


def drawn(
    coding: CubeCoding,
    course: Course,
    number: int,
    key: Key,
    *,
    taken: TriedConfigurations | None,
    others: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, float]]:
    """Values out of the distribution of a generation, and what `CubeCoding.params` says of the draw.

    Trials that start one after the other share a set of directions (see `hpo.numerics.cma_es.mirrored`). Which one is a trial's
    own follows from its number, so that two workers never take the same one, and need not know of each other. With
    learning rates that adapt, directions are independent: opposite ones shorten the path of the step size even where
    results are chance, which would look like a signal.

    Values that were tried already are drawn again, each time from a wider distribution: when all of the neighbourhood
    is known, the steps that are not known are long, and learning from them widens the distribution itself.

    Args:
        coding: The columns.
        course: What was learned.
        number: The trial's.
        key: The random stream of the call.
        taken: What was tried already; None where everything is allowed.
        others: The trial's other values, which are no columns.
    """
    model, n = course.model, len(coding.names)
    shared = model.rates is None
    direction = _direction(course, number, key.seed) if shared else key.generator().standard_normal(n)
    draw = coding.params(candidate(model, direction))
    if taken is None:
        return draw
    for again in range(1, _REDRAWS):
        if not taken.contains({**draw[0], **others}):
            break
        step = candidate(model, key.child("again", again).generator().standard_normal(n)) - model.mean
        draw = coding.params(model.mean + _WIDER**again * step)
    return draw


def _direction(course: Course, number: int, seed: int) -> NDArray[np.float64]:
    """The standard normal vector of a trial, ``(n,)``."""
    popsize = course.strategy.popsize
    phase = course.anchor % popsize
    index, row = divmod(number - phase, popsize)
    block, place = divmod(index, _SETS)
    key = Key(seed, ("cma-es", "directions", popsize, phase, block))
    vector: NDArray[np.float64] = _directions(key, (popsize + 1) // 2, course.strategy.n)[place, row]
    return vector


@lru_cache(maxsize=32)
def _directions(key: Key, pairs: int, n: int) -> NDArray[np.float64]:
    """Sets of standard normal vectors, ``(8, 2 * pairs, n)``, read-only.

    A memo of a function of its arguments alone: dropping it costs time and nothing else.
    """
    vectors = mirrored_orthogonal(key.generator().standard_normal((_SETS, pairs, n)))
    vectors.flags.writeable = False
    return vectors
