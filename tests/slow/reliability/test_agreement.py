"""A file under everything at once, against a list."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hpo.core import StudyAttributeSet, StudyCreated
from hpo.errors import Conflict
from hpo.journal import FileJournal, FileStorage
from hpo.journal.file.lines import pack

handles = st.integers(0, 1)
batches = st.lists(st.builds(StudyAttributeSet, st.sampled_from("ab"), st.integers()), min_size=1, max_size=3)


class JournalMachine(RuleBasedStateMachine):
    """Two handles of one process, a child, and writers that die; nothing but whole appends is ever seen."""

    @initialize()
    def create(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "s.jsonl")
        self.model = [StudyCreated(1, "s", ("minimize",), 7)]
        FileStorage(self.path, durability="process").create("s", self.model)
        self.handles = [self.opened(), self.opened()]
        self.torn = False

    def opened(self):
        return FileJournal(self.path, durability="process", lock_timeout=5.0)

    @rule(handle=handles, after=st.integers(0, 40))
    def read(self, handle, after):
        assert [*self.handles[handle].read(after)] == self.model[after:]

    @rule(handle=handles, batch=batches)
    def append(self, handle, batch):
        length = self.handles[handle].append(batch, expected=len(self.model))
        self.model += batch
        self.torn = False
        assert length == len(self.model)

    @rule(handle=handles, batch=batches, wrong=st.integers(0, 40))
    def append_stale(self, handle, batch, wrong):
        if wrong != len(self.model):
            with pytest.raises(Conflict) as caught:
                self.handles[handle].append(batch, expected=wrong)
            assert caught.value.actual == len(self.model)

    @rule(handle=handles)
    def reopen(self, handle):
        self.handles[handle] = self.opened()

    @rule(batch=batches, part=st.floats(0.0, 1.0, exclude_max=True))
    def die_in_the_middle_of_an_append(self, batch, part):
        if not self.torn:  # whoever comes next cuts it off before it writes
            line = pack(batch, len(self.model) + len(batch))
            with self.path.open("ab") as file:
                file.write(line[: int(part * len(line))])
            self.torn = True

    @rule(handle=handles, batch=batches)
    def append_in_a_child(self, handle, batch):
        child = os.fork()
        if not child:
            code = 1
            try:
                code = self.handles[handle].append(batch, expected=len(self.model)) - len(self.model) - len(batch)
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        self.model += batch
        self.torn = False

    @invariant()
    def everybody_sees_the_same(self):
        if hasattr(self, "model"):
            assert [*self.opened().read(0)] == self.model

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()


JournalMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
test_r05_a_file_agrees_with_a_list_whoever_writes_and_dies = JournalMachine.TestCase


@pytest.mark.long
class Test_r05_thousands_of_runs(JournalMachine.TestCase):  # noqa: N801 - the number of the test comes first
    settings = settings(max_examples=500, stateful_step_count=50, deadline=None)
