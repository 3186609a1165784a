"""Samplers and pruners of this library, made again from what a journal says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpo.core import Identity, from_json_tree, identity_of
from hpo.errors import HpoError


def made_again(identity: Identity | None) -> Any:
    """The sampler or pruner with this identity; None if it is not one of ours, or of another version or options.

    Only classes and functions of a fixed table are ever called: nothing is imported by a name that was read.
    """
    if identity is None or not isinstance(identity.options, dict):
        return None
    from hpo import pruners, samplers
    from hpo.samplers import tpe

    kinds: Mapping[str, Callable[..., Any]] = {
        "BruteForceSampler": samplers.BruteForceSampler,
        "CmaEsSampler": samplers.CmaEsSampler,
        "Fallback": samplers.Fallback,
        "GridSampler": samplers.GridSampler,
        "PartialFixedSampler": samplers.PartialFixedSampler,
        "QMCSampler": samplers.QMCSampler,
        "RandomSampler": samplers.RandomSampler,
        "TPESampler": samplers.TPESampler,
        "Warmup": samplers.Warmup,
        "MedianPruner": pruners.MedianPruner,
        "NopPruner": pruners.NopPruner,
    }
    functions = {
        f"{function.__module__}.{function.__qualname__}": function
        for function in (tpe.default_gamma, tpe.default_weights, tpe.hyperopt_gamma)
    }
    if identity.name not in kinds:
        return None
    options = from_json_tree(identity.options)
    try:
        thing = kinds[identity.name](**{name: _option(value, functions) for name, value in options.items()})
    except (TypeError, HpoError):
        return None
    return thing if identity_of(thing) == identity else None


def _option(value: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
    """What an option was: one of `functions` by its name, another sampler by its identity, or what it looks like."""
    if isinstance(value, str):
        return functions.get(value, value)
    match value:
        case {"name": str(name), "version": int(version), "options": dict(options)} if len(value) == 3:
            return made_again(Identity(name, version, options))
    return value
