"""The steps of every model-based sampler around its model: start-up, exhaustion, and avoiding duplicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from hpo.core import (
    Answer,
    Exhausted,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    ask_sampler,
    coerced_value,
    index_of,
    name_of,
)
from hpo.samplers.parts.allowed import Allowed, Predicate
from hpo.samplers.parts.branches import Branches, branches_of, lone_branches
from hpo.samplers.parts.first_trials import expected, kept_apart
from hpo.samplers.parts.tried import TriedConfigurations, tried_configurations

Duplicates: TypeAlias = Literal["avoid", "allow"]
"""Whether a sampler avoids configurations of a finite space that were tried already."""
DUPLICATES: tuple[Duplicates, Duplicates] = ("avoid", "allow")
"""The values of the option; for ``attrs.field(default="avoid", validator=one_of(*DUPLICATES))``."""

Tried: TypeAlias = TriedConfigurations | Branches | Allowed
"""What was tried, by which samplers avoid it: in a finite space, in an objective with branches, or beside what is forbidden."""

Propose: TypeAlias = Callable[[Tried | None], Answer | None]
"""Returns the model's answer, which avoids tried configurations as far as possible; None if there is no model yet."""

ProposeLone: TypeAlias = Callable[[SearchSpace, Key, Tried | None], Answer | None]
"""Does the same for any lone parameter, with the random stream of its call."""


def suggest(
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    propose: Propose,
    *,
    start: Sampler,
    duplicates: Duplicates,
    keep_start_rule: bool = True,
    where: Predicate | None = None,
) -> Answer:
    """Return the answer of a model-based sampler for a joint space.

    1. Nothing is suggested for an empty space, and the answer is `Exhausted` if everything in a finite one is tried.
    2. Without a model, the sampler for the start-up is asked; the note's ``rule`` is "startup".
    3. With a model, `propose` gives the values, and a note that says so.
    4. If these values were tried already, a random configuration of the untried ones takes their place, and ``rule``
       is "untried".

    Args:
        state: The study at the moment when `trial` started.
        trial: The trial that needs values.
        space: The joint space that is asked for.
        key: The random stream of the call.
        propose: The model; it is given what was tried, or None if nothing needs to be avoided.
        start: The sampler that is asked as long as there is no model.
        duplicates: Whether tried configurations are avoided.
        keep_start_rule: Whether a start-up draw that is replaced by an untried configuration keeps its note. Both are
            random draws; what the note says is part of the journals of each sampler.
        where: What configurations must satisfy.
    """
    if not space:
        return Suggestion({})  # the first trial of an undeclared space: its parameters are asked for one by one
    known: TriedConfigurations | Branches | None = None
    if duplicates == "avoid":
        known = branches_of(state, trial, space) or tried_configurations(state, space)
    if known is not None and known.exhausted is not None:
        return known.exhausted
    if isinstance(known, TriedConfigurations) and (unknown := expected(start, state, trial, space, key)):
        known = tried_configurations(state, space, unknown)
        if known is not None and known.exhausted is not None:  # unless one of them gets something else
            return Exhausted(known.exhausted.reason, for_now=True)
    tried = known if where is None else Allowed(space, {**trial.fixed_params, **trial.params}, where, known)
    answer = propose(tried)
    starting = answer is None
    if answer is None:
        answer = ask_noted(start, state, trial, space, key, {"rule": "startup"})
    # what another sampler suggests, or a model after its last attempt, may have been tried
    if tried is None or isinstance(answer, Exhausted) or not tried.contains(answer.params):
        return answer
    params = tried.random_untried(key)
    if params is None:
        assert isinstance(tried, Allowed), "only a predicate leaves nothing"
        # a sampler that is asked again with another stream may find something
        reason = f"all configurations that satisfy {name_of(where)} are tried or running"
        return Exhausted(reason, of_space=True) if tried.is_used_up else answer
    return Suggestion(params, answer.note if starting and keep_start_rule else {"rule": "untried"})


def suggest_lone(
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    propose: ProposeLone,
    *,
    start: Sampler,
    duplicates: Duplicates = "allow",
    rule: str = "startup",
    where: Predicate | None = None,
) -> Answer:
    """Return the answer of a model-based sampler for a lone parameter.

    It may have any value again, as long as the whole configuration of the trial is a new one. Which other parameters it
    has, is known from earlier trials of its branch: their values are computed as well, in an order that does not depend on
    that of the calls, and a value is replaced if all was tried that begins with it. What the first trials get is told in
    `hpo.samplers.parts.first_trials`.

    Args:
        state: The study at the moment when `trial` started.
        trial: The trial, with its joint parameters.
        space: The lone parameter.
        key: The random stream of the call.
        propose: The model, if it has one for lone parameters.
        start: The sampler that is asked as long as there is no model.
        duplicates: Whether the first trials are kept apart, and tried configurations avoided.
        rule: What the note says of the answers of `start`.
        where: What the parameter must satisfy together with the joint ones.
    """

    def answer(one: SearchSpace, stream: Key, branches: Branches | None) -> Answer:
        tried = branches if where is None else Allowed(one, {**trial.fixed_params, **trial.params}, where, branches)
        found = propose(one, stream, tried)
        if found is None:
            found = ask_noted(start, state, trial, one, stream, {"rule": rule}, lone=True)
        if tried is None or isinstance(found, Exhausted) or not tried.contains(found.params):
            return found
        params = tried.random_untried(stream)
        return found if params is None else Suggestion(params, {"rule": "untried"})

    branches = lone_branches(state, trial, space) if duplicates == "avoid" else None
    while branches is not None:
        # one parameter after another, down the tree of what was tried, to the one that is asked for or to something new
        name = branches.root.name
        assert name is not None, "it has a parameter to divide by"
        if name in space:
            return answer(space, key, branches)
        distribution = branches.carry.distributions[name]
        if name in trial.fixed_params:
            value = coerced_value(name, trial.fixed_params[name], distribution)
        else:
            one = SearchSpace({name: distribution})
            found = answer(one, key.parent.child(name), branches.of(one))
            if isinstance(found, Exhausted):
                break
            value = found.params[name]
        branches = branches.after(index_of(distribution, value))
    drawn = answer(space, key, None)
    is_model = not isinstance(drawn, Exhausted) and drawn.note.get("rule") != rule
    return drawn if is_model or duplicates == "allow" else kept_apart(drawn, start, state, trial, space, key)


def ask_noted(
    sampler: Sampler,
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    note: Mapping[str, Any],
    *,
    lone: bool = False,
) -> Answer:
    """Return another sampler's answer with `note`, in which the other one's note is kept under ``independent``."""
    answer = ask_sampler(sampler, state, trial, space, key, lone=lone)
    if isinstance(answer, Exhausted):
        return answer
    inner = {"independent": answer.note} if answer.note else {}
    return Suggestion(answer.params, {**note, **inner}, answer.off_grid)
