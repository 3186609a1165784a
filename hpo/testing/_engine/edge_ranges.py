"""Ranges and choices whose ends are hard to respect, asked for one by one, with the best trials at their ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    tell,
)
from hpo.testing._engine.cases import Question
from hpo.testing.scenarios import started, suggested

_TOLD = 3
_SEEDS = range(3)

EDGES: Mapping[str, Distribution] = {
    "one float": FloatDistribution(0.3, 0.3),
    "one float, log, 0.3": FloatDistribution(0.3, 0.3, log=True),
    "one float, log, 7": FloatDistribution(7.0, 7.0, log=True),
    "one float, log, 1e-5": FloatDistribution(1e-5, 1e-5, log=True),
    "one float, log, 1e5": FloatDistribution(1e5, 1e5, log=True),
    "two floats": FloatDistribution(1.0, math.nextafter(1.0, 2.0)),
    "two floats, log": FloatDistribution(0.1, math.nextafter(0.1, 1.0), log=True),
    "log up to a tenth": FloatDistribution(1e-5, 0.1, log=True),
    "log from three": FloatDistribution(3.0, 1e5, log=True),
    "log from 0.7 to 7": FloatDistribution(0.7, 7.0, log=True),
    "600 decades": FloatDistribution(5e-324, 1.7e308, log=True),
    "subnormal": FloatDistribution(0.0, 5e-324),
    "wider than a float": FloatDistribution(-1.7e308, 1.7e308),
    "zeros": FloatDistribution(-0.0, 0.0),
    "tenths": FloatDistribution(0.0, 1.0, step=0.1),
    "tenths, far away": FloatDistribution(1e6, 1e6 + 1.0, step=0.1),
    "sevenths": FloatDistribution(0.0, 1.0, step=1 / 7),
    "one int": IntDistribution(3, 3),
    "one int, log": IntDistribution(3, 3, log=True),
    "ints": IntDistribution(0, 9),
    "ints with a step": IntDistribution(1, 10, step=3),
    "ints, log": IntDistribution(1, 5, log=True),
    "ints beyond floats": IntDistribution(2**60, 2**60 + 3),
    "ints beyond 64 bits": IntDistribution(2**70, 2**70 + 3),
    "ints, log, beyond floats": IntDistribution(2**60, 2**60 + 3, log=True),
    "ints, log, beyond 64 bits": IntDistribution(2**70, 2**70 + 3, log=True),
    "texts": CategoricalDistribution(["a", "b", "c"]),
    "numbers as choices": CategoricalDistribution([16, 32, 64]),
    "floats as choices": CategoricalDistribution([0.1, 0.5]),
    "yes or no": CategoricalDistribution([False, True]),
    "equal choices": CategoricalDistribution([True, 1, 1.0, "1", None]),
    "one choice": CategoricalDistribution(["a"]),
}
"""Distributions by name."""


def edge_questions(space: Mapping[str, Distribution] | None = None) -> Iterator[tuple[str, Question]]:
    """Yield questions about studies without results, and with results at the low and at the high end, with names.

    Args:
        space: The space that is asked for; each of `EDGES` alone if not given.

    Example:
        >>> name, question = next(edge_questions())
        >>> name, [*question.space]
        ('one float, no result', ['value'])
    """
    spaces = {"the space": SearchSpace.of(space)} if space is not None else _EDGE_SPACES
    for name, each in spaces.items():
        for end, unit in (("no result", None), ("results at the low end", 0.0), ("results at the high end", 1.0)):
            for seed in _SEEDS:
                state = StudyState.create(seed=seed)
                for number in range(0 if unit is None else _TOLD):
                    state = tell(suggested(state, each, [unit or 0.0] * len(each)), number, float(number))
                yield f"{name}, {end}", Question(started(state), state.n_trials, each)


_EDGE_SPACES: Mapping[str, SearchSpace] = {name: SearchSpace({"value": dist}) for name, dist in EDGES.items()}
