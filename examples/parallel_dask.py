"""Trials on a cluster of Dask: here two processes of this machine, elsewhere Client("tcp://scheduler:8786").

pip install distributed
python examples/parallel_dask.py
"""

from distributed import Client

import hpo


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        study = hpo.create_study(seed=1)
        # Dask does not tell how many workers it has, and they may come and go
        study.optimize(objective, n_trials=12, executor=client.get_executor(), n_jobs=2)
        print(study)
