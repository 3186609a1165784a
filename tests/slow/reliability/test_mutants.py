"""A test must be able to fail: each flaw is noticed, and nothing is noticed where there is no flaw."""

import os
import subprocess
import sys

import pytest
from mutants import MUTANTS, ROOT, copy_of_the_project, mutated, run_tests

NAMES = [f"{mutant.promise}: {mutant.flaw}" for mutant in MUTANTS]
SELECTIONS = sorted({mutant.tests for mutant in MUTANTS})


@pytest.mark.parametrize("mutant", MUTANTS, ids=NAMES)
def test_a_mutant_is_a_change_of_todays_source(mutant):
    source = (ROOT / mutant.file).read_text()
    assert mutated(mutant, source) != source
    compile(mutated(mutant, source), mutant.file, "exec")
    assert (ROOT / mutant.tests[0]).exists()


def test_each_promise_of_a_journal_has_a_mutant():
    assert {mutant.promise for mutant in MUTANTS} == {f"P{i}" for i in range(1, 12)}  # P12 is the server's


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=NAMES)
def test_a_mutant_is_caught(mutant, tmp_path):
    if mutant.needs_root and os.geteuid() != 0:
        pytest.skip("the tests that notice it need root")
    copy_of_the_project(tmp_path)
    file = tmp_path / mutant.file
    file.write_text(mutated(mutant, file.read_text()))
    outcome, output = run_tests(tmp_path, mutant.tests)
    if outcome == "skipped":
        pytest.skip(output.splitlines()[-1])
    assert outcome in ("red", "hangs"), output[-3000:]
    print(f"{mutant.promise}, {mutant.flaw}: {outcome}")


@pytest.mark.long
@pytest.mark.parametrize("tests", SELECTIONS, ids=" ".join)
def test_what_is_no_mutant_is_not_caught(tests, tmp_path):
    copy_of_the_project(tmp_path)
    outcome, output = run_tests(tmp_path, tests)
    assert outcome in ("green", "skipped"), output[-3000:]


def test_the_copy_is_what_is_tested(tmp_path):
    copy_of_the_project(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "import hpo, hpo.journal.file.lines as scan; print(hpo.__file__, scan.__file__)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / "hpo/__init__.py"), str(tmp_path / "hpo/journal/file/lines.py")]
