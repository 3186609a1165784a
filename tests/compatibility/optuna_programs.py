"""Run the same program with Optuna and with hpo, and what such programs are made of."""


def same_with_optuna(program):
    """Turn a function of a library into a test: it returns the same with Optuna as with hpo."""

    def test(agreed):
        agreed(program)

    test.__name__, test.__doc__ = program.__name__, program.__doc__
    return test


def unit(trial):
    return trial.suggest_float("x", 0, 1)


def quadratic(trial):
    return (trial.suggest_float("x", -10, 10) - 2) ** 2


def states(study):
    return [trial.state.name for trial in study.trials]
