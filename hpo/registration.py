"""Samplers, pruners, promoters and stopping rules by name: the built-in ones and those of other packages.

Each kind has a `Registry` with one `Registration` per entry, a line that says all that the library needs to know of it:
the name, the module that it is loaded from when it is first used, the words that `hpo.explain` has for its rules, the laws
that it claims. Packages add entries of their own by entry points, see `Registry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import attrs

from hpo.errors import BrokenPlugin, InvalidArgument

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class Registration:
    """One sampler, pruner, promoter or stopping rule, as a value; nothing is imported before `load`.

    Args:
        name: The public name, which the module `home` has too: a frozen attrs class whose fields are the options, or a
            function. Journals record a class under this name.
        home: The module to load it from.
        rules: Words for `hpo.explain`, by the ``rule`` that a note names.
        claims: The laws beyond the basic ones that it claims to keep, by name (see `hpo.testing.samplers.claims` and
            `hpo.testing.pruners`); the law tests try them.
        functions: Names of functions in `home` that may be options, such as ``default_gamma``. A journal records a
            function by its name alone, so only functions listed here can be found again.
        dropped_options: Options that earlier versions recorded and that no longer exist, with the value which has the
            same effect as leaving the option out.
        added_options: Options that earlier versions did not have and did not record, with the value that has the effect
            of those versions.

    Example:
        >>> Registration("QMCSampler", home="hpo.samplers.quasi_random").load().__name__
        'QMCSampler'
    """

    name: str
    home: str = attrs.field(kw_only=True)
    rules: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    claims: tuple[str, ...] = attrs.field(default=(), converter=_names, kw_only=True)
    functions: tuple[str, ...] = attrs.field(default=(), converter=_names, kw_only=True)
    dropped_options: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)
    added_options: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)

    def load(self) -> Any:
        """Import and return the class or function."""
        return getattr(import_module(self.home), self.name)

    def load_functions(self) -> dict[str, Any]:
        """Import the functions that may be options, by the name that a journal records."""
        found = [getattr(import_module(self.home), name) for name in self.functions]
        return {f"{function.__module__}.{function.__qualname__}": function for function in found}


@attrs.frozen
class Registry:
    """The registered samplers, pruners, promoters or stopping rules: those of this library, then those of installed packages.

    A package registers a sampler by an entry point that has the sampler's name and refers to its `Registration`::

        [project.entry-points."hpo.samplers"]
        HillClimber = "my_package:REGISTRATION"

    Entry points are read when a name is not built in or when all names are asked for, and an object is imported when
    its name is asked for. So a broken package is an error where it is used and nowhere else.

    Args:
        group: The group of the entry points.
        kind: What is registered, for messages: ``"sampler"``.
        built_in: The entries of this library, which come before others of the same name.
    """

    group: str
    kind: str
    built_in: tuple[Registration, ...] = ()

    def names(self) -> list[str]:
        """Return all names, those of this library first; no package is imported."""
        ours = [registration.name for registration in self.built_in]
        # an entry point has its name in the metadata, so a list of names needs no import
        return [*ours, *sorted({point.name for point in entry_points(self.group)} - {*ours})]

    def homes(self) -> dict[str, list[str]]:
        """Return the names of this library's entries, by the module that each is loaded from."""
        found: dict[str, list[str]] = {}
        for registration in self.built_in:
            found.setdefault(registration.home, []).append(registration.name)
        return found

    def find(self, name: str) -> Registration | None:
        """Return the entry `name`, or None if there is no such entry.

        Raises:
            BrokenPlugin: a package has an entry of this name that can't be used.
        """
        for registration in self.built_in:
            if registration.name == name:
                return registration
        point = entry_point(self.group, name)
        return None if point is None else self._registered(point)

    def load(self, name: str) -> Any:
        """Import and return what is registered as `name`.

        Raises:
            InvalidArgument: there is no such entry; the message lists all names.
            BrokenPlugin: it belongs to a package and can't be loaded.
        """
        registration = self.find(name)
        if registration is None:
            raise InvalidArgument(f"there is no {self.kind} {name!r}: there are {', '.join(self.names())}")
        if registration in self.built_in:
            return registration.load()  # an error in our own module is a fault of this library, and shown as it is
        try:
            return registration.load()
        except Exception as error:
            point = entry_point(self.group, name)
            package = "an unknown package" if point is None else package_of(point)
            reason = f"{registration.home}.{name} can't be loaded: {type(error).__name__}: {error}"
            raise BrokenPlugin(package, self.group, name, reason) from error

    def attribute(self, name: str) -> Any:
        """Return what is registered as `name`, or None if there is no such entry: the attribute of a package."""
        return None if self.find(name) is None else self.load(name)

    def __iter__(self) -> Iterator[Registration]:
        """Iterate over all entries that can be read; those of broken packages are left out."""
        for name in self.names():
            try:
                registration = self.find(name)
            except BrokenPlugin:
                continue
            if registration is not None:
                yield registration

    def made_without_options(self) -> Iterator[tuple[Registration, Any]]:
        """Yield each entry that needs no options with an object made of it, as the law tests try it.

        A function is yielded as it is. Entries that can't be loaded are left out.
        """
        for registration in self:
            try:
                found = self.load(registration.name)
                yield registration, found() if isinstance(found, type) else found
            # a class whose options have no defaults is a TypeError; one that needs one of several says so itself
            except (BrokenPlugin, TypeError, InvalidArgument):
                continue

    def built_in_only(self) -> Registry:
        """Return this registry without the entries of packages, as documentation lists it."""
        return attrs.evolve(self, group="")

    def table(self) -> str:
        """Return all entries as a table in Markdown: the name, what it does, the rules it notes, the laws it claims.

        What it does is the first line of its docstring. This imports every
        entry; those of broken packages are left out.
        """
        rows = [f"| {self.kind} | what it does | rules it notes | laws it claims |", "|---|---|---|---|"]
        for registration in self:
            try:
                does = (self.load(registration.name).__doc__ or "").strip().partition("\n")[0]
            except BrokenPlugin:
                continue
            rules, claims = (
                ", ".join(f"`{word}`" for word in words) for words in (registration.rules, registration.claims)
            )
            rows.append(f"| `{registration.name}` | {does} | {rules} | {claims} |")
        return "\n".join(rows)

    def words(self, rule: str, *names: str | None) -> str | None:
        """Return the words for a rule that a note names, or None if nobody has registered any.

        Args:
            rule: The rule.
            names: Names under which it may have been noted, the likeliest first; the words of this library's entries are the last resort.
        """
        for name in names:
            try:
                registration = None if name is None else self.find(name)
            except BrokenPlugin:  # an explanation of what was recorded does not need the package
                continue
            if registration is not None and rule in registration.rules:
                return registration.rules[rule]
        # rules with the same name mean the same in all samplers of this library
        return next((entry.rules[rule] for entry in self.built_in if rule in entry.rules), None)

    def _registered(self, point: EntryPoint) -> Registration:
        registered = load_entry_point(point)
        if not isinstance(registered, Registration):
            reason = f"{point.value} is not an hpo.extend.Registration but {registered!r}"
            raise BrokenPlugin(package_of(point), self.group, point.name, reason)
        if registered.name != point.name:  # else the class would be recorded under a name that finds nothing
            reason = f"{point.value} registers the name {registered.name!r}: give the entry point the same name"
            raise BrokenPlugin(package_of(point), self.group, point.name, reason)
        return registered


