"""Objects that are not valid samplers, pruners, rules or folds: they raise, or give answers that nobody could use."""

import itertools
import os
import threading

import attrs
import numpy as np

from hpo.core import Decision, Exhausted, Suggestion


class Hostile:
    """A value that can't be compared, shown, counted, asked whether it is true, or put into a set."""

    __hash__ = None

    def refuse(self, *arguments):
        raise RuntimeError("hands off")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = refuse
    __repr__ = __str__ = __float__ = __int__ = __index__ = __reduce_ex__ = __deepcopy__ = refuse


class HostileError(Exception):
    """An error that can't be shown."""

    def __str__(self):
        raise RuntimeError("hands off")

    __repr__ = __str__


HERE = int(os.environ.setdefault("HPO_TEST_OF_LAWS", str(os.getpid())))
HOSTILE = Hostile()


def middle(space):
    return {name: dist.from_unit(0.5) for name, dist in space.items()}


@attrs.frozen
class Answers:
    """A sampler with always the same answer.

    Args:
        name: Says which, for people and for other processes.
    """

    name: str

    def __call__(self, state, trial, space, key):
        return ANSWERS[self.name](middle(space))


def endless():
    return itertools.count()


ANSWERS = {
    "None": lambda params: None,
    "a list": lambda params: [params],
    "an array": lambda params: np.arange(3.0),
    "a generator": lambda params: (name for name in params),
    "an endless generator": lambda params: endless(),
    "something hostile": lambda params: HOSTILE,
    "the class itself": lambda params: Suggestion,
    "params that are None": lambda params: Suggestion(None),
    "params that are a list": lambda params: Suggestion([*params.values()]),
    "params that never end": lambda params: Suggestion(endless()),
    "params that are an array": lambda params: Suggestion(np.arange(3.0)),
    "hostile params": lambda params: Suggestion(HOSTILE),
    "names that are numbers": lambda params: Suggestion({1: 0.5, "x": 1.0, None: 3}),
    "arrays for values": lambda params: Suggestion(dict.fromkeys(params, np.arange(3.0))),
    "empty arrays for values": lambda params: Suggestion(dict.fromkeys(params, np.array([]))),
    "lists for values": lambda params: Suggestion({name: [0.5] for name in params}),
    "generators for values": lambda params: Suggestion(dict.fromkeys(params, endless())),
    "nothing for values": lambda params: Suggestion(dict.fromkeys(params)),
    "hostile values": lambda params: Suggestion(dict.fromkeys(params, HOSTILE)),
    "hostile values off the grid": lambda params: Suggestion(dict.fromkeys(params, HOSTILE), off_grid=True),
    "texts off the grid": lambda params: Suggestion(dict.fromkeys(params, "x"), off_grid=True),
    "nan for values": lambda params: Suggestion(dict.fromkeys(params, float("nan")), off_grid=True),
    "a note that is None": lambda params: Suggestion(params, None),
    "a note that is a list": lambda params: Suggestion(params, [1]),
    "a note that is an array": lambda params: Suggestion(params, np.arange(3.0)),
    "a note that never ends": lambda params: Suggestion(params, endless()),
    "a hostile note": lambda params: Suggestion(params, HOSTILE),
    "a note of hostile things": lambda params: Suggestion(params, {"it": HOSTILE}),
    "a note of endless things": lambda params: Suggestion(params, {"it": endless()}),
    "a note that holds itself": lambda params: Suggestion(params, circle()),
    "a note with numbers for keys": lambda params: Suggestion(params, {1: 1, "1": 2}),
    "a hostile reason": lambda params: Exhausted(HOSTILE),
    "no reason": lambda params: Exhausted(None),
}
"""Answers by what they are, given sound params."""


def circle():
    note = {}
    note["it"] = note
    return note


@attrs.frozen
class Raises:
    """A sampler, pruner, rule or objective that raises.

    Args:
        name: Says what.
    """

    name: str

    def __call__(self, *arguments):
        error = ERRORS[self.name]()
        raise error


