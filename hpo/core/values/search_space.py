"""Search spaces: names and their distributions, in order."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from types import MappingProxyType
from typing import Any

from hpo.core.memory import VersionedDict, with_items
from hpo.core.values.checks import checked_text
from hpo.core.values.distributions import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidType


class SearchSpace(Mapping[str, Distribution]):
    """An ordered, immutable mapping from parameter names to distributions.

    Args:
        distributions: Distributions by name. None means the empty space.

    Raises:
        InvalidType: `distributions` is not a mapping, a name is not a string, or a value is not a distribution.

    Example:
        >>> SearchSpace({"lr": FloatDistribution(1e-5, 1e-1, log=True)})
        SearchSpace({'lr': FloatDistribution(low=1e-05, high=0.1, log=True)})
    """

    __slots__ = ("_distributions", "_hash", "mapping", "numeric")

    mapping: Mapping[str, Distribution]
    """The same as a read-only view of a dict, which loops over many trials read faster than the space itself."""

    numeric: bool
    """Whether no parameter is categorical: then internal and external values are the same, and need no conversion."""

    def __init__(self, distributions: Mapping[str, Distribution] | None = None) -> None:
        if distributions is not None and not isinstance(distributions, Mapping):
            raise InvalidType(f"a search space is a mapping from names to distributions, got {distributions!r}")
        self._distributions: Mapping[str, Distribution] = dict(distributions or {})
        self.mapping = MappingProxyType(self._distributions)
        self._hash: int | None = None
        self.numeric = True
        # Objectives that define their space as they run make one for every trial, so the usual case is kept cheap.
        for name in self._distributions:
            if type(name) is not str or not name.isascii():
                self._distributions = {checked_text(n, "a parameter's name"): d for n, d in self._distributions.items()}
                break
        for name, distribution in self._distributions.items():
            # exact types: a journal could not bring back a subclass
            if type(distribution) is not FloatDistribution and type(distribution) is not IntDistribution:
                if type(distribution) is not CategoricalDistribution:
                    raise InvalidType(
                        f"parameter {name!r} needs a FloatDistribution, an IntDistribution or a "
                        f"CategoricalDistribution, got {distribution!r}"
                    )
                self.numeric = False

    @classmethod
    def of(cls, distributions: Mapping[str, Distribution]) -> SearchSpace:
        """Return `distributions` itself if it is a search space, and otherwise a search space of them."""
        return distributions if type(distributions) is cls else cls(distributions)

    def updated(self, other: SearchSpace) -> SearchSpace:
        """Return this space with the distributions of `other` added; for a name in both, that of `other` counts."""
        if not self._distributions:
            return other
        merged = with_items(self._distributions, other._distributions)
        if type(merged) is not VersionedDict:
            return SearchSpace(merged)
        # An objective with hundreds of lone parameters adds them to its trial's space one by one. What is in a space
        # has been checked, and checking it again each time would cost O(n^2).
        longer: SearchSpace = SearchSpace.__new__(SearchSpace)
        longer._distributions, longer.mapping, longer._hash = merged, MappingProxyType(merged), None
        # not exact if a categorical parameter was replaced by a numeric one: then values are converted without need
        longer.numeric = self.numeric and other.numeric
        return longer

    def without(self, names: Mapping[str, Any]) -> SearchSpace:
        """Return this space without `names`."""
        if self._distributions.keys().isdisjoint(names):
            return self  # the same object, so that "was anything taken out?" is one comparison by `is`
        return SearchSpace({name: dist for name, dist in self._distributions.items() if name not in names})

    def __getitem__(self, name: str) -> Distribution:
        return self._distributions[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the distribution of `name`, or `default`."""
        return self._distributions.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._distributions

    def __iter__(self) -> Iterator[str]:
        return iter(self._distributions)

    def __reversed__(self) -> Iterator[str]:
        return reversed([*self._distributions])

    def __len__(self) -> int:
        return len(self._distributions)

    def keys(self) -> KeysView[str]:
        """Return the names, in order."""
        return self._distributions.keys()

    def values(self) -> ValuesView[Distribution]:
        """Return the distributions, in order."""
        return self._distributions.values()

    def items(self) -> ItemsView[str, Distribution]:
        """Return names and distributions, in order."""
        return self._distributions.items()

    def __eq__(self, other: object) -> bool:
        # As for any mapping, the order does not count. Where it matters, for values that are written in the order of a
        # space, the names are compared as well.
        if isinstance(other, SearchSpace):
            return self is other or self._distributions == other._distributions
        return self._distributions == other if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:  # kept, because every suggestion looks its space up by hash
            self._hash = hash(frozenset(self._distributions.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"SearchSpace({self._distributions!r})"

    def __copy__(self) -> SearchSpace:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchSpace:
        return self

    def __reduce__(self) -> tuple[type[SearchSpace], tuple[dict[str, Distribution]]]:
        return SearchSpace, (dict(self._distributions),)
