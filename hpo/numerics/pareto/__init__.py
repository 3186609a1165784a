"""Sets of points with several losses: non-domination and hypervolume."""
