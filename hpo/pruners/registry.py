"""The pruners and promoters of this library: one entry each, from which everything that lists them derives.

See `hpo.samplers.registry`, which does the same for samplers.
"""

from __future__ import annotations

from hpo.registration import Registration, Registry

_OWN_REPORTS = ("bounded_work",)
_ONE_OBJECTIVE = ("affine", "mirror", "never_stops_the_leader", "bounded_work")
_RANKS = (*_ONE_OBJECTIVE, "rank_based")

PRUNERS = Registry(
    "hpo.pruners",
    "pruner",
    (
        Registration("AfterStep", home="hpo.pruners.combinations"),
        Registration("All", home="hpo.pruners.combinations"),
        Registration("Any", home="hpo.pruners.combinations"),
        Registration("ByMetric", home="hpo.pruners.combinations"),
        Registration(
            "CurvePruner", home="hpo.pruners.curves", claims=("mirror", "never_stops_the_leader", "bounded_work")
        ),
        Registration("HyperbandPruner", home="hpo.pruners.hyperband", claims=_RANKS),
        Registration("MedianPruner", home="hpo.pruners.median", claims=_ONE_OBJECTIVE),
        Registration("NopPruner", home="hpo.pruners.nop", claims=_RANKS),
        Registration("ParetoHalvingPruner", home="hpo.pruners.pareto", claims=_RANKS),
        Registration("PauseInPopulation", home="hpo.pruners.rungs", claims=("mirror", "rank_based")),
        Registration("PauseAtRungs", home="hpo.pruners.rungs", claims=_RANKS),
        Registration("PatientPruner", home="hpo.pruners.threshold", claims=("mirror", *_OWN_REPORTS)),
        Registration("PercentilePruner", home="hpo.pruners.median", claims=_ONE_OBJECTIVE),
        Registration("RushPruner", home="hpo.pruners.combinations", claims=_RANKS),
        Registration("SuccessiveHalvingPruner", home="hpo.pruners.successive_halving", claims=_RANKS),
        Registration("ThresholdPruner", home="hpo.pruners.threshold", claims=_OWN_REPORTS),
        Registration("WilcoxonPruner", home="hpo.pruners.wilcoxon", claims=_ONE_OBJECTIVE),
    ),
)

PROMOTERS = Registry(
    "hpo.promoters",
    "promoter",
    (
        Registration("PopulationTraining", home="hpo.pruners.population"),
        Registration("ProgressiveHalving", home="hpo.pruners.promotion"),
        Registration("PromotionHalving", home="hpo.pruners.promotion"),
    ),
)
