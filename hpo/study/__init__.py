"""Studies: the shell around the core, which waits, writes and calls objectives."""
