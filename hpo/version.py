"""The version of the library, under the module name that Optuna uses too."""

from hpo import __version__

__all__ = ["__version__"]
