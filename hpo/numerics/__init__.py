"""Arrays in, arrays out; this room knows nothing of trials."""
