"""Shared modules of the adapters for database servers."""
