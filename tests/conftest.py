"""What no test leaves to chance: the examples that hypothesis tries, its patience, and what other tests did to the log."""

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
