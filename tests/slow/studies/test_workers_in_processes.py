"""Several processes that work on one study."""

import multiprocessing

import pytest

import hpo
from hpo.samplers import BruteForceSampler, CmaEsSampler, TPESampler


def _enqueue_all(path, barrier):
    study = hpo.load_study(storage=path)
    barrier.wait()
    for x in range(15):
        study.enqueue_trial({"x": x}, skip_if_exists=True)


PLACES = ["{}/study.jsonl", "sqlite:///{}/study.db"]


@pytest.mark.parametrize("kind", PLACES)
def test_workers_that_enqueue_the_same_points_leave_each_once(kind, tmp_path):
    path = kind.format(tmp_path)
    hpo.create_study(storage=path, study_name="points")
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(6)
    workers = [context.Process(target=_enqueue_all, args=(path, barrier)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 6
    assert sorted(trial.fixed_params["x"] for trial in hpo.load_study(storage=path).trials) == [*range(15)]


def _search(path, barrier):
    begun = False

    def objective(trial):
        nonlocal begun
        if not begun:  # every worker has a trial before the first one ends
            begun = True
            barrier.wait()
        return trial.suggest_int("x", 0, 14)

    hpo.load_study(storage=path).optimize(objective)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("sampler", [TPESampler(), CmaEsSampler(), BruteForceSampler()], ids=["TPE", "CMA-ES", "all"])
def test_workers_that_search_an_undeclared_finite_space_try_each_value_once(sampler, kind, tmp_path):
    path = kind.format(tmp_path)
    study = hpo.create_study(storage=path, study_name="values", sampler=sampler, seed=1)
    context = multiprocessing.get_context("spawn")
    n_workers = 2 if isinstance(sampler, BruteForceSampler) else 4  # the limit at the start of exhaustive search
    barrier = context.Barrier(n_workers)
    workers = [context.Process(target=_search, args=(path, barrier)) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * n_workers
    complete = study.get_trials(states=[hpo.TrialState.COMPLETE])
    assert sorted(trial.params["x"] for trial in complete) == [*range(15)]
    assert hpo.verify(study).clean
