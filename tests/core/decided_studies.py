"""Make states by commands, and check that commands are refused."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.core import Command, StudyState, decide, replay
from hpo.errors import HpoError


def done(state: StudyState, *commands: Command) -> StudyState:
    for command in commands:
        state = replay(decide(state, command), state)
    return state


def study(*commands: Command, **fields: Any) -> StudyState:
    return done(StudyState.create(**fields), *commands)


def refused(state: StudyState, command: Command, error: type[HpoError], message: str) -> None:
    with pytest.raises(error) as caught:
        decide(state, command)
    assert str(caught.value) == message
