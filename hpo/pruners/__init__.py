"""Rules that end hopeless trials early; each is a pure function (see `hpo.core.pruning.Pruner`)."""

from hpo.core.pruning import Decision, Pruner
from hpo.pruners.class_based import BasePruner
from hpo.pruners.median import MedianPruner
from hpo.pruners.nop import NopPruner

__all__ = ["BasePruner", "Decision", "MedianPruner", "NopPruner", "Pruner"]
