"""Profiles of hypothesis, by HPO_HYPOTHESIS_PROFILE (dev, ci or long), and the shared strategies on the path."""

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=200, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("long", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HPO_HYPOTHESIS_PROFILE", "ci"))
