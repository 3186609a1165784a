"""`check_executor` on the executors that people use, and workers that really die."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import time

import pytest

import hpo
from hpo.samplers import RandomSampler
from hpo.testing import check_executor
from hpo.trial import TrialState


@contextlib.contextmanager
def processes(method, **options):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context, **options) as executor:
        yield executor


@contextlib.contextmanager
def loky():
    executor = pytest.importorskip("loky").ProcessPoolExecutor(2)
    yield executor
    executor.shutdown()


@contextlib.contextmanager
def dask(**options):
    distributed = pytest.importorskip("distributed")
    config = pytest.importorskip("dask").config
    with (
        config.set({"distributed.scheduler.allowed-failures": 0, "logging.distributed": "critical"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def mpi():
    executor = pytest.importorskip("mpi4py.futures", exc_type=ImportError).MPIPoolExecutor(2)
    yield executor
    executor.shutdown()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_keep_all_promises(method):
    with processes(method) as executor:
        check_executor(executor)


def test_loky_keeps_all_promises():
    with loky() as executor:
        check_executor(executor)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("in_processes", [True, False])
def test_dask_keeps_all_promises(in_processes):
    with dask(processes=in_processes) as client:
        check_executor(client.get_executor(), n_jobs=2)


def test_mpi_keeps_all_promises():
    with mpi() as executor:
        check_executor(executor)


def test_processes_that_live_for_one_job_run_all_trials():
    with processes("spawn", max_tasks_per_child=1) as executor:
        study = hpo.create_study(sampler=RandomSampler())
        study.optimize(unit, n_trials=4, executor=executor)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4


@pytest.mark.parametrize("kind", [lambda: processes("spawn"), lambda: processes("forkserver"), loky])
def test_trials_over_their_time_end_in_every_kind_of_process(kind):
    with kind() as executor:
        study = hpo.create_study(sampler=RandomSampler())
        study.optimize(hangs_once, n_trials=6, executor=executor, timeout_per_trial=1.0)
    assert [trial.number for trial in study.trials if trial.state is TrialState.FAIL] == [1]
    assert study.trials[1].reason.startswith("timeout:")
    assert study.trials[1].intermediate_values == {0: study.trials[1].params["x"]}
    assert hpo.verify(study).clean


@pytest.mark.filterwarnings("default")
def test_dask_says_what_a_time_limit_needs():
    with dask(processes=True) as client:
        study = hpo.create_study(sampler=RandomSampler())
        with pytest.raises(hpo.errors.InvalidArgument, match=r"distributed\.worker\.daemon"):
            study.optimize(unit, n_trials=3, executor=client.get_executor(), n_jobs=1, timeout_per_trial=1.0)


def hangs_once(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.report(x, 0)
    while trial.number == 1:
        time.sleep(0.01)
    return x


def unit(trial):
    return trial.suggest_float("x", 0, 1)


def kills_its_worker(trial):
    if trial.number == 1:
        os._exit(1)
    return unit(trial)


def test_a_dead_worker_of_a_process_pool_breaks_it_and_its_trials_are_lost():
    study = hpo.create_study(sampler=RandomSampler())
    with processes("spawn") as executor, pytest.raises(concurrent.futures.BrokenExecutor):
        study.optimize(kills_its_worker, n_trials=20, executor=executor, catch=Exception)
    assert study.trials[1].reason.startswith("lost: the executor failed: BrokenProcessPool")
    assert not study.state.running


@pytest.mark.filterwarnings("default")
def test_a_dead_worker_of_dask_loses_its_trial_and_the_run_goes_on():
    study = hpo.create_study(sampler=RandomSampler())
    with dask() as client:
        client.upload_file(__file__)
        study.optimize(kills_its_worker, n_trials=6, executor=client.get_executor(), n_jobs=1)
    assert [trial.number for trial in study.get_trials(states=[TrialState.FAIL])] == [1]
    assert study.trials[1].reason.startswith("lost: the executor failed: KilledWorker")
    assert len(study.trials) == 6


@pytest.mark.filterwarnings("default")
def test_a_client_of_dask_is_refused_with_the_right_call():
    study = hpo.create_study(sampler=RandomSampler())
    with dask(processes=False) as client, pytest.raises(hpo.errors.InvalidType, match=r"it\.get_executor\(\)"):
        study.optimize(unit, n_trials=1, executor=client)
