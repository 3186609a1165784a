"""Print the figures of the house: sizes, imports, comments and arrows, for each room and over all.

    python .ci/house_figures.py [--check]

With ``--check`` the exit code is 1 if a target is missed, unless it is a goal that has not been reached yet: those are
named in `NOT_YET`, and a goal that is reached is taken out of it. Only the standard library is used, and nothing of hpo is
imported: everything is read from the source files.

Terms:
    room: a folder of hpo (``core``, ``samplers``, ...), ``hpo`` for the modules at its top, or ``adapters``.
    code: lines that are neither blank nor a comment nor part of a docstring.
    comments: lines with a comment. Those for tools (noqa, type:, pragma) and licences do not count.
    own imports: statements that import something of hpo, wherever they stand in a file.
    arrows of core: distinct pairs (importer, imported) among core's folders and single modules, its front apart.
    upward arrow: an import from a room that the table `MAY_IMPORT` does not list.
    circle: a set of modules that import each other when they are loaded. Names are followed through fronts.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAX_CORE_ARROWS = 35
MAX_OWN_IMPORTS = 2.0  # statements per 100 lines
MIN_COMMENTS = 5.0  # lines per 100 lines of code
COMMENTED_ROOMS = ("core", "samplers")
MAX_LINES = 400
NOT_YET = ("files over",)  # how the lines of these goals begin

_BELOW = {"errors", "logging", "registration", "_lazy"}  # imported from everywhere
_PURE = {"core", "numerics", "models"}
MAY_IMPORT = {  # the rooms that each room may import besides itself; a room that is not listed may import all
    "errors": set[str](),
    "logging": {"errors"},
    "registration": {"errors"},
    "_lazy": set[str](),
    "numerics": set[str](),
    "core": {"errors"},
    "models": _BELOW | {"core", "numerics"},
    "samplers": _BELOW | _PURE,
    "pruners": _BELOW | _PURE,
    "stopping": _BELOW | _PURE | {"samplers"},  # some rules ask the model of a sampler
    "importance": _BELOW | _PURE,
    "visualization": _BELOW | _PURE | {"importance"},
    "pareto": _BELOW | {"core", "numerics"},
    "journal": _BELOW | {"core"},
    "artifacts": _BELOW | {"core", "journal"},
    "spaces": _BELOW | {"core"},
    "transfer": _BELOW | {"core", "journal"},
    "study": _BELOW
    | _PURE
    | {"samplers", "pruners", "stopping", "importance", "visualization", "pareto", "journal", "artifacts"},
    "extend": _BELOW | _PURE | {"journal", "samplers", "pruners", "stopping"},
    "adapters": {"hpo", "extend", "errors", "exceptions", "logging", "distributions", "trial"}
    | {"samplers", "pruners"},
}
_FOR_TOOLS = re.compile(r"#(!| *(noqa|type:|pragma|fmt:|ruff:|mypy:|Copyright|SPDX|License))", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported name: the module that it comes from, the name, and whether loading the file imports it."""

    module: str
    name: str | None
    at_load: bool


@dataclasses.dataclass(frozen=True)
class Source:
    """A source file with what is counted in it."""

    module: str
    room: str
    is_package: bool
    lines: int
    code: int
    comments: int
    statements: int
    imports: tuple[Import, ...]

    @property
    def folder(self) -> str:
        """The line of the table that the file counts in: its room, where the single modules at the top share one."""
        is_single = self.room != "adapters" and self.module.count(".") < 2 and not self.is_package
        return "hpo (top)" if is_single or self.module == "hpo" else self.room


