"""Command lines that run in this process."""

import shlex
import sys

import attrs
import pytest

from hpo.cli import main


@attrs.frozen
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory: empty, and without a storage in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPO_STORAGE", raising=False)
    before, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = before  # commands look for objectives next to their files
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def cli(folder, capsys):
    """Runs the words after ``hpo``, and says what came of it."""

    def run(line: str, *words: str) -> Ran:
        capsys.readouterr()
        code = main([*shlex.split(line), *words])
        return Ran(code, *capsys.readouterr())

    return run
