"""The engine that runs all laws.

- `cases`: a question to a sampler or a pruner, and what it answers
- `runner`: runs a check on generated and on named questions; `law_suite`: runs the laws of one kind of subject
- `comparisons`: the laws that samplers, pruners and stopping rules share; `steps`: counts instructions
- `transformations`, `own_history`: the same study in other units, with other labels, or with a sampler"s own suggestions
- `edge_ranges`: ranges whose ends are hard to respect; `other_process`: asks the same questions in another process
- `counterexamples`, `formatting`: what a broken law prints
"""

from hpo.testing._engine.cases import (
    FAULTS,
    InvalidAnswer,
    Question,
    Raised,
    answer_of,
    as_text,
    bare_decision_of,
    decision_of,
    full_answer_of,
    joint_space_of,
    strictly,
    why_not_json,
)
from hpo.testing._engine.comparisons import (
    all_siblings,
    copied,
    same_after,
    same_after_growth,
    same_for,
    same_in_any_order,
    same_in_any_process,
    same_in_any_recording_order,
    same_twice,
)
from hpo.testing._engine.counterexamples import Counterexample, check_answer, where_saved
from hpo.testing._engine.edge_ranges import edge_questions
from hpo.testing._engine.formatting import shown, shown_error
from hpo.testing._engine.law_suite import LawOrName, LawSuite, LawTests, given_to
from hpo.testing._engine.own_history import own_run, with_own_history
from hpo.testing._engine.runner import Finding, counterexample_to, for_each_named, for_every_question
from hpo.testing._engine.steps import check_bounded, count_steps
from hpo.testing._engine.transformations import (
    mirrored,
    monotone,
    prefixes,
    relabelled,
    reordered,
    rescaled,
    with_trials,
    with_values,
)

__all__ = [
    "FAULTS",
    "Counterexample",
    "Finding",
    "InvalidAnswer",
    "LawOrName",
    "LawSuite",
    "LawTests",
    "Question",
    "Raised",
    "all_siblings",
    "answer_of",
    "as_text",
    "bare_decision_of",
    "check_answer",
    "check_bounded",
    "copied",
    "count_steps",
    "counterexample_to",
    "decision_of",
    "edge_questions",
    "for_each_named",
    "for_every_question",
    "full_answer_of",
    "given_to",
    "joint_space_of",
    "mirrored",
    "monotone",
    "own_run",
    "prefixes",
    "relabelled",
    "reordered",
    "rescaled",
    "same_after",
    "same_after_growth",
    "same_for",
    "same_in_any_order",
    "same_in_any_process",
    "same_in_any_recording_order",
    "same_twice",
    "shown",
    "shown_error",
    "strictly",
    "where_saved",
    "why_not_json",
    "with_own_history",
    "with_trials",
    "with_values",
]
