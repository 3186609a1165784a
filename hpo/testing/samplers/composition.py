"""Laws of samplers that ask other samplers: wrappers, and samplers with a slot for another one.

The sampler that is asked is called the guest here, and the one that asks it the host. `check_wrapper` and `WrapperLaws`
take a function that puts any guest into the host:

    from hpo.testing import WrapperLaws

    class TestMine(WrapperLaws):
        wrap = staticmethod(lambda guest: MyWrapper(guest))

The host is tried with guests of all forms: an object with `suggest_lone`, a plain function, and a `BaseSampler`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import attrs
from msgspec.structs import replace

from hpo.core import (
    Answer,
    Distribution,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggest,
    Suggestion,
    ask_sampler,
    checked_callable,
    decide,
    replay,
)
from hpo.testing._engine import (
    FAULTS,
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Question,
    for_each_named,
    for_every_question,
    given_to,
    own_run,
    shown,
    shown_error,
)
from hpo.testing.samplers import laws as of_samplers
from hpo.testing.samplers.case import SamplerCase
from hpo.testing.samplers.guests import GUESTS, RECORDING, Call, RecordingGuest
from hpo.testing.scenarios import ORDINARY, scenarios

Wrap: TypeAlias = Callable[[Sampler], Sampler]
"""Returns a host with the given guest in it."""

_STREAMS = ("independent", "trial", "startup", "model", "untried")
"""Names that samplers give to child streams; those that a host uses are found out besides."""


def _checked_wrap(given: Any) -> Wrap:
    return checked_callable(given, "wrap is a function that puts a sampler into another one")  # type: ignore[no-any-return]


@attrs.frozen
class WrapperCase:
    """A host that can take any guest.

    Args:
        wrap: Returns the host with a guest in it.
        space: The space that hosts are asked for; generated if None.
        guests: Samplers with which the host keeps the basic laws, by name.
        max_examples: The number of generated questions per law.

    Raises:
        InvalidType: `wrap` can't be called, or is a class.
    """

    asks: ClassVar[str] = "sampler(state, trial, space, key)"
    wrap: Wrap = attrs.field(converter=_checked_wrap)
    space: SearchSpace | None = None
    guests: Mapping[str, Sampler] = GUESTS
    max_examples: int = 100

    def every_call(self, check: Callable[[Question, Answer, list[Call], Key], Finding]) -> None:
        """Run `check` on joint and lone questions, under several keys, with guests of all forms.

        Args:
            check: Gets the question, the host's answer, what the guest was asked and the key, and returns what is wrong.
        """

        def check_all(question: Question) -> Finding:
            for make in RECORDING:
                for each in _with_lone_ones(self.wrap, question):
                    for key in _keys(each):
                        guest, calls = make()
                        answer = _answered(self.wrap(guest), each, key)
                        own = [call for call in calls if not _is_for_earlier_trial(call, each)]
                        wrong = None if answer is None else check(each, answer, own, key)
                        if wrong is not None:
                            raise Counterexample(f"{wrong}, with a guest that is {make.__doc__}", each)
            return None

        for_every_question(check_all, space=self.space, max_examples=self.max_examples)
        space = ORDINARY if self.space is None else self.space
        named = scenarios(space).items()
        for_each_named(check_all, ((name, Question(state, max(state.running), space)) for name, state in named))
        for seed in range(2):
            for question in own_run(self.wrap(RecordingGuest()), space, most=15, seed=seed):
                for_each_named(check_all, [(f"trial {question.number} of a run of its own", question)])


def _is_for_earlier_trial(call: Call, question: Question) -> bool:
    """Return whether a guest is asked for a lone parameter of an earlier trial, as it will be for that trial itself.

    A host that suggests nothing twice asks so: the first trials of a study get their parameters one by one, and later
    trials have to know which ones they will get.
    """
    earlier = question.state.running.get(call.trial.number)
    return (
        earlier is not None
        and earlier.number < question.number
        and call.lone is not False
        and len(call.space) == 1
        and not {*call.space} & {*earlier.params}
        and (call.key is None or call.key.path == ("trial", earlier.number, *call.space))
        and repr(call.trial) == repr(earlier)
    )


def _with_lone_ones(wrap: Wrap, question: Question) -> Iterator[Question]:
    """Yield the question about the joint space, and one about each parameter as a lone one."""
    yield question
    for name in question.space:
        one = SearchSpace({name: question.space[name]})
        others = replace(question, space=question.space.without(one))
        joint = _answered(wrap(RecordingGuest()), others, others.key(question.state.seed))
        if not isinstance(joint, Suggestion):
            continue  # nothing is left, or the host refuses: other laws are about that
        given = Suggest(question.number, others.space, joint.params, joint.note, joint.off_grid)
        try:
            yield replace(question, space=one, joint=replay(decide(question.state, given), question.state))
        except FAULTS:  # an answer that the core refuses: other laws are about that
            continue


def _keys(question: Question) -> list[Key]:
    """Return the key of the question, and keys that end with other names than a study's keys do.

    A host may itself be a guest, so that its key is any child stream: the key must not tell the kind of call.
    """
    key = question.key(question.state.seed)
    if question.joint is None:
        return [key, *(key.child(name) for name in [*question.space][:2]), key.child("independent")]
    return [key, key.child("independent"), Key(key.seed, key.path[:-1])]


def _answered(host: Sampler, question: Question, key: Key) -> Answer | None:
    """Return the host's answer, or None if it raises an error, which the basic laws are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            lone = question.joint is not None
            return ask_sampler(host, question.state, question.trial, question.space, key, lone=lone)
        except FAULTS:
            return None


