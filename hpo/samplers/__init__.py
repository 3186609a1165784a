"""Samplers: pure functions from a study's state to suggestions (see `Sampler`).

Those of this library and of installed packages are listed in `hpo.samplers.registry`. Each is imported when its name is
first used; `__init__.pyi` shows the names to type checkers.
"""

from hpo._lazy import attach
from hpo.samplers.registry import SAMPLERS

_OTHERS = {
    "hpo.core": ("BaseSampler", "Exhausted", "Sampler", "Suggestion"),
    "hpo.samplers.evolution.generations": ("BaseGASampler",),
    "hpo.samplers.shared_space": ("IntersectionSearchSpace", "intersection_search_space"),
}

__getattr__, __dir__, __all__ = attach(__name__, {**_OTHERS, **SAMPLERS.homes()}, plugin=SAMPLERS.attribute)
