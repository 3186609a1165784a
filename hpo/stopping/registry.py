"""The stopping rules of this library: one entry each, from which everything that lists stopping rules derives.

Packages can register theirs by entry points of the group ``hpo.stopping_rules``.
"""

from __future__ import annotations

from hpo.registration import Registration, Registry

_HOME = "hpo.stopping.rules"
_ROOM = "hpo.stopping.room"
_COUNTS = ("rank_based", "affine", "mirror", "bounded_work")

STOPPING_RULES = Registry(
    "hpo.stopping_rules",
    "stopping rule",
    (
        Registration("AllRules", home="hpo.stopping.combinations"),
        Registration("AnyRule", home="hpo.stopping.combinations"),
        Registration("BestValueStagnation", home=_HOME, claims=_COUNTS),
        Registration("Budget", home=_HOME, claims=_COUNTS),
        Registration("EMMR", home=_ROOM, claims=("mirror",)),
        Registration("ExpectedImprovement", home=_ROOM, claims=("mirror",)),
        Registration("MaxTrials", home=_HOME, claims=_COUNTS),
        Registration("NoImprovement", home=_HOME, claims=_COUNTS),
        Registration("RegretBound", home=_ROOM, claims=("mirror",)),
        Registration("TargetReached", home=_HOME, claims=("bounded_work",)),
        Registration("Timeout", home=_HOME, claims=_COUNTS),
    ),
)
