"""Packages whose names are imported when they are first used: one function, and what it promises."""

import subprocess
import sys

import pytest

from hpo._lazy import attach

PACKAGE = "hpo.pruners"


def attached(**options):
    return attach(PACKAGE, {"hpo.pruners.nop": ["NopPruner"]}, **options)


def test_a_name_comes_from_its_home():
    get, names, public = attached()
    assert get("NopPruner").__module__ == "hpo.pruners.nop"
    assert names() == public == ["NopPruner"]


def test_submodules_and_own_names_are_listed_too():
    get, names, _ = attached(eager=["__version__"], rooms=["median"])
    assert names() == ["__version__", "NopPruner", "median"]
    assert get("median").__name__ == "hpo.pruners.median"


def test_listing_names_cannot_change_them():
    _, names, public = attached()
    names().append("Other")
    assert names() == public == ["NopPruner"]


def test_an_unknown_name_is_an_error_with_advice():
    get, _, _ = attached(advice={"Nop": "it is called NopPruner"})
    with pytest.raises(AttributeError, match=r"module 'hpo\.pruners' has no attribute 'Nop': it is called NopPruner$"):
        get("Nop")
    with pytest.raises(AttributeError, match=r"no attribute 'nop_pruner': did you mean NopPruner\?$"):
        get("nop_pruner")
    with pytest.raises(AttributeError, match=r"no attribute 'x'$"):
        get("x")


def test_packages_are_asked_for_other_names_only():
    asked = []

    def plugin(name):
        asked.append(name)
        return "registered" if name == "Theirs" else None

    get, _, _ = attached(plugin=plugin)
    get("NopPruner")
    assert get("Theirs") == "registered"
    for name in ("Nobodys", "__wrapped__"):
        with pytest.raises(AttributeError):
            get(name)
    assert asked == ["Theirs", "Nobodys"]


def test_importing_hpo_imports_no_typing():
    program = "import sys; before = {*sys.modules}; import hpo; print(*sorted({*sys.modules} - before))"
    ran = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["__future__", "hpo", "hpo._lazy"]
