"""Control what the library logs and where: all messages go through the logger named ``hpo``.

By default, messages of level INFO and above are written to standard error as ``[I 2026-01-31 13:45:02,973] message``.
"""

from __future__ import annotations

import logging
import sys
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, WARN, WARNING
from typing import TextIO

__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "WARNING",
    "disable_default_handler",
    "disable_propagation",
    "enable_default_handler",
    "enable_propagation",
    "get_logger",
    "get_verbosity",
    "set_verbosity",
]


class _StandardError(logging.StreamHandler[TextIO]):
    """A handler that writes to the current `sys.stderr`, because notebooks and test runners replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_InitialFormatter())

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        raise AttributeError("the stream is always sys.stderr")


class _InitialFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"[{record.levelname[0]} {self.formatTime(record)}] {super().format(record)}"


def get_logger(name: str = "hpo") -> logging.Logger:
    """Return the logger of this name, after setting up the library's own.

    Args:
        name: ``"hpo"`` is the library's logger. Messages of a logger below it, such as ``"hpo.mine"``, go where the
            library's messages go.

    Example:
        >>> get_logger("hpo.mine").parent is get_logger()
        True
    """
    library = _LOGGER if "hpo_is_set_up" in _LOGGER.__dict__ else _set_up()
    return library if name == "hpo" else logging.getLogger(name)


def _set_up() -> logging.Logger:
    _LOGGER.hpo_is_set_up = True  # type: ignore[attr-defined]
    _LOGGER.addHandler(_StandardError())
    _LOGGER.propagate = False
    if _LOGGER.level == logging.NOTSET:
        _LOGGER.setLevel(INFO)
    return _LOGGER


_LOGGER = logging.getLogger("hpo")


def get_verbosity() -> int:
    """Return the level below which nothing is logged."""
    return get_logger().getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    """Log nothing below this level, for example `hpo.logging.WARNING`."""
    get_logger().setLevel(verbosity)


def disable_default_handler() -> None:
    """Stop logging to standard error."""
    logger = get_logger()
    for handler in [h for h in logger.handlers if isinstance(h, _StandardError)]:
        logger.removeHandler(handler)


def enable_default_handler() -> None:
    """Log to standard error again."""
    logger = get_logger()
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        logger.addHandler(_StandardError())


def enable_propagation() -> None:
    """Pass messages on to the root logger, too. Disable the default handler to get each message only once."""
    get_logger().propagate = True


def disable_propagation() -> None:
    """Stop passing messages on to the root logger."""
    get_logger().propagate = False
