"""Loading what a command line names: objectives, samplers and pruners, JSON objects."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.errors import InvalidArgument, InvalidType
from hpo.registration import Registry


def objective_at(location: str) -> Callable[[Any], Any]:
    """Return the callable that `location` names.

    Args:
        location: ``FILE.py:name``, whose directory is put on `sys.path` first, or ``package.module:name``, which is
            looked for in the current directory first. The name may have dots, as in ``Task.objective``.

    Raises:
        InvalidArgument: there is no such file, module or name, or running the file raises.
        InvalidType: the object of this name cannot be called.
    """
    found = object_at(location)
    if not callable(found):
        raise InvalidType(f"{location} is not an objective: it is {found!r}, which can't be called with a trial")
    return found  # type: ignore[no-any-return]


def object_at(location: str) -> Any:
    """Return the object that `location` names, in the forms that `objective_at` describes."""
    place, colon, name = location.rpartition(":")
    if not (place and colon and name):
        raise InvalidArgument(f"{location!r} does not name anything: give FILE.py:name or package.module:name")
    module = _from_file(Path(place)) if _is_file_name(place) else _from_path(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise InvalidArgument(f"{place} has no {name!r}: it has {_callables_in(module)}")
        found = getattr(found, part)
    return found


def created(choice: str, options: Mapping[str, Any] | None, registry: Registry) -> Any:
    """Return the sampler or pruner that a command line names.

    A class, or a function that needs no arguments other than `options`, is called with them. Anything else is taken as
    it is: a function with the arguments of a sampler is a sampler.

    Args:
        choice: A registered name, or ``FILE.py:name`` or ``package.module:name``.
        options: Keyword arguments; None if none were given.
        registry: The samplers or pruners that have names.

    Raises:
        InvalidArgument: nothing has this name, or it can't be made with `options`.
        BrokenPlugin: it belongs to a package that can't be loaded.
    """
    if ":" in choice:
        found = object_at(choice)
    elif registry.find(choice) is None:
        known = ", ".join(registry.names())
        raise InvalidArgument(
            f"there is no {registry.kind} {choice!r}: there are {known}; name your own as FILE.py:name"
        )
    else:
        found = registry.load(choice)
    if options is None and not _is_factory(found):
        return found
    try:
        return found(**(options or {}))
    except Exception as error:
        raise InvalidArgument(f"{choice} can't be made with {dict(options or {})}: {error}") from error


def _is_factory(found: object) -> bool:
    if isinstance(found, type):
        return True
    if not inspect.isroutine(found):
        return False
    try:
        inspect.signature(found).bind()
    except (TypeError, ValueError):  # it needs arguments, or has no signature
        return False
    return True


def _is_file_name(place: str) -> bool:
    return place.endswith(".py") or "/" in place or Path(place).is_file()


def _from_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise InvalidArgument(f"there is no file {str(file)!r}")
    file = file.resolve()
    _look_in(file.parent)
    loaded = sys.modules.get(file.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(file):
        return loaded
    # Under its own name, so that what it defines can be pickled, unless another module has this name already.
    name = file.stem if loaded is None else f"objective in {file}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidArgument(f"{str(file)!r} is not a Python file: its name has to end in .py")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InvalidArgument(f"{file} can't be loaded: {described(error)}") from error
    return module


def _from_path(name: str) -> ModuleType:
    _look_in(Path.cwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise InvalidArgument(f"there is no module {name!r}, here or installed") from None
        raise InvalidArgument(f"{name} can't be loaded: {described(error)}") from error
    except (Exception, SystemExit) as error:
        raise InvalidArgument(f"{name} can't be loaded: {described(error)}") from error


def described(error: BaseException) -> str:
    """Return an error of the user's code in one line: the last line of its traceback, and where it was raised."""
    from hpo.study.running.messages import failure_reason

    return failure_reason(error)


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _callables_in(module: ModuleType) -> str:
    """Return the names of the functions and classes that the module itself defines."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", None) == module.__name__
    ]
    return ", ".join(own) or "nothing that can be called"


def json_object(text: str, origin: str, *, like: str) -> dict[str, Any]:
    """Return the JSON object in `text`.

    Args:
        text: The JSON.
        origin: What the text is, for error messages.
        like: A valid example, for error messages.

    Raises:
        InvalidArgument: it is not valid JSON, not an object, or has a key twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition)
    except InvalidArgument as error:
        raise InvalidArgument(f"{origin}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{origin} is not valid JSON: {error}; expected for example {like}") from None
    if not isinstance(document, dict):
        raise InvalidArgument(f"{origin} is not a JSON object; expected for example {like}")
    return document


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"the key {twice!r} is there twice")
    return found
