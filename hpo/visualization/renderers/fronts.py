"""Make functions that draw of functions that return plots; signatures and descriptions stay the same."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hpo.visualization.data.parts import Plot

P = ParamSpec("P")
Drawn = TypeVar("Drawn")


def drawing(
    name: str, of: Callable[P, Plot], draw: Callable[[Plot], Drawn], kind: str, returns: str
) -> Callable[P, Drawn]:
    """Return a function that draws the plot that `of` returns, and takes its arguments.

    Args:
        name: The name of the function.
        of: Returns a plot.
        draw: Draws it.
        kind: The type of what `draw` returns, for the signature.
        returns: What it returns, for the description.
    """

    @functools.wraps(of)
    def plot(*args: P.args, **kwargs: P.kwargs) -> Drawn:
        return draw(of(*args, **kwargs))

    plot.__name__ = plot.__qualname__ = name
    vars(plot)["__signature__"] = inspect.signature(of).replace(return_annotation=kind)
    description = inspect.cleandoc(of.__doc__ or "").split("\nExample:")[0].rstrip()
    plot.__doc__ = (
        f"{description}\n\nReturns:\n    {returns}; `hpo.visualization.data.{of.__name__}` returns the plot as data."
    )
    return plot
