"""Every sampler inside every wrapper, and in every slot for another sampler, keeps the laws of composition."""

import typing

import attrs
import pytest

from hpo.core import Sampler
from hpo.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from hpo.samplers import (
    AutoSampler,
    BORESampler,
    CmaEsSampler,
    CQRSampler,
    Fallback,
    GPSampler,
    GridSampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    Warmup,
    Where,
)
from hpo.samplers.registry import SAMPLERS
from hpo.testing import check_sampler, check_wrapper
from hpo.testing.samplers.composition import LAWS
from hpo.testing.samplers.guests import GUESTS

SPACE = {
    "x": FloatDistribution(-5.0, 5.0),
    "n": IntDistribution(0, 9),
    "kind": CategoricalDistribution(["a", "b", "c"]),
}
FINITE = {**SPACE, "x": FloatDistribution(-5.0, 5.0, step=0.5)}
grid = GridSampler({"x": [0.5, 1.0], "n": [0, 1, 2], "kind": ["a", "b"]})


def anything(params):
    return True


HOSTS = {
    ("PartialFixedSampler", "base_sampler"): (lambda guest: PartialFixedSampler({"x": 0.5}, guest), SPACE),
    ("Warmup", "first"): (lambda guest: Warmup(4, guest, RandomSampler()), None),
    ("Warmup", "then"): (lambda guest: Warmup(4, RandomSampler(), guest), None),
    ("Fallback", "first"): (lambda guest: Fallback(guest, RandomSampler()), None),
    ("Fallback", "then"): (lambda guest: Fallback(grid, guest), SPACE),
    ("Where", "sampler"): (lambda guest: Where(anything, guest), None),
    ("AutoSampler", "tpe"): (lambda guest: AutoSampler(tpe=guest, evaluation_seconds=1e-6), None),
    ("AutoSampler", "gp"): (lambda guest: AutoSampler(gp=guest, evaluation_seconds=1e6), None),
    ("QMCSampler", "independent_sampler"): (lambda guest: QMCSampler(independent_sampler=guest), None),
    ("CmaEsSampler", "independent_sampler"): (
        lambda guest: CmaEsSampler(independent_sampler=guest, n_startup_trials=2, popsize=3),
        None,
    ),
    ("GPSampler", "independent_sampler"): (
        # without a model: the slot is for lone parameters, and fits cost too much here
        lambda guest: GPSampler(independent_sampler=guest, n_startup_trials=1000),
        None,
    ),
}
"""Every slot for another sampler: the class, its option, a function that fills it, and the space it is asked for."""

every_host = pytest.mark.parametrize("host", HOSTS, ids=".".join)
guests = {**GUESTS, "GridSampler": grid, **{entry.name: made for entry, made in SAMPLERS.made_without_options()}}
# their defaults cost too much
guests["GPSampler"] = GPSampler(n_startup_trials=2, n_candidates=16, n_local_searches=1)
guests["BORESampler"] = BORESampler(n_startup_trials=2, n_candidates=16)
guests["CQRSampler"] = CQRSampler(n_startup_trials=2, n_candidates=16)


def test_every_slot_of_a_registered_sampler_is_tried():
    slots = set()
    for registration in SAMPLERS:
        kind = registration.load()
        hints = typing.get_type_hints(kind) if attrs.has(kind) else {}
        slots |= {
            (registration.name, name) for name, hint in hints.items() if Sampler in (hint, *typing.get_args(hint))
        }
    # a sampler of brackets tells its guest of another study: this is what it is for, and what `kind_of_call` forbids
    assert slots - {("BracketSampler", "base_sampler")} <= {*HOSTS}


@every_host
@pytest.mark.parametrize("law", [law.__name__ for law in LAWS[:-1]])
def test_a_host_keeps_the_laws_of_composition(host, law):
    wrap, space = HOSTS[host]
    check_wrapper(wrap, space=space, laws=[law], max_examples=10)


def test_a_host_may_ask_what_the_first_trials_will_get():
    wrap, _ = HOSTS["CmaEsSampler", "independent_sampler"]
    space = {"x": FloatDistribution(0.0, 0.0), "y": IntDistribution(0, 9)}  # finite, so that nothing is suggested twice
    check_wrapper(wrap, space=space, laws=["kind_of_call", "stream_of_call"], max_examples=3)


@every_host
@pytest.mark.parametrize("guest", guests)
def test_a_host_with_any_guest_gives_sound_answers(host, guest):
    wrap, space = HOSTS[host]
    space = {"GridSampler": SPACE, "BruteForceSampler": FINITE}.get(guest, space)
    laws = ["survives_every_scenario", "lone_parameters", "same_answer_twice"]
    check_sampler(wrap(guests[guest]), space=space, laws=laws, max_examples=3)


@every_host
@pytest.mark.long
@pytest.mark.parametrize("guest", guests)
def test_a_host_with_any_guest_keeps_the_basic_laws(host, guest):
    wrap, space = HOSTS[host]
    space = {"GridSampler": SPACE, "BruteForceSampler": FINITE}.get(guest, space)
    check_wrapper(wrap, space=space, guests={guest: guests[guest]}, max_examples=60)


@pytest.mark.parametrize("name", ["independent", "startup", "model", "trial"])
def test_a_parameter_with_the_name_of_a_stream_is_not_repeated(name):
    space = {name: CategoricalDistribution(["a", "b"]), "n": IntDistribution(0, 2)}
    laws = ["no_repeats", "exhaustion", "lone_parameters"]
    check_sampler(CmaEsSampler(n_startup_trials=1, popsize=2), space=space, laws=laws, max_examples=5)
