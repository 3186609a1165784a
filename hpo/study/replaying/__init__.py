"""Replaying a journal: verification, explanations, versions, forks and copies."""
