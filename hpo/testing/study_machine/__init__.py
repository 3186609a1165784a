"""Several workers that live and die on one study, for any storage, sampler and pruner.

- `machine`: what the workers do
- `promises`: what must hold whatever they do
- `workers`: a worker that reads the journal late and can be killed, and what its trials compute
"""

from hpo.testing.study_machine.machine import StudyMachine

__all__ = ["StudyMachine"]
