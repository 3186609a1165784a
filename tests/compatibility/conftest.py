"""Run programs with both libraries, quietly."""

import gc
import importlib.util
import logging
import sys
from pathlib import Path

import pytest

import hpo

sys.path.insert(0, str(Path(__file__).parent))  # for `optuna_programs`

collect_ignore = ["programs"]  # they are run by a test, and would run when they are searched for doctests

ALLOWED_WARNINGS = (
    "ignore::optuna.exceptions.ExperimentalWarning",
    "ignore:unclosed database:ResourceWarning",  # Optuna leaves connections open, and newer Pythons say so
    "ignore:All-NaN slice:RuntimeWarning",  # in Optuna's median pruner
)


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("optuna") is None:
        return  # the first filter could not be imported; the tests are skipped
    for item in items:
        if "agreed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings(*ALLOWED_WARNINGS))


@pytest.fixture
def agreed(tmp_path, monkeypatch):
    """Return a function that runs a program with each library, in a folder of its own, and returns their result."""
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed", exc_type=ImportError)
    before = optuna.logging.get_verbosity()

    def run(program):
        results = []
        for library in (optuna, hpo):
            library.logging.set_verbosity(logging.ERROR)
            folder = tmp_path / library.__name__
            folder.mkdir()
            monkeypatch.chdir(folder)  # both use databases of the same name
            results.append(program(library))
        assert results[0] == results[1]
        return results[1]

    yield run
    gc.collect()  # so that connections which Optuna left open are reported while the filter holds
    optuna.logging.set_verbosity(before)
