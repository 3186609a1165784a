"""Objectives that are coroutines, many at a time in the caller's event loop."""

import asyncio
import threading

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidType, NotOptimizing
from hpo.samplers import RandomSampler


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=1)


async def quick(trial):
    await asyncio.sleep(0)
    return trial.suggest_float("x", 0, 1)


def test_trials_are_those_of_a_serial_run(study):
    asyncio.run(study.optimize_async(quick, n_trials=5))
    other = hpo.create_study(sampler=RandomSampler(), seed=1)
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert [trial.params for trial in study.trials] == [trial.params for trial in other.trials]


def test_as_many_coroutines_wait_at_a_time_as_there_are_jobs(study):
    there, most = 0, 0
    begun = asyncio.Event()

    async def objective(trial):
        nonlocal there, most
        there += 1
        most = max(most, there)
        if there == 16:
            begun.set()  # nobody goes on before all of them wait
        await begun.wait()
        there -= 1
        return threading.get_ident()

    async def main():
        await study.optimize_async(objective, n_trials=16, n_jobs=16)
        return threading.get_ident()

    thread = asyncio.run(main())
    assert {int(trial.value) for trial in study.trials} == {thread}
    assert most == 16
    assert len(study.trials) == 16


def test_pruned_failed_and_caught_trials_end_as_in_optimize(study):
    async def objective(trial):
        await asyncio.sleep(0)
        trial.report(1.0, 0)
        if trial.number == 0:
            raise hpo.TrialPruned
        if trial.number == 1:
            raise ValueError("no")
        return float("nan") if trial.number == 2 else 1.0

    asyncio.run(study.optimize_async(objective, n_trials=4, catch=ValueError))
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "FAIL", "FAIL", "COMPLETE"]
    with pytest.raises(ValueError, match="no"):
        asyncio.run(_run_again(study))


async def _run_again(study):
    async def objective(trial):
        raise ValueError("no")

    await study.optimize_async(objective, n_trials=3)


def test_a_coroutine_and_a_callback_may_stop_the_run(study):
    async def objective(trial):
        await asyncio.sleep(0)
        if trial.number == 2:
            study.stop()
            trial.study.stop()
        return 1.0

    seen = []
    asyncio.run(study.optimize_async(objective, n_trials=50, callbacks=[lambda _, trial: seen.append(trial.number)]))
    assert len(study.trials) == 3
    assert seen == [0, 1, 2]
    asyncio.run(study.optimize_async(quick, stop=hpo.stopping.MaxTrials(5)))
    assert len(study.trials) == 5


def test_a_run_that_is_cancelled_ends_its_coroutines(study):
    ended = []

    async def objective(trial):
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(trial.number)

    async def main():
        run = asyncio.create_task(study.optimize_async(objective, n_jobs=4))
        while len(study.state.running) < 4:  # noqa: ASYNC110 - others start them
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(main())
    assert {trial.state.name for trial in study.trials} == {"FAIL"}
    assert sorted(ended) == [trial.number for trial in study.trials]
    assert all("Cancelled" in trial.reason for trial in study.trials)


def test_wrong_arguments_are_refused(study):
    for arguments, error in (
        ({"func": 3}, InvalidType),
        ({"func": quick, "n_jobs": 0}, InvalidArgument),
        ({"func": quick, "n_jobs": -1}, InvalidArgument),
        ({"func": quick, "n_trials": -1}, InvalidArgument),
        ({"func": lambda trial: 1.0, "n_trials": 1}, InvalidType),
    ):
        with pytest.raises(error):
            asyncio.run(study.optimize_async(**arguments))
    assert [trial.state.name for trial in study.trials] == ["FAIL"]
    with pytest.raises(NotOptimizing):
        asyncio.run(study.optimize_async(_nested, n_trials=1))


async def _nested(trial):
    await trial.study.optimize_async(quick, n_trials=1)
