"""What plots cost: the data, the figure for Plotly with its JSON, the size of that and its traces, and Optuna's on request.

    python tests/benchmarks/plots.py [--trials 1000 10000] [--optuna] [KIND ...]

CPU seconds, the smaller of two runs. Imports are not counted.
"""

import argparse
import time
import warnings

import numpy as np

import hpo
from hpo.visualization import data, to_plotly

SEVERAL = ("pareto_front", "hypervolume_history")
D = 5


def trials(n, m, make, distribution, complete):
    space = {f"p{i}": distribution(0.0, 1.0) for i in range(D)}
    points = np.random.default_rng(0).random((n, D))
    for place, x in enumerate(points.tolist()):
        values = [sum((v - 0.3) ** 2 for v in x), sum((v - 0.7) ** 2 for v in x)][:m]
        reports = {step: values[0] + 1 / (step + 1) for step in range(10)}
        more = {"intermediate_values": reports} if m == 1 and place < complete else {}
        yield make(values=values, params=dict(zip(space, x, strict=True)), distributions=space, **more)


def studies(n, package, distribution):
    made = {}
    for m in (1, 2):
        made[m] = package.create_study(directions=["minimize"] * m)
        made[m].add_trials([*trials(n, m, package.trial.create_trial, distribution, n)])
    return made


def timed_state(n):
    """A study whose trials have times and workers."""
    state = hpo.StudyState.create()
    sampler, space = hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)}
    for i in range(n):
        state, trial = hpo.ask(state, sampler, space, worker=f"w{i % 8}", at=float(i))
        state = hpo.tell(state, trial.number, 1.0, at=i + 7.5)
    return state


def cost(make):
    """CPU seconds of the faster of two calls, and the result."""
    best = np.inf
    for _ in range(2):
        start = time.process_time()
        result = make()
        best = min(best, time.process_time() - start)
    return best, result


def ours(kinds, n):
    made = studies(n, hpo, hpo.FloatDistribution)
    timed = timed_state(n)
    for kind in kinds:
        study = timed if kind in ("timeline", "utilisation") else made[2 if kind in SEVERAL else 1]
        seconds, plot = cost(lambda kind=kind, study=study: data.PLOTS[kind](study))
        drawing, text = cost(lambda plot=plot: to_plotly(plot, "light").to_json())
        traces = sum(1 for _ in plot.layers)
        yield kind, seconds, drawing, len(text) / 1e6, traces, plot.sentence


def theirs(kinds, n):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    made = studies(n, optuna, optuna.distributions.FloatDistribution)
    for kind in kinds:
        function = getattr(optuna.visualization, f"plot_{kind}", None)
        if function is None or kind == "terminator_improvement" or (n > 1000 and kind in ("contour", "rank")):
            continue
        more = ([9.0, 9.0],) if kind == "hypervolume_history" else ()
        start = time.process_time()
        figure = function(made[2 if kind in SEVERAL else 1], *more)
        text = figure.to_json()
        yield kind, time.process_time() - start, len(text) / 1e6, len(figure.data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=[*data.PLOTS])
    parser.add_argument("--trials", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--optuna", action="store_true")
    arguments = parser.parse_args()
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    to_plotly(data.optimization_history(hpo.create_study())).to_json()  # imports
    for n in arguments.trials:
        other = {kind: rest for kind, *rest in theirs(arguments.kinds, n)} if arguments.optuna else {}
        print(f"{n:,} trials: data s, figure and JSON s, MB, traces" + (" | Optuna: s, MB, traces" if other else ""))
        for kind, seconds, drawing, size, traces, sentence in ours(arguments.kinds, n):
            line = f"{kind:24} {seconds:7.3f} {drawing:7.3f} {size:6.2f} {traces:3d}"
            if kind in other:
                line += " | {:7.2f} {:7.2f} {:6d}".format(*other[kind])
            print(f"{line}  {sentence or ''}", flush=True)


if __name__ == "__main__":
    main()
