"""Names that nobody asks for: parameters that are misspelt where a trial is enqueued, or where the space is declared."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hpo.core import FrozenTrial, StudyState, TrialState
from hpo.logging import get_logger

_PATIENCE = 5
"""Complete trials after which a declared parameter that none of them has asked for is mentioned. It may belong to a branch
of the objective that is not often taken."""


class UnaskedNames:
    """Looks at trials that have ended, and logs a warning, once per name, about parameters that were not asked for."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._asked: set[str] = set()
        self._misses: dict[str, int] = {}

    def look(self, state: StudyState, trial: FrozenTrial) -> None:
        """Look at a trial that has ended. A trial that is not complete may have ended before it asked for everything."""
        if trial.state is not TrialState.COMPLETE:
            return
        asked = trial.params.keys()
        for name in trial.fixed_params.keys() - asked:
            self._say(name, f"trial {trial.number} was enqueued with", asked - trial.fixed_params.keys())
        if state.space is None:
            return
        self._asked |= asked
        for name in state.space.keys() - self._asked:
            self._misses[name] = self._misses.get(name, 0) + 1
            meant = difflib.get_close_matches(name, [*(asked - state.space.keys())], n=1)
            if meant or self._misses[name] >= _PATIENCE:
                self._say(name, "the space of the study declares", meant)

    def _say(self, name: str, how: str, others: Iterable[str]) -> None:
        if name in self._said:
            return
        self._said.add(name)
        meant = difflib.get_close_matches(name, [*others], n=1)
        hint = f": did you mean {meant[0]!r}?" if meant else ""
        get_logger().warning("Parameter %r, which %s, is never asked for by the objective%s", name, how, hint)
