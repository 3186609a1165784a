"""Plots as values: what is drawn, on which axes, with which words, and nothing about how a library draws it.

Notation: `k` marks of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import msgspec
import numpy as np
from numpy.typing import NDArray

from hpo.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd

Mark: TypeAlias = Literal["points", "line", "steps", "band", "bars", "spans", "cells", "labels"]
_MARKS = ("points", "line", "steps", "band", "bars", "spans", "cells", "labels")


def _frozen_floats(given: Any) -> NDArray[np.float64] | None:
    if given is None:
        return None
    column = np.array(given, dtype=np.float64)
    column.flags.writeable = False
    return column


def _same(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=True)


def _pair(given: Iterable[float]) -> tuple[float, float]:
    low, high = given
    return float(low), float(high)


def _layers(given: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(given)


def _panels(given: Iterable[Panel]) -> tuple[Panel, ...]:
    return tuple(given)


def _sentences(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


_EQUAL = attrs.cmp_using(eq=_same)


@attrs.frozen
class Axis:
    """An axis of a panel.

    Attributes:
        title: What it measures.
        scale: ``"linear"``, ``"log"``, or ``"category"``: then the positions are 0, 1, ... and the ticks name them.
        range: The lowest and the highest position that is shown, with a margin; both > 0 on a log axis.
        ticks: Pairs of position and label, or None to leave them to the library that draws.
    """

    title: str
    scale: Literal["linear", "log", "category"] = "linear"
    range: tuple[float, float] = attrs.field(default=(0.0, 1.0), converter=_pair)
    ticks: tuple[tuple[float, str], ...] | None = None

    def unit(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions as shares of the axis: 0 at its low end, 1 at its high end; NaN stays NaN."""
        low, high = self.range
        if self.scale == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                positions = np.log(positions)
            low, high = math.log(low), math.log(high)
        shares: NDArray[np.float64] = (positions - low) / (high - low)
        return shares


@attrs.frozen
class Layer:
    """Marks of one kind that look alike.

    Attributes:
        mark: What is drawn. ``"points"`` at `x`, `y` and perhaps `z`; ``"line"`` through them, with gaps at NaN;
            ``"steps"``: the same, but a value holds until the next; ``"band"`` from `low` to `high` along `x`;
            ``"bars"`` from 0 to `x` at the heights `y`; ``"spans"`` from `low` to `high` at the heights `y`;
            ``"labels"``: `text` at `x`, `y`; ``"cells"`` of a grid, whose edges are `x`, ``(columns + 1,)``, and `y`, ``(rows + 1,)``.
        name: What the legend says; layers of one name share an entry, and ``""`` has none.
        role: What the marks stand for, which decides colour and shape: a key of `hpo.visualization.data.parts.styles.STYLES`.
        x, y, z: Positions, ``(k,)``, or edges.
        low, high: Ends of bands, spans, and of the intervals of points (along `y`) and bars (along `x`), ``(k,)``.
        color: Numbers on the plot's colour scale, ``(k,)``, for cells ``(rows * columns,)``, NaN for none; or None for
            the colour of the role.
        number: The number of the trial that each mark stands for, ``(k,)``, or None.
        text: What is shown when the pointer is on a mark, ``(k,)``, or () if there are too many marks for it.
    """

    mark: Mark = attrs.field(validator=attrs.validators.in_(_MARKS))
    name: str
    role: str
    x: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    y: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    z: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    low: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    high: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    color: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    number: NDArray[np.float64] | None = attrs.field(default=None, converter=_frozen_floats, eq=_EQUAL, repr=False)
    text: tuple[str, ...] = attrs.field(default=(), repr=False)

    def __len__(self) -> int:
        """Return the number of marks; for lines that of their points, gaps included."""
        column = {"cells": self.color, "band": self.low, "spans": self.low}.get(self.mark, self.x)
        return 0 if column is None else len(column)


@attrs.frozen
class Panel:
    """A pair of axes and what is drawn between them.

    Attributes:
        x, y: The axes.
        z: The third axis of a panel in space, or None.
        layers: What is drawn, the lowest first.
        title: A title of its own, or ``""``.
    """

    x: Axis
    y: Axis
    layers: tuple[Layer, ...] = attrs.field(converter=_layers)
    title: str = ""
    z: Axis | None = None


