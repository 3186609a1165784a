"""Samplers: pure functions from a study's state to values of parameters, and how they are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from hpo.core.commands import Suggest
from hpo.core.contracts.subclasses import check_overrides
from hpo.core.state import StudyState
from hpo.core.values import (
    Distribution,
    FrozenTrial,
    Key,
    SearchSpace,
    as_int,
    checked_callable,
    coerced_value,
    index_of,
    rarest_index,
    value_of,
)
from hpo.core.views import joint_space
from hpo.errors import InvalidSuggestion, InvalidType, SearchSpaceExhausted

AGAIN = "again"
"""The rule in the note of an enqueued trial that repeats what was tried; see `suggest_again`."""
_PROBE = "probe"


class Suggestion(Struct, frozen=True):
    """A sampler's answer: values for the parameters that it was asked for.

    Args:
        params: A value for every parameter that was asked for; other names are ignored.
        note: A small JSON object that the journal keeps with the trial: a grid cell, or the rule that was applied and
            why.
        off_grid: Whether values may lie between the grid points of a step; for samplers whose users list explicit
            values, such as `GridSampler`.

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
        reason: Why, for people; it completes the sentence "nothing is left to suggest: ...".
        for_now: Whether there may be something to suggest once a running trial has ended.
        of_space: Whether it is the space that is used up, and not a list or a budget of the sampler's own. A space that
            was inferred from trials is a guess: the objective may ask for more than they show.

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
    of_space: bool = False


Answer: TypeAlias = Suggestion | Exhausted


class Sampler(Protocol):
    """A pure function: the same arguments give the same answer, in any process and in any order of calls.

    It may be a plain function; most samplers are frozen classes whose fields are their options. A class may also have

    - ``seed: int | None``: a seed that replaces the study's seed unless it is None;
    - ``joint_space(state, trial) -> SearchSpace``: the parameters to suggest together if the study declares no space;
      `state` is the study at the moment when `trial` started. Without this method they are the parameters that all
      complete and pruned trials have;
    - ``suggest_lone(state, trial, space, key) -> Answer``: the answer for a lone parameter, which an objective asks for
      outside of the joint space. Without this method the sampler itself is called with a space of this one parameter;
    - ``given(fixed_params) -> Sampler``: this sampler for a space in which a sampler around it fixes parameters; for
      samplers that keep count of whole configurations;
    - ``where(predicate) -> Sampler``: this sampler for an `hpo.samplers.Where` around it: it looks for values that satisfy
      the predicate, a function of a mapping of parameters. Without it, what it suggests is checked, and asked for again;
    - ``replayable = False``: it keeps a state of its own, so its suggestions cannot be computed again;
    - ``needs_pending = True``: it must see the suggestions of earlier trials before it makes the next one. It is then
      asked in the process of the study, for one trial at a time; other samplers are asked where the trial is evaluated.

    Example:
        >>> def middle(state, trial, space, key):
        ...     return Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})
    """

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for all parameters in `space`, or `Exhausted`.

        Args:
            state: The study at the moment when `trial` started; `trial` is one of its running trials.
            trial: What is known about the trial: its number and, for a lone parameter, the joint ones in
                `trial.params`.
            space: The parameters that need values. The first call for a trial is for the joint space, which may be
                empty; a lone parameter comes in a space of its own.
            key: The random stream of this call; draw from it or from its children, and from nothing else.
        """
        # `state` is the moment of the start, whatever has happened since: so the answer can be computed again from the
        # journal, and does not depend on when the objective asks for its parameters.
        ...


def checked_sampler(given: Any) -> Sampler:
    """Return `given` if it is callable and not a class.

    Raises:
        InvalidType: it cannot be called, or it is a class; or it is of a subclass of a built-in sampler that overrides a
            method which would never be called.
    """
    sampler: Sampler = checked_callable(given, "a sampler is a function of (state, trial, space, key)")
    check_overrides(sampler)
    return sampler


def checked_seed(given: int | None) -> int | None:
    """Return a sampler's seed as a builtin int, or None for None.

    Raises:
        InvalidType: it is not an int.
    """
    if given is None:
        return None
    seed = as_int(given)
    if seed is None:
        raise InvalidType(f"a sampler's seed is an int or None, got {given!r}")
    return seed


def trial_key(state: StudyState, sampler: Sampler, number: int) -> Key:
    """Return the random stream of a trial's joint suggestion."""
    # It is named by the trial alone. Trials that are asked for at the same time, or in another order, get what they
    # would get in a study that runs one trial after the other.
    seed = checked_seed(getattr(sampler, "seed", None))
    return Key(state.seed if seed is None else seed, ("trial", number))


