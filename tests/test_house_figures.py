"""The script that prints the figures of the house counts what it says, on a small house of its own."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "house_figures.py"
FILES = {
    "hpo/__init__.py": "",
    "hpo/errors.py": "class HpoError(Exception):\n    '''An error.'''\n",
    "hpo/core/__init__.py": "from hpo.core.state import State\n",
    "hpo/core/state.py": "from hpo.core.values import Key\n\n\nState = Key  # why\n# noqa: X\n",
    "hpo/core/values/__init__.py": "from hpo.core.values.key import Key\n",
    "hpo/core/values/key.py": "from hpo.errors import HpoError\n\nKey = HpoError\n",
    "hpo/journal/__init__.py": "from hpo.core import State\n",
}


@pytest.fixture
def figures():
    spec = importlib.util.spec_from_file_location("house_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["house_figures"] = module  # where its dataclasses are looked up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["house_figures"]


@pytest.fixture
def built(figures, tmp_path):
    def build(**more):
        files = FILES | {f"{name.replace('__', '/')}.py": text for name, text in more.items()}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return figures.House(figures.read(tmp_path / name, tmp_path) for name in files)

    return build


def test_code_comments_and_imports_are_counted(built):
    state = built().sources["hpo.core.state"]
    assert (state.lines, state.code, state.comments, state.statements) == (5, 2, 1, 1)


def test_docstrings_are_not_code(built):
    assert built().sources["hpo.errors"].code == 1


def test_names_are_followed_through_fronts_to_their_home(built):
    house = built()
    assert house.home("hpo.core", "State") == "hpo.core.state"
    assert ("hpo.journal", "hpo.core.state") in house.arrows()


def test_arrows_inside_core_join_its_rooms(built):
    assert built().core_arrows() == {("state", "values")}


def test_a_sound_house_has_no_circle_and_no_arrow_upwards(built):
    house = built()
    assert (house.circles(), house.upward_arrows()) == ([], [])


def test_an_arrow_upwards_is_found_also_inside_a_function(built):
    for statement in ("from hpo.journal import State", "import hpo.journal", "from hpo import journal"):
        house = built(hpo__core__views=f"def upwards():\n    {statement}\n")
        assert house.upward_arrows() == ["hpo.core.views -> hpo.journal"], statement


def test_a_circle_is_found_unless_a_function_imports_late(built):
    key = "from hpo.errors import HpoError\n\nKey = HpoError\n"
    early = f"from hpo.core.state import State\n{key}"
    late = f"{key}\n\ndef state():\n    from hpo.core.state import State\n    return State\n"
    assert built(hpo__core__values__key=early).circles() == [["hpo.core.state", "hpo.core.values.key"]]
    assert built(hpo__core__values__key=late).circles() == []