ERRORS = {
    "an error": lambda: ValueError("broken"),
    "an assertion": lambda: AssertionError("broken"),
    "an exit": lambda: SystemExit(3),
    "a hostile error": HostileError,
    "a recursion": lambda: RecursionError("too deep"),
    "no answer to next": StopIteration,
}


def raises_where_one_is_missing(state, trial, space, key):
    """It can't be asked for "x" without "y", nor the other way round."""
    if len({"x", "y"} & {*space}) == 1:
        raise ValueError("broken")
    return Suggestion(middle(space))


class Uncopyable:
    """It holds what can't be copied."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, state, trial, space, key):
        return Suggestion(middle(space))


class ForgedSeed:
    """Its seed is not an int."""

    seed = 0.5

    def __call__(self, state, trial, space, key):
        return Suggestion(middle(space))


class NoJointSpace:
    """It can't say what its joint space is."""

    def joint_space(self, state, trial):
        raise ValueError("broken")

    def __call__(self, state, trial, space, key):
        return Suggestion(middle(space))


def draws_from_nothing(state, trial, space, key):
    print("thinking", end=" ")
    return Suggestion({name: dist.from_unit(os.getpid() % 100 / 100) for name, dist in space.items()})


def dies_elsewhere(state, trial, space, key):
    """It ends other processes than the first one."""
    if os.getpid() != HERE:
        os._exit(0)
    return Suggestion(middle(space))


class HostileRepr:
    """A sampler that can't be shown."""

    def __call__(self, state, trial, space, key):
        return None

    def __repr__(self):
        raise RuntimeError("hands off")


SAMPLERS = {
    **{f"answers {name}": Answers(name) for name in ANSWERS},
    **{f"raises {name}": Raises(name) for name in ERRORS},
    "raises where one is missing": raises_where_one_is_missing,
    "can't be copied": Uncopyable(),
    "has a seed that is not an int": ForgedSeed(),
    "has no joint space": NoJointSpace(),
    "talks": draws_from_nothing,
    "dies elsewhere": dies_elsewhere,
    "can't be shown": HostileRepr(),
    "takes other arguments": len,
}


@attrs.frozen
class Decides:
    """A pruner, or with one argument a rule, with always the same answer.

    Args:
        name: Says which.
    """

    name: str

    def __call__(self, *arguments):
        return DECISIONS[self.name]()


DECISIONS = {
    "None": lambda: None,
    "a number": lambda: np.float64(1.0),
    "an array": lambda: np.array([True, False]),
    "a bool of numpy": lambda: np.bool_(True),
    "a generator": endless,
    "something hostile": lambda: HOSTILE,
    "the class itself": lambda: Decision,
}

PRUNERS = {
    **{f"decides {name}": Decides(name) for name in DECISIONS},
    **{f"raises {name}": Raises(name) for name in ERRORS},
    "can't be copied": Uncopyable(),
    "takes other arguments": len,
}


@attrs.frozen
class Carries:
    """A fold that raises, or carries what nobody could use.

    Args:
        init_raises: Whether `init` does.
        name: What `step` gives; None where it raises.
    """

    init_raises: bool = False
    name: str | None = None

    def init(self):
        if self.init_raises:
            raise AssertionError("broken")
        return 0

    def step(self, carry, trial):
        if self.name is None:
            raise HostileError
        return DECISIONS[self.name]()


class HostileFold:
    """A fold that can't be compared."""

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry

    def __eq__(self, other):
        raise RuntimeError("hands off")

    __hash__ = __eq__


class UncopyableFold(Uncopyable):
    """The same, as a fold."""

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + 1


FOLDS = {
    **{f"carries {name}": Carries(name=name) for name in DECISIONS},
    "no init": Carries(init_raises=True, name="None"),
    "no step": Carries(),
    "hostile": HostileFold(),
    "can't be copied": UncopyableFold(),
}
