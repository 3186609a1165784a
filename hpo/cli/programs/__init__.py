"""Programs as objectives: fill in a command line, run it, read what it prints, end it, and say why it failed."""
