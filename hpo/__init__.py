"""Hyperparameter optimization with a functional core."""
