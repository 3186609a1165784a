"""The benchmark of pruners: its problems, its loop for other libraries, and its figures."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import hpo

CURVES = Path(__file__).parents[1] / "benchmarks" / "curves"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(CURVES))
    return importlib.import_module("compare_pruners")


@pytest.fixture
def problems(benchmark):
    return importlib.import_module("curve_problems")


def test_the_stored_curves_are_complete_and_small(problems):
    assert problems.CURVES.stat().st_size <= 3_000_000
    with np.load(problems.CURVES) as arrays:
        assert len(arrays.files) == 2 * len(problems.SPACES)
        n_configurations = 0
        for name, space in problems.SPACES.items():
            curves, units = arrays[f"{name}.curves"], arrays[f"{name}.units"]
            assert curves.shape == (len(units), problems.n_epochs(name))
            assert units.shape[1] == len(space)
            # NaN stays NaN: a training that diverged does not come back
            gone = np.isnan(curves)
            assert (gone[:, 1:] >= gone[:, :-1]).all()
            n_configurations += len(units)
    assert n_configurations <= 1_500


def test_problems_for_choosing_and_for_judging_are_different_ones(problems):
    assert not set(problems.CHOOSING) & set(problems.JUDGING)
    assert {*problems.SPACES} < {*problems.CHOOSING, *problems.JUDGING}


def test_a_trained_configuration_has_its_own_curve(problems):
    found = problems.problem("diabetes-mlp")
    with np.load(problems.CURVES) as arrays:
        curves, units = arrays["diabetes-mlp.curves"], arrays["diabetes-mlp.units"]
    for row in (0, 7, 249):
        curve = np.array(found.curve(problems.at(found.space, units[row])))
        assert np.array_equal(curve, curves[row, : len(curve)].astype(float), equal_nan=True)
        assert len(curve) == found.n_epochs or np.isnan(curve[-1])


@pytest.mark.parametrize("pruner", ["none", "median", "percentile", "halving", "hyperband", "wilcoxon"])
def test_other_libraries_are_driven_as_the_simulator_drives_hpo(benchmark, problems, monkeypatch, pruner):
    runs_of_hpo = importlib.import_module("runs_of_hpo")
    runs_of_rivals = importlib.import_module("runs_of_rivals")

    class HpoAsRival:
        def __init__(self, problem, seed):
            advisors = runs_of_hpo.PRUNERS[pruner](problem.n_epochs)
            self.study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=seed, **advisors)
            self.space = problem.space

        def start(self):
            trial = self.study.ask(self.space)
            return trial, trial.params

        def report(self, handle, step, loss):
            handle.report(loss, step)
            return handle.should_prune()

        def end(self, handle, step, loss, *, stopped):
            if stopped:
                self.study.tell(handle, state=hpo.TrialState.PRUNED)
            elif loss != loss:
                self.study.tell(handle, state=hpo.TrialState.FAIL)
            else:
                self.study.tell(handle, loss)

    monkeypatch.setattr(runs_of_rivals, "RIVALS", {"hpo": HpoAsRival})
    found = problems.problem("diabetes-mlp")
    theirs = runs_of_rivals.run("hpo", found, 3, 4, 6 * found.n_epochs)
    ours = runs_of_hpo.run(f"hpo-random-{pruner}", found, 3, 4, 6 * found.n_epochs)
    assert theirs["trace"] == ours["trace"]
    assert theirs["lost"] == ours["lost"]
    assert abs(theirs["trials"] - ours["trials"]) <= 1  # the simulator starts no trial after the last step


def test_a_run_is_stored_once_and_is_the_same_again(benchmark, tmp_path):
    store = tmp_path / "runs.jsonl"
    methods, names = ["hpo-tpe-halving", "hpo-random-promotion"], ["diabetes-mlp"]
    benchmark.complete(store, methods, names, seeds=1, limit=60)
    text = store.read_text()
    benchmark.complete(store, methods, names, seeds=1, limit=60)
    assert store.read_text() == text
    for line in map(json.loads, text.splitlines()):
        again = benchmark.record(line["method"], line["problem"], line["seed"])
        assert {**again, "seconds": 0} == {**line, "seconds": 0}
        losses = [loss for _, loss in line["trace"]]
        assert losses == sorted(losses, reverse=True)


def test_optuna_runs(benchmark):
    pytest.importorskip("optuna")
    found = benchmark.record("optuna-tpe-hyperband", "diabetes-mlp", 0, n_trainings=2)
    assert found["trials"] > 2
    assert found["trace"]


def test_figures_are_shares_of_the_whole_search(benchmark):
    def run(method, seed, trace, lost=0):
        return ("diabetes-mlp", method, seed), {"trace": trace, "lost": lost}

    whole = benchmark.WHOLE * 27
    runs = dict(
        [
            *(run("hpo-random-none", seed, [[1, 0.9], [whole, 0.8]]) for seed in range(3)),
            *(run("hpo-tpe-none", seed, [[1, 0.9], [whole, 0.7]]) for seed in range(3)),
            *(run("hpo-random-halving", seed, [[27, 0.8 - seed / 100]], lost=seed) for seed in range(3)),
        ]
    )
    targets = benchmark.targets_of(runs, ["diabetes-mlp"])
    assert targets == {"diabetes-mlp": [0.8, 0.7]}
    figures = benchmark.Figures(runs, "hpo-random-halving", ["diabetes-mlp"], targets)
    assert figures.shares == [pytest.approx((27 / whole,) * 3), pytest.approx((1.0,) * 3)]
    assert figures.lost == pytest.approx(2 / 3)
    assert benchmark.Figures(runs, "hpo-tpe-none", ["diabetes-mlp"], targets).shares[1][0] == pytest.approx(1.0)
    table = [*benchmark.tables(runs, ["diabetes-mlp"])]
    assert table[0].startswith("| 3 seeds |")
    assert sum(line.startswith("| hpo-random-halving | 0.03 [0.03, 0.03] | 1.00 [1.00, 1.00] |") for line in table) == 1


def test_methods_are_compared_on_the_seeds_that_all_of_them_have(benchmark):
    methods = ("hpo-random-none", "hpo-tpe-none", "hpo-random-median", "optuna-random-median")
    runs = {
        ("diabetes-mlp", method, seed): {
            "trace": [[1, 0.9], [27 * (4 if method.startswith("hpo") else 2), 0.8]],
            "lost": 0,
        }
        for method in methods
        for seed in range(2 if method == methods[-1] else 4)
    }
    table = [*benchmark.tables(runs, ["diabetes-mlp"])]
    assert table[0].startswith("| 2 seeds |")
    [compared] = [line for line in table if line.startswith("| hpo-random-median : optuna-random-median |")]
    assert compared.split(" | ")[1] == "2.00 [2.00, 2.00]"


def studied(found, pruner, n_trials=60):
    """Return a study of random configurations whose trials have the curves of a problem."""

    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), pruner=pruner, seed=5)
    for _ in range(n_trials):
        trial = study.ask(found.space)
        curve = found.curve(trial.params)
        for epoch, loss in enumerate(curve, start=1):
            trial.report(loss, epoch)
            if trial.should_prune():
                study.tell(trial, state="pruned")
                break
        else:
            diverged = curve[-1] != curve[-1]
            study.tell(trial, None if diverged else curve[-1], state="fail" if diverged else "complete")
    return study


@pytest.mark.parametrize(
    "pruner",
    [
        hpo.pruners.MedianPruner(),
        hpo.pruners.PercentilePruner(25.0),
        hpo.pruners.SuccessiveHalvingPruner(1, 3),
        hpo.pruners.HyperbandPruner(1, 27, 3),
    ],
)
def test_backtest_and_audit_say_what_the_simulation_knows(problems, pruner):
    from hpo.testing import simulate

    found = problems.problem("diabetes-mlp")
    run = simulate(found.curve, found.space, pruner=pruner, n_workers=1, n_trials=60, seed=5)
    stopped = [trial for trial in run.state.finished if trial.state is hpo.TrialState.PRUNED]
    ended = min(trial.value for trial in run.state.finished if trial.state is hpo.TrialState.COMPLETE)
    lost = sum(found.curve(trial.params)[-1] < ended for trial in stopped)
    whole = sum(len(found.curve(trial.params)) for trial in run.state.finished)
    assert 0 < lost < len(stopped)  # on these curves, to stop early loses winners

    row = hpo.backtest(studied(found, hpo.pruners.NopPruner()), pruner).rows[0]
    assert (row.steps, row.lost, row.best_value) == (run.n_steps, lost, ended)
    assert row.saved == pytest.approx(1 - run.n_steps / whole)

    audit = hpo.audit_pruning(studied(found, pruner), curves=found.curve)
    assert (audit.steps, audit.judged, audit.lost) == (run.n_steps, audit.pruned, lost)
    assert audit.saved == pytest.approx(1 - run.n_steps / whole)
    # these two also count trials that are stopped after their last epoch, when the simulator asks no more
    assert row.stopped == audit.pruned >= len(stopped)


def test_the_page_has_the_stored_results(benchmark):
    page = (CURVES.parents[2] / "docs" / "measured" / "pruners.md").read_text()
    runs = benchmark.stored([benchmark.MEASURED])
    assert "\n".join(benchmark.tables(runs, benchmark.GROUPS["all"])) in page
