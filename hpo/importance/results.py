"""What an assessment finds: one `Importance` for each parameter, and all of them as `Importances`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from hpo.core import Choice

Where: TypeAlias = tuple[float, float] | Choice
"""A range of numbers, or a choice."""


@attrs.frozen
class Importance:
    """The importance of one parameter.

    Attributes:
        name: The parameter.
        value: The importance, at least 0, on the scale of the method.
        share: The importance as a share of the sum over the parameters, from 0 to 1.
        low: The lower end of the interval around `value`.
        high: The upper end of the interval.
        floor: What `value` would reach by chance, or None if the method does not say: a parameter that does not matter
            stays below.
        presence: How much it says whether a trial has the parameter at all, on the scale of `value`; 0 for one that all
            trials have, and None if the method does not say.
        total: The importance with all interactions that the parameter takes part in, or None if the method does not say.
        total_floor: What `total` would reach by chance, or None.
        direction: From -1 to 1: whether the best trials have smaller or larger values than the others. None for a
            categorical parameter, or if the method does not say.
        where: Where the best trials are, compared with the others: a range of numbers or a choice. None if the method
            does not say.
    """

    name: str
    value: float
    share: float
    low: float
    high: float
    floor: float | None = None
    presence: float | None = None
    total: float | None = None
    total_floor: float | None = None
    direction: float | None = None
    where: Where = None

    @property
    def is_clear(self) -> bool:
        """Whether chance would hardly give such a value: it, or the total, is above its floor (0 if there is none)."""
        return self.value > (self.floor or 0.0) or (self.total or 0.0) > (self.total_floor or 0.0)

    @property
    def share_low(self) -> float:
        """The lower end of the interval as a share, like `share`."""
        return self.share * (self.low / self.value) if self.value else 0.0

    @property
    def share_high(self) -> float:
        """The upper end of the interval as a share, at most 1."""
        return min(self.share * (self.high / self.value), 1.0) if self.value else 0.0


@attrs.frozen
class Interaction:
    """How much two parameters matter together, beyond what each does alone.

    Attributes:
        names: The two parameters.
        value: The share of the variance that only the two together explain, at least 0.
    """

    names: tuple[str, str]
    value: float


@attrs.frozen(eq=True, repr=False)
class Importances(Mapping[str, Importance]):
    """The importance of each parameter, by name, the most important first; equals are ordered by name.

    Attributes:
        entries: The importances, in order.
        method: What was measured, in one sentence.
        n_trials: How many trials were looked at.
        confidence: The level of the intervals, such as 0.95.
        left_out: How many trials were not looked at, by reason.
        r2: How well the method's model predicts trials that it was not fitted to (1 is perfectly, 0 is not at all), or
            None if it has no model.
        interactions: What pairs of parameters do together, the strongest first; empty if the method does not say.
        doubts: Sentences that say why the numbers may mean little; empty if there is no reason.

    Example:
        >>> found = Importances.of([("b", 3.0), ("a", 1.0)], method="by hand", n_trials=2)
        >>> list(found), found["b"].share, found.shares()
        (['b', 'a'], 0.75, {'b': 0.75, 'a': 0.25})
    """

    entries: tuple[Importance, ...]
    method: str
    n_trials: int
    confidence: float = 0.95
    left_out: Mapping[str, int] = attrs.field(factory=dict)
    r2: float | None = None
    interactions: tuple[Interaction, ...] = ()
    doubts: tuple[str, ...] = ()

    @staticmethod
    def of(found: Any, *, method: str, n_trials: int, **more: Any) -> Importances:
        """Return importances in their order, and with their shares.

        Args:
            found: For each parameter an `Importance`, whose `share` is computed, or a pair of name and value.
            method: As the attribute.
            n_trials: As the attribute.
            **more: The other attributes.
        """
        entries = [
            each if isinstance(each, Importance) else Importance(each[0], each[1], 0.0, each[1], each[1])
            for each in found
        ]
        total = sum(sorted(each.value for each in entries))  # sorted, so that names don't change the last digit
        entries = [
            attrs.evolve(each, share=each.value / total if total > 0.0 else 1.0 / len(entries)) for each in entries
        ]
        entries.sort(key=lambda each: (-each.value, each.name))
        return Importances(tuple(entries), method, n_trials, **more)

    def shares(self) -> dict[str, float]:
        """Return the shares by name; they sum to 1. If nothing is above 0, all are equal."""
        return {each.name: each.share for each in self.entries}

    def values_by_name(self) -> dict[str, float]:
        """Return the importances by name, on the scale of the method."""
        return {each.name: each.value for each in self.entries}

    def records(self) -> list[dict[str, Any]]:
        """Return one dict of plain values for each parameter, for tables and JSON."""
        return [
            {
                "name": each.name,
                "share": each.share,
                "share_low": each.share_low,
                "share_high": each.share_high,
                "clear": each.is_clear,
                **{
                    field.name: _plain(getattr(each, field.name))
                    for field in attrs.fields(Importance)[1:]
                    if field.name != "share"
                },
            }
            for each in self.entries
        ]

    def __getitem__(self, name: str) -> Importance:
        """Return the importance of the parameter `name`."""
        for each in self.entries:
            if each.name == name:
                return each
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, the most important first."""
        return (each.name for each in self.entries)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self.entries)

    def __str__(self) -> str:
        lines = [f"{self.method}, in {_counted(self.n_trials, 'trial')}:"]
        width = max((len(each.name) for each in self.entries), default=0)
        for each in self.entries:
            interval = f"{each.share:6.1%} ({each.share_low:.0%} to {each.share_high:.0%})"
            words = [] if each.is_clear else ["no more than chance"]
            if each.is_clear and each.where is not None:
                words.append(f"best {_shown(each.where)}")
            lines.append("  ".join([f"  {each.name:<{width}}", f"{interval:<22}", *words]).rstrip())
        lines += [f"  {' and '.join(pair.names)} together: {pair.value:.1%}" for pair in self.interactions[:5]]
        if self.left_out:
            lines.append(f"Left out: {', '.join(f'{count} {reason}' for reason, count in self.left_out.items())}.")
        return "\n".join([*lines, *self.doubts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}={each.share:.3f}" for each in self.entries)
        return f"<Importances of {_counted(self.n_trials, 'trial')}: {shown or 'no parameters'}>"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _shown(where: Where) -> str:
    return f"from {where[0]:.4g} to {where[1]:.4g}" if isinstance(where, tuple) else repr(where)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
