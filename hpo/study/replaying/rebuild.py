"""Samplers, pruners and promoters rebuilt from what a journal records of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from hpo.core import Identity, from_json_tree, identity_of
from hpo.errors import HpoError
from hpo.pruners.registry import PROMOTERS, PRUNERS
from hpo.registration import Registration, Registry
from hpo.samplers.operators import OPERATORS
from hpo.samplers.registry import SAMPLERS

_REGISTRIES = (SAMPLERS, PRUNERS, PROMOTERS, OPERATORS)
_BUILT_IN = tuple(registry.built_in_only() for registry in _REGISTRIES)  # first, without reading entry points


def rebuild_advisor(identity: Identity | None) -> Any:
    """Return the sampler, pruner or promoter with this identity, or None if it can't be rebuilt.

    That is the case if it is not registered, if its version is another one now, or if its options say too little: a
    journal records JSON, and of other objects the name alone.

    Only what is registered is ever called, by this library or by an installed package; nothing is imported by a name
    that was read from a journal.

    Raises:
        BrokenPlugin: it belongs to a package that can't be loaded.

    Example:
        >>> rebuild_advisor(Identity("RandomSampler", 1, {"seed": 3}))
        RandomSampler(seed=3)
    """
    entry = None if identity is None else _registered(identity)
    if identity is None or entry is None:
        return None
    registry, registration = entry
    recorded, found = _with_options_of_today(identity), registry.load(registration.name)
    if isinstance(recorded.options, dict):
        functions = registration.load_functions()
        options = {name: _option(value, functions) for name, value in from_json_tree(recorded.options).items()}
        try:
            found = found(**options)
        except (TypeError, HpoError):  # options of another version of the class
            return None
    elif not inspect.isroutine(found):  # an object that is not of a frozen class: its options are unknown
        return None
    # a class may accept options that mean something else by now; only what would be recorded alike is the same advisor
    return found if identity_of(found) == recorded else None


def _registered(identity: Identity) -> tuple[Registry, Registration] | None:
    """Return the entry of a class, which is recorded by its name, or of a function, recorded with its module."""
    module, _, name = identity.name.rpartition(".")
    for registry in (*_BUILT_IN, *_REGISTRIES):
        registration = registry.find(name)
        if registration is not None and (not module or module == registration.home):
            return registry, registration
    return None


def _with_options_of_today(identity: Identity) -> Identity:
    """Return what this version would record for a sampler or pruner that an earlier version has recorded."""
    entry = _registered(identity)
    if entry is None or not isinstance(identity.options, dict):
        return identity
    dropped = entry[1].dropped_options
    options = {
        name: _with_nested_of_today(value)
        for name, value in identity.options.items()
        if name not in dropped or value != dropped[name]
    }
    return replace(identity, options={**entry[1].added_options, **options})


def _with_nested_of_today(option: Any) -> Any:
    nested = _nested(option)
    if nested is None:
        return option
    now = _with_options_of_today(nested)
    return {"name": now.name, "version": now.version, "options": now.options}


def _option(value: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
    """Return an option's value: a function by its recorded name, another sampler by its identity, or what is recorded."""
    if isinstance(value, str):
        return functions.get(value, value)
    if isinstance(value, list):  # several pruners of which one is made
        return [_option(item, functions) for item in value]
    nested = _nested(value)
    return value if nested is None else rebuild_advisor(nested)


def _nested(option: Any) -> Identity | None:
    """Return the identity of a sampler that is an option of another one, or None if the option is something else."""
    match option:
        case {"name": str(name), "version": int(version), "options": dict(options)} if len(option) == 3:
            return Identity(name, version, options)
    return None
