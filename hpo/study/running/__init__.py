"""Running trials: the loops behind `Study.optimize`, down to one call of an objective."""
