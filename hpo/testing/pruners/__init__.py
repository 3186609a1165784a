"""Laws of pruners: `laws`, and `cases`, what a pruner is asked."""

from hpo.testing.pruners.laws import PrunerLaws, check_pruner

__all__ = ["PrunerLaws", "check_pruner"]
