"""What the tests of samplers share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `sampled_studies` and `branching_objective`
