"""Integrations with other libraries are adapters, packages beside `hpo`: each name here says which one to use."""

from __future__ import annotations

_ADAPTERS = {
    "DaskStorage": "give every worker the same storage, or study.optimize an executor: see docs/how-to/run-in-parallel.md",
    "PyCmaSampler": "use hpo.samplers.CmaEsSampler",
    "BoTorchSampler": "use hpo.samplers.GPSampler",
}

__all__: list[str] = []


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(name)
    hint = _ADAPTERS.get(name, "integrations are adapters, packages beside hpo; this one is not among them yet")
    raise AttributeError(f"hpo.integration has no {name!r}: {hint}; see docs/how-to/coming-from-optuna.md")
