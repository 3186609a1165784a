"""Names of a package that are imported when they are first used, so that importing the package costs next to nothing.

This module is part of every ``import hpo`` and imports nothing itself, not even `typing`, which would cost more than all
the rest. (`lazy_loader.attach_stub` parses the package's stub at each import; with the module `ast` that takes 7 ms.)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def attach(
    package: str,
    homes: Mapping[str, Iterable[str]],
    *,
    eager: Iterable[str] = (),
    rooms: Iterable[str] = (),
    advice: Mapping[str, str] | None = None,
    plugin: Callable[[str], object] | None = None,
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` for a package whose names are imported when they are used.

    Args:
        package: The package, its `__name__`.
        homes: Its lazy names, by the module that each is imported from.
        eager: Public names that the package's own file defines.
        rooms: Its submodules that are public.
        advice: What to add to the error for names that people look for in vain, by name.
        plugin: Asked for other names; returns what other packages have registered, or None.

    Example:
        >>> get, names, _ = attach("hpo.samplers", {"hpo.samplers.random": ["RandomSampler"]})
        >>> names(), get("RandomSampler").__name__
        (['RandomSampler'], 'RandomSampler')
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    submodules = frozenset(rooms)
    public = [*eager, *home_of, *rooms]

    def get(name: str) -> object:
        from importlib import import_module
        from sys import modules

        value: object = None
        if name in home_of:
            value = getattr(import_module(home_of[name]), name)
        elif name in submodules:
            value = import_module(f"{package}.{name}")
        elif plugin is not None and not name.startswith("_"):  # Python itself asks for many names with underscores
            value = plugin(name)
            if value is not None:
                return value  # not kept: which packages there are may change
        if value is None:
            known = (advice or {}).get(name) or import_module("hpo._advice").advice(package, name)
            hint = f": {known}" if known else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
        setattr(modules[package], name, value)  # the next access finds it without this function
        return value

    def names() -> list[str]:
        return [*public]

    return get, names, public
