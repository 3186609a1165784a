"""Where a program finds its parameters: in its command line, in environment variables, or in a JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hpo.errors import InvalidArgument

ALWAYS = ("number", "job", "study", "folder", "params", "result")
"""What every program is told beside its parameters: the trial's number, the parallel place that it runs in, the study's
name, the trial's folder, and the files for parameters and result."""

_BRACES = re.compile(r"\{\{([^{}]*)\}\}|\{([^{}]*)\}")
_LIKE_A_NAME = re.compile(r"[A-Za-z_][\w.-]*")


@attrs.frozen
class Template:
    """Words with placeholders such as ``{lr}``.

    Braces around anything that does not look like a name are left alone, so that JSON may be part of a command. Double
    braces around a name stand for single ones: ``{{lr}}`` becomes ``{lr}``.

    Args:
        words: The program and its arguments.
        names: The names of the parameters. One of them hides a name of `ALWAYS`.

    Raises:
        InvalidArgument: there are no words, or a placeholder has another name.

    Example:
        >>> template = Template(["python", "train.py", "--lr={lr}", '{"seed": 1}'], ["lr"])
        >>> template.filled({"lr": 1e-05})
        ['python', 'train.py', '--lr=1e-05', '{"seed": 1}']
    """

    words: Sequence[str]
    names: Sequence[str]

    def __attrs_post_init__(self) -> None:
        unknown = [name for name in self._mentioned() if name not in self._known()]
        if unknown:
            raise InvalidArgument(
                f"there is no value for {{{unknown[0]}}}: there are {', '.join(f'{{{name}}}' for name in self._known())}; "
                f"write {{{{{unknown[0]}}}}} for the word {{{unknown[0]}}} itself"
            )

    def mentions(self, name: str) -> bool:
        """Return whether the words have a placeholder for `name`."""
        return name in self._mentioned()

    def filled(self, values: Mapping[str, Any]) -> list[str]:
        """Return the words with the `values`, which are given by name, in place of their placeholders."""

        def fill(braces: re.Match[str]) -> str:
            doubled, name = braces.groups()
            if doubled is not None:
                return f"{{{doubled}}}" if _LIKE_A_NAME.fullmatch(doubled) else braces[0]
            return written(values[name]) if name in values else braces[0]

        return [_BRACES.sub(fill, word) for word in self.words]

    def _known(self) -> list[str]:
        return [*self.names, *(name for name in ALWAYS if name not in self.names)]

    def _mentioned(self) -> list[str]:
        found = [match[2] for word in self.words for match in _BRACES.finditer(word) if match[2] is not None]
        return [name for name in found if name in self.names or _LIKE_A_NAME.fullmatch(name)]


def written(value: Any) -> str:
    """Return a value as programs read it: strings as they are, anything else as JSON.

    Example:
        >>> [written(value) for value in (1e-05, 8, "adam", True, None)]
        ['1e-05', '8', 'adam', 'true', 'null']
    """
    return value if isinstance(value, str) else json.dumps(value)


def environment(params: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that tell a program its parameters, and what else it may need to know.

    Args:
        params: The parameters by name. Each is in ``HPO_PARAM_<name>``, with ``_`` for all that names of variables cannot
            have, and all of them are in ``HPO_PARAMS``, as JSON.
        facts: The values of `ALWAYS` by name.

    Raises:
        InvalidArgument: two parameters would have the same variable.

    Example:
        >>> environment({"opt.lr": 0.5}, {})
        {'HPO_PARAMS': '{"opt.lr": 0.5}', 'HPO_PARAM_opt_lr': '0.5'}
    """
    found = {"HPO_PARAMS": json.dumps(dict(params))}
    for name, value in params.items():
        variable = "HPO_PARAM_" + re.sub(r"\W", "_", name, flags=re.ASCII)
        if variable in found:
            raise InvalidArgument(f"two parameters have the environment variable {variable}: rename {name!r}")
        found[variable] = written(value)
    variables = {
        "number": "HPO_TRIAL_NUMBER",
        "job": "HPO_JOB",
        "study": "HPO_STUDY_NAME",
        "folder": "HPO_TRIAL_FOLDER",
        "params": "HPO_PARAMS_FILE",
        "result": "HPO_RESULT_FILE",
    }
    return found | {variables[name]: written(value) for name, value in facts.items()}
