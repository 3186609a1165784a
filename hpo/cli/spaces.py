"""Search spaces on the command line: the option ``--space``, and its short form ``lr=float(1e-5, 1e-1, log)``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from hpo.cli.completion_command import complete_files
from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    distribution_from_document,
)
from hpo.errors import HpoError, InvalidArgument

F = TypeVar("F", bound=Callable[..., Any])

_SHAPE = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}}'
_FORMS = "lr=float(1e-5,1e-1,log), x=float(0,1,step=0.1), layers=int(1,8), opt=choice(adam,sgd), dropout=bool()"
_QUOTED = r""""(?:[^"\\]|\\.)*"|'[^']*'"""
_PARAMETER = re.compile(rf"\s*([^\s=(){{}}\"']+)\s*=\s*(\w+)\s*\(((?:{_QUOTED}|[^()\"'])*)\)\s*[,;]?")
_ARGUMENT = re.compile(rf"\s*((?:{_QUOTED}|[^,\"'])*?)\s*(?:,|$)")


def space_option(command: F) -> F:
    """Give `command` the option ``--space``, and with it the argument ``space``, a `SearchSpace` or None."""
    return click.option(
        "--space",
        "--search-space",
        metavar="SPACE",
        multiple=True,
        callback=_spaces_or_none,
        shell_complete=complete_files,
        help="Search space: 'lr=float(1e-5,1e-1,log)', also several times; or a JSON file, - for standard input, or JSON.",
    )(command)


def _spaces_or_none(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> SearchSpace | None:
    return read_spaces(given) if given else None


def read_spaces(given: Sequence[str]) -> SearchSpace:
    """Return the parameters of several spaces, each in a form that `read_space` reads, as one space.

    Raises:
        InvalidArgument: a parameter is in two of them, or one is not valid.
    """
    found: dict[str, Distribution] = {}
    for one in given:
        space = read_space(one)
        if twice := found.keys() & space.keys():
            raise InvalidArgument(f"the search space has parameter {min(twice)!r} twice")
        found |= space
    return SearchSpace(found)


def read_space(given: str) -> SearchSpace:
    """Return the search space that a command line gives.

    Args:
        given: Parameters in the short form, the name of a JSON file, ``-`` for standard input, or the JSON itself, which
            begins with a brace. The short form is ``name=float(low, high)``, ``name=int(low, high)`` with ``log`` or
            ``step=...`` as a third argument, ``name=choice(a, b)`` or ``name=bool()``. Choices are JSON values where
            they are valid JSON, and strings otherwise.

    Raises:
        InvalidArgument: it is none of these; the message names the parameter.
        OSError: there is no such file.

    Example:
        >>> read_space("lr=float(1e-5, 1e-1, log) n=int(1, 9)")
        SearchSpace({'lr': FloatDistribution(low=1e-05, high=0.1, log=True), 'n': IntDistribution(low=1, high=9)})
        >>> read_space('{"n": {"name": "IntDistribution", "attributes": {"low": 1, "high": 9}}}')
        SearchSpace({'n': IntDistribution(low=1, high=9)})
    """
    from hpo.cli.loading import json_object

    if re.match(r"\s*[^\s=(){}]+\s*=", given):
        return _short_space(given)
    origin, text = _text(given)
    document = json_object(text, origin, like=_SHAPE)
    distributions = {}
    for name, written in document.items():
        try:
            distributions[name] = distribution_from_document(written)
        except HpoError as error:
            raise InvalidArgument(f"{origin}, parameter {name!r}: {error}") from None
    return SearchSpace(distributions)


def _short_space(given: str) -> SearchSpace:
    found: dict[str, Distribution] = {}
    at = 0
    while at < len(given.rstrip()):
        parameter = _PARAMETER.match(given, at)
        if parameter is None:
            raise InvalidArgument(
                f"the search space {given[at:].strip()!r} is not valid: expected for example {_FORMS}"
            )
        name, kind, arguments = parameter.groups()
        if name in found:
            raise InvalidArgument(f"the search space has parameter {name!r} twice")
        try:
            found[name] = _distribution(kind, _arguments(arguments))
        except (HpoError, ValueError) as error:
            raise InvalidArgument(f"the search space, parameter {name!r}: {error}") from None
        at = parameter.end()
    return SearchSpace(found)


def _arguments(text: str) -> list[str]:
    """Return what stands between commas, without spaces around it; quoted commas count as text."""
    return [found[1] for found in _ARGUMENT.finditer(text) if found[0]] if text.strip() else []


def _distribution(kind: str, arguments: Sequence[str]) -> Distribution:
    """Return the distribution of a kind, such as ``float``, with its arguments as they were written."""
    if kind in {"choice", "categorical"}:
        return CategoricalDistribution([_choice(argument) for argument in arguments])
    if kind == "bool":
        if arguments:
            raise InvalidArgument(f"bool() takes no arguments, got {', '.join(arguments)}")
        return CategoricalDistribution([False, True])
    if kind not in {"float", "int"}:
        raise InvalidArgument(f"there is no kind {kind!r}: there are float, int, choice and bool; for example {_FORMS}")
    number: Callable[[str], Any] = float if kind == "float" else int
    if len(arguments) < 2:
        raise InvalidArgument(f"{kind}(low,high) needs two numbers, got {kind}({','.join(arguments)})")
    low, high, *more = arguments
    options: dict[str, Any] = {}
    for option in more:
        name, equals, value = (part.strip() for part in option.partition("="))
        if option == "log" or (name == "log" and value.lower() in {"true", "1"}):
            options["log"] = True
        elif name == "step" and equals:
            options["step"] = number(value)
        elif not (name == "log" and value.lower() in {"false", "0"}):
            raise InvalidArgument(f"{kind}(low,high) takes log or step=... as well, got {option!r}")
    made = FloatDistribution if kind == "float" else IntDistribution
    return made(number(low), number(high), **options)


def _choice(argument: str) -> Any:
    if argument[:1] == argument[-1:] == "'" and len(argument) > 1:
        return argument[1:-1]
    try:
        return json.loads(argument)
    except ValueError:
        return argument


def _text(given: str) -> tuple[str, str]:
    """Return the name of the JSON document for error messages, and the document as a string."""
    if given == "-":
        return "the search space from standard input", sys.stdin.read()
    if given.lstrip().startswith("{"):
        return "the search space", given
    try:
        return given, Path(given).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{given} is not valid UTF-8: {error.reason} at byte {error.start}") from None
