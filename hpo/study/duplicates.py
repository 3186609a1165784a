"""Checks whether a study already has a trial with given parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from hpo.core import FrozenTrial, InsertOnlyDict, StudyState, from_json_tree, to_json_tree

Configuration: TypeAlias = frozenset[tuple[str, str, str]]
"""The name, type and repr of each parameter, so that ``True``, ``1`` and ``1.0`` are different values."""


def is_duplicate(state: StudyState, params: Mapping[str, Any]) -> bool:
    """Return whether some trial has exactly these parameters, or waits to be run with them.

    O(trials finished since the last call + running, paused and waiting trials).
    """
    if not isinstance(params, Mapping):
        return False  # decide() rejects params that are not a mapping, with a message
    wanted = _configuration(from_json_tree(to_json_tree(params)))
    if wanted in state.finished.fold(_Configurations()):
        return True
    unfinished = (*state.running.values(), *state.paused.values(), *state.waiting.values())
    return any(_configuration(params) == wanted for trial in unfinished for params in _given_and_got(trial))


class _Configurations(Struct, frozen=True):
    """Fold: the configurations of all finished trials."""

    def init(self) -> InsertOnlyDict[Configuration, None]:
        return InsertOnlyDict()

    def step(
        self, carry: InsertOnlyDict[Configuration, None], trial: FrozenTrial
    ) -> InsertOnlyDict[Configuration, None]:
        for params in _given_and_got(trial):
            carry = carry.with_item(_configuration(params), None)
        return carry


def _given_and_got(trial: FrozenTrial) -> tuple[Mapping[str, Any], ...]:
    """Return the values that a trial was enqueued with and those that it has: 0.1 + 0.2 may have become 0.3."""
    return (
        (trial.fixed_params, trial.params)
        if trial.fixed_params and trial.params
        else (trial.fixed_params or trial.params,)
    )


def _configuration(params: Mapping[str, Any]) -> Configuration:
    return frozenset((name, type(value).__name__, repr(value)) for name, value in params.items())
