"""From commands to events: the only place where facts are judged.

- `decisions`: `decide`, and the rule of each command; `running`: the rules of commands about a running trial
- `results`: what a user tells, as the values and the state of a trial
"""

from hpo.core.decide.decisions import decide
from hpo.core.decide.results import objective_values
from hpo.core.decide.running import running_trial

__all__ = ["decide", "objective_values", "running_trial"]
