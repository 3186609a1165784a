"""Several workers on one study, who live and die, for any storage, sampler and pruner.

- `machine`: what they do; `promises`: what must hold whatever they do; `workers`: who they are, and what they hear late
"""

from hpo.testing.study_machine.machine import StudyMachine

__all__ = ["StudyMachine"]