def kind_of_call(case: WrapperCase) -> None:
    """A guest is asked for joint spaces by `__call__` and for lone parameters by `suggest_lone`, as the host itself is.

    It gets the study and the trial of the host, and no parameters that the host was not asked for. A call for no
    parameters, which tells whether anything is left to suggest, is a joint call at any time.
    """

    def check(question: Question, answer: Answer, calls: list[Call], key: Key) -> Finding:
        lone = question.joint is not None
        asked = "asked for a lone parameter" if lone else "asked for a joint space"
        for call in calls:
            if not call.space:
                if call.lone:
                    return f"{asked}, it asks its guest for no lone parameter at all"
                continue
            if call.lone not in (None, lone):
                return f"{asked}, it asks its guest for {'a lone parameter' if call.lone else 'a joint space'}"
            if any(question.space.get(name) != dist for name, dist in call.space.items()):
                return f"{asked} {question.space!r}, it asks its guest for {call.space!r}"
            if call.trial != question.trial and repr(call.trial) != repr(question.trial):
                return f"{asked}, it tells its guest of another trial, {shown(call.trial)}"
            if call.state is not question.state and call.state.to_bytes() != question.state.to_bytes():
                return f"{asked}, it tells its guest of another study, {shown(call.state)}"
        return None

    case.every_call(check)


def stream_of_call(case: WrapperCase) -> None:
    """A guest draws from the host's stream or from a child of it, never twice from one stream for the same parameter."""

    def check(question: Question, answer: Answer, calls: list[Call], key: Key) -> Finding:
        seen: list[tuple[Key, str]] = []
        for call in calls:
            if call.key is None or not call.space:
                continue
            if call.key.seed != key.seed or call.key.path[: len(key.path)] != key.path:
                return f"asked with the stream {key!r}, it gives its guest {call.key!r}, which is not a child of that"
            draws = [(call.key, name) for name in call.space]
            if any(draw in seen for draw in draws):
                return f"it gives its guest the stream {call.key!r} twice"
            seen += draws
        return None

    case.every_call(check)


def answers_passed_on(case: WrapperCase) -> None:
    """The values that a guest gives are the host's answer, unless trials of the study have them already.

    A host that avoids duplicates may replace values that were tried.
    """

    def check(question: Question, answer: Answer, calls: list[Call], key: Key) -> Finding:
        asked = [call for call in calls if call.space]
        if not asked or not isinstance(answer, Suggestion):
            return None
        last = asked[-1]
        given = {name: last.params[name] for name in last.space}
        got = {name: answer.params.get(name) for name in last.space}
        if repr(given) == repr(got) or _was_tried(question.state, given):
            return None
        return f"its guest answers {shown(given)}, and it answers {shown(got)}"

    case.every_call(check)


def _was_tried(state: StudyState, params: Mapping[str, Any]) -> bool:
    return any(
        all(name in trial.params and repr(trial.params[name]) == repr(value) for name, value in params.items())
        for trial in state.trials
    )


def names_of_streams(case: WrapperCase) -> None:
    """A parameter with the name of a child stream, such as "independent", is asked for as any other is."""
    space = ORDINARY if case.space is None else case.space
    used = {part for _, _, path in _run(case.wrap, space) for part in path if isinstance(part, str)}
    for old in space:
        # Also as the only parameter, whose name may be all that a stream ends with.
        for part in (space, SearchSpace({old: space[old]})):
            # Against another unusual name, since a host may have options for the parameter under its own name.
            wanted = _run_renamed(case.wrap, part, old, "an ordinary name")
            for stream in sorted({*_STREAMS, *used} - {*space}):
                got = _run_renamed(case.wrap, part, old, stream)
                if got != wanted:
                    told = _first_difference(got, wanted)
                    raise AssertionError(f"if parameter {old!r} is named {stream!r}, its guest is asked {told}")


