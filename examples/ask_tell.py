"""A scheduler that owns its loop: no study object, no storage, no thread, no clock.

The whole study is one immutable value. It is kept as bytes between any two steps, here in a variable, elsewhere in a
database row, a queue message or a file.
"""

import hpo

SPACE = {
    "lr": hpo.FloatDistribution(1e-5, 1e-1, log=True),
    "layers": hpo.IntDistribution(1, 8),
    "opt": hpo.CategoricalDistribution(["adam", "sgd"]),
}
SAMPLER = hpo.samplers.TPESampler()
PRUNER = hpo.pruners.MedianPruner()
EPOCHS = 5


def loss_after(epoch, params):
    """Stands for one more epoch of a training that somebody else runs."""
    penalty = 0.0 if params["opt"] == "adam" else 0.1
    return (params["lr"] - 1e-3) ** 2 * 1e3 + abs(params["layers"] - 3) * 0.05 + penalty + 1.0 / (epoch + 1)


def one_trial(blob):
    """From the study as bytes to the study as bytes, with one more trial."""
    state, trial = hpo.ask(hpo.StudyState.from_bytes(blob), SAMPLER, SPACE)
    for epoch in range(EPOCHS):
        state = hpo.report(state, trial.number, value=loss_after(epoch, trial.params), step=epoch)
        if hpo.should_prune(state, PRUNER, trial.number):
            return hpo.tell(state, trial.number, state=hpo.TrialState.PRUNED).to_bytes()
    return hpo.tell(state, trial.number, loss_after(EPOCHS, trial.params)).to_bytes()


if __name__ == "__main__":
    blob = hpo.StudyState.create(directions=["minimize"], seed=7).to_bytes()
    for _ in range(40):
        blob = one_trial(blob)
    study = hpo.StudyState.from_bytes(blob)

    best = hpo.best_trial(study)
    print(f"best is trial {best.number} with {best.values[0]:.4f}: {dict(best.params)}")
    pruned = sum(trial.state is hpo.TrialState.PRUNED for trial in study.finished)
    print(f"{pruned} of {len(study.finished)} trials were pruned; the study takes {len(blob)} bytes")

    # Old values stay what they were: ask twice from one state, and both get the same answer.
    (_, one), (_, two) = hpo.ask(study, SAMPLER, SPACE), hpo.ask(study, SAMPLER, SPACE)
    assert one.params == two.params
