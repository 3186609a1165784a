"""Combinations of stopping rules with ``|`` and ``&``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from hpo.core import Stop, StoppingRule, StudyState, checked_stopping_rule
from hpo.errors import InvalidType


class Combinable:
    """The base of stopping rules that can be combined: ``a | b`` stops when one of them does, ``a & b`` when both do.

    The other rule may be any function of a state.

    Example:
        >>> from hpo.stopping import MaxTrials, TargetReached
        >>> rule = MaxTrials(100) | TargetReached(0.01) & MaxTrials(20)
        >>> rule(StudyState.create()) is None
        True
    """

    __slots__ = ()

    def __or__(self, other: StoppingRule) -> AnyRule:
        return AnyRule((self, other))

    def __ror__(self, other: StoppingRule) -> AnyRule:
        return AnyRule((other, self))

    def __and__(self, other: StoppingRule) -> AllRules:
        return AllRules((self, other))

    def __rand__(self, other: StoppingRule) -> AllRules:
        return AllRules((other, self))


def _rules(given: Iterable[Any]) -> tuple[StoppingRule, ...]:
    rules = tuple(checked_stopping_rule(rule) for rule in given)
    if not rules:
        raise InvalidType("a combination of stopping rules needs at least one")
    return rules


@attrs.frozen
class AnyRule(Combinable):
    """Stops when one of several rules does, with the reason of the first that does; ``a | b`` makes it.

    Args:
        rules: The rules, at least one.

    Example:
        >>> from hpo.stopping import MaxTrials, TargetReached
        >>> AnyRule([MaxTrials(0), TargetReached(1.0)])(StudyState.create()).reason["rule"]
        'max trials'
    """

    rules: tuple[StoppingRule, ...] = attrs.field(converter=_rules)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return the answer of the first rule that stops, or None."""
        return next((stop for rule in self.rules if (stop := rule(state)) is not None), None)


@attrs.frozen
class AllRules(Combinable):
    """Stops when all of several rules do, with the reasons of all; ``a & b`` makes it.

    Args:
        rules: The rules, at least one.

    Example:
        >>> from hpo.stopping import MaxTrials
        >>> AllRules([MaxTrials(0), MaxTrials(9)])(StudyState.create()) is None
        True
    """

    rules: tuple[StoppingRule, ...] = attrs.field(converter=_rules)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop with a list of reasons if all rules stop, or None."""
        reasons = []
        for rule in self.rules:
            stop = rule(state)
            if stop is None:
                return None
            reasons.append(stop.reason)
        return Stop({"rule": "all", "reasons": reasons})
