"""Whether less or more is better."""

from __future__ import annotations

import enum


class StudyDirection(enum.StrEnum):
    """The direction of an objective; each member equals its plain text.

    Example:
        >>> StudyDirection.MAXIMIZE == "maximize"
        True
    """

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"
