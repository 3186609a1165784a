"""Write what derives from the registries of samplers, pruners, promoters and stopping rules: stubs, and tables in the documentation.

python .ci/write_registered.py          # write
python .ci/write_registered.py --check  # say which files are not up to date, and exit with 1 if there are any
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PAGE = "docs/reference/samplers-and-pruners.md"
ROOMS = ("samplers", "pruners", "stopping")


def stub(homes: Mapping[str, Sequence[str]]) -> str:
    """Return a stub that imports names from their homes, by which type checkers know them."""
    pairs = sorted((home, name) for home, names in homes.items() for name in names)
    lines = [f"from {home} import {name} as {name}\n" for home, name in pairs]
    return "".join(["# written by .ci/write_registered.py from the registry in this folder\n", *lines])


def written() -> Iterator[tuple[Path, str]]:
    """Yield each file that derives from a registry, and what belongs into it."""
    page = ROOT / PAGE
    text = page.read_text(encoding="utf-8")
    for room in ROOMS:
        registries = [
            value
            for value in vars(import_module(f"hpo.{room}.registry")).values()
            if type(value).__name__ == "Registry"
        ]
        homes = dict(getattr(import_module(f"hpo.{room}"), "_OTHERS", {}))
        for registry in registries:
            homes.update(registry.homes())
        yield ROOT / "hpo" / room / "__init__.pyi", stub(homes)
        for registry in registries:
            kind = registry.kind.removesuffix(" rule")
            begin, end = f"<!-- registered: {kind} -->\n", "<!-- end -->"
            table = f"{begin}{registry.built_in_only().table()}\n{end}"
            text = re.sub(rf"{begin}.*?{end}", lambda _, new=table: new, text, flags=re.DOTALL)
    yield page, text


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; return the exit code."""
    stale = [(file, text) for file, text in written() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file, text in stale:
        if "--check" in arguments:
            print(f"{file.relative_to(ROOT)} is not up to date: run python .ci/write_registered.py")
        else:
            file.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
