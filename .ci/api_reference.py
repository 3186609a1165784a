"""Write the pages docs/reference/*.md that describe the API, from signatures and docstrings.

    python .ci/api_reference.py            writes the pages
    python .ci/api_reference.py --check    exits with 1 if a page is not what would be written

A page has one section for each public name: its signature, its docstring and, for classes, their public methods and
properties. Docstrings are in Google's style; examples (``>>>``) become blocks of code.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
WIDTH = 100  # of a signature on one line
ROOT_NAMES = frozenset(importlib.import_module("hpo").__all__)
SECTIONS = ("Args", "Attributes", "Example", "Examples", "Note", "Raises", "Returns", "Source", "Warns", "Yields")


class Page(NamedTuple):
    """A page of the reference: its file, its title, what it says first, and the modules whose names it lists."""

    file: str
    title: str
    about: str
    modules: tuple[str, ...]


PAGES = (
    Page(
        "api.md",
        "The API of hpo",
        "Everything in `hpo.__all__`. The modules `hpo.samplers`, `hpo.pruners` and `hpo.distributions` are on the page "
        "[Samplers, pruners and distributions](samplers.md), errors on the page [Errors](errors.md), and storages on the "
        "page [Journals and transfer](journal.md).",
        ("hpo",),
    ),
    Page(
        "samplers.md",
        "Samplers, pruners and distributions",
        "For which to choose see [Samplers and pruners](../explanation/samplers.md).",
        ("hpo.samplers", "hpo.pruners", "hpo.distributions"),
    ),
    Page(
        "visualization.md",
        "Plots",
        "For how to use them see [See what a study did](../how-to/plots.md). `hpo.visualization.matplotlib` has the same "
        "functions, and returns axes of Matplotlib.",
        ("hpo.visualization", "hpo.visualization.data"),
    ),
    Page(
        "views.md",
        "Views of a state",
        "Pure questions about a `StudyState`: nothing is written, and no clock is read.",
        ("hpo.views",),
    ),
    Page(
        "importance.md",
        "Importance of parameters",
        "For what to ask and how to read the answer see [Find out what mattered](../how-to/what-mattered.md).",
        ("hpo.importance",),
    ),
    Page(
        "pareto.md",
        "Questions about a front",
        "For how to decide see [Choose from a front](../how-to/choose-from-a-front.md).",
        ("hpo.pareto",),
    ),
    Page(
        "journal.md",
        "Journals and transfer",
        "How studies are kept is explained on the page [The journal](../explanation/journal.md).",
        ("hpo.journal", "hpo.transfer"),
    ),
    Page(
        "extend.md",
        "The API for authors of extensions",
        "`hpo.extend` has what a storage, a sampler, a pruner or an adapter in another package needs, and `hpo` does not "
        "show to everybody. See [Write a storage](../how-to/storage-of-your-own.md), [Write a "
        "sampler](../how-to/write-a-sampler.md) and [Embed it in a scheduler](../how-to/embed-in-a-scheduler.md).",
        ("hpo.extend",),
    ),
    Page(
        "errors.md",
        "Errors",
        "All errors derive from `hpo.errors.HpoError` and from the builtin that fits.",
        ("hpo.errors",),
    ),
)


def rendered(page: Page) -> str:
    """Return the Markdown text of a page."""
    parts = [
        f"# {page.title}",
        "<!-- Written by .ci/api_reference.py from docstrings: do not edit. -->",
        page.about,
    ]
    for module in page.modules:
        room = importlib.import_module(module)
        if len(page.modules) > 1:
            parts.append(f"## `{module}`")
        parts.append(_prose(inspect.getdoc(room) or ""))
        parts.extend(_sections(room, "###" if len(page.modules) > 1 else "##"))
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part for part in parts if part)) + "\n"


_WITHOUT_ENTRIES = ("AskAndTell", "StudyQuestions")  # bases that share the methods of public classes


def public_names(room: Any) -> list[str]:
    """Return the names of a module that are its own to show."""
    shown = getattr(room, "__all__", None)
    if shown is None:
        shown = [name for name, value in vars(room).items() if getattr(value, "__module__", "") == room.__name__]
    return sorted((name for name in shown if not name.startswith("_")), key=lambda name: (name.lower(), name))


def _sections(room: Any, head: str) -> Iterator[str]:
    for name in public_names(room):
        value = getattr(room, name)
        yield f"{head} {name}"
        if room.__name__ == "hpo.extend" and name in ROOT_NAMES:
            yield f"The same as [`hpo.{name}`](api.md#{name.lower()})."
        elif inspect.ismodule(value):
            yield f"The module `{value.__name__}`. {_first_line(value)}"
        elif inspect.isclass(value):
            yield from _class(name, value, f"{head}#")
        elif callable(value):
            yield _code(_signature(name, value))
            yield _prose(inspect.getdoc(value) or "")
        else:
            yield _constant(name, value)


def _class(name: str, value: type, head: str) -> Iterator[str]:
    yield _code(f"class {_signature(name, value)}" if _is_constructed(value) else f"class {name}")
    yield _prose(inspect.getdoc(value) or "" if value.__doc__ else "")
    for member, found in sorted(_members(value).items()):
        if member.startswith("_"):
            continue
        thing = inspect.unwrap(getattr(value, member)) if isinstance(found, staticmethod | classmethod) else found
        if isinstance(thing, property | cached_property):
            yield f"{head} {name}.{member}"
            yield f"Property. {_prose(inspect.getdoc(thing) or '')}"
        elif inspect.isroutine(thing) and thing.__doc__:
            yield f"{head} {name}.{member}"
            yield _code(_signature(f"{name}.{member}", thing, bound=not isinstance(found, staticmethod)))
            yield _prose(inspect.getdoc(thing) or "")


def _members(value: type) -> dict[str, Any]:
    """Return what a class defines, and what it inherits from classes of hpo that have no entry of their own."""
    found: dict[str, Any] = {}
    for base in reversed(value.__mro__[1:]):
        if base.__module__.startswith("hpo.") and base.__name__ in _WITHOUT_ENTRIES:
            found.update(vars(base))
    return {**found, **vars(value)}


def _is_constructed(value: type) -> bool:
    """Whether users make objects of this class by calling it: not of protocols and enumerations."""
    return not getattr(value, "_is_protocol", False) and not hasattr(value, "__members__")


def _constant(name: str, value: Any) -> str:
    described = repr(value)
    return _code(f"{name} = {described}" if len(described) < WIDTH and " at 0x" not in described else name)


def _signature(name: str, value: Callable[..., Any], *, bound: bool = False) -> str:
    """Return the signature on one line if it fits, else with one argument a line."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return f"{name}(...)"
    parameters = [*signature.parameters.values()]
    if bound and parameters and parameters[0].name in {"self", "cls"}:
        parameters = parameters[1:]
    shown = []
    for each in parameters:
        before = shown and shown[-1]
        if each.kind is each.KEYWORD_ONLY and before != "*" and not any(part.startswith("*") for part in shown):
            shown.append("*")
        shown.append(_parameter(each))
        if each.kind is each.POSITIONAL_ONLY and not any(
            other.kind is other.POSITIONAL_ONLY for other in parameters[parameters.index(each) + 1 :]
        ):
            shown.append("/")
    returns = (
        "" if signature.return_annotation is inspect.Signature.empty else f" -> {_type(signature.return_annotation)}"
    )
    one_line = f"{name}({', '.join(shown)}){returns}"
    if len(one_line) <= WIDTH:
        return one_line
    return "\n".join([f"{name}(", *(f"    {part}," for part in shown), f"){returns}"])


