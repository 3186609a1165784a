"""Pruners, pure functions that end unpromising trials early (see `Pruner`), and promoters, which resume paused trials.

Those of this library and of installed packages are listed in `hpo.pruners.registry`. Each is imported when its name is
first used; `__init__.pyi` shows the names to type checkers.
"""

from hpo._lazy import attach
from hpo.pruners.registry import PROMOTERS, PRUNERS

_OTHERS = {
    "hpo.core": ("BasePruner", "Decision", "Pruner", "Verdict"),
    "hpo.pruners.bracket_sampler": ("BracketSampler",),
}


def _registered(name: str) -> object:
    found = PRUNERS.attribute(name)
    return PROMOTERS.attribute(name) if found is None else found


__getattr__, __dir__, __all__ = attach(
    __name__, {**_OTHERS, **PRUNERS.homes(), **PROMOTERS.homes()}, plugin=_registered
)
