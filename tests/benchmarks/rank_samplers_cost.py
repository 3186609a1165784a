"""What a suggestion of CQR, BORE, KDE and regularized evolution costs, here and in Syne Tune, in CPU time.

python tests/benchmarks/rank_samplers_cost.py hpo          # with hpo installed
python tests/benchmarks/rank_samplers_cost.py syne_tune    # in an environment of its own, with Syne Tune 0.16
"""

from __future__ import annotations

import datetime
import logging
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

N_TRIALS, N_PARAMETERS = 100, 10
NAMES = [f"x{i}" for i in range(N_PARAMETERS)]


def loss(params: dict[str, float]) -> float:
    return float(sum((params[name] - 0.3) ** 2 for name in NAMES))


def of_hpo(n: int) -> Iterator[tuple[str, list[float]]]:
    """Yield the name of each sampler, and the CPU seconds of `n` suggestions."""
    import hpo
    from hpo.core.ask_tell import ask, tell

    space = {name: hpo.distributions.FloatDistribution(0.0, 1.0) for name in NAMES}
    start = hpo.StudyState.create(seed=1)
    for _ in range(N_TRIALS):
        start, trial = ask(start, hpo.samplers.RandomSampler(), space)
        start = tell(start, trial, loss(trial.params))
    for name in ("CQRSampler", "BORESampler", "KDESampler", "RegularizedEvolutionSampler"):
        options = {"random_fraction": 0.0} if name == "KDESampler" else {}
        sampler, state, costs = getattr(hpo.samplers, name)(**options), start, []
        ask(state, sampler, space)  # what is imported now was imported before
        for _ in range(n):
            began = time.process_time()
            state, trial = ask(state, sampler, space)
            state = tell(state, trial, loss(trial.params))
            costs.append(time.process_time() - began)
        yield name, costs


def of_syne_tune(n: int) -> Iterator[tuple[str, list[float]]]:
    """Yield the name of each method of Syne Tune, and the CPU seconds of `n` suggestions."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import uniform
    from syne_tune.optimizer import baselines

    logging.disable(logging.CRITICAL)
    for name in ("CQR", "BORE", "TPE", "REA"):
        space = {each: uniform(0.0, 1.0) for each in NAMES}
        scheduler = getattr(baselines, name)(space, metric="loss", do_minimize=True, random_seed=1)
        random, costs = np.random.default_rng(0), []
        for number in range(N_TRIALS + n):
            began = time.process_time()
            drawn = number < N_TRIALS
            config = dict(zip(NAMES, random.random(N_PARAMETERS), strict=True)) if drawn else scheduler.suggest().config
            trial = Trial(trial_id=number, config=config, creation_time=datetime.datetime.now(datetime.UTC))
            scheduler.on_trial_add(trial)
            scheduler.on_trial_complete(trial, {"loss": loss(config)})
            if number > N_TRIALS:  # not the first one, with which things are imported
                costs.append(time.process_time() - began)
        yield name, costs


MEASURED: dict[str, Callable[[], Iterator[tuple[str, list[float]]]]] = {
    "hpo": lambda: of_hpo(12),
    "syne_tune": lambda: of_syne_tune(5),
}

if __name__ == "__main__":
    for name, costs in MEASURED[sys.argv[1]]():
        print(f"{name:28} mean {1e3 * np.mean(costs):7.1f} ms, most {1e3 * max(costs):7.1f} ms", flush=True)
