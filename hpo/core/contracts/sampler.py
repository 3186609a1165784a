"""What a sampler is: a pure function from a study's state to values, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from hpo.core.commands import Suggest
from hpo.core.state import StudyState
from hpo.core.values import Distribution, FrozenTrial, Key, SearchSpace, as_int, checked_callable, coerced_value
from hpo.core.views import joint_space
from hpo.errors import InvalidSuggestion, InvalidType


class Suggestion(Struct, frozen=True):
    """A sampler's answer.

    Args:
        params: A value for every name that was asked for; other names are passed over.
        note: A little JSON that the journal keeps with the trial: a grid cell, the rule that was taken and why.
        off_grid: Whether values may lie between the grid points of a step, which users who list values may want.

    Example:
        >>> Suggestion({"x": 0.5}, {"rule": "middle"}).params["x"]
        0.5
    """

    params: Mapping[str, Any]
    note: Mapping[str, Any] = {}
    off_grid: bool = False


class Exhausted(Struct, frozen=True):
    """A sampler's answer when nothing is left to try.

    Args:
        reason: For people; completes the sentence "nothing is left to suggest: ...".
        for_now: Whether there may be something to suggest when one of the running trials has ended.

    Example:
        >>> def once(state, trial, space, key):
        ...     return Exhausted("one trial is enough") if state.finished else Suggestion({})
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=once)
        >>> study.optimize(lambda trial: 0.0, n_trials=9)
        >>> len(study.trials)
        1
    """

    reason: str
    for_now: bool = False


Answer: TypeAlias = Suggestion | Exhausted


class Sampler(Protocol):
    """A pure function: the same arguments give the same answer, in any process and any order of calls.

    A plain function will do; a frozen class whose fields are its options is the usual form. A class may also have

    - ``seed: int | None``: takes the place of the study's seed where it is not None;
    - ``joint_space(state, trial) -> SearchSpace``: which parameters it wants to suggest together, where no space is
      declared; `state` is the study at the moment when `trial` started. Without it: those that all complete and
      pruned trials have.
    - ``suggest_lone(state, trial, space, key) -> Answer``: answers for a lone parameter, one that an objective touches
      outside of the joint space. Without it the sampler itself is asked for a space of this one parameter.
    - ``given(fixed_params) -> Sampler``: this sampler for a space in which a sampler around it fixes parameters, for samplers
      that keep count of whole configurations.
    - ``replayable = False``: it keeps a state of its own, so that its suggestions can't be computed again.
    - ``needs_pending = True``: it needs to know what it gave the trials before. Where other processes evaluate, it is asked in
      the process of the study, for one trial after another; other samplers are asked where a trial is evaluated.

    Example:
        >>> def middle(state, trial, space, key):
        ...     return Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})
    """

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Values for all of `space`.

        Args:
            state: The study at the moment when `trial` started; `trial` is among the running ones.
            trial: What is known of the trial: its number, and for a parameter that is asked for alone the joint ones
                in `trial.params`.
            space: The parameters that need values. A trial's first call is for the joint space, which may be empty;
                a lone parameter comes in a space of its own, to `suggest_lone` where the sampler has one.
            key: The random stream of this call; draw from it or from its children, and from nothing else.
        """
        ...


def checked_sampler(given: Any) -> Sampler:
    """`given`, if it can be asked as a sampler is.

    Raises:
        InvalidType: it can't be called, or is a class.
    """
    sampler: Sampler = checked_callable(given, "a sampler is a function of (state, trial, space, key)")
    return sampler


def checked_seed(given: int | None) -> int | None:
    """A sampler's seed as a builtin int, or None for None.

    Raises:
        InvalidType: it is something else.
    """
    if given is None:
        return None
    seed = as_int(given)
    if seed is None:
        raise InvalidType(f"a sampler's seed is an int or None, got {given!r}")
    return seed


def trial_key(state: StudyState, sampler: Sampler, number: int) -> Key:
    """The random stream of a trial's joint suggestion."""
    seed = checked_seed(getattr(sampler, "seed", None))
    return Key(state.seed if seed is None else seed, ("trial", number))


def is_replayable(sampler: Sampler) -> bool:
    """Whether `sampler` claims to be pure, so that every suggestion can be computed again from the journal."""
    return bool(getattr(sampler, "replayable", True))


def needs_pending(sampler: Sampler) -> bool:
    """Whether `sampler` needs the suggestions of earlier trials on record before it is asked for the next."""
    return bool(getattr(sampler, "needs_pending", False))


