"""Whether a configuration is in a study already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from hpo.core import FrozenTrial, InsertOnlyDict, StudyState, from_json_tree, to_json_tree

Configuration: TypeAlias = frozenset[tuple[str, str, str]]
"""Names, types and writings: ``True``, ``1`` and ``1.0`` are different."""


def already_there(state: StudyState, params: Mapping[str, Any]) -> bool:
    """Whether a trial has just these parameters, or waits for them.

    O(trials new since the last question + running and waiting ones).
    """
    if not isinstance(params, Mapping):
        return False  # the command that enqueues them says what is wrong
    wanted = _configuration(from_json_tree(to_json_tree(params)))
    if wanted in state.finished.fold(_Configurations()):
        return True
    unfinished = (*state.running.values(), *state.waiting.values())
    return any(_configuration(trial.fixed_params or trial.params) == wanted for trial in unfinished)


class _Configurations(Struct, frozen=True):
    """Fold: every configuration of a finished trial."""

    def init(self) -> InsertOnlyDict[Configuration, None]:
        return InsertOnlyDict()

    def step(
        self, carry: InsertOnlyDict[Configuration, None], trial: FrozenTrial
    ) -> InsertOnlyDict[Configuration, None]:
        return carry.with_item(_configuration(trial.fixed_params or trial.params), None)


def _configuration(params: Mapping[str, Any]) -> Configuration:
    return frozenset((name, type(value).__name__, repr(value)) for name, value in params.items())
