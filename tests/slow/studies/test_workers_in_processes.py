"""Several processes that work on one study."""

import multiprocessing

import pytest

import hpo


def _enqueue_all(path, barrier):
    study = hpo.load_study(storage=path)
    barrier.wait()
    for x in range(15):
        study.enqueue_trial({"x": x}, skip_if_exists=True)


@pytest.mark.parametrize("kind", ["{}/study.jsonl", "sqlite:///{}/study.db"])
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