def _parameter(each: inspect.Parameter) -> str:
    stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
    typed = "" if each.annotation is each.empty else f": {_type(each.annotation)}"
    if each.default is each.empty:
        return f"{stars}{each.name}{typed}"
    return f"{stars}{each.name}{typed}{' = ' if typed else '='}{_default(each.default)}"


def _default(value: Any) -> str:
    if inspect.isroutine(value) or inspect.isclass(value):
        return str(value.__qualname__)
    return "..." if " at 0x" in repr(value) or repr(value) in {"NOTHING", "NODEFAULT"} else repr(value)


def _type(annotation: Any) -> str:
    written = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+([A-Za-z_]\w*)", r"\1", written)


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]


def _code(text: str) -> str:
    return f"```py\n{text}\n```"


def _prose(docstring: str) -> str:
    """Return a docstring in Google's style as Markdown."""
    text = re.sub(r"``([^`]+)``", r"`\1`", docstring)
    heads = "|".join(SECTIONS)
    parts = re.split(rf"(?m)^({heads}):[ ]*(.*)$", text)
    shown = [_with_examples(parts[0].strip())]
    for head, rest, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        content = textwrap.dedent(f"{body}").strip("\n")
        inline = rest.strip()
        if head in {"Args", "Attributes", "Raises"}:
            shown.append(f"{head}:\n\n{_items(content)}")
        elif head in {"Example", "Examples"}:
            shown.append(_with_examples(content))
        else:
            shown.append(f"{head}: {inline} {_joined(content)}".replace("  ", " ").strip())
    return "\n\n".join(part for part in shown if part)


def _items(content: str) -> str:
    """Return `name: text` entries, whose text may go on in indented lines, as a list."""
    entries: list[str] = []
    for line in content.splitlines():
        if line.strip() and not line.startswith(" "):
            name, colon, about = line.partition(": ")
            entries.append(f"- `{name}`: {about}" if colon else f"- {line}")
        elif line.strip() and entries:
            entries[-1] += f" {line.strip()}"
    return "\n".join(entries)


def _joined(content: str) -> str:
    return _with_examples(content)


def _with_examples(text: str) -> str:
    """Return the text with each run of lines that begins with ``>>>`` as a block of code."""
    shown: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith(">>>") and not inside:
            shown += ["", "```pycon"]
            inside = True
        elif inside and not line.strip():
            shown.append("```")
            inside = False
        shown.append(line.strip() if inside and line.lstrip().startswith(">>>") else line)
    if inside:
        shown.append("```")
    return "\n".join(shown).strip()


def main() -> int:
    """Write the pages, or return 1 if one is not current."""
    parser = argparse.ArgumentParser(description="Write the pages of the API reference.")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a page is not current")
    check = parser.parse_args().check
    stale = []
    for page in PAGES:
        path, text = REFERENCE / page.file, rendered(page)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(page.file)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
