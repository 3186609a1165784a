import sys
import textwrap
from pathlib import Path

import pytest

from hpo.core.events import StudyCreated, TrialFinished, TrialStarted, ValueReported
from hpo.core.trial import TrialState
from hpo.journal import FileStorage

sys.path.insert(0, str(Path(__file__).parent))  # for `claimed_journals`


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
