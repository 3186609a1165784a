"""Batches of trials with joblib: ask for several, evaluate them with joblib, tell their results.

pip install joblib
python examples/parallel_joblib.py
"""

from joblib import Parallel, delayed

import hpo

SPACE = {"x": hpo.FloatDistribution(-10, 10), "kind": hpo.CategoricalDistribution(["plain", "shifted"])}


def score(params):
    """Knows nothing of hpo, and runs in any of joblib's backends."""
    return (params["x"] - 2) ** 2 + (params["kind"] == "plain")


if __name__ == "__main__":
    study = hpo.create_study(space=SPACE, seed=1)
    with Parallel(n_jobs=2) as parallel:
        for _ in range(6):
            trials = [study.ask(SPACE) for _ in range(2)]  # the second one sees that the first is running
            scores = parallel(delayed(score)(trial.params) for trial in trials)
            for trial, value in zip(trials, scores, strict=True):
                study.tell(trial, value)
    print(study)
