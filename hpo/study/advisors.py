"""The sampler, pruner and promoter of a study, and what the journal records about them."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
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

    Raises:
        InvalidType: one of them cannot be called, or is a class.
    """

    sampler: Sampler = attrs.field(converter=checked_sampler)
    pruner: Pruner = attrs.field(converter=checked_pruner)
    promoter: Promoter | None = attrs.field(default=None, converter=checked_promoter)
    set_sampler: SetAdvisor = attrs.field(init=False, repr=False)
    set_pruner: SetAdvisor = attrs.field(init=False, repr=False)
    set_promoter: tuple[SetAdvisor, ...] = attrs.field(init=False, repr=False)

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

    @property
    def asked_once(self) -> bool:
        """Whether the sampler must be asked only once for each trial: it keeps a state of its own, or has a `before_trial`."""
        return not is_replayable(self.sampler) or any(True for _ in self.hooks("before_trial"))

    def hooks(self, name: str) -> Iterator[Callable[..., Any]]:
        """Yield the methods `before_trial` or `after_trial` of the sampler and of those that it wraps, if they do something."""
        sampler: Any = self.sampler
        while sampler is not None:
            found = hook(sampler, name)
            if found is not None:
                yield found
                return  # it calls those of samplers in it itself
            sampler = getattr(sampler, "base_sampler", None)

    @set_sampler.default
    def _sampler_command(self) -> SetAdvisor:
        return SetAdvisor("sampler", identity_of(self.sampler))

    @set_pruner.default
    def _pruner_command(self) -> SetAdvisor:
        return SetAdvisor("pruner", identity_of(self.pruner))

    @set_promoter.default
    def _promoter_commands(self) -> tuple[SetAdvisor, ...]:
        return () if self.promoter is None else (SetAdvisor("promoter", identity_of(self.promoter)),)


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
