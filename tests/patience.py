"""How long tests wait for other threads, processes and servers: far longer than that takes on the busiest machine."""

PATIENCE = 100
"""Seconds after which a test that waits for others fails."""
