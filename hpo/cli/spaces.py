"""Search spaces that come from a file, from standard input, or from the command line itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError, InvalidArgument

if TYPE_CHECKING:
    from hpo.core import SearchSpace

_SHAPE = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}}'


def read_space(given: str) -> SearchSpace:
    """The search space that `given` names or is.

    Args:
        given: A file's name; ``-`` for standard input; or the JSON text itself, which begins with a brace.

    Raises:
        InvalidArgument: it is no JSON object of distributions; the message names the parameter.
        OSError: there is no such file.

    Example:
        >>> read_space('{"n": {"name": "IntDistribution", "attributes": {"low": 1, "high": 9}}}')
        SearchSpace({'n': IntDistribution(low=1, high=9)})
    """
    from hpo.core import SearchSpace, distribution_from_document

    origin, text = _text(given)
    document = json_object(text, origin, like=_SHAPE)
    distributions = {}
    for name, written in document.items():
        try:
            distributions[name] = distribution_from_document(written)
        except HpoError as error:
            raise InvalidArgument(f"{origin}, parameter {name!r}: {error}") from None
    return SearchSpace(distributions)


def json_object(text: str, origin: str, *, like: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Args:
        text: What should be JSON.
        origin: Where it is from, for messages.
        like: An example of what is wanted, for messages.

    Raises:
        InvalidArgument: it is no JSON, no object, or names something twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition)
    except InvalidArgument as error:
        raise InvalidArgument(f"{origin}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{origin} is no JSON: {error}; expected for example {like}") from None
    if not isinstance(document, dict):
        raise InvalidArgument(f"{origin} is no JSON object: expected for example {like}")
    return document


def _text(given: str) -> tuple[str, str]:
    """What to call it in messages, and the text."""
    if given == "-":
        return "the search space from standard input", sys.stdin.read()
    if given.lstrip().startswith("{"):
        return "the search space", given
    try:
        return given, Path(given).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{given} is no text in UTF-8: {error.reason} at byte {error.start}") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"{twice!r} stands there twice")
    return found
