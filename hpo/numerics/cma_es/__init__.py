"""The parts of CMA-ES: the model and its update, margins, learning rates, mirrored draws, a warm start."""
