"""What to say about a name that does not exist: where it is, what is called like that, or what to use instead."""

from __future__ import annotations

import difflib
from importlib import import_module

PAGE = "docs/how-to/coming-from-optuna.md"

INSTEAD = {
    "artifacts": "files of trials are not built yet",
    "multi_objective": "give create_study several directions",
    "visualization": "plots are not built yet; study.trials_dataframe() is what any library can plot",
    "upload_artifact": "files of trials are not built yet",
    "BaseGASampler": "a genetic sampler of your own is a function of the state, see docs/how-to/write-a-sampler.md",
    "BaseCrossover": "crossovers are not built yet",
    "nsgaii": "crossovers are not built yet",
    "NSGAIISampler": "use TPESampler, which takes several objectives",
    "NSGAIIISampler": "use TPESampler, which takes several objectives",
    "MOTPESampler": "use TPESampler, which takes several objectives",
    "RedisStorage": "storage='redis://...'",
    "GrpcStorageProxy": "give every worker the same storage, a file, a directory or the URL of a database",
    "run_grpc_proxy_server": "give every worker the same storage, a file, a directory or the URL of a database",
    "progress_bar": "study.optimize(..., show_progress_bar=True)",
    "CLIUsageError": "the command line reports errors and exits with 2",
    "NOT_SET": "a study always has a direction",
}
"""What to use in place of names that programs for Optuna look for, by name."""

_MODULES = (
    "",
    "samplers",
    "pruners",
    "study",
    "trial",
    "distributions",
    "stopping",
    "storages",
    "errors",
    "exceptions",
)
_GROWING = ("hpo.artifacts", "hpo.importance", "hpo.visualization", "hpo.visualization.matplotlib")
_MOST = 3  # names in one message
_NEARLY = 0.05  # of the likeness of the best name


def advice(package: str, name: str) -> str:
    """Return what to say about `name`, which `package` does not have; nothing if nothing is known.

    Args:
        package: A module of hpo, such as ``"hpo.samplers"``.
        name: What somebody looked for there.

    Example:
        >>> advice("hpo", "TPESampler")
        'it is hpo.samplers.TPESampler'
        >>> advice("hpo.samplers", "TPESamler")
        'did you mean TPESampler?'
        >>> advice("hpo.samplers", "MOTPESampler")
        'use TPESampler, which takes several objectives; see docs/how-to/coming-from-optuna.md'
    """
    if name.startswith("_"):  # Python itself asks for many names with underscores
        return ""
    if name in INSTEAD:
        return f"{INSTEAD[name]}; see {PAGE}"
    if package in _GROWING:
        return f"it is misspelt or not built yet; see {PAGE}"
    homes = _homes()
    elsewhere = sorted(homes.get(name, ()), key=len)
    if elsewhere:
        return f"it is {elsewhere[0]}.{name}"
    here = [known for known, modules in homes.items() if package in modules]
    for names in (here, [*homes]):
        close = difflib.get_close_matches(name, names, n=_MOST, cutoff=0.75)
        if close:
            # the others are much less alike than the first, or could be meant as well
            first = difflib.SequenceMatcher(None, name, close[0]).ratio()
            close = [each for each in close if difflib.SequenceMatcher(None, name, each).ratio() > first - _NEARLY]
            shown = close if names is here else [f"{min(homes[each], key=len)}.{each}" for each in close]
            return f"did you mean {' or '.join(shown)}?"
    lower = {known.lower(): known for known in here}
    same = lower.get(name.replace("_", "").lower())
    return "" if same is None else f"did you mean {same}?"


def _homes() -> dict[str, list[str]]:
    """Return the modules that have each public name."""
    homes: dict[str, list[str]] = {}
    for module in _MODULES:
        path = f"hpo.{module}".rstrip(".")
        for name in getattr(import_module(path), "__all__", ()):
            homes.setdefault(name, []).append(path)
    return homes
