"""Journals: append-only lists of events, and the places that keep them."""
