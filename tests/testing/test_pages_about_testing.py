"""The test classes on the pages about testing are collected by pytest, and pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hpo

DOCS = Path(hpo.__file__).parents[1] / "docs" / "how-to"
FEW_EXAMPLES = """
from hypothesis import settings

settings.register_profile("few", max_examples=3, stateful_step_count=10, deadline=None)
settings.load_profile("few")
"""


@pytest.mark.parametrize(
    ("page", "classes"),
    [
        ("testing-your-sampler.md", {"TestNearby", "TestNearbyFromTheStart", "TestNearbyInAFile"}),
        ("storage-of-your-own.md", {"TestRecordStorage", "TestAgreement"}),
    ],
)
def test_the_classes_on_a_page_pass(page, classes, tmp_path):
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), flags=re.DOTALL | re.MULTILINE))
    assert set(re.findall(r"^(?:class )?(Test\w+)", program, flags=re.MULTILINE)) >= classes
    (tmp_path / "test_page.py").write_text(program)
    (tmp_path / "conftest.py").write_text(FEW_EXAMPLES)
    options = f"-v -p no:cacheprovider -W error -c {os.devnull} --rootdir . --basetemp temporary".split()
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-k", " or ".join(sorted(classes)), "test_page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert {name for name in classes if f"::{name}::" in ran.stdout} == classes
