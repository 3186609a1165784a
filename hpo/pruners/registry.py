"""The pruners of this library: one entry each, from which everything that lists pruners derives.

See `hpo.samplers.registry`, which does the same for samplers.
"""

from __future__ import annotations

from hpo.registration import Registration, Registry

_ONE_OBJECTIVE = ("affine", "mirror", "never_stops_the_leader", "bounded_work")

PRUNERS = Registry(
    "hpo.pruners",
    "pruner",
    (
        Registration("MedianPruner", home="hpo.pruners.median", claims=_ONE_OBJECTIVE),
        Registration("NopPruner", home="hpo.pruners.nop", claims=(*_ONE_OBJECTIVE, "rank_based")),
    ),
)
