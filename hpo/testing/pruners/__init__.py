"""Laws of pruners and promoters.

- `laws`, `promoter_laws`: the laws, as functions and as classes of tests
- `cases`: what pruners and promoters are asked besides generated questions
"""

from hpo.testing.pruners.laws import PrunerLaws, check_pruner
from hpo.testing.pruners.promoter_laws import PromoterLaws, check_promoter

__all__ = ["PromoterLaws", "PrunerLaws", "check_promoter", "check_pruner"]
