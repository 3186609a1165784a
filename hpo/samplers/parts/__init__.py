"""Building blocks of samplers.

- `unit_cube`: a search space as the unit cube, and as features for models
- `observations`: parameters as columns of numbers that stay valid when a range changes, and the fold that keeps finished
  trials from best to worst as their rows
- `fidelity`: reports at one step in place of results, for trials that ended early
- `feature_coding`: points with discrete values and branches; `neighbours`: random ones, and ones near others
- `ranked_points`: trials as points with their ranks, for models that need no more of a result
- `feasibility`: where trials fail, if failures can be predicted
- `tried`: the configurations of a finite space that were tried; `branches`, `branch_tree`: those of an objective with branches;
  `first_trials`: those that run before anything is known
- `allowed`: what satisfies a predicate; `passing_on`: how samplers made of samplers ask them
- `prior`: what a person believes of the best values
- `driver`: the steps of every model-based sampler around its model

Every model-based sampler is built alike: a `Fold` over the finished trials whose `Carry` is what it has learned, a
function `propose` that turns the carry into values, and a frozen class that holds the options and calls `driver.suggest`.
"""

from hpo.samplers.parts.allowed import GivenSome, Predicate, satisfies
from hpo.samplers.parts.branches import has_branches
from hpo.samplers.parts.driver import DUPLICATES, Duplicates, Tried, ask_noted, suggest, suggest_lone
from hpo.samplers.parts.feasibility import Feasibility, learned_feasibility
from hpo.samplers.parts.feature_coding import Condition, FeatureCoding, learned_conditions, without_inactive
from hpo.samplers.parts.fidelity import at_highest_fidelity
from hpo.samplers.parts.neighbours import candidates, neighbours, with_branches
from hpo.samplers.parts.observations import Carry, Fold, Standing, column_value, column_values, is_learnable, standing
from hpo.samplers.parts.passing_on import asked, given, looking, named
from hpo.samplers.parts.prior import (
    STRENGTH,
    Belief,
    Beliefs,
    BelievingStart,
    Region,
    Weights,
    belief_of,
    checked_prior,
    strength,
    with_types,
)
from hpo.samplers.parts.ranked_points import Knowledge, known, suggest_by_ranks, suggest_lone_at_random
from hpo.samplers.parts.unit_cube import UnitCube, coarse_grid_size

__all__ = [
    "DUPLICATES",
    "STRENGTH",
    "Belief",
    "Beliefs",
    "BelievingStart",
    "Carry",
    "Condition",
    "Duplicates",
    "Feasibility",
    "FeatureCoding",
    "Fold",
    "GivenSome",
    "Knowledge",
    "Predicate",
    "Region",
    "Standing",
    "Tried",
    "UnitCube",
    "Weights",
    "ask_noted",
    "asked",
    "at_highest_fidelity",
    "belief_of",
    "candidates",
    "checked_prior",
    "coarse_grid_size",
    "column_value",
    "column_values",
    "given",
    "has_branches",
    "is_learnable",
    "known",
    "learned_conditions",
    "learned_feasibility",
    "looking",
    "named",
    "neighbours",
    "satisfies",
    "standing",
    "strength",
    "suggest",
    "suggest_by_ranks",
    "suggest_lone",
    "suggest_lone_at_random",
    "with_branches",
    "with_types",
    "without_inactive",
]