def ask_sampler(
    sampler: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool = False
) -> Answer:
    """Return the answer of `sampler` for a joint space or, with `lone`, for a lone parameter.

    Samplers that ask other samplers pass on by this function which of the two kinds of call they got.

    Args:
        sampler: The sampler to ask.
        state: The study at the moment when `trial` started.
        trial: The trial; for a lone parameter with its joint parameters.
        space: The joint space, or the lone parameter with its distribution.
        key: The random stream of the call.
        lone: Whether `space` is a lone parameter.

    Raises:
        InvalidSuggestion: the answer is neither a `Suggestion` nor `Exhausted`.

    Example:
        >>> class Ends:
        ...     def __call__(self, state, trial, space, key):
        ...         return Suggestion({name: dist.from_unit(0.0) for name, dist in space.items()})
        ...     def suggest_lone(self, state, trial, space, key):
        ...         return Suggestion({name: dist.from_unit(1.0) for name, dist in space.items()})
        >>> import hpo
        >>> state, space = hpo.StudyState.create(), SearchSpace({"n": hpo.IntDistribution(1, 9)})
        >>> trial = hpo.FrozenTrial(0, hpo.TrialState.RUNNING)
        >>> [ask_sampler(Ends(), state, trial, space, state.key, lone=lone).params["n"] for lone in (False, True)]
        [1, 9]
    """
    ask = getattr(sampler, "suggest_lone", sampler) if lone else sampler
    answer = ask(state, trial, space, key)
    if not isinstance(answer, Suggestion | Exhausted):
        raise InvalidSuggestion(f"a sampler answers with a Suggestion or Exhausted; {sampler!r} gave {answer!r}")
    return answer


def space_to_ask(state: StudyState, sampler: Sampler, trial: FrozenTrial) -> SearchSpace:
    """The joint space of `trial`: declared, or inferred by the sampler, or seen in history."""
    infer = getattr(sampler, "joint_space", None)
    return joint_space(state) if state.space is not None or infer is None else SearchSpace.of(infer(state, trial))


def suggest_joint(
    state: StudyState, sampler: Sampler, trial: FrozenTrial, space: Mapping[str, Distribution] | None = None
) -> Suggest | Exhausted:
    """The command that gives `trial` its joint parameters.

    Args:
        state: The study at the moment when the trial started.
        sampler: Who is asked, for all parameters but those that the trial was enqueued with.
        trial: The trial, running and without parameters.
        space: The joint space; see `space_to_ask` for None.
    """
    joint = space_to_ask(state, sampler, trial) if space is None else SearchSpace.of(space)
    asked = joint.without(trial.fixed_params) if trial.fixed_params else joint
    answer = ask_sampler(sampler, state, trial, asked, trial_key(state, sampler, trial.number))
    if isinstance(answer, Exhausted):
        return answer
    params = answer.params
    if asked is not joint and isinstance(params, Mapping):  # what is none is refused where it is decided
        fixed = {name: coerced_value(name, trial.fixed_params[name], joint[name]) for name in joint.without(asked)}
        params = {**params, **fixed}
    return Suggest(trial.number, joint, params, answer.note, answer.off_grid)


def suggest_lone(state: StudyState, sampler: Sampler, trial: FrozenTrial, name: str, space: SearchSpace) -> Suggest:
    """The command that gives `trial` the one parameter in `space`, which its joint space does not have.

    Args:
        state: The study at the moment when the trial started.
        sampler: Who is asked, unless the trial was enqueued with a value.
        trial: The trial with its joint parameters, and no other ones, so that the order in which an objective
            touches its parameters does not matter.
        name: The parameter.
        space: Its distribution, under its name.

    Raises:
        InvalidSuggestion: the sampler says that nothing is left, which it must say when asked for the joint space.
    """
    if name in trial.fixed_params:
        value = coerced_value(name, trial.fixed_params[name], space[name])
        return Suggest(trial.number, space, {name: value}, lone=True)
    key = trial_key(state, sampler, trial.number).child(name)
    answer = ask_sampler(sampler, state, trial, space, key, lone=True)
    if isinstance(answer, Exhausted):
        raise InvalidSuggestion(
            f"{sampler!r} has nothing left for parameter {name!r} of a running trial ({answer.reason}): "
            "a sampler says so when it is asked for the joint space"
        )
    note = {name: answer.note} if answer.note else None
    return Suggest(trial.number, space, answer.params, note, answer.off_grid, lone=True)
