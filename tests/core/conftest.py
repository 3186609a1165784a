"""Fixtures of the tests of the core."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `decided_studies`
pytest.register_assert_rewrite("decided_studies")
