"""Objectives and numbers for them, as options of commands name them."""

from __future__ import annotations

from collections.abc import Sequence

import click

import hpo


def place_of(state: hpo.StudyState, given: str) -> int | None:
    """Return the place of an objective that is given by its name or its number, or None if there is none."""
    names = state.metric_names or ()
    if given in names:
        return names.index(given)
    is_place = given.isascii() and given.isdecimal() and int(given) < len(state.directions)
    return int(given) if is_place else None


def shown_objectives(state: hpo.StudyState) -> str:
    """Return the names of the objectives of a study, or their numbers, for messages."""
    return ", ".join(map(repr, state.metric_names or ())) or f"0 to {len(state.directions) - 1}"


def checked_place(state: hpo.StudyState, given: str, option: str) -> int:
    """Return the place of an objective that an option names.

    Raises:
        BadParameter: there is no such objective.
    """
    place = place_of(state, given)
    if place is None:
        raise click.BadParameter(f"the objectives are {shown_objectives(state)}; got {given!r}", param_hint=option)
    return place


def numbers_by_name(pairs: Sequence[str], option: str) -> dict[str, float]:
    """Return the numbers in ``name=number`` strings by name. A name may contain ``=``.

    Args:
        pairs: What was given for an option.
        option: The option, for messages.

    Raises:
        BadParameter: one is no such string, or a name comes twice.
    """
    found: dict[str, float] = {}
    for pair in pairs:
        name, equals, number = pair.rpartition("=")
        if not equals or name in found:
            problem = "was given before" if equals else "is not NAME=VALUE"
            raise click.BadParameter(f"{pair!r} {problem}", param_hint=option)
        try:
            found[name] = float(number)
        except ValueError:
            raise click.BadParameter(f"{number!r} is not a number", param_hint=option) from None
    return found