def read(path: Path, root: Path) -> Source:
    """Return the figures of one file; `root` is the folder that its module name starts at."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    module = ".".join(parts[:-1] if is_package else parts)
    comments = _comment_lines(text)
    blank_or_prose = _docstring_lines(tree) | comments["alone"]
    code = sum(1 for n, line in enumerate(text.splitlines(), 1) if line.strip() and n not in blank_or_prose)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    own = [(node, found) for node in statements if (found := [*_own_imports(node, module, is_package, tree)])]
    return Source(
        module=module,
        room=room_of(module),
        is_package=is_package,
        lines=text.count("\n"),
        code=code,
        comments=len(comments["counted"]),
        statements=len(own),
        imports=tuple(each for _, found in own for each in found),
    )


def room_of(module: str) -> str:
    """Return the room of a module: ``core`` for ``hpo.core.decide``, ``hpo`` for the modules at the top."""
    package, *rest = module.split(".")
    if package != "hpo":
        return "adapters"
    return rest[0] if rest else "hpo"


def _comment_lines(text: str) -> Mapping[str, set[int]]:
    """Return the numbers of lines that are only a comment, and of those whose comment counts."""
    alone, counted = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
            if not _FOR_TOOLS.match(token.string):
                counted.add(token.start[0])
    return {"alone": alone, "counted": counted}


def _docstring_lines(tree: ast.Module) -> set[int]:
    """Return the numbers of lines of strings that stand alone as a statement: docstrings of whatever they follow."""
    return {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _own_imports(
    node: ast.Import | ast.ImportFrom, module: str, is_package: bool, tree: ast.Module
) -> Iterator[Import]:
    at_load = id(node) in _loaded_statements(tree)
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] in {"hpo", "hpo_adapters"}:
                yield Import(alias.name, None, at_load)
        return
    base = node.module or ""
    if node.level:
        parent = module.split(".")[: len(module.split(".")) - node.level + is_package]
        base = ".".join([*parent, *([node.module] if node.module else [])])
    if base.split(".")[0] in {"hpo", "hpo_adapters"}:
        for alias in node.names:
            yield Import(base, alias.name, at_load)


@functools.lru_cache(maxsize=1)  # of the file that is being read
def _loaded_statements(tree: ast.Module) -> frozenset[int]:
    """Return the ids of the statements that run when the module is loaded: not in a function, not for type checkers."""
    found: set[int] = set()

    def visit(body: Iterable[ast.stmt]) -> None:
        for node in body:
            found.add(id(node))
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for block in ("body", "orelse", "finalbody"):
                    visit(getattr(node, block, []))
                for handler in getattr(node, "handlers", []):
                    visit(handler.body)

    visit(tree.body)
    return frozenset(found)


class House:
    """All source files, and the arrows between them."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = {source.module: source for source in sources}

    def home(self, module: str, name: str | None) -> str:
        """Return the module that defines `name`: fronts, which only pass names on, are followed to the end."""
        if name is not None and f"{module}.{name}" in self.sources:
            return f"{module}.{name}"
        source = self.sources.get(module)
        if source is None or not source.is_package or name is None:
            return module
        for each in source.imports:
            if each.name == name and each.module != module:
                return self.home(each.module, name)
        return module

    def arrows(self, *, at_load: bool = False) -> set[tuple[str, str]]:
        """Return the pairs (importer, imported) of modules; with `at_load` those that loading a file needs."""
        pairs = (
            (source.module, self.home(each.module, each.name))
            for source in self.sources.values()
            for each in source.imports
            if each.at_load or not at_load
        )
        return {(importer, imported) for importer, imported in pairs if importer != imported}

    def core_arrows(self) -> set[tuple[str, str]]:
        """Return the arrows between the rooms of core: its folders and its single modules."""

        def part(module: str) -> str | None:
            names = module.split(".")
            return names[2] if names[:2] == ["hpo", "core"] and len(names) > 2 else None

        pairs = {(part(importer), part(imported)) for importer, imported in self.arrows()}
        return {(a, b) for a, b in pairs if a is not None and b is not None and a != b}

    def upward_arrows(self) -> list[str]:
        """Return the imports that `MAY_IMPORT` does not allow, as ``importer -> imported``."""
        written = {
            (source.module, submodule if (submodule := f"{each.module}.{each.name}") in self.sources else each.module)
            for source in self.sources.values()
            for each in source.imports
        }
        return sorted(
            f"{importer} -> {imported}"
            for importer, imported in written
            if (room := room_of(importer)) in MAY_IMPORT
            and (other := room_of(imported)) != room
            and other not in MAY_IMPORT[room]
        )

    def circles(self) -> list[list[str]]:
        """Return the sets of modules that import each other when they are loaded."""
        reached: dict[str, set[str]] = {}
        arrows = self.arrows(at_load=True)
        following: dict[str, list[str]] = {}
        for importer, imported in arrows:
            following.setdefault(importer, []).append(imported)
        for start, first in following.items():
            seen, waiting = set[str](), [*first]
            while waiting:
                module = waiting.pop()
                if module not in seen:
                    seen.add(module)
                    waiting.extend(following.get(module, ()))
            reached[start] = seen
        circles = {
            tuple(sorted(other for other in seen if start in reached.get(other, ())))
            for start, seen in reached.items()
            if start in seen
        }
        return [list(circle) for circle in sorted(circles)]


