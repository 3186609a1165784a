"""Names that programs for Optuna use, and advice where such a name is missing.

- `advice`: what to say about a name that does not exist
- `old_distributions`: the five distributions of Optuna 2, which make today's
- `base_classes`: classes that all trials and all distributions count as objects of

`hpo.storages`, `hpo.search_space`, `hpo.integration` and `hpo.version` are such names too, under the names of Optuna's modules.
"""
