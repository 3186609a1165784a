"""``python -m hpo`` is the command ``hpo``."""

from __future__ import annotations

import sys


def run() -> int:
    """Run the command line of this process; the exit code, see `hpo.cli.main`.

    Ctrl-C ends it with one line also while the modules are loaded that a command line needs.
    """
    try:
        from hpo.cli import main
    except KeyboardInterrupt:
        print("hpo: interrupted", file=sys.stderr)  # noqa: T201 - what else prints may not be there yet
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(run())
