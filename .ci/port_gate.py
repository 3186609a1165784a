"""Compare hpo with the public names and signatures of Optuna 5, and list what differs.

    python .ci/port_gate.py           # print each name that is missing or takes other arguments, and the figures
    python .ci/port_gate.py --write   # write the figures into docs/how-to/coming-from-optuna.md

The page has one table of what differs, with the reason. `tests/compatibility/test_port_gate.py` fails if something differs that
no row covers, or if a row covers nothing any more: then add or remove that row, in the page, and run this with ``--write``.

A name stands in the first column as it is written after ``optuna.``: ``samplers.NSGAIISampler``, ``Study.ask`` for a method,
``visualization.*`` for everything that begins so.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "coming-from-optuna.md"
MODULES = (
    "",
    "artifacts",
    "distributions",
    "exceptions",
    "importance",
    "logging",
    "pruners",
    "samplers",
    "samplers.nsgaii",
    "search_space",
    "storages",
    "storages.journal",
    "study",
    "terminator",
    "trial",
    "visualization",
    "visualization.matplotlib",
)
"""The modules that Optuna documents, without ``optuna.``; `integration` is a package of its own."""
FIGURES = re.compile(r"(?<=\*\*)\d+ of \d+(?= public names and methods\*\* of Optuna 5)")
Found = dict[str, str]


def public_names(module: Any) -> list[str]:
    """Return the public names of a module of Optuna: those of ``__all__``, or what it defines itself."""
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and getattr(value, "__module__", "").startswith("optuna")
            and not getattr(value, "__module__", "").startswith(("optuna._", "optuna.cli._"))
        ]
    return [name for name in listed if not name.startswith("_") and not inspect.ismodule(getattr(module, name))]


def differences() -> tuple[Found, int]:
    """Return what differs, by name, with a few words each, and how many names and methods were compared."""
    found: Found = {}
    n_compared = 0
    seen = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in MODULES:
            theirs = importlib.import_module(f"optuna.{module}".rstrip("."))
            for name in public_names(theirs):
                path = f"{module}.{name}".lstrip(".")
                given, ours = getattr(theirs, name), _ours(path)
                if id(given) in seen:  # the same object under a second name
                    continue
                seen.add(id(given))
                for each, problem in _compared(path, given, ours):
                    n_compared += 1
                    if problem:
                        found[each] = problem
    return found, n_compared


def _ours(path: str) -> Any:
    """Return what hpo has under this name, or None."""
    module, _, name = f"hpo.{path}".rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None


def _compared(path: str, theirs: Any, ours: Any) -> Iterator[tuple[str, str]]:
    if ours is None:
        yield path, "missing"
    else:
        is_error = isinstance(theirs, type) and issubclass(theirs, BaseException)
        yield path, "" if is_error else _other_arguments(theirs, ours)
    if not isinstance(theirs, type) or issubclass(theirs, BaseException | tuple):
        return
    if {"create_new_study", "append_logs", "acquire"} & {
        *dir(theirs)
    }:  # a storage's methods are for the library itself
        return
    for name in dir(theirs):
        if name.startswith("_") or hasattr(int, name):  # states and directions are numbers there
            continue
        mine = None if ours is None else getattr(ours, name, None)
        if mine is None and name not in getattr(ours, "__annotations__", {}):
            yield f"{path}.{name}", "missing"
        else:
            yield f"{path}.{name}", _other_arguments(getattr(theirs, name), mine)


def _other_arguments(theirs: Any, ours: Any) -> str:
    """Return which arguments hpo does not take as Optuna does, or nothing."""
    if not callable(theirs) or not callable(ours):
        return ""
    try:
        wanted, taken = _parameters(theirs), _parameters(ours)
    except (TypeError, ValueError):
        return ""
    anything = {parameter.kind for parameter in taken}
    if inspect.Parameter.VAR_KEYWORD in anything and inspect.Parameter.VAR_POSITIONAL in anything:
        return ""
    problems = []
    mine = {parameter.name: (place, parameter) for place, parameter in enumerate(taken)}
    for place, parameter in enumerate(wanted):
        if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            continue
        if parameter.name not in mine:
            problems.append(f"no `{parameter.name}`")
            continue
        there, own = mine[parameter.name]
        positional = parameter.kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        if positional and (own.kind is inspect.Parameter.KEYWORD_ONLY or there != place):
            problems.append(f"`{parameter.name}` by position")
    known = {parameter.name for parameter in wanted}
    problems += [
        f"needs `{own.name}`"
        for own in taken
        if own.name not in known
        and own.default is own.empty
        and own.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    return ", ".join(problems)


def _parameters(thing: Any) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(thing).parameters.values())
    return parameters[1:] if parameters and parameters[0].name in ("self", "cls") else parameters


def rows() -> dict[str, str]:
    """Return the table of the page: the reason by name or pattern."""
    table = PAGE.read_text(encoding="utf-8").partition("<!-- port gate -->")[2].partition("<!-- end -->")[0]
    found: dict[str, str] = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        for name in re.findall(r"`([^`]+)`", cells[0]) if len(cells) == 2 else ():
            found[name] = cells[1]
    return found


def covers(row: str, name: str) -> bool:
    """Return whether a row of the table is about `name`."""
    return fnmatchcase(name, row)


def figures() -> str:
    """Return how many names and methods are there with the same parameters, as the page says it."""
    found, n_compared = differences()
    return f"{n_compared - len(found)} of {n_compared}"


def main() -> int:
    """Print what differs, or write the figures; return the exit code."""
    found, n_compared = differences()
    table = rows()
    uncovered = 0
    for name, problem in found.items():
        reasons = [reason for row, reason in table.items() if covers(row, name)]
        uncovered += not reasons
        print(f"{'' if reasons else 'NO ROW  '}{name}: {problem}")
    print(f"{n_compared - len(found)} of {n_compared} are there with the same parameters; {uncovered} have no row")
    if "--write" in sys.argv:
        PAGE.write_text(FIGURES.sub(figures(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
