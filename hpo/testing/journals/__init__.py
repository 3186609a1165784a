"""Laws of storages and their journals.

- `laws`: all of them, as a function and as a class of tests, and the machine that compares storages with memory
- `study_laws`, `writer_laws`, `worker_laws`: the laws one by one
- `samples`: names and events for them; `worker_process`: a process that they stop and kill; `machine`: generated
  histories
"""

from hpo.testing.journals.laws import StorageLaws, agreement_machine, check_storage
from hpo.testing.journals.writer_laws import backup_of_files

__all__ = ["StorageLaws", "agreement_machine", "backup_of_files", "check_storage"]
