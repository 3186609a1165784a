"""The pages in docs/ can be found, their links lead somewhere, and they are in the right folder."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("tutorial", "how-to", "reference", "explanation", "measured")
PAGES = [ROOT / "README.md", ROOT / ".ci" / "README.md", *sorted(DOCS.rglob("*.md"))]


def prose_of(page):
    """The page without its blocks of code, where brackets and parentheses are no links."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links_of(page):
    """The relative links of a page, as pairs of file and anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose_of(page)))
    return [tuple((link + "#").split("#")[:2]) for link in found if "://" not in link and not link.startswith("mailto:")]


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
