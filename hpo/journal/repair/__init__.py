"""Checking and repairing files and databases whose content cannot be trusted."""
