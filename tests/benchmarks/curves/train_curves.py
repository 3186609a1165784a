"""Train 1,100 configurations on data sets that come with scikit-learn, and keep their learning curves in `curves.npz`.

    python tests/benchmarks/curves/train_curves.py [TABLE ...]

Six tables of 150 or 250 configurations: two of stochastic gradient descent, two of multi-layer perceptrons and two of gradient
boosting. A configuration is drawn at random from the space of its table. After every epoch (of boosting: after every
tree) the model is judged on a third of the data that it is not trained on. A training that diverges has NaN from then on.
It took 3 CPU minutes, with scikit-learn 1.9.1. With names of tables, only these are trained anew.

The file has for each table NAME: ``NAME.curves``, (configurations, epochs) of float32, and ``NAME.units``, (configurations,
parameters) of float32: where in the space each configuration is, from 0 to 1 (see `curve_problems.py`).
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from curve_problems import CURVES, SPACES, at, n_epochs
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

CONFIGURATIONS = {"diabetes-sgd": 250, "diabetes-mlp": 250}  # of others 150
TREES_PER_EPOCH = 1
DATA = {"cancer": load_breast_cancer, "diabetes": load_diabetes}


def split(name: str) -> tuple[Any, ...]:
    """Return inputs and targets to train on and to judge by; of the regression, targets are standardized."""
    inputs, targets = DATA[name](return_X_y=True)
    classes = name != "diabetes"
    if not classes:
        targets = (targets - targets.mean()) / targets.std()
    here, there, mine, theirs = train_test_split(
        inputs, targets, test_size=1 / 3, random_state=0, stratify=targets if classes else None
    )
    scaler = StandardScaler().fit(here)
    return scaler.transform(here), scaler.transform(there), mine, theirs


def error(model: Any, inputs: Any, targets: Any) -> float:
    """Return the share of wrong answers, the logarithmic loss or the root of the mean squared error; NaN if diverged."""
    if isinstance(model, SGDClassifier):
        return float(1 - model.score(inputs, targets))
    if hasattr(model, "predict_proba"):
        return float(log_loss(targets, model.predict_proba(inputs), labels=model.classes_))
    return float(np.sqrt(np.mean((model.predict(inputs) - targets) ** 2)))


def model_of(kind: str, params: dict[str, Any], classes: bool) -> Any:
    params = {**params, "random_state": 0}
    if kind == "sgd":
        return (SGDClassifier if classes else SGDRegressor)(**params)
    if kind == "mlp":
        layers, width = params.pop("layers"), params.pop("width")
        return (MLPClassifier if classes else MLPRegressor)(hidden_layer_sizes=(width,) * layers, **params)
    return (GradientBoostingClassifier if classes else GradientBoostingRegressor)(**params)


def by_epoch(kind: str, params: dict[str, Any], data: tuple[Any, ...], epochs: int, classes: bool) -> Iterator[float]:
    """Yield the validation result after each epoch, until the training diverges."""
    here, there, mine, theirs = data
    model = model_of(kind, params, classes)
    if kind == "boosting":
        model.set_params(n_estimators=epochs * TREES_PER_EPOCH).fit(here, mine)
        stages = model.staged_predict_proba(there) if classes else model.staged_predict(there)
        for number, predicted in enumerate(stages, 1):
            if number % TREES_PER_EPOCH == 0:
                yield float(log_loss(theirs, predicted) if classes else np.sqrt(np.mean((predicted - theirs) ** 2)))
        return
    rng = np.random.default_rng(0)
    more = {"classes": np.unique(mine)} if classes else {}
    for _ in range(epochs):
        order = rng.permutation(len(here))
        try:
            model.partial_fit(here[order], mine[order], **more)
            yield error(model, there, theirs)
        except ValueError as wrong:
            if "must be" in str(wrong):
                raise  # of the model's construction
            return  # weights that are not finite


def table(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of one table."""
    data_name, _, kind = name.partition("-")
    data, space, epochs = split(data_name), SPACES[name], n_epochs(name)
    n = CONFIGURATIONS.get(name, 150)
    units = np.random.default_rng([1, *name.encode()]).random((n, len(space))).astype(np.float32)
    curves = np.full((n, epochs), np.nan, np.float32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for row, unit in zip(curves, units, strict=True):
            found = [*by_epoch(kind, at(space, unit), data, epochs, data_name != "diabetes")]
            row[: len(found)] = found
            # what is beyond float32 has diverged as well, and nothing comes back from there
            gone = ~np.isfinite(row) | (np.abs(row) > 1e6)
            if gone.any():
                row[int(np.argmax(gone)) :] = np.nan
    return {f"{name}.curves": curves, f"{name}.units": units}


def main() -> None:
    """Train, and write the file."""
    path = Path(CURVES)
    for name in sys.argv[1:] or SPACES:
        began = time.process_time()
        found = table(name)
        arrays = {**(np.load(path) if path.exists() else {}), **found}
        curves = arrays[f"{name}.curves"]
        print(
            f"{name:20} {time.process_time() - began:6.1f} s, {np.isnan(curves[:, -1]).mean():.0%} diverged, "
            f"best {np.nanmin(curves[:, -1]):.4g}, median {np.nanmedian(curves[:, -1]):.4g}",
            flush=True,
        )
        np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
