"""Errors: documented fields, and messages of bounded length."""

import pickle

import attrs
import pytest

from hpo import CategoricalDistribution, errors

CLASSES = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, errors.HpoError)]
WITH_FIELDS = [found for found in CLASSES if attrs.has(found)]
SMALL = {"int": 3, "float": 0.5, "str": "s", "str | None": "s", "int | None": 3, "bool": True, "object": (1, 2)}
HUGE = SMALL | {"str": "s" * 10**6, "str | None": "s" * 10**6, "object": tuple(range(10**6))}


def made(kind, values, names):
    """Return an error of this class whose fields hold the values for their types."""
    fields = attrs.fields(kind)
    return kind(*(names if field.type == "Sequence[str]" else values[field.type] for field in fields))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_says_what_it_means(kind):
    assert kind.__doc__
    assert kind.__doc__.splitlines()[0].endswith(".")


@pytest.mark.parametrize("kind", WITH_FIELDS)
def test_every_field_is_documented(kind):
    documented = kind.__doc__.partition("Attributes:")[2]
    for field in attrs.fields(kind):
        assert f"        {field.name}: " in documented


@pytest.mark.parametrize("kind", WITH_FIELDS)
def test_messages_do_not_grow_with_the_values(kind):
    message = str(made(kind, HUGE, ["n" * 10**5] * 10**5))
    assert len(message) < 10_000


@pytest.mark.parametrize("kind", WITH_FIELDS)
def test_errors_survive_pickling(kind):
    error = made(kind, SMALL, ("one", "two"))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)


def test_a_long_value_is_cut_in_the_middle():
    choices = tuple(f"choice-{number}" for number in range(1_000))
    message = str(errors.ValueOutsideDistribution("no choice", CategoricalDistribution(choices), "c"))
    assert message.startswith("'no choice' is not a valid value for parameter 'c'; expected a member of Categorical")
    assert "'choice-0', 'choice-1'" in message
    assert "..." in message
    assert message.endswith("'choice-999'))")


def test_a_value_whose_repr_raises_does_not_hide_the_error():
    class Unprintable:
        def __repr__(self):
            raise RuntimeError

    message = str(errors.ValueOutsideDistribution(Unprintable(), CategoricalDistribution(("a",))))
    assert message.startswith("<Unprintable whose repr raises RuntimeError> is not a valid value for the parameter;")


def test_the_advice_depends_on_the_state_of_the_trial():
    messages = {state: str(errors.TrialNotRunning(4, state)) for state in ("fail", "pruned", "waiting", "paused")}
    assert messages == {
        "fail": "trial 4 is failed, not running: a finished trial cannot be changed",
        "pruned": "trial 4 is pruned, not running: a finished trial cannot be changed",
        "waiting": "trial 4 is waiting, not running: ask for it first",
        "paused": "trial 4 is paused, not running: resume it first",
    }
