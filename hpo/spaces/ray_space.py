"""Domains of Ray Tune, such as ``tune.loguniform(1e-5, 1e-1)``."""

from __future__ import annotations

from typing import Any

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument


def distribution(domain: Any) -> Distribution:
    """Return the distribution that is equal to a domain.

    Raises:
        InvalidArgument: it has another distribution, or is a function.
    """
    sampler: Any = getattr(domain, "sampler", None)
    kind, step = type(domain).__name__, None
    if type(sampler).__name__ == "Quantized":
        sampler, step = sampler.get_sampler(), sampler.q
    how = type(sampler).__name__.strip("_")
    if kind == "Categorical":
        return CategoricalDistribution([*domain.categories])
    if kind not in {"Float", "Integer"} or how not in {"Uniform", "LogUniform"}:
        raise InvalidArgument(
            f"Ray's {kind} with {how} has no equal here: there are uniform, loguniform, randint, lograndint and choice, and "
            "quniform and qrandint"
        )
    log = how == "LogUniform"
    low, high = domain.lower, domain.upper
    if step not in {None, 1} or (step is not None and kind == "Float"):
        if log:
            raise InvalidArgument("a logarithmic domain in steps has no equal here")
        if low % step or high % step:
            raise InvalidArgument(f"the ends {low} and {high} are not multiples of the step {step}")
        return FloatDistribution(low, high, step=step) if kind == "Float" else IntDistribution(low, high, step=step)
    if kind == "Float":
        return FloatDistribution(low, high, log=log)
    return IntDistribution(low, high - 1, log=log)  # the upper end is only part of a domain in larger steps
