"""Samplers: pure functions from a study's state to suggestions (see `hpo.core.contracts.sampler.Sampler`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpo.core import Exhausted, Sampler, Suggestion
from hpo.samplers.brute_force.sampler import BruteForceSampler
from hpo.samplers.grid import GridSampler
from hpo.samplers.optuna_style import BaseSampler, IntersectionSearchSpace, intersection_search_space
from hpo.samplers.quasi_random import QMCSampler
from hpo.samplers.random import RandomSampler
from hpo.samplers.wrappers import Fallback, PartialFixedSampler, Warmup

if TYPE_CHECKING:
    from hpo.samplers.cma_es import CmaEsSampler
    from hpo.samplers.tpe import TPESampler

__all__ = [
    "BaseSampler",
    "BruteForceSampler",
    "CmaEsSampler",
    "Exhausted",
    "Fallback",
    "GridSampler",
    "IntersectionSearchSpace",
    "PartialFixedSampler",
    "QMCSampler",
    "RandomSampler",
    "Sampler",
    "Suggestion",
    "TPESampler",
    "Warmup",
    "intersection_search_space",
]


def __getattr__(name: str) -> Any:
    if name == "TPESampler":  # loaded when used: it needs numpy and scipy
        from hpo.samplers.tpe import TPESampler

        return TPESampler
    if name == "CmaEsSampler":
        from hpo.samplers.cma_es import CmaEsSampler

        return CmaEsSampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