def entry_points(group: str) -> Sequence[EntryPoint]:
    """Return the entry points of a group, of all packages on the module path, without importing the packages.

    No group has no entry points.
    """
    import sys

    if not group:
        return ()
    return _entry_points(group, tuple(sys.path))


def entry_point(group: str, name: str) -> EntryPoint | None:
    """Return the entry point of a group with this name, or None if no package has one; nothing is imported.

    Raises:
        BrokenPlugin: several packages have one, and they refer to different objects.
    """
    points = [point for point in entry_points(group) if point.name == name]
    if len({point.value for point in points}) > 1:  # one package may be found twice on the path, with equal values
        packages = ", ".join(sorted({package_of(point) for point in points}))
        raise BrokenPlugin(packages, group, name, "several packages register this name: uninstall all but one")
    return points[0] if points else None


@lru_cache(maxsize=16)
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """A memo of `entry_points`: reading the metadata of all packages takes milliseconds, so once per module path."""
    from importlib import metadata

    return tuple(metadata.entry_points(group=group))


def load_entry_point(point: EntryPoint) -> Any:
    """Import and return what an entry point refers to.

    Raises:
        BrokenPlugin: it can't be imported, whatever its package raised.
    """
    try:
        return point.load()
    except Exception as error:
        reason = f"{point.value} can't be imported: {type(error).__name__}: {error}"
        raise BrokenPlugin(package_of(point), point.group, point.name, reason) from error


def package_of(point: EntryPoint) -> str:
    """Return the name and version of the package that an entry point belongs to."""
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
