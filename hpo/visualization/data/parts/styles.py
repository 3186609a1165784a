"""Colours and shapes: one of each for every role, on light and on dark paper, whoever draws.

The colours of the states of trials can be told apart by people with any kind of colour vision and in grey, since they
differ in luminance as well, and nothing is said by colour alone: each state has a shape of its own. Every colour has a
contrast of 3 to 1 or more with its paper (WCAG 2.2, criterion 1.4.11).
"""

from __future__ import annotations

from typing import Literal

import attrs

Theme = Literal["light", "dark"]


@attrs.frozen
class Style:
    """How the marks of a role look.

    Attributes:
        light, dark: The colour on light and on dark paper, as ``#rrggbb``.
        shape: The shape of points: circle, star, square, diamond, cross, x, triangle or ring.
        dash: The pattern of lines: solid, dash, dot.
        width: The width of lines, in pixels.
        size: The diameter of points, in pixels.
        opacity: From 0 to 1.
    """

    light: str
    dark: str
    shape: str = "circle"
    dash: Literal["solid", "dash", "dot"] = "solid"
    width: float = 2.0
    size: float = 6.0
    opacity: float = 1.0

    def color(self, theme: Theme) -> str:
        """Return the colour on the paper of `theme`."""
        return self.dark if theme == "dark" else self.light


PAPER: dict[str, str] = {"light": "#ffffff", "dark": "#14171c"}
INK: dict[str, str] = {"light": "#1f2328", "dark": "#e6e8eb"}
GRID: dict[str, str] = {"light": "#e3e6ea", "dark": "#2c323a"}

SCALE = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
"""The colours of numbers, from low to high: cividis (Nunez, Anderton and Renslow 2018), which grows lighter all the way."""

STATUS_ROLES = ("best", "complete", "infeasible", "pruned", "failed", "running", "paused", "waiting")

STYLES: dict[str, Style] = {
    # states of trials: what `STATUS_ROLES` lists
    "best": Style("#c24400", "#ffc94d", "star", size=13.0),
    "complete": Style("#0068b0", "#5cb0ee", "circle"),
    "infeasible": Style("#8c8c8c", "#7c818a", "diamond", dash="dot"),
    "pruned": Style("#8a3a86", "#eaa6d8", "square", dash="dash"),
    "failed": Style("#85081a", "#ff6b5e", "x"),
    "running": Style("#008f5e", "#4be0ae", "triangle"),
    "paused": Style("#4d5200", "#dfe27a", "cross"),
    "waiting": Style("#2e2e2e", "#f2f2f2", "ring"),
    # what is computed from several trials
    "best so far": Style("#c24400", "#ffb000", width=2.5),
    "reference": Style("#5c6570", "#9aa4b0", dash="dash", width=1.5),
    "interval": Style("#0068b0", "#4fa8e8", opacity=0.2),
    "model": Style("#8a3a86", "#e59bd0", dash="dash"),
    "model interval": Style("#8a3a86", "#e59bd0", opacity=0.18),
    "bar": Style("#0068b0", "#4fa8e8"),
    "second bar": Style("#c24400", "#ffb000"),
    "third bar": Style("#009a66", "#37d6a0"),
    "other": Style("#8c8c8c", "#7c818a", "x"),
    "count": Style("#008f5e", "#4be0ae", width=1.5),
    "unclear bar": Style("#8c8c8c", "#7c818a"),
    "label": Style("#1f2328", "#e6e8eb"),
    "limit": Style("#5c6570", "#9aa4b0", "cross", size=7.0),
    "cells": Style("#0068b0", "#4fa8e8"),
    "family": Style("#5c6570", "#9aa4b0", width=1.5),
    "thin": Style("#0068b0", "#4fa8e8", width=1.0, opacity=0.45),
    "thin pruned": Style("#8a3a86", "#e59bd0", dash="dash", width=1.0, opacity=0.45),
    "thin running": Style("#009a66", "#37d6a0", width=1.0, opacity=0.6),
    "thin failed": Style("#8f0a1e", "#ff6b5e", dash="dot", width=1.0, opacity=0.6),
    "thin infeasible": Style("#8c8c8c", "#8a8f98", dash="dot", width=1.0, opacity=0.6),
}

_SERIES = (  # Okabe and Ito (2008), darker on light paper and lighter on dark paper
    ("#0068b0", "#4fa8e8", "circle", "solid"),
    ("#c24400", "#ffb000", "square", "dash"),
    ("#009a66", "#37d6a0", "diamond", "dot"),
    ("#8a3a86", "#e59bd0", "triangle", "solid"),
    ("#4a4f00", "#c8cc5a", "cross", "dash"),
    ("#2e2e2e", "#f2f2f2", "x", "dot"),
)
N_SERIES = len(_SERIES)
"""How many studies, or other series, have a colour, a shape and a pattern of their own."""

STYLES |= {
    f"series {place}": Style(
        light, dark, shape, "dash" if pattern == "dash" else "dot" if pattern == "dot" else "solid"
    )
    for place, (light, dark, shape, pattern) in enumerate(_SERIES)
}
STYLES |= {f"interval {place}": Style(light, dark, opacity=0.18) for place, (light, dark, *_) in enumerate(_SERIES)}
STYLES |= {  # a fifth of the trials each, from the best to the worst; for lines, which have no colour scale
    f"fifth {place}": Style(light, dark, width=width, opacity=opacity)
    for place, (light, dark, width, opacity) in enumerate(
        (
            ("#00224e", "#fee838", 1.6, 0.9),
            ("#33457a", "#d9c457", 1.1, 0.6),
            ("#5d6b94", "#aaa076", 0.9, 0.5),
            ("#7d86a1", "#8b877a", 0.8, 0.45),
            ("#8f94a3", "#757982", 0.7, 0.4),
        )
    )
}


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb``, from 0 (black) to 1 (white).

    Source: WCAG 2.2, "relative luminance".

    Example:
        >>> luminance("#ffffff"), luminance("#000000")
        (1.0, 0.0)
    """
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21.

    Source: WCAG 2.2, "contrast ratio".

    Example:
        >>> contrast("#ffffff", "#000000")
        21.0
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