def house() -> House:
    """Return the house as it stands in this repository."""
    roots = {ROOT: ROOT / "hpo", ROOT / "adapters": ROOT / "adapters" / "hpo_adapters"}
    return House(read(path, root) for root, folder in roots.items() for path in sorted(folder.rglob("*.py")))


def per_hundred(part: int, whole: int) -> float:
    """Return `part` per hundred of `whole`, 0 for nothing of nothing."""
    return 100 * part / whole if whole else 0.0


def row(name: str, sources: list[Source]) -> str:
    """Return one line of the table."""
    lines, code = sum(each.lines for each in sources), sum(each.code for each in sources)
    statements, comments = sum(each.statements for each in sources), sum(each.comments for each in sources)
    sizes = [each.lines for each in sources]
    return (
        f"{name:<14}{len(sources):>6}{lines:>8}{statistics.median(sizes):>8.0f}{max(sizes):>6}{code:>8}"
        f"{per_hundred(statements, lines):>13.2f}{per_hundred(comments, code):>14.2f}"
    )


def main() -> int:
    """Print the figures, and return 1 if targets are to be checked and one is missed."""
    parser = argparse.ArgumentParser(description="Print the figures of the house.")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    check = parser.parse_args().check

    built = house()
    rooms: dict[str, list[Source]] = {}
    for source in built.sources.values():
        rooms.setdefault(source.folder, []).append(source)
    hpo = [source for source in built.sources.values() if source.room != "adapters"]

    heads = (
        f"{'room':<14}{'files':>6}{'lines':>8}{'median':>8}{'max':>6}{'code':>8}{'imports/100':>13}{'comments/100':>14}"
    )
    print(heads)
    for name in sorted(rooms):
        print(row(name, rooms[name]))
    print(row("all of hpo", hpo))

    long = sorted(f"{each.module} ({each.lines})" for each in built.sources.values() if each.lines > MAX_LINES)
    arrows, upward, circles = built.core_arrows(), built.upward_arrows(), built.circles()
    imports = per_hundred(sum(each.statements for each in hpo), sum(each.lines for each in hpo))
    results = [
        (f"arrows inside core: {len(arrows)} (at most {MAX_CORE_ARROWS})", len(arrows) <= MAX_CORE_ARROWS),
        (f"own imports per 100 lines of hpo: {imports:.2f} (at most {MAX_OWN_IMPORTS})", imports <= MAX_OWN_IMPORTS),
        (f"files over {MAX_LINES} lines: {', '.join(long) or 'none'}", not long),
        (f"circles: {'; '.join(' <-> '.join(each) for each in circles) or 'none'}", not circles),
        (f"arrows upwards: {'; '.join(upward) or 'none'}", not upward),
    ]
    for room in COMMENTED_ROOMS:
        share = per_hundred(sum(each.comments for each in rooms[room]), sum(each.code for each in rooms[room]))
        words = f"comments per 100 lines of code in {room}: {share:.2f} (at least {MIN_COMMENTS})"
        results.append((words, share >= MIN_COMMENTS))
    print()
    for text, met in results:
        print(f"{'met   ' if met else 'MISSED'} {text}")
    return int(check and not all(met or text.startswith(NOT_YET) for text, met in results))


if __name__ == "__main__":
    sys.exit(main())
