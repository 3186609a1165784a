"""docs/explanation/reliability.md names all tests of the catalogue, and they are where it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "explanation" / "reliability.md").read_text()
ROWS = {int(row[1]): row[0] for row in re.finditer(r"^\| ([0-9]+) \|.*$", DOCUMENT, re.MULTILINE)}
HERE = {
    path.name: {int(number) for number in re.findall(r"_r([0-9]{2})(?=_)", path.read_text())}
    for path in (ROOT / "tests" / "slow" / "reliability").glob("test_*.py")
}


def _files(row):
    return [name if "/" in name else f"tests/slow/reliability/{name}" for name in re.findall(r"`([\w/]+\.py)`", row)]


def test_every_number_of_the_catalogue_has_a_row_with_a_tier_and_a_result():
    assert [*ROWS] == [*range(1, 47)]
    for number, row in ROWS.items():
        *_, tier, result = (cell.strip() for cell in row.strip("|").split("|"))
        assert result
        assert tier or "waits" in result, number


@pytest.mark.parametrize("number", ROWS)
def test_a_row_names_files_that_are_there_and_hold_its_number(number):
    for file in _files(ROWS[number]):
        assert (ROOT / file).exists(), file
        if file.startswith("tests/slow/reliability/"):
            assert number in HERE[Path(file).name], file


def test_every_numbered_test_is_in_the_row_of_its_number():
    for name, numbers in HERE.items():
        for number in numbers:
            assert name in ROWS[number]


def test_each_promise_is_in_the_document():
    assert re.findall(r"^- \*\*(P[0-9]+) ", DOCUMENT, re.MULTILINE) == [f"P{i}" for i in range(1, 13)]