@attrs.frozen
class ColorScale:
    """What the colours of a plot stand for.

    Attributes:
        title: What they measure.
        low, high: The numbers at its ends.
        reverse: Whether low numbers are drawn like high ones; the dark end is that of the better values.
        log: Whether equal ratios are equal distances.
    """

    title: str
    low: float = attrs.field(converter=float)
    high: float = attrs.field(converter=float)
    reverse: bool = False
    log: bool = False


@attrs.frozen
class Plot:
    """A plot as a value: equal plots look equal, and nothing of it belongs to a library that draws.

    Attributes:
        kind: The name of the function that made it, for example ``"slice"``.
        title: Its title.
        panels: Its panels, row by row; none if there is nothing to draw.
        columns: How many panels stand in a row.
        notes: Sentences under the title: what is left out, and by which rule.
        sentence: Why there is nothing to draw, or None.
        color: The colour scale of the layers with `color`, or None.

    Example:
        >>> import hpo
        >>> from hpo.visualization import data
        >>> data.optimization_history(hpo.create_study()).sentence
        'There is nothing to draw yet: the study has no trials.'
    """

    kind: str
    title: str
    panels: tuple[Panel, ...] = attrs.field(default=(), converter=_panels)
    columns: int = 1
    notes: tuple[str, ...] = attrs.field(default=(), converter=_sentences)
    sentence: str | None = None
    color: ColorScale | None = None

    @property
    def layers(self) -> Iterator[tuple[Panel, Layer]]:
        """All layers with their panels."""
        return ((panel, layer) for panel in self.panels for layer in panel.layers)

    def to_columns(self) -> dict[str, list[Any]]:
        """Return the marks as a table: columns by name, with one row for each mark.

        Positions on axes with categories are given by their labels, and cells by their middle.
        """
        table: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        for panel, layer in self.layers:
            rows = _table_of(panel, layer)
            for name, cells in table.items():
                cells.extend(rows[name])
        return table

    def to_frame(self) -> pd.DataFrame:
        """Return the table of `to_columns` as a pandas data frame; needs ``purehpo[pandas]``."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra("to_frame", "pandas") from error
        return pd.DataFrame(self.to_columns())

    def to_document(self) -> dict[str, Any]:
        """Return the plot as dicts, lists, strings, numbers and None; what is not finite is a string, as in journals."""
        document = attrs.asdict(self, value_serializer=_plain)
        assert isinstance(document, dict)
        return document

    def to_json(self) -> str:
        """Return the plot as a JSON string, without NaN and infinity, which JSON does not have."""
        return msgspec.json.encode(self.to_document()).decode()


_NUMBERS = ("x", "y", "z", "low", "high", "color", "number")
_COLUMNS = ("panel", "x_axis", "y_axis", "layer", "mark", "role", *_NUMBERS, "text")


def _table_of(panel: Panel, layer: Layer) -> dict[str, list[Any]]:
    k = len(layer)
    columns = {name: getattr(layer, name) for name in _NUMBERS}
    if layer.mark == "cells":
        x, y = (edges[:-1] / 2 + edges[1:] / 2 for edges in (columns["x"], columns["y"]))
        columns["x"], columns["y"] = np.tile(x, len(y)), np.repeat(y, len(x))
    table: dict[str, list[Any]] = {
        name: [None] * k if column is None else column.tolist() for name, column in columns.items()
    }
    table["number"] = [None if number is None or number != number else int(number) for number in table["number"]]
    for name, axis in (("x", panel.x), ("y", panel.y), ("z", panel.z)):
        if axis is not None and axis.scale == "category":
            labels = dict(axis.ticks or ())
            table[name] = [labels.get(position, position) for position in table[name]]
    words = (panel.title, panel.x.title, panel.y.title, layer.name, layer.mark, layer.role)
    table |= {name: [word] * k for name, word in zip(_COLUMNS[:6], words, strict=True)}
    table["text"] = [*layer.text] if layer.text else [None] * k
    return table


def _plain(_: object, __: object, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [x if math.isfinite(x) else None if x != x else str(x) for x in value.tolist()]
    return value
