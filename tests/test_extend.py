"""`hpo.extend` has what an author of a storage, a sampler or an adapter needs, and nothing undocumented."""

import ast
import re
import typing
from pathlib import Path

import pytest

import hpo
from hpo import extend

ADAPTERS = Path(hpo.__file__).parents[1] / "adapters"


def test_every_event_has_a_public_name():
    assert {event.__name__ for event in typing.get_args(extend.AnyEvent)} <= {*extend.__all__}


def test_every_command_has_a_public_name():
    assert {command.__name__ for command in typing.get_args(extend.Command)} <= {*extend.__all__}


@pytest.mark.parametrize("name", extend.__all__)
def test_every_name_is_there(name):
    assert getattr(extend, name) is not None


def test_all_names_what_is_imported():
    tree = ast.parse(Path(extend.__file__).read_text())
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == {*extend.__all__}


def test_names_that_the_docstring_groups_exist():
    mentioned = {name for name in re.findall(r"`(\w+)`", extend.__doc__) if not hasattr(hpo, name)} - {"hpo"}
    assert mentioned
    assert mentioned <= {*extend.__all__}


def test_the_room_is_published():
    assert "extend" in hpo.__all__
    assert hpo.extend is extend


def test_adapters_need_no_other_room():
    rooms = ("distributions", "errors", "exceptions", "extend", "logging", "pruners", "samplers", "stopping", "trial")
    allowed = {"hpo", *(f"hpo.{room}" for room in rooms)}
    used = set()
    for file in ADAPTERS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "hpo":
                used.add(node.module)
    assert "hpo.extend" in used
    assert used <= allowed
