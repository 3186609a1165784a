"""Run the command ``hpo`` as ``python -m hpo``."""

from __future__ import annotations

import sys


def run() -> int:
    """Run the command line of this process, and return the exit code that `hpo.cli.main` documents.

    Ctrl-C ends it with a one-line message, also while the modules that it needs are being imported.
    """
    try:
        from hpo.cli import main
    except KeyboardInterrupt:
        print("hpo: interrupted", file=sys.stderr)  # noqa: T201 - nothing else may be imported yet
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(run())
