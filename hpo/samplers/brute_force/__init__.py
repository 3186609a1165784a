"""Exhaustive search: `sampler`, and `tree`, the combinations that were tried."""
