"""How will a trial end, and which pruner suits these learning curves? A simulation on a virtual clock answers in a moment."""

import numpy as np

import hpo
from hpo.pruners import CurvePruner, HyperbandPruner, MedianPruner, NopPruner, PromotionHalving, SuccessiveHalvingPruner
from hpo.testing import CurveTable, simulate

EPOCHS, CONFIGURATIONS = 27, 400


def learning_curves(seed=0):
    """Errors that fall as powers of the epoch to levels of their own, with some noise."""
    rng = np.random.default_rng(seed)
    level, speed = rng.beta(2, 3, CONFIGURATIONS), rng.uniform(0.3, 1.5, CONFIGURATIONS)
    epochs = np.arange(1, EPOCHS + 1)
    curves = level[:, None] + (1.0 - level[:, None]) * epochs ** -speed[:, None]
    return curves + rng.normal(0.0, 0.005, curves.shape)


if __name__ == "__main__":
    table = CurveTable(learning_curves())

    # twenty trials that ran to the end, and one that is on its way
    state = simulate(table, table.space, n_trials=20, seed=0).state
    for epochs in (3, 9, 18):
        study, trial = hpo.ask(state, hpo.samplers.RandomSampler(), table.space)
        curve = table(trial.params)
        for epoch in range(1, epochs + 1):
            study = hpo.report(study, trial, curve[epoch - 1], epoch)
        end = hpo.predict_final(study, trial.number)
        chance = end.probability_better(hpo.best_trial(state).value)
        print(f"after {epochs:2} epochs: {end.mean:.3f} +- {end.std:.3f}, the best with probability {chance:.3f}")
    print(f"in the end: {curve[-1]:.3f}, best so far {hpo.best_trial(state).value:.3f}")

    target = float(np.quantile(table.curves[:, -1], 0.01))  # one configuration in a hundred ends so well
    promotion = PromotionHalving(1, 3, EPOCHS)
    rivals = {
        "no pruner": {"pruner": NopPruner()},
        "median": {"pruner": MedianPruner()},
        "curves": {"pruner": CurvePruner()},
        "Hyperband": {"pruner": HyperbandPruner(1, EPOCHS, 3)},
        "halving that stops": {"pruner": SuccessiveHalvingPruner(1, 3)},
        "halving that pauses": {"pruner": promotion.pruner, "promoter": promotion},
    }
    for name, advisors in rivals.items():
        steps = [
            simulate(table, table.space, n_workers=4, max_steps=1500, seed=seed, **advisors).steps_to(target)
            for seed in range(5)
        ]
        reached = [step for step in steps if step is not None]
        print(f"{name:20} {np.median(reached):6.0f} epochs to reach {target:.3f}, {len(reached)} of {len(steps)} runs")
