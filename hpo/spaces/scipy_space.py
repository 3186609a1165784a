"""Frozen distributions of scipy, as scikit-learn's searches take them."""

from __future__ import annotations

from typing import Any

from hpo.core import Distribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument


def distribution(frozen: Any) -> Distribution:
    """Return the distribution that is equal to a frozen ``uniform``, ``loguniform`` or ``randint``.

    Raises:
        InvalidArgument: it is another one.
    """
    kind = getattr(getattr(frozen, "dist", None), "name", None)
    if kind not in {"uniform", "loguniform", "reciprocal", "randint"}:
        raise InvalidArgument(
            f"scipy's {kind or type(frozen).__name__} has no equal here: there are uniform, loguniform and randint"
        )
    shape, loc, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)  # noqa: SLF001 - the only way to read both forms
    if kind == "uniform":
        return FloatDistribution(float(loc), float(loc + scale))
    low, high = shape
    if kind == "randint":
        return IntDistribution(int(low + loc), int(high + loc) - 1)
    if loc != 0:
        raise InvalidArgument(f"a loguniform that is shifted by loc={loc} has no equal here")
    return FloatDistribution(float(low * scale), float(high * scale), log=True)
