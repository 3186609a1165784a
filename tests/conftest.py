"""What no test leaves to chance: the examples that hypothesis tries, its patience, and what other tests did to the log.

And what several folders of tests need of the machine.
"""

import shutil
import subprocess

import pytest
from hypothesis import settings

import hpo

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _leave_the_log_as_it_was():
    logger = hpo.logging.get_logger()
    level, propagate, handlers = logger.level, logger.propagate, [*logger.handlers]
    yield
    logger.setLevel(level)
    logger.propagate, logger.handlers[:] = propagate, handlers


@pytest.fixture(scope="session")
def strace():
    """The path of strace, where it can trace."""
    path = shutil.which("strace")
    if path is None:
        pytest.skip("this needs strace")
    tried = subprocess.run([path, "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace is not allowed to trace: {tried.stderr.decode(errors='replace').strip()}")
    return path
