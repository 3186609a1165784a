"""Rules that end hopeless trials early; each is a pure function (see `hpo.core.pruning.Pruner`)."""
