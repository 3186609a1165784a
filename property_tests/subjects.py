"""Every sampler and pruner that the laws are tried on, and their answers as text.

Run as a script it answers questions from its input: one line with a state and a space each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from hpo.core import (
    Distribution,
    Exhausted,
    Pruner,
    Sampler,
    SearchSpace,
    SpaceDefined,
    StudyState,
    decode_events,
    encode_events,
    suggest_joint,
    suggest_lone,
    to_json_tree,
)
from hpo.errors import HpoError
from hpo.pruners.median import MedianPruner
from hpo.pruners.nop import NopPruner
from hpo.samplers.grid import GridSampler
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import TPESampler

Space = Mapping[str, Distribution]


def grid(space: Space, seed: int | None = None) -> GridSampler:
    """Up to three values of each parameter."""
    values = {
        name: dict.fromkeys(dist.to_internal(dist.from_unit(u)) for u in (0.1, 0.5, 0.9))
        for name, dist in space.items()
    }
    cells = {name: [space[name].to_external(value) for value in kept] for name, kept in values.items()}
    return GridSampler(cells or {"unused": [0]}, seed)


SAMPLERS: dict[str, Callable[[Space], Sampler]] = {
    "random": lambda space: RandomSampler(),
    "random with a seed": lambda space: RandomSampler(seed=11),
    "grid": grid,
    "shuffled grid": lambda space: grid(space, seed=5),
    "tpe": lambda space: TPESampler(n_startup_trials=2),
    "tpe with a seed": lambda space: TPESampler(n_startup_trials=2, seed=11),
}
PRUNERS: dict[str, Pruner] = {
    "median": MedianPruner(n_startup_trials=1),
    "median at some steps": MedianPruner(n_startup_trials=0, n_warmup_steps=1, interval_steps=2),
    "nop": NopPruner(),
}


def question(state: StudyState, space: Space) -> str:
    """A line for `answers` in another process."""
    return json.dumps([state.to_json(), encode_events([SpaceDefined(SearchSpace(space))]).decode()])


def answers(state: StudyState, space: Space) -> dict[str, Any]:
    """What every sampler suggests to, and every pruner decides on, each running trial."""
    found: dict[str, Any] = {}
    for number, trial in state.running.items():
        for name, make in SAMPLERS.items():
            found[f"{name}: joint for {number}"] = suggested(state, make(space), number, space)
            alone = {} if "grid" in name else space  # a grid reads its cell from the note of the joint call
            for parameter in alone:
                one = SearchSpace({parameter: space[parameter]})
                command = suggest_lone(state, make(space), trial, parameter, one)
                found[f"{name}: {parameter!r} for {number}"] = to_json_tree(dict(command.params))
        for name, pruner in PRUNERS.items():
            found[f"{name} on {number}"] = pruner(state, trial).value
    return found


def suggested(state: StudyState, sampler: Sampler, number: int, space: Space) -> Any:
    """A joint suggestion as JSON can hold it; errors too are answers."""
    try:
        command = suggest_joint(state, sampler, state.running[number], space)
    except HpoError as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(command, Exhausted):
        return command.reason
    return [sorted(to_json_tree(dict(command.params)).items()), to_json_tree(dict(command.note or {}))]


def _serve() -> None:
    for line in sys.stdin:
        state, events = json.loads(line)
        (defined,) = decode_events(events.encode())
        print(json.dumps(answers(StudyState.from_json(state), defined.space)))


if __name__ == "__main__":
    _serve()
