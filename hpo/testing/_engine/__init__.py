"""What all laws are made of: cases, runs, counterexamples and how they are shown."""
