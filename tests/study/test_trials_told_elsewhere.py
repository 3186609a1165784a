"""Trials that one study object hands out and another one tells."""

import hpo
from hpo.samplers import RandomSampler


def two_faces(**options):
    """Two objects for one study, as two processes have them."""
    storage = hpo.journal.MemoryStorage()
    hpo.create_study(storage=storage, seed=1, **options)
    return [hpo.load_study(storage=storage, sampler=RandomSampler()) for _ in range(2)]


def test_whoever_only_asks_does_not_keep_what_others_have_told():
    asks, tells = two_faces()
    still_running = asks.ask()
    for _ in range(400):
        tells.tell(asks.ask().number, 0.5)
    assert len(asks._trials._by_number) < 200
    still_running.suggest_float("x", 0, 1)
    assert asks.tell(still_running.number, 0.5).params.keys() == {"x"}


def test_parameters_that_nobody_asked_for_are_dropped_also_after_many_trials():
    asks, tells = two_faces(space={"x": hpo.FloatDistribution(0, 1), "y": hpo.FloatDistribution(0, 1)})
    first = asks.ask()
    first.suggest_float("x", 0, 1)
    for _ in range(400):
        tells.tell(asks.ask().number, 0.5)
    assert asks.tell(first.number, 0.5).params.keys() == {"x"}
