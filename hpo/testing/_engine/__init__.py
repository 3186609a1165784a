"""The engine that runs all laws.

- `cases`: a question to a sampler or a pruner, and what it answers
- `runner`: runs a check on generated and on named questions; `law_suite`: runs the laws of one kind of subject
- `comparisons`: the laws that samplers, pruners and stopping rules share; `steps`: counts instructions
- `transformations`, `own_history`: the same study in other units, with other labels, or with a sampler's own suggestions
- `edge_ranges`: ranges whose ends are hard to respect; `other_process`: asks the same questions in another process
- `counterexamples`, `formatting`: what a broken law prints
"""
