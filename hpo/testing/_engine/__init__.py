"""The engine that runs all laws.

- `cases`: a question to a sampler or a pruner, and what it answers, also as a string for messages
- `runner`: runs a check on generated and on named questions, and the laws of one kind of subject
- `comparisons`: the laws that samplers, pruners and stopping rules share: the same question gets the same answer
- `isolation`: the same for threads, clocks, the process and other options; `steps`: counts instructions
- `transformations`: the same study in other units or with other labels
- `question_sources`: a sampler's own history, and ranges whose ends are hard to respect
- `counterexamples`: what a broken law prints
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
    shown,
    shown_error,
    strictly,
    why_invalid,
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
from hpo.testing._engine.isolation import (
    check_options_apart,
    leaves_the_process,
    same_at_any_time,
    same_in_any_thread,
    variants_of,
)
from hpo.testing._engine.question_sources import edge_questions, own_run, with_own_history
from hpo.testing._engine.runner import (
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Memo,
    counterexample_to,
    for_each_named,
    for_every_question,
    given_to,
)
from hpo.testing._engine.steps import FEW, MANY, MARKS, check_bounded, count_steps
from hpo.testing._engine.transformations import (
    mirror_images,
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
    "FEW",
    "MANY",
    "MARKS",
    "Counterexample",
    "Finding",
    "InvalidAnswer",
    "LawOrName",
    "LawSuite",
    "LawTests",
    "Memo",
    "Question",
    "Raised",
    "all_siblings",
    "answer_of",
    "as_text",
    "bare_decision_of",
    "check_answer",
    "check_bounded",
    "check_options_apart",
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
    "leaves_the_process",
    "mirror_images",
    "mirrored",
    "monotone",
    "own_run",
    "prefixes",
    "relabelled",
    "reordered",
    "rescaled",
    "same_after",
    "same_after_growth",
    "same_at_any_time",
    "same_for",
    "same_in_any_order",
    "same_in_any_process",
    "same_in_any_recording_order",
    "same_in_any_thread",
    "same_twice",
    "shown",
    "shown_error",
    "strictly",
    "variants_of",
    "where_saved",
    "why_invalid",
    "why_not_json",
    "with_own_history",
    "with_trials",
    "with_values",
]
