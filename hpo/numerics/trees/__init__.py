"""Decision trees on binned columns: binning, growth by histograms, and gradient boosting.

- `binning`: numbers and categories as small whole numbers, with a bin for what is missing
- `growing`: trees, several at once, each split the best by the sums of gradients in its bins
- `leaves`: which leaf each row falls into, for many trees at once
- `boosting`: sums of small trees for squared, quantile and logistic losses
"""

from hpo.numerics.trees.binning import Binning
from hpo.numerics.trees.boosting import Boosted, Boosting, LogisticLoss, QuantileLoss, SquaredLoss, boosted
from hpo.numerics.trees.growing import Growth, Trees, grown
from hpo.numerics.trees.leaves import LeafFinder

__all__ = [
    "Binning",
    "Boosted",
    "Boosting",
    "Growth",
    "LeafFinder",
    "LogisticLoss",
    "QuantileLoss",
    "SquaredLoss",
    "Trees",
    "boosted",
    "grown",
]
