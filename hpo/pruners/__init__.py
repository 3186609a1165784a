"""Rules that end hopeless trials early; each is a pure function (see `hpo.core.contracts.pruner.Pruner`)."""

from hpo.core import Decision, Pruner
from hpo.pruners.median import MedianPruner
from hpo.pruners.nop import NopPruner
from hpo.pruners.optuna_style import BasePruner

__all__ = ["BasePruner", "Decision", "MedianPruner", "NopPruner", "Pruner"]
