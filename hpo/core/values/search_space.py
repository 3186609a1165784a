"""Search spaces: names and their distributions, in order."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from types import MappingProxyType
from typing import Any

from hpo.core.values.checks import checked_text
from hpo.core.values.distributions import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidType


class SearchSpace(Mapping[str, Distribution]):
    """An ordered, immutable mapping from parameter names to distributions.

    Args:
        distributions: What to hold; any mapping. Nothing means the empty space.

    Raises:
        InvalidType: it is no mapping, a name is no text, or a distribution none of the library's.

    Example:
        >>> SearchSpace({"lr": FloatDistribution(1e-5, 1e-1, log=True)})
        SearchSpace({'lr': FloatDistribution(low=1e-05, high=0.1, log=True)})
    """

    __slots__ = ("_distributions", "_hash", "mapping", "numeric")

    mapping: Mapping[str, Distribution]
    """The same as a read-only view of a dict, for loops that count every nanosecond."""

    numeric: bool
    """Whether no parameter is categorical, so that internal and external values are the same."""

    def __init__(self, distributions: Mapping[str, Distribution] | None = None) -> None:
        if distributions is not None and not isinstance(distributions, Mapping):
            raise InvalidType(f"a search space is a mapping from names to distributions, got {distributions!r}")
        self._distributions: dict[str, Distribution] = dict(distributions or {})
        self.mapping = MappingProxyType(self._distributions)
        self._hash: int | None = None
        self.numeric = True
        if not all(type(name) is str and name.isascii() for name in self._distributions):
            self._distributions = {checked_text(n, "a parameter's name"): d for n, d in self._distributions.items()}
        for name, distribution in self._distributions.items():
            if type(distribution) is not FloatDistribution and type(distribution) is not IntDistribution:
                if type(distribution) is not CategoricalDistribution:
                    raise InvalidType(
                        f"the space gives parameter {name!r} {distribution!r}: allowed are FloatDistribution, "
                        "IntDistribution and CategoricalDistribution"
                    )
                self.numeric = False

    @classmethod
    def of(cls, distributions: Mapping[str, Distribution]) -> SearchSpace:
        """`distributions` itself if it is a space already, else a space of them."""
        return distributions if type(distributions) is cls else cls(distributions)

    def updated(self, other: SearchSpace) -> SearchSpace:
        """This space followed by the names that only `other` has; for a name in both, `other` decides."""
        if not self._distributions:
            return other
        return SearchSpace({**self._distributions, **other._distributions})

    def without(self, names: Mapping[str, Any]) -> SearchSpace:
        """This space without `names`."""
        if not any(name in names for name in self._distributions):
            return self
        return SearchSpace({name: dist for name, dist in self._distributions.items() if name not in names})

    def __getitem__(self, name: str) -> Distribution:
        return self._distributions[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The distribution of `name`, or `default`."""
        return self._distributions.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._distributions

    def __iter__(self) -> Iterator[str]:
        return iter(self._distributions)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._distributions)

    def __len__(self) -> int:
        return len(self._distributions)

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self._distributions.keys()

    def values(self) -> ValuesView[Distribution]:
        """The distributions, in order."""
        return self._distributions.values()

    def items(self) -> ItemsView[str, Distribution]:
        """Names and distributions, in order."""
        return self._distributions.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SearchSpace):
            return self is other or self._distributions == other._distributions
        return self._distributions == other if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._distributions.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"SearchSpace({self._distributions!r})"

    def __copy__(self) -> SearchSpace:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchSpace:
        return self

    def __reduce__(self) -> tuple[type[SearchSpace], tuple[dict[str, Distribution]]]:
        return SearchSpace, (self._distributions,)
