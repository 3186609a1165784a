"""Values and transitions: the functional core. Nothing in this room waits, writes, or reads a clock.

- `distributions`, `choices`, `space`, `direction`: what a parameter and an objective may be
- `key`: named random streams
- `trial`, `state`: a trial and a study as values; `evolve`, the only way a state comes to be
- `events`, `snapshot`: the written forms
- `commands`: what a study can be told; `decide`: what comes of it, the only place where facts are judged
- `sampling`, `pruning`: what samplers and pruners are
- `views`: pure questions; `ask_tell`: the functions for people who own their loop
- `history`, `persistent`, `numbers`, `step_grid`: what the others are made of
"""
