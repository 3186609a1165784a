"""The old names of `suggest_float`, from the days of Optuna 2."""

from __future__ import annotations

import warnings
from typing import Any


class OldSuggestions:
    """Methods of trials under their old names: each calls `suggest_float`, with a warning."""

    __slots__ = ()

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return ``suggest_float(name, low, high)``; an old name, with a warning."""
        return _suggested(self, "suggest_uniform", name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return ``suggest_float(name, low, high, log=True)``; an old name, with a warning."""
        return _suggested(self, "suggest_loguniform", name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return ``suggest_float(name, low, high, step=q)``; an old name, with a warning."""
        return _suggested(self, "suggest_discrete_uniform", name, low, high, step=q)


def _suggested(trial: Any, old: str, name: str, low: float, high: float, **options: Any) -> float:
    shown = "".join(f", {option}={value!r}" for option, value in options.items())
    warnings.warn(f"{old} is an old name: use suggest_float(name, low, high{shown})", FutureWarning, stacklevel=3)
    value: float = trial.suggest_float(name, low, high, **options)
    return value
