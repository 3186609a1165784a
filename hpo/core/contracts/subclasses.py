"""Subclasses of built-in samplers and pruners: the methods that they override are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from hpo.errors import InvalidType

F = TypeVar("F", bound=Callable[..., Any])

_INNER = (
    "_sample",
    "_sample_relative",
    "_build_parzen_estimator",
    "_compute_acquisition_func",
    "_optimize_acqf",
    "_get_internal_repr",
    "_init_optimizer",
    "_restore_optimizer",
    "_is_pruned",
    "_get_bracket_id",
)
"""Private methods of Optuna's samplers and pruners that programs override, and that no class of this library calls."""


def built_in_class(kind: type, front: type) -> type | None:
    """Return the built-in class that `kind` is a subclass of, or None if it is not a subclass of one.

    Args:
        kind: A class.
        front: The class from which all built-in classes derive directly.
    """
    found = [each for each in kind.__mro__[1:] if issubclass(each, front) and each is not front]
    return found[-1] if found else None


def call_overrides(kind: type, front: type, methods: Iterable[str], dispatch: Mapping[str, Any]) -> None:
    """Make a subclass of a built-in class call the methods that it overrides; `front` calls this for each new class.

    Objects of the subclass may have attributes of their own, which are copied and pickled with them. If one of `methods` is
    overridden, the objects count as not replayable unless their class says otherwise. What cannot be called is noted
    for `check_overrides`.

    Args:
        kind: The new class. Nothing happens if it is a built-in class itself.
        front: The class from which all built-in classes derive directly.
        methods: The names of the methods that may be overridden.
        dispatch: What `kind` gets, by name, if it overrides one of them: the methods that call them.
    """
    built_in = built_in_class(kind, front)
    if built_in is None:
        return
    own = [each for each in kind.__mro__ if each.__mro__ != built_in.__mro__ and issubclass(each, built_in)]
    defined = {name for each in own for name in vars(each)} - {name for each in own for name in _given_to(each)}
    # A frozen class refuses assignments, and pickles its fields only.
    if vars(built_in).get("__setattr__") is not _set_unless_frozen:
        type.__setattr__(built_in, "__setattr__", _set_unless_frozen)
    given: dict[str, Any] = {"__getstate__": object.__getstate__, "__setstate__": _restore}
    overridden = sorted(defined & {*methods})
    if overridden:
        given.update(dispatch)
        if "replayable" not in defined:
            given["replayable"] = False
    refused = [*sorted(defined & {*_INNER}), *(sorted(defined & {*dispatch}) if overridden else ())]
    given["_refused"] = tuple(refused)
    given = {name: value for name, value in given.items() if name not in vars(kind)}
    for name, value in given.items():
        type.__setattr__(kind, name, value)
    type.__setattr__(kind, "_given", (*given, "_given"))


def check_overrides(thing: object) -> None:
    """Check that the class of `thing` overrides no method that would never be called.

    Raises:
        InvalidType: it does; the message names the methods.
    """
    refused: tuple[str, ...] = getattr(type(thing), "_refused", ())
    if refused:
        raise InvalidType(
            f"{type(thing).__name__} overrides {', '.join(refused)}, which would never be called: override the public methods "
            "of BaseSampler or BasePruner, or write a sampler or pruner of your own"
        )


def does_nothing(method: F) -> F:
    """Mark a method that a subclass may override and that need not be called otherwise."""
    method.does_nothing = True  # type: ignore[attr-defined]
    return method


def hook(thing: object, name: str) -> Callable[..., Any] | None:
    """Return the method `name` of `thing`; None if there is none, or if it does nothing."""
    method: Callable[..., Any] | None = getattr(thing, name, None)
    return None if method is None or getattr(method, "does_nothing", False) else method


def _given_to(kind: type) -> tuple[str, ...]:
    given: tuple[str, ...] = vars(kind).get("_given", ())
    return given


def _set_unless_frozen(self: object, name: str, value: object) -> None:
    if "__attrs_attrs__" in vars(type(self)):
        raise attrs.exceptions.FrozenInstanceError
    object.__setattr__(self, name, value)


def _restore(self: object, state: Any) -> None:
    """Set the attributes of a copy: what `object.__getstate__` returns is a dict, or two of them."""
    for part in state if isinstance(state, tuple) else (state,):
        for name, value in (part or {}).items():
            # a kept hash is that of another process, where strings have other hashes
            object.__setattr__(self, name, None if name == "_attrs_cached_hash" else value)
