"""Expressions of Hyperopt, such as ``hp.uniform("x", 0, 1)``."""

from __future__ import annotations

import math
from typing import Any

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument

_KINDS = "uniform, loguniform, quniform, uniformint, randint and choice"


def distribution(expression: Any) -> Distribution:
    """Return the distribution that is equal to an expression with one parameter.

    Raises:
        InvalidArgument: it has another distribution, or a choice between expressions.
    """
    node, is_int = expression, False
    if node.name == "switch":  # of hp.choice
        choices = node.pos_args[1:]
        if _parameter(node.pos_args[0]).name != "randint" or any(choice.name != "literal" for choice in choices):
            raise InvalidArgument("a choice with probabilities, or between expressions, has no equal here")
        return CategoricalDistribution([choice.obj for choice in choices])
    while node.name in {"float", "int"}:
        is_int = is_int or node.name == "int"
        node = node.pos_args[0]
    random = _parameter(node)
    given = [each.obj for each in random.pos_args] + [
        each.obj for name, each in random.named_args if name in {"low", "high", "q"}
    ]
    match random.name, given:
        case "uniform", [low, high]:
            return FloatDistribution(low, high)
        case "loguniform", [low, high]:
            return FloatDistribution(math.exp(low), math.exp(high), log=True)
        case "randint", [high]:
            return IntDistribution(0, high - 1)
        case "randint", [low, high]:
            return IntDistribution(low, high - 1)
        case (("quniform" | "uniformint"), [low, high, q]) if low % q == 0 and high % q == 0:
            return (
                IntDistribution(int(low), int(high), step=int(q))
                if is_int and q == int(q)
                else FloatDistribution(low, high, step=q)
            )
    shown = f"{random.name}({', '.join(map(str, given))})"
    raise InvalidArgument(
        f"Hyperopt's {shown} has no equal here: there are {_KINDS}, with ends that are multiples of q"
    )


def _parameter(node: Any) -> Any:
    """Return the random expression inside of a parameter."""
    if node.name != "hyperopt_param":
        raise InvalidArgument(f"an expression of Hyperopt with {node.name!r} has no equal here: there are {_KINDS}")
    return node.pos_args[1]