def is_replayable(sampler: Sampler) -> bool:
    """Return whether `sampler` claims to be pure, so that its suggestions can be computed again from the journal."""
    return bool(getattr(sampler, "replayable", True))


def needs_pending(sampler: Sampler) -> bool:
    """Return whether `sampler` must see the suggestions of earlier trials before it makes the next one."""
    return bool(getattr(sampler, "needs_pending", False))


def ask_sampler(
    sampler: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool = False
) -> Answer:
    """Return the answer of `sampler` for a joint space or, with `lone`, for a lone parameter.

    Samplers that ask other samplers use it to pass on which of the two kinds of call they got.

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
    # The kind of call is a method and not a guess from `space` or `key`: a joint space may also have one parameter.
    ask = getattr(sampler, "suggest_lone", sampler) if lone else sampler
    answer = ask(state, trial, space, key)
    if type(answer) is not Suggestion and not isinstance(answer, Suggestion | Exhausted):
        hint = ": return hpo.Suggestion({...}) around it" if isinstance(answer, Mapping) else ""
        raise InvalidSuggestion(f"a sampler answers with a Suggestion or Exhausted; {sampler!r} gave {answer!r}{hint}")
    return answer


def space_to_ask(state: StudyState, sampler: Sampler, trial: FrozenTrial) -> SearchSpace:
    """Return the joint space of `trial`: the declared one, or what the sampler infers, or what the history shows."""
    # A declared space comes first: a sampler that looks at the history must not drop what the user wants to search.
    infer = getattr(sampler, "joint_space", None)
    return joint_space(state) if state.space is not None or infer is None else SearchSpace.of(infer(state, trial))


def joint_space_of(state: StudyState, sampler: Sampler, trial: FrozenTrial) -> SearchSpace:
    """Return the joint space of `trial` without the parameters whose enqueued values an inferred space does not have."""
    joint = space_to_ask(state, sampler, trial)
    if state.space is not None or not trial.fixed_params:
        return joint
    return joint.without(dict.fromkeys(misfits(trial.fixed_params, joint)))


def misfits(values: Mapping[str, Any], space: SearchSpace) -> list[str]:
    """Return the names of the parameters of `space` whose value is not a member of their distribution.

    Example:
        >>> from hpo.core.values import IntDistribution
        >>> misfits({"x": 7, "y": 7}, SearchSpace({"x": IntDistribution(1, 3), "y": IntDistribution(1, 9)}))
        ['x']
    """
    return [name for name, distribution in space.items() if name in values and not distribution.contains(values[name])]


def suggest_joint(
    state: StudyState, sampler: Sampler, trial: FrozenTrial, space: Mapping[str, Distribution] | None = None
) -> Suggest | Exhausted:
    """Return the command that gives `trial` its joint parameters, or `Exhausted`.

    Args:
        state: The study at the moment when the trial started.
        sampler: The sampler to ask, for all parameters but those that the trial was enqueued with.
        trial: The trial, running and without parameters.
        space: The joint space; None means the one that `space_to_ask` returns. If that was inferred from trials, values
            that the trial was enqueued with and that do not belong to it are left out: they wait until the objective
            asks for them, because only the objective knows what they may be.

    Raises:
        InvalidSuggestion: the answer is neither a `Suggestion` nor `Exhausted`.
        ValueOutsideDistribution: the trial was enqueued with a value of another kind than a declared or given space has.
    """
    joint = joint_space_of(state, sampler, trial) if space is None else SearchSpace.of(space)
    asked = joint.without(trial.fixed_params) if trial.fixed_params else joint
    answer = ask_sampler(sampler, state, trial, asked, trial_key(state, sampler, trial.number))
    if isinstance(answer, Exhausted):
        return answer
    params = answer.params
    # The sampler was not asked for fixed parameters: the user's values count, whatever it would suggest.
    if asked is not joint and isinstance(params, Mapping):  # `decide` rejects params that are not a mapping
        fixed = {name: coerced_value(name, trial.fixed_params[name], joint[name]) for name in joint.without(asked)}
        params = {**params, **fixed}
    return Suggest(trial.number, joint, params, answer.note, answer.off_grid)


def suggest_lone(state: StudyState, sampler: Sampler, trial: FrozenTrial, name: str, space: SearchSpace) -> Suggest:
    """Return the command that gives `trial` the one parameter in `space`, which is not in its joint space.

    Args:
        state: The study at the moment when the trial started.
        sampler: The sampler to ask, unless the trial was enqueued with a value.
        trial: The trial with its joint parameters and no other ones.
        name: The name of the parameter.
        space: A space with the parameter and its distribution.

    Raises:
        InvalidSuggestion: the sampler answers with `Exhausted`, which it may only do for the joint space.
    """
    # Callers leave other lone parameters out of `trial`, and the stream is named by the parameter: so the order in
    # which an objective asks for its parameters changes no suggestion.
    if name in trial.fixed_params:
        value = coerced_value(name, trial.fixed_params[name], space[name])
        return Suggest(trial.number, space, {name: value}, lone=True)
    key = trial_key(state, sampler, trial.number).child(name)
    if trial.note.get("rule") == _PROBE and (n_values := space[name].n_values()) is not None:
        value = value_of(space[name], _least_tried(state, name, space[name], n_values, key))
        return Suggest(trial.number, space, {name: value}, lone=True)
    answer = ask_sampler(sampler, state, trial, space, key, lone=True)
    if isinstance(answer, Exhausted):
        raise InvalidSuggestion(
            f"{sampler!r} has nothing left for parameter {name!r} of a running trial ({answer.reason}): "
            "a sampler may only say so when it is asked for the joint space"
        )
    note = {name: answer.note} if answer.note else None  # the notes of a trial are merged, so each needs its own key
    return Suggest(trial.number, space, answer.params, note, answer.off_grid, lone=True)


def nothing_left(
    state: StudyState, exhausted: Exhausted, space: Mapping[str, Distribution] | None
) -> SearchSpaceExhausted:
    """Return the error that says that a sampler is exhausted; `space` is the one that the caller gave, or None."""
    inferred = exhausted.of_space and space is None and state.space is None
    return SearchSpaceExhausted(exhausted.reason, exhausted.for_now, exhausted.of_space, inferred)


def suggest_probe(trial: FrozenTrial) -> Suggest:
    """Return the command that starts `trial` without joint parameters, so that the objective asks for them one by one.

    It is what to do when everything is tried that trials have shown so far, which is a guess at what the objective asks
    for. Each parameter of the trial then gets one of the values that the fewest trials have: a value that is new, if
    there is one. The note's ``rule`` is "probe".
    """
    return Suggest(trial.number, SearchSpace(), {}, {"rule": _PROBE})


def suggest_again(
    state: StudyState, sampler: Sampler, trial: FrozenTrial, space: Mapping[str, Distribution] | None = None
) -> Suggest:
    """Return the command that gives an enqueued trial random values, although the sampler has nothing left to try.

    A person wants the trial, so it runs even if it repeats another one. The note's ``rule`` is "again".

    Args:
        state: The study at the moment when the trial started.
        sampler: The sampler, whose random stream is used.
        trial: The trial, running and without parameters.
        space: The joint space, as for `suggest_joint`.
    """
    joint = joint_space_of(state, sampler, trial) if space is None else SearchSpace.of(space)
    units = trial_key(state, sampler, trial.number).child(AGAIN).uniforms([*joint])
    params = {name: distribution.from_unit(u) for (name, distribution), u in zip(joint.items(), units, strict=True)}
    fixed = {name: value for name, value in trial.fixed_params.items() if name in joint}
    params.update({name: coerced_value(name, value, joint[name]) for name, value in fixed.items()})
    return Suggest(trial.number, joint, params, {"rule": AGAIN})


def _least_tried(state: StudyState, name: str, distribution: Distribution, n_values: int, key: Key) -> int:
    """Return the index of a random one among the values that the fewest trials have, finished or not; O(trials)."""
    indices = (index_of(distribution, trial.params[name]) for trial in state if name in trial.params)
    counts = Counter(index for index in indices if index is not None)
    (unit,) = key.child(_PROBE).uniforms(["value"])
    return rarest_index(counts, n_values, unit)
