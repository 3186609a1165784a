"""The pages in docs/ can be found, their links lead somewhere, and they are in the right folder."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("tutorial", "how-to", "reference", "explanation", "measured")
PAGES = [ROOT / "README.md", ROOT / ".ci" / "README.md", *sorted(DOCS.rglob("*.md"))]


def prose_of(page):
    """The page without its blocks of code, where brackets and parentheses are not links."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links_of(page):
    """The relative links of a page, as pairs of file and anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose_of(page)))
    return [
        tuple((link + "#").split("#")[:2]) for link in found if "://" not in link and not link.startswith("mailto:")
    ]


def anchors_of(page):
    """The anchors that GitHub and myst give to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_lead_to_files_and_headings(page):
    broken = []
    for path, anchor in links_of(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(f"{path}#{anchor}" if anchor else path)
    assert broken == []


def test_the_index_has_every_page():
    linked = {(DOCS / path).resolve() for path, _ in links_of(DOCS / "index.md")}
    assert {named(page) for page in DOCS.rglob("*.md")} - {named(page) for page in linked} == {"docs/index.md"}


def test_every_page_is_in_one_of_the_five_folders():
    folders = {page.relative_to(DOCS).parts[0] for page in DOCS.rglob("*.md")}
    assert folders == {*FOLDERS, "index.md", "architecture.md"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_page_has_one_title(page):
    titles = re.findall(r"^# (.*)$", prose_of(page), flags=re.MULTILINE)
    assert len(titles) == 1
    assert page.read_text(encoding="utf-8").startswith(f"# {titles[0]}\n")


def paths_named_on(page):
    """What a page names in backticks, or in its blocks, that looks like a file or folder of this repository."""
    text = page.read_text(encoding="utf-8")
    return set(re.findall(r"(?<![\w./-])(?:hpo|adapters|tests|property_tests|docs|examples|\.ci)/[\w./-]*\w", text))


def test_every_path_that_the_architecture_names_exists():
    named_paths = paths_named_on(DOCS / "architecture.md")
    assert len(named_paths) > 20
    assert [path for path in sorted(named_paths) if not (ROOT / path).exists()] == []


def test_the_architecture_names_every_room():
    rooms = {path.parent.name for path in (ROOT / "hpo").glob("*/__init__.py")}
    named_rooms = {path.split("/")[1] for path in paths_named_on(DOCS / "architecture.md") if path.startswith("hpo/")}
    assert rooms - named_rooms == set()


def test_the_reference_of_the_api_is_current():
    script = [sys.executable, ROOT / ".ci" / "api_reference.py", "--check"]
    ran = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}: run .ci/api_reference.py"


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "tutorial" / "first-study.md"], ids=named)
def test_a_page_shows_what_its_programs_print(page, tmp_path):
    blocks = re.findall(
        r"^```(python|text)\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    (tmp_path / "program.py").write_text("\n".join(block for kind, block in blocks if kind == "python"))
    command = [sys.executable, "program.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = [line for kind, block in blocks if kind == "text" for line in block.splitlines()]
    assert len(shown) >= 2
    assert [line for line in shown if line not in ran.stdout.splitlines() and not line.startswith("[I ")] == []


def test_the_arrows_of_the_architecture_are_imports_of_the_code():
    spec = importlib.util.spec_from_file_location("house_figures_of_docs", ROOT / ".ci" / "house_figures.py")
    figures = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = figures  # where its dataclasses are looked up
    spec.loader.exec_module(figures)
    sources = figures.house().sources.values()
    imports = {(source.room, figures.room_of(each.module)) for source in sources for each in source.imports}
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    arrows = re.findall(r"^ +(\w+)(?:\[.*?\])? --> (\w+)", page, flags=re.MULTILINE)
    assert len(arrows) > 10
    assert set(arrows) - imports == set()
