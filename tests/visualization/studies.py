"""Studies that are hard to draw, and one that has some of everything."""

import math

import hpo
from hpo import CategoricalDistribution, FloatDistribution, IntDistribution, TrialState, create_trial

LINES = {"x": FloatDistribution(-5, 5), "lr": FloatDistribution(1e-5, 1e-1, log=True)}


def study_of(trials, **options):
    study = hpo.create_study(**options)
    study.add_trials(trials)
    return study


def trial_with(value=None, space=None, **params):
    space = {name: (space or LINES)[name] for name in params}
    return create_trial(value=value, params=params, distributions=space)


def lively(n=60, seed=1, **options):
    """Conditional, log and categorical parameters; infeasible, pruned, failed, running and waiting trials."""
    rng = hpo.Key(seed).generator()
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=seed, **options)
    m = len(study.directions)

    def objective(trial):
        x = trial.suggest_float("x", -5, 5)
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        kind = trial.suggest_categorical("kind", ["adam", "sgd", None])
        if kind == "sgd":
            trial.suggest_float("momentum", 0, 1)
        trial.suggest_int("layers", 1, 8)
        if trial.number % 17 == 3:
            raise ValueError("out of memory")
        value = x * x + abs(math.log10(lr) + 3)
        for step in range(6) if m == 1 else ():
            trial.report(value + 3 / (step + 1), step)
            if step == 2 and trial.number % 7 == 5:
                raise hpo.TrialPruned
        if trial.number % 9 == 4:
            trial.set_constraint("memory", 1.0)
        values = [value, (x - 3) ** 2, rng.random(), rng.random()][:m]
        return values[0] if m == 1 else values

    study.optimize(objective, n_trials=n, catch=ValueError)
    study.enqueue_trial({"x": 0.0})
    study.ask({"x": FloatDistribution(-5, 5)})
    study.enqueue_trial({"x": 1.0})
    return study


def _changed_ranges():
    log, linear = {"x": FloatDistribution(1e-3, 1, log=True)}, {"x": FloatDistribution(0, 1)}
    choice = {"x": CategoricalDistribution(["a", "b"])}
    return study_of(
        [
            trial_with(value, space, x=x)
            for value, space, x in ((1.0, log, 0.5), (2.0, linear, 0.0), (3.0, choice, "b"), (0.5, log, 0.1))
        ]
    )


def _alike_choices():
    space = {"c": CategoricalDistribution([1, "1", None, "None", True, 1.0, "", "not set"])}
    return study_of([trial_with(float(i), space, c=choice) for i, choice in enumerate(space["c"].choices)])


def _hostile_names():
    names = [
        "<b>bold</b>",
        '"quoted" & \\',
        "$x^2$",
        "_hidden",
        "%{x}",
        "x" * 300,
        "line\nbreak",
        "π 测 😀",
        "</script>",
    ]
    space = {name: FloatDistribution(0, 1) for name in names}
    trials = [create_trial(value=float(i), params=dict.fromkeys(names, i / 5), distributions=space) for i in range(5)]
    return study_of(trials, study_name="<img src=x onerror=alert(1)> $")


def _wide(d):
    space = {f"p{i}": FloatDistribution(0, 1) for i in range(d)}
    trials = [create_trial(value=float(i), params=dict.fromkeys(space, i / 9), distributions=space) for i in range(4)]
    return study_of(trials)


STUDIES = {
    "empty": hpo.create_study,
    "one trial": lambda: study_of([trial_with(1.0, x=0.5, lr=1e-3)]),
    "no parameters": lambda: study_of([create_trial(value=1.0), create_trial(value=2.0)]),
    "all failed": lambda: study_of([create_trial(state=TrialState.FAIL)] * 3),
    "all pruned": lambda: study_of(
        [
            create_trial(state=TrialState.PRUNED, value=float(i), intermediate_values={0: 1.0, 1: float(i)})
            for i in range(3)
        ]
    ),
    "all infeasible": lambda: study_of([create_trial(value=float(i), constraints={"c": 1.0}) for i in range(3)]),
    "constant": lambda: study_of([trial_with(7.0, x=1.0, lr=1e-2)] * 5),
    "infinite": lambda: study_of(
        [trial_with(value, x=float(i), lr=1e-3) for i, value in enumerate((math.inf, -math.inf, 1.0, 1e308, -1e308))]
    ),
    "only infinite": lambda: study_of([trial_with(math.inf, x=float(i), lr=1e-3) for i in range(3)]),
    "reports without numbers": lambda: study_of(
        [create_trial(value=1.0, intermediate_values={0: math.nan, 1: math.inf, 3: 2.0}), create_trial(value=0.5)]
    ),
    "tiny differences": lambda: study_of([trial_with(1.0 + i * 1e-16, x=1e-300 * i, lr=1e-3) for i in range(4)]),
    "changed ranges": _changed_ranges,
    "alike choices": _alike_choices,
    "hostile names": _hostile_names,
    "300 parameters": lambda: _wide(300),
    "one integer": lambda: study_of([trial_with(float(i), {"k": IntDistribution(1, 9)}, k=i + 1) for i in range(5)]),
    "lively": lively,
    "maximize": lambda: lively(30, direction="maximize"),
    "two objectives": lambda: lively(30, directions=["minimize", "maximize"]),
    "four objectives": lambda: lively(12, directions=["minimize"] * 4),
}
