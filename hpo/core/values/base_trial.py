"""What running, fixed and finished trials have in common, and the old names of `suggest_float`, from the days of Optuna 2."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any


class BaseTrial:
    """What running, fixed and finished trials have in common. Objectives may be annotated with it.

    The three old methods work in all of them, with a warning.

    Example:
        >>> import hpo
        >>> isinstance(hpo.trial.FixedTrial({"x": 1}), BaseTrial)
        True
    """

    __slots__ = ()

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a value of a float parameter."""
        raise NotImplementedError

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return a value of a whole-number parameter."""
        raise NotImplementedError

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        raise NotImplementedError

    def report(self, value: Any, step: int) -> None:
        """Record an intermediate value."""
        raise NotImplementedError

    def should_prune(self) -> bool:
        """Return whether the trial should stop now."""
        raise NotImplementedError

    def set_user_attr(self, key: str, value: Any) -> Any:
        """Attach a value to the trial."""
        raise NotImplementedError

    def set_constraint(self, key: str, value: float) -> None:
        """Record the value of a constraint."""
        raise NotImplementedError

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
