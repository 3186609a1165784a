"""Journals in files, one study each."""
