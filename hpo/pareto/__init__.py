"""Questions about the Pareto front of a study with several objectives, as pure functions of a study or its state.

Only complete, feasible trials are on a front here: where there is none, the front is empty. Values are in the units and directions of the objectives, and by the study's metric names;
without names, the objectives are called "objective 0", "objective 1" and so on.

Names are imported when they are first used; `__init__.pyi` shows them to type checkers.
"""

from hpo._lazy import attach

_HOMES = {
    "hpo.pareto.attainment": ("attained", "attainment_surface"),
    "hpo.pareto.decisions": ("Choice", "choose", "knee"),
    "hpo.pareto.fronts": ("TradeOff", "crowding", "front", "objective_names", "ranks"),
    "hpo.pareto.volumes": (
        "Hypervolume",
        "contributions",
        "default_reference_point",
        "hypervolume",
        "hypervolume_history",
    ),
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
