"""Configurations that satisfy a predicate, for samplers in a `Where`: the others count as tried."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs
import numpy as np

from hpo.core import Exhausted, Key, SearchSpace, value_of
from hpo.errors import InvalidType
from hpo.samplers.parts.branches import Branches
from hpo.samplers.parts.tried import TriedConfigurations

Predicate: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""A pure function from parameters to whether they are worth a trial."""

_DRAWS = 200
_MOST_ENUMERATED = 10_000


def satisfies(predicate: Predicate, params: Mapping[str, Any]) -> bool:
    """Return whether parameters satisfy a predicate, or lack a parameter that it needs to decide.

    Raises:
        InvalidType: the predicate returned something else than a bool.
    """
    try:
        answer = predicate(params)
    except KeyError as error:
        if error.args and error.args[0] not in params:  # it is not there, or not yet
            return True
        raise
    if not isinstance(answer, bool | np.bool_):
        raise InvalidType(f"the predicate of Where returns True or False, got {answer!r} for {dict(params)!r}")
    return bool(answer)


@attrs.frozen
class GivenSome:
    """A predicate on parameters some of which are fixed by a wrapper."""

    predicate: Predicate
    known: Mapping[str, Any]

    def __call__(self, params: Mapping[str, Any]) -> Any:
        """Return whether the parameters satisfy the predicate together with the fixed ones."""
        return self.predicate({**self.known, **params})


@attrs.frozen(eq=False)
class Allowed:
    """What was tried, or does not satisfy a predicate.

    Attributes:
        space: The parameters that are asked for.
        known: Parameters that have values already.
        predicate: What configurations must satisfy.
        tried: What was tried; None if that does not matter.
    """

    space: SearchSpace
    known: Mapping[str, Any]
    predicate: Predicate
    tried: TriedConfigurations | Branches | None

    @property
    def exhausted(self) -> Exhausted | None:
        """The answer of a sampler if everything is tried."""
        return None if self.tried is None else self.tried.exhausted

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Return whether a configuration was tried, or does not satisfy the predicate."""
        if not satisfies(self.predicate, {**self.known, **params}):
            return True
        return self.tried is not None and self.tried.contains(params)

    def random_untried(self, key: Key) -> dict[str, Any] | None:
        """Return a random configuration that satisfies the predicate and was not tried.

        None means that there is none, or that too few of them satisfy the predicate to find one.
        """
        for number in range(_DRAWS):
            stream = key.child("allowed", number)
            if self.tried is None:
                units = stream.uniforms(self.space)
                pairs = zip(self.space.items(), units, strict=True)
                params = {name: distribution.from_unit(unit) for (name, distribution), unit in pairs}
            else:
                params = self.tried.random_untried(stream)
            if satisfies(self.predicate, {**self.known, **params}):
                return params
        left = self._enumerated()
        return left[int(key.child("left").uniforms(["place"])[0] * len(left))] if left else None

    @property
    def is_used_up(self) -> bool:
        """Whether it is certain that nothing is left: the space is small, and nothing of it is both untried and allowed."""
        return self.tried is not None and self._size <= _MOST_ENUMERATED and not self._enumerated()

    @property
    def _size(self) -> float:
        if isinstance(self.tried, TriedConfigurations):
            return self.tried.n_untried
        return math.prod(distribution.n_values() or math.inf for distribution in self.space.values())

    def _enumerated(self) -> list[dict[str, Any]]:
        """Return all configurations that are left, or none if the space is too large to look at all of it."""
        if self.tried is None or self._size > _MOST_ENUMERATED:
            return []
        if isinstance(self.tried, TriedConfigurations):
            configurations: Iterable[dict[str, Any]] = map(self.tried.untried, range(self.tried.n_untried))
        else:
            axes = [[value_of(each, i) for i in range(each.n_values() or 0)] for each in self.space.values()]
            configurations = (dict(zip(self.space, values, strict=True)) for values in itertools.product(*axes))
        return [each for each in configurations if not self.contains(each)]
