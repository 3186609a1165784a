"""What no test leaves to chance: the examples that hypothesis tries, its patience, and what other tests did to the log.

And what several folders of tests need of the machine.
"""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

import hpo
from hpo.core import StudyCreated, TrialFinished, TrialStarted, TrialState, ValueReported
from hpo.journal import FileStorage

sys.path.insert(0, str(Path(__file__).parent))  # for `patience`

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _leave_the_log_as_it_was():
    logger = hpo.logging.get_logger()
    level, propagate, handlers = logger.level, logger.propagate, [*logger.handlers]
    hpo.logging.set_verbosity(hpo.logging.INFO)  # an example in a docstring may have run before, in this process
    yield
    logger.setLevel(level)
    logger.propagate, logger.handlers[:] = propagate, handlers


@pytest.fixture(scope="session")
def strace():
    """The path of strace, where it can trace."""
    path = shutil.which("strace")
    if path is None:
        pytest.skip("this needs strace")
    tried = subprocess.run([path, "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace is not allowed to trace: {tried.stderr.decode(errors='replace').strip()}")
    return path


def _events(n_trials, name="s"):
    """A study's creation and whole trials: 1 + 3 * n_trials events."""
    events = [StudyCreated(1, name, ("minimize",), 7)]
    for i in range(n_trials):
        events += [
            TrialStarted(i, 1732190185.0 + i),
            ValueReported(i, 0, 0.25 * i),
            TrialFinished(i, TrialState.COMPLETE, (0.1 * i,)),
        ]
    return events


@pytest.fixture(scope="session")
def make_events():
    return _events


@pytest.fixture
def journal_file(tmp_path):
    """A function that writes events to a new journal, one record each, and gives the file's path."""

    def write(events, name="s.jsonl"):
        journal = FileStorage(tmp_path / name, durability="process").create("s", events[:1])
        for i, event in enumerate(events[1:], 1):
            journal.append([event], expected=i)
        return tmp_path / name

    return write


@pytest.fixture
def script():
    """A function that makes a command line which runs a piece of Python."""

    def command(text, *arguments):
        return [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]

    return command
