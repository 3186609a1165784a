"""The examples and the README run as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    "quickstart.py": ["3"],
    "ask_tell.py": [],
    "define_by_run.py": [],
    "asha.py": [],
    "bohb.py": [],
    "curves.py": [],
    "pruning.py": [],
    "what_mattered.py": [],
    "choose_from_a_front.py": [],
    "custom_sampler.py": [],
    "key_value_store.py": [],
    "noisy.py": [],
    "parallel_joblib.py": [],
    "parallel_loky.py": [],
    "parallel_dask.py": [],
    "cluster.py": [],
    "constraints.py": [],
    "two_objectives.py": [],
    "resume_after_a_kill.py": [],
    "what_is_known.py": [],
}


def run(script, arguments, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, script, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize(("name", "arguments"), EXAMPLES.items(), ids=EXAMPLES)
def test_an_example_runs_and_prints_its_result(name, arguments, tmp_path):
    ran = run(ROOT / "examples" / name, arguments, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


def test_the_quickstart_goes_on_where_it_stopped(tmp_path):
    for _ in range(2):
        assert run(ROOT / "examples" / "quickstart.py", ["2"], tmp_path).returncode == 0
    journal = (tmp_path / "digits.jsonl").read_text()
    assert journal.count('"finished"') == 4


def test_a_crashed_worker_of_the_key_value_store_loses_one_trial_and_it_is_tried_again(tmp_path):
    ran = run(ROOT / "examples" / "key_value_store.py", [], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert re.match(r"37 trials, lost: \[\(\d+, 'lost: worker-3 is gone'\)\]\n", ran.stdout)


def python_blocks(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)


ELSEWHERE = {"export-and-import.md"}  # needs an Optuna storage: tests/transfer makes one and runs the page
DOCUMENTS = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if python_blocks(path) and path.name not in ELSEWHERE
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_python_blocks_of_a_document_run_in_order(document, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("\n".join(python_blocks(document)))
    ran = run(program, [], tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_the_readme_has_two_commands_and_ci_runs_the_second():
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    assert all(len(block.strip().splitlines()) == 1 for block in blocks)
    assert "examples/quickstart.py" in blocks[0]
    assert "pytest" in blocks[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text()