def _run_renamed(wrap: Wrap, space: SearchSpace, old: str, new: str) -> list[tuple[bool | None, tuple[str, ...]]]:
    """Return what a guest is asked for if a parameter has another name; in it, the parameter has its old one."""
    renamed = SearchSpace({new if name == old else name: dist for name, dist in space.items()})
    return [(lone, tuple(old if name == new else name for name in asked)) for lone, asked, _ in _run(wrap, renamed)]


def _first_difference(one: list[Any], other: list[Any]) -> str:
    """Return the first calls of the guest in which two runs differ."""
    for first, second in zip(one, other, strict=False):
        if first != second:
            return f"for {_words(first)} in place of {_words(second)}"
    return f"{len(one)} times in place of {len(other)}"


def _words(call: tuple[bool | None, tuple[str, ...]]) -> str:
    return f"{'a lone parameter' if call[0] else 'the joint space'} {[*call[1]]}"


def _run(wrap: Wrap, space: SearchSpace) -> list[tuple[bool | None, tuple[str, ...], tuple[Any, ...]]]:
    """Return what a guest is asked in a run of 10 trials, joint spaces and lone parameters: kind, names, child stream."""
    guest = RecordingGuest()
    host = wrap(guest)
    found = []
    for question in own_run(host, space, most=10, seed=1):
        for each in _with_lone_ones(lambda _: host, question):
            guest.calls.clear()
            key = each.key(each.state.seed)
            _answered(host, each, key)
            for call in guest.calls:
                path = () if call.key is None else call.key.path[len(key.path) :]
                found.append((call.lone, tuple(call.space), path))
    return found


def basic_laws(case: WrapperCase) -> None:
    """With each of the guests, the host keeps all basic laws of samplers."""
    for name, guest in case.guests.items():
        inner = SamplerCase(case.wrap(guest), case.space, case.max_examples)
        for law in of_samplers.BASIC:
            try:
                law(inner)
            except Counterexample as found:
                wrong = f"with the guest {name!r} it breaks {law.__name__}: {found.wrong}"
                raise Counterexample(wrong, found.question, found.other, grown=found.grown) from found.__cause__
            except AssertionError as error:
                raise AssertionError(
                    f"with the guest {name!r} it breaks {law.__name__}: {shown_error(error)}"
                ) from error


LAWS = (kind_of_call, stream_of_call, answers_passed_on, names_of_streams, basic_laws)
"""The laws that every sampler keeps that asks other samplers."""

SUITE = LawSuite(LAWS)


def check_wrapper(
    wrap: Wrap,
    *,
    space: Mapping[str, Distribution] | None = None,
    guests: Mapping[str, Sampler] = GUESTS,
    laws: Iterable[LawOrName] = LAWS,
    max_examples: int = 100,
) -> None:
    """Check that a sampler that asks other samplers keeps the laws of composition.

    Args:
        wrap: Returns the sampler with the given guest in it, for any guest.
        space: The space that it is asked for; all kinds of generated spaces if not given.
        guests: Samplers with which it keeps the basic laws, by name.
        laws: The laws, or their names.
        max_examples: The number of generated questions per law, at least 1.

    Raises:
        AssertionError: it breaks a law. The message has the law's name, and the smallest study that shows it as Python
            code.
        InvalidArgument: there is no law of a given name.
        InvalidType: `wrap` can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.samplers import RandomSampler, Warmup
        >>> check_wrapper(lambda guest: Warmup(3, guest, RandomSampler()), laws=["kind_of_call"], max_examples=3)
    """
    SUITE.check(WrapperCase(wrap, None if space is None else SearchSpace.of(space), guests, max_examples), laws)


class WrapperLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        wrap: Returns the sampler with the given guest in it; see `check_wrapper`.
        space: The space that it is asked for; generated if None.
        guests: Samplers with which it keeps the basic laws, by name.
        max_examples: The number of generated questions per law.

    Example:
        >>> from hpo.samplers import RandomSampler, Warmup
        >>> class TestMine(WrapperLaws):
        ...     wrap = staticmethod(lambda guest: Warmup(3, RandomSampler(), guest))
        ...     max_examples = 3
        >>> TestMine().test_kind_of_call()
    """

    _suite = SUITE
    wrap: ClassVar[Callable[..., Any]]
    space: ClassVar[Mapping[str, Distribution] | None] = None
    guests: ClassVar[Mapping[str, Any]] = GUESTS

    def _case(self) -> WrapperCase:
        space = None if self.space is None else SearchSpace.of(self.space)
        return WrapperCase(given_to(type(self), "wrap"), space, self.guests, self.max_examples)
