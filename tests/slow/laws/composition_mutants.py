"""Wrappers that are broken on purpose, each with the law of composition that names its fault."""

from functools import partial

import attrs

from hpo.core import CategoricalDistribution, Key, SearchSpace, Suggestion, ask_sampler
from hpo.samplers import BaseSampler
from hpo.testing.samplers.guests import draws_at_random


@attrs.frozen
class ForwardsLoneCallsAsJointOnes:
    guest: object

    def __call__(self, state, trial, space, key):
        return ask_sampler(self.guest, state, trial, space, key)


@attrs.frozen
class PassesOn:
    """A sound wrapper, whose subclasses break one thing."""

    guest: object

    def __call__(self, state, trial, space, key):
        return self.ask(state, trial, space, key, lone=False)

    def suggest_lone(self, state, trial, space, key):
        return self.ask(state, trial, space, key, lone=True)

    def ask(self, state, trial, space, key, *, lone):
        return ask_sampler(self.guest, state, trial, space, key, lone=lone)


class AsksForEachParameterAlone(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        params = {}
        for name, dist in space.items():
            one = SearchSpace({name: dist})
            params.update(ask_sampler(self.guest, state, trial, one, key.child(name), lone=True).params)
        return Suggestion(params)


class ReadsTheKindFromTheKey(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        lone = key.path[-1:] == tuple(space)
        return ask_sampler(self.guest, state, trial, space, key, lone=lone)


class ReadsTheKindFromTheLengthOfThePath(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        return ask_sampler(self.guest, state, trial, space, key, lone=len(key.path) > 2)


class KnowsTheMethodsOfClassBasedGuests(PassesOn):
    """It asks a `BaseSampler` for each parameter of the joint space, and never for them together."""

    def ask(self, state, trial, space, key, *, lone):
        if isinstance(self.guest, BaseSampler):
            return self.guest.suggest_lone(state, trial, space, key)
        return super().ask(state, trial, space, key, lone=lone)


class ForgetsTheJointParameters(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        return super().ask(state, state.running[trial.number], space, key, lone=lone)


class AddsAParameter(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        more = space if lone else SearchSpace({**space, **{f"{name} again": dist for name, dist in space.items()}})
        answer = super().ask(state, trial, more, key, lone=lone)
        return Suggestion({name: answer.params[name] for name in space})


class HasOneKeyForAll(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        return super().ask(state, trial, space, Key(key.seed, ("guest",)), lone=lone)


class PassesTheStreamOfTheTrial(PassesOn):
    """A lone parameter gets the stream of the joint ones, so that equal ranges get equal values."""

    def ask(self, state, trial, space, key, *, lone):
        return super().ask(state, trial, space, Key(key.seed, key.path[:-1]) if lone else key, lone=lone)


class AsksAgainWithTheSameKey(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        super().ask(state, trial, space, key, lone=lone)
        return super().ask(state, trial, space, key, lone=lone)


class RoundsTheAnswer(PassesOn):
    def ask(self, state, trial, space, key, *, lone):
        answer = super().ask(state, trial, space, key, lone=lone)
        half = {name: dist.from_unit(0.5) for name, dist in space.items()}
        return Suggestion(
            {name: half[name] if type(value) is float else value for name, value in answer.params.items()}
        )


class TakesItsStreamForTheKind(PassesOn):
    """The fault that samplers had which told the kind of call from the last part of the key's path."""

    def ask(self, state, trial, space, key, *, lone):
        child = key.child("independent")
        choices = SearchSpace({n: dist for n, dist in space.items() if isinstance(dist, CategoricalDistribution)})
        others = (
            super().ask(state, trial, space.without(choices), key, lone=lone) if len(choices) < len(space) else None
        )
        named = choices and not lone
        kind = child.path[-1:] == tuple(choices) if named else lone
        answer = ask_sampler(self.guest, state, trial, choices, child, lone=kind) if choices else None
        return Suggestion({**(others.params if others else {}), **(answer.params if answer else {})})


class CountsItsQuestions(PassesOn):
    asked = 0

    def ask(self, state, trial, space, key, *, lone):
        type(self).asked += 1
        answer = super().ask(state, trial, space, key, lone=lone)
        return Suggestion(answer.params, {"asked": self.asked})


def swapped(guest):
    """A wrapper as a plain function, which can't be asked for lone parameters."""
    return partial(_swapped, guest)


def _swapped(guest, state, trial, space, key):
    return ask_sampler(guest if trial.number else draws_at_random, state, trial, space, key)


WRAPPERS = [
    (ForwardsLoneCallsAsJointOnes, "kind_of_call"),
    (swapped, "kind_of_call"),
    (AsksForEachParameterAlone, "kind_of_call"),
    (ReadsTheKindFromTheKey, "kind_of_call"),
    (ReadsTheKindFromTheLengthOfThePath, "kind_of_call"),
    (KnowsTheMethodsOfClassBasedGuests, "kind_of_call"),
    (ForgetsTheJointParameters, "kind_of_call"),
    (AddsAParameter, "kind_of_call"),
    (HasOneKeyForAll, "stream_of_call"),
    (PassesTheStreamOfTheTrial, "stream_of_call"),
    (AsksAgainWithTheSameKey, "stream_of_call"),
    (RoundsTheAnswer, "answers_passed_on"),
    (TakesItsStreamForTheKind, "names_of_streams"),
    (CountsItsQuestions, "basic_laws"),
]
"""Broken wrappers and the law that each of them breaks."""


def wrap(kind):
    """The wrapper as a function of its guest: a class can't be given for one."""
    return lambda guest: kind(guest)  # noqa: PLW0108
