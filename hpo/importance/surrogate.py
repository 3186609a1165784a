"""A model of the losses: the trees that predict best what they were not fitted to.

Forests with small and large leaves and boosted trees are compared. Small leaves and boosting suit exact losses, and large
leaves noisy ones.

Notation: `n` trials, `d` columns.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import Key
from hpo.numerics.trees import Boosting, Growth, SquaredLoss, boosted
from hpo.numerics.trees.effects import Boxes
from hpo.numerics.trees.forest import Forest, bootstrap_counts, grown_forest

_LEAVES = (1, 5, 20)  # rows that a leaf has at least
_FEW = 40  # trials up to which the smallest leaves are taken unseen
N_HALVES = 6
_MOST_IN_HALVES = 2048  # of many trials, a part of each half is enough to see how models differ
_SMALLER_FOREST = 0.5  # of the trees, for halves of the trials
_BOOSTING = Boosting(SquaredLoss(), rounds=120, rate=0.15, growth=Growth(depth=4, least_weight=3.0))


@attrs.frozen
class Settings:
    """What model is fitted.

    Attributes:
        n_trees: The number of trees of a forest.
        max_depth: The most splits from the root of such a tree to a leaf.
        least_rows: The least rows of its leaves; 0 for boosted trees.
    """

    n_trees: int
    max_depth: int
    least_rows: int = 1


@attrs.frozen(eq=False)
class Surrogate:
    """A fitted model.

    Attributes:
        settings: How it was fitted.
        boxes: Its leaves.
        predict: Returns the predictions at points, ``(m, d)``, up to a constant: ``(m,)``.
        r2: How well it predicts trials that it was not fitted to; NaN if that was not looked at.
    """

    settings: Settings
    boxes: Boxes
    predict: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    r2: float


@attrs.frozen(eq=False)
class Half:
    """A model of half of the trials, and of columns that can't matter.

    Attributes:
        surrogate: The model of ``2 d`` columns: the parameters, and the same shuffled among the trials.
        n: How many trials it was fitted to: a half, or less of very many.
        r2: How well it predicts the other half.
    """

    surrogate: Surrogate
    n: int
    r2: float


def fitted(points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key) -> Surrogate:
    """Return a model of losses, ``(n,)``, at points, ``(n, d)``."""
    scaled, d = scaled_losses(losses), points.shape[1]
    if not settings.least_rows:
        model = boosted(points, np.zeros(d, dtype=np.bool_), scaled, _BOOSTING)
        return Surrogate(settings, Boxes.of_boosted(model, d), lambda x: model.outputs(x)[0], np.nan)
    forest = fitted_forest(points, losses, settings, key)
    unseen = scaled - forest.out_of_bag(points)
    r2 = 1.0 - float(np.nanmean(unseen**2)) if np.isfinite(unseen).any() else -np.inf
    return Surrogate(settings, Boxes.of(forest, d), forest.predict, r2)


def fitted_forest(points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key) -> Forest:
    """Return a forest for losses with the mean 0 and the variance 1."""
    in_sample = bootstrap_counts(key.child("trees").generator(), settings.n_trees, len(losses))
    return grown_forest(
        points, scaled_losses(losses), in_sample, max_depth=settings.max_depth, least_rows=settings.least_rows
    )


def best_forest(points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key) -> Surrogate:
    """Return the forest that predicts best; leaves of the smallest size for few trials."""
    sizes = _LEAVES if len(losses) > _FEW else _LEAVES[:1]
    forests = [fitted(points, losses, attrs.evolve(settings, least_rows=size), key) for size in sizes]
    return max(forests, key=lambda forest: forest.r2)


def best_model(
    points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key
) -> tuple[Surrogate, list[Half]]:
    """Return the model that predicts best, and such models of halves of the trials, with columns that can't matter."""
    forest = best_forest(points, losses, settings, key)
    fits = halves(points, losses, forest.settings, key)
    if len(losses) <= _FEW:
        return forest, fits
    boosting = attrs.evolve(settings, least_rows=0)
    others = halves(points, losses, boosting, key)
    r2 = float(np.mean([half.r2 for half in others]))
    if r2 > np.mean([half.r2 for half in fits]):
        return attrs.evolve(fitted(points, losses, boosting, key), r2=max(r2, forest.r2)), others
    return forest, fits


def halves(points: NDArray[np.float64], losses: NDArray[np.float64], settings: Settings, key: Key) -> list[Half]:
    """Return models of halves of the trials; each two halves are all of them."""
    n, scaled = len(losses), scaled_losses(losses)
    smaller = attrs.evolve(settings, n_trees=max(round(_SMALLER_FOREST * settings.n_trees), 1))
    found: list[Half] = []
    for number in range(N_HALVES // 2):
        stream = key.child("half", number)
        random = stream.generator()
        order, shuffled = random.permutation(n), random.permutation(n)
        wide = np.concatenate((points, points[shuffled]), axis=1)
        first, second = order[: n // 2], order[n // 2 :]
        for part, (inside, outside) in enumerate(((first, second), (second, first))):
            known, unknown = inside[:_MOST_IN_HALVES], outside[:_MOST_IN_HALVES]
            if not np.ptp(scaled[known]) > 0.0:
                continue
            model = fitted(wide[known], scaled[known], smaller, stream.child(part))
            # predictions have the mean and the scale of the half
            predicted = model.predict(wide[unknown]) * scaled[known].std() + scaled[known].mean()
            r2 = 1.0 - float(((scaled[unknown] - predicted) ** 2).mean() / scaled.var())
            found.append(Half(model, len(known), r2))
    return found


def scaled_losses(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return losses with the mean 0 and the variance 1, in steps that do not overflow."""
    largest = float(np.abs(losses).max()) or 1.0
    scaled: NDArray[np.float64] = losses / largest
    scaled = scaled - scaled.mean()
    spread = float(scaled.std())
    if spread > 0.0:
        scaled = scaled / spread
    return scaled
