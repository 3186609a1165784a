"""Callbacks for `Study.optimize`."""
