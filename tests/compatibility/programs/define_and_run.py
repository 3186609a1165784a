"""The space is known before trials are asked for."""

import optuna

space = {
    "rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    "units": optuna.distributions.IntDistribution(8, 64, step=8),
    "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
}
study = optuna.create_study()
for _ in range(5):
    trial = study.ask(fixed_distributions=space)
    study.tell(trial, trial.params["rate"] * trial.params["units"])
RESULT = [sorted(trial.params), trial.params["units"] % 8, study.trials[-1].distributions, study.best_trial]
