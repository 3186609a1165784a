"""Fitted surrogates: from finished trials to models that predict results, as folds over what `hpo.numerics` computes.

They know of trials, but not of samplers or studies: how parameters become numbers is given to them as a coding.
"""
