"""How samplers made of other samplers ask them, and tell them what they have to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    checked_sampler,
    checked_seed,
    name_of,
)
from hpo.samplers.parts.allowed import Predicate


def given(sampler: Sampler, fixed_params: Mapping[str, Any]) -> Sampler:
    """Return `sampler` for a space in which these parameters are fixed, by its method `given` if it has one."""
    told = getattr(sampler, "given", None)
    return sampler if told is None else checked_sampler(told(fixed_params))


def looking(sampler: Sampler, predicate: Predicate) -> Sampler:
    """Return `sampler` for a `Where` around it, by its method `where` if it has one."""
    told = getattr(sampler, "where", None)
    return sampler if told is None else checked_sampler(told(predicate))


def asked(
    sampler: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool = False
) -> Answer:
    """Return the answer of `sampler` as if it were the study's own: if it has a seed, that replaces the study's."""
    # a key is a seed and a path: with the sampler's seed, it is the key that a study with that seed would make
    seed = checked_seed(getattr(sampler, "seed", None))
    return ask_sampler(sampler, state, trial, space, key if seed is None else Key(seed, key.path), lone=lone)


def named(
    sampler: Sampler,
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    *,
    lone: bool = False,
    note: Mapping[str, Any] | None = None,
) -> Answer:
    """Return the answer of `sampler` with its name as ``chosen`` in the note, unless it has noted one itself.

    Args:
        sampler: The sampler to ask.
        state: The study at the moment when the trial started.
        trial: The trial.
        space: What is asked for.
        key: The random stream of the call.
        lone: Whether `space` is a lone parameter.
        note: What else to note.
    """
    answer = asked(sampler, state, trial, space, key, lone=lone)
    if isinstance(answer, Exhausted) or not (answer.params or answer.note):
        return answer  # an empty answer stays empty: otherwise the note would be all that is recorded
    # with nested wrappers the innermost name wins: that sampler made the suggestion
    return Suggestion(answer.params, {"chosen": name_of(sampler), **(note or {}), **answer.note}, answer.off_grid)
