"""Bridges to other systems, one file or folder each; none is imported by `hpo`."""
