"""Values and transitions: the functional core. Nothing in this room waits, writes, or reads a clock.

- `distributions`, `ranges`, `choices`, `space`, `direction`: what a parameter and an objective may be
- `key`: named random streams
- `trial`, `study_state`: a trial and a study as values; `state`: `evolve`, the only way a state comes to be
- `trial_values`: what a trial can be told; `events`, `trial_record`, `snapshot`: the written forms
- `commands`: what a study can be told; `decide`: what comes of it, the only place where facts are judged, with
  `creation` for the first one
- `sampling`, `pruning`: what samplers and pruners are; `identity`: what is written down of them
- `views`: pure questions; `study_view`: a state under the names of a study; `ask_tell`: the functions for people who
  own their loop
- `history`, `persistent`, `numbers`, `step_grid`: what the others are made of
"""
