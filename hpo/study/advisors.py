"""The sampler, pruner and promoter of a study, and what the journal records about them."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from hpo.core import (
    Promoter,
    Pruner,
    Sampler,
    SetAdvisor,
    checked_promoter,
    checked_pruner,
    checked_sampler,
    hook,
    identity_of,
    is_replayable,
)
from hpo.logging import get_logger
from hpo.pruners import MedianPruner
from hpo.study.recorder import JournalRecorder
from hpo.study.replaying.rebuild import rebuild_advisor


@attrs.frozen
class Advisors:
    """A sampler, a pruner and perhaps a promoter, with the commands that record which ones they are.

    Attributes:
        sampler: Suggests parameters.
        pruner: Decides whether running trials go on.
        promoter: Decides before a trial starts whether a paused trial goes on or a trial is forked instead; or None.
        set_sampler: The command that records the sampler, given before each of its suggestions.
        set_pruner: The command that records the pruner, given before each of its decisions.
        set_promoter: The commands that record the promoter, given before each of its promotions; none without one.
        before_trial: That method of the sampler, or of the one that it wraps; none if it does nothing.
        after_trial: The same for the other method.
        asked_once: Whether the sampler must be asked only once for each trial: it keeps a state of its own, or has a
            `before_trial`.

    Raises:
        InvalidType: one of them cannot be called, or is a class.
    """

    sampler: Sampler = attrs.field(converter=checked_sampler)
    pruner: Pruner = attrs.field(converter=checked_pruner)
    promoter: Promoter | None = attrs.field(default=None, converter=checked_promoter)
    set_sampler: SetAdvisor = attrs.field(init=False, repr=False)
    set_pruner: SetAdvisor = attrs.field(init=False, repr=False)
    set_promoter: tuple[SetAdvisor, ...] = attrs.field(init=False, repr=False)
    before_trial: tuple[Callable[..., Any], ...] = attrs.field(init=False, repr=False, eq=False)
    after_trial: tuple[Callable[..., Any], ...] = attrs.field(init=False, repr=False, eq=False)
    asked_once: bool = attrs.field(init=False, repr=False, eq=False)

    @classmethod
    def given_or_recorded(
        cls, recorder: JournalRecorder, sampler: Sampler | None, pruner: Pruner | None, promoter: Promoter | None
    ) -> Advisors:
        """Return those that are given; for None those that the journal recorded last, or the default ones."""
        if sampler is None:
            sampler = _recorded(recorder, "sampler") or _default_sampler()
        if pruner is None:
            pruner = _recorded(recorder, "pruner") or MedianPruner()
        return cls(sampler, pruner, _recorded(recorder, "promoter") if promoter is None else promoter)

    @set_sampler.default
    def _sampler_command(self) -> SetAdvisor:
        return SetAdvisor("sampler", identity_of(self.sampler))

    @set_pruner.default
    def _pruner_command(self) -> SetAdvisor:
        return SetAdvisor("pruner", identity_of(self.pruner))

    @set_promoter.default
    def _promoter_commands(self) -> tuple[SetAdvisor, ...]:
        return () if self.promoter is None else (SetAdvisor("promoter", identity_of(self.promoter)),)

    @before_trial.default
    def _before_trial(self) -> tuple[Callable[..., Any], ...]:
        return _hooks(self.sampler, "before_trial")

    @after_trial.default
    def _after_trial(self) -> tuple[Callable[..., Any], ...]:
        return _hooks(self.sampler, "after_trial")

    @asked_once.default
    def _is_asked_once(self) -> bool:
        return not is_replayable(self.sampler) or bool(self.before_trial)


def _hooks(sampler: Any, name: str) -> tuple[Callable[..., Any], ...]:
    """Return the method of that name of the sampler, or else of the one that it wraps, if there is one that does something."""
    while sampler is not None:
        found = hook(sampler, name)
        if found is not None:
            return (found,)  # it calls those of samplers in it itself
        sampler = getattr(sampler, "base_sampler", None)
    return ()


def _default_sampler() -> Sampler:
    from hpo.samplers import TPESampler  # imported only here, because it needs numpy

    return TPESampler()


def _recorded(recorder: JournalRecorder, kind: str) -> Any:
    state = recorder.state
    recorded = state.uses.get(kind)
    again = rebuild_advisor(recorded)
    if recorded is not None and again is None:
        get_logger().warning(
            "Study %r was run with the %s %s, which cannot be recreated from its journal: pass %s=... to go on with it",
            state.name,
            kind,
            recorded.name,
            kind,
        )
    return again


def warn_of_repetition(sampler: Sampler | None, study_name: str) -> None:
    """Log a warning if `sampler` has a seed and has started another study in this process, which this one will repeat."""
    seed = getattr(sampler, "seed", None)
    if sampler is None or seed is None:
        return
    known = _FIRST_STUDY.get(id(sampler))
    if known is not None and known[0]() is sampler:
        get_logger().warning(
            "Study %r gets the random numbers of study %r, because both have the same sampler with seed=%r: "
            "give each study a sampler with another seed, or create_study a seed",
            study_name,
            known[1],
            seed,
        )
        return
    with contextlib.suppress(TypeError):  # of a class whose objects can't be referred to weakly
        _FIRST_STUDY[id(sampler)] = weakref.ref(sampler, partial(_forget, id(sampler))), study_name


_FIRST_STUDY: dict[
    int, tuple[weakref.ref[Any], str]
] = {}  # of each seeded sampler of this process, as long as it lives


def _forget(number: int, _: weakref.ref[Any]) -> None:
    _FIRST_STUDY.pop(number, None)
