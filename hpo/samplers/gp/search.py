"""Where the acquisition is largest: a search over mixed spaces.

Many random points and the neighbourhood of the best trials are compared first. The best of them are improved in turns:
numbers by their slopes, values of grids and choices by trying other ones, until neither helps.

Notation: `m` points, `d` columns.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.core import Key
from hpo.numerics.gp import maximized
from hpo.samplers.parts import FeatureCoding

_WIDTHS = (0.2, 0.05, 0.01)  # of the neighbourhoods of the best trials
_MOST_ENUMERATED = 1024  # configurations of a space that are all compared
_SURROUNDED = 4  # trials with neighbourhoods
_TURNS = 3
_STEPS = 4  # of other values for discrete columns, in one turn
_ALL_VALUES = 12  # a grid of so many values has them all tried; a finer one those at powers of two from the present one
_DIGITS = 7  # of what is suggested: the search is not exact beyond


class Acquisition(Protocol):
    """What is maximized."""

    @property
    def first_steps(self) -> NDArray[np.float64]:
        """How far the function reaches in each column, ``(d,)``."""
        ...

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at points, ``(m, d)``: ``(m,)``."""
        ...

    def slopes(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values, ``(m,)``, and the derivatives by the columns of numbers, ``(m, d)``, 0 for choices."""
        ...


def best_first(
    acquisition: Acquisition,
    coding: FeatureCoding,
    key: Key,
    incumbents: NDArray[np.float64],
    *,
    n_candidates: int,
    n_starts: int,
    iterations: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points, ``(m, d)``, of large acquisition and their values, ``(m,)``, the best first.

    Args:
        acquisition: The function.
        coding: The columns.
        key: The random stream.
        incumbents: The points of the best trials, best first, ``(k, d)``; NaN for what they lack.
        n_candidates: How many points are compared first.
        n_starts: How many of them are improved.
        iterations: How many steps along the slopes there are in a turn.
    """
    candidates = _enumerated(coding)
    complete = candidates is not None
    if candidates is None:
        candidates = _candidates(coding, key, incumbents[:_SURROUNDED], n_candidates)
    values = acquisition.values(candidates)
    order = np.argsort(-values, kind="stable")
    if complete:
        return candidates[order], values[order]
    starts = candidates[order[:n_starts]]
    low, high = np.zeros(coding.n_columns), coding.cube.top
    steps = np.where(coding.continuous, acquisition.first_steps, 0.0)
    discrete = [column for column, levels in enumerate(coding.levels) if levels is not None]
    points, found = starts, values[order[:n_starts]]
    for turn in range(_TURNS if discrete else 1):
        before = found
        if coding.continuous.any():
            points, found = maximized(
                acquisition.slopes, points, low=low, high=high, first_steps=steps, iterations=iterations
            )
        if discrete:
            points, found = _with_other_values(acquisition, coding, discrete, points, found)
        if turn and not (found > before + 1e-6).any():
            break
    points = np.round(points, _DIGITS)
    points = np.concatenate((np.where(coding.continuous, points, coding.snapped(points)), candidates[order]))
    found = np.concatenate((found, values[order]))
    order = np.argsort(-found, kind="stable")
    return points[order], found[order]


def _enumerated(coding: FeatureCoding) -> NDArray[np.float64] | None:
    """Return all points of a small finite space, or None."""
    sizes = [0 if levels is None else len(levels) for levels in coding.levels]
    product = 1
    for size in sizes:
        product *= size
        if not 0 < product <= _MOST_ENUMERATED:
            return None
    grids = np.meshgrid(*[levels for levels in coding.levels if levels is not None], indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1)


def _candidates(coding: FeatureCoding, key: Key, incumbents: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return random points of the space, and points that share most columns with one of the incumbents."""
    d, generator = coding.n_columns, key.child("candidates").generator()
    everywhere = coding.from_uniforms(generator.random((n, d)))
    if not len(incumbents):
        return everywhere
    near = n // 2
    fresh = coding.from_uniforms(generator.random((near, d)))
    # sums of uniform numbers are nearly normal, and the same on every machine
    offsets = generator.random((near, d, 4)).sum(axis=2) - 2.0
    centres = incumbents[np.arange(near) % len(incumbents)]
    widths = np.array(_WIDTHS)[(np.arange(near) // len(incumbents)) % len(_WIDTHS)]
    moved = np.where(coding.cube.n_choices > 0, fresh, np.clip(centres + offsets * widths[:, None], 0.0, 1.0))
    # a few columns change, all of them if there are few; a column that the trial lacks is drawn afresh
    change = generator.random((near, d)) < max(0.25, min(1.0, 2.0 / d))
    mutants = np.where(np.isnan(centres), fresh, np.where(change, moved, centres))
    return np.concatenate((everywhere, coding.snapped(mutants)))


def _with_other_values(
    acquisition: Acquisition,
    coding: FeatureCoding,
    discrete: list[int],
    points: NDArray[np.float64],
    found: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points with another value in discrete columns, one at a time, as long as that is better."""
    points, found = points.copy(), found.copy()
    waiting = np.arange(len(points))
    for _ in range(_STEPS):
        neighbours = [_neighbours(coding, discrete, points[index]) for index in waiting.tolist()]
        values = acquisition.values(np.concatenate(neighbours))
        better, first = [], 0
        for index, own in zip(waiting.tolist(), neighbours, strict=True):
            theirs = values[first : first + len(own)]
            first += len(own)
            best = int(theirs.argmax())
            if theirs[best] > found[index] + 1e-9:
                points[index], found[index] = own[best], theirs[best]
                better.append(index)
        if not better:
            break
        waiting = np.array(better, dtype=np.intp)
    return points, found


def _neighbours(coding: FeatureCoding, discrete: list[int], point: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = []
    for column in discrete:
        levels = coding.levels[column]
        assert levels is not None  # only discrete columns are given
        own = int(np.abs(levels - point[column]).argmin())
        places = np.arange(len(levels))
        if len(levels) > _ALL_VALUES and not coding.cube.n_choices[column]:
            steps = 2 ** np.arange(len(levels).bit_length())
            places = np.concatenate((own - steps, own + steps))
            places = places[(places >= 0) & (places < len(levels))]
        places = places[places != own]
        block = np.repeat(point[None], len(places), axis=0)
        block[:, column] = levels[places]
        rows.append(block)
    return np.concatenate(rows)
