"""Values: what parameters, spaces, trials and random streams are.

- `checks`: builtin values from what users pass, directions and objective values
- `json_tree`: values as JSON trees, and as such a tree what the journal records about a sampler, pruner or promoter
- `grid`, `numeric`, `distributions`: the three kinds of distribution; `search_space`: several by name
- `display`: trials and tables for people, as text and HTML
- `trial`: a trial at one moment; `trial_state`: its states; `trial_checks`: what is told about a trial, checked
- `key`: named random streams; `origin`: where a command came from, and the files of a study
- `option_checks`: validators for the options of samplers, pruners and callbacks
"""

from hpo.core.values.base_trial import BaseTrial
from hpo.core.values.checks import (
    StudyDirection,
    as_float,
    as_int,
    checked_sem,
    checked_text,
    checked_time,
    checked_value,
)
from hpo.core.values.display import as_html, params_in_words, result_in_words, rounded, shortened
from hpo.core.values.distributions import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    IntDistribution,
    as_given,
    check_distribution_compatibility,
    distribution_from_document,
    distribution_of,
    distribution_to_json,
    index_of,
    json_to_distribution,
    rarest_index,
    value_of,
)
from hpo.core.values.grid import grid_value, nearest_cell
from hpo.core.values.json_tree import (
    Identity,
    KeptObject,
    Number,
    checked_callable,
    from_json_tree,
    from_number,
    from_numbers,
    identity_of,
    is_json,
    name_of,
    shown_with_advice,
    to_json_tree,
    to_number,
    to_numbers,
)
from hpo.core.values.key import Key
from hpo.core.values.option_checks import (
    is_bool,
    is_function,
    is_positive,
    number_from,
    one_of,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.core.values.origin import Artifact, Origin, checked_artifact, checked_origin
from hpo.core.values.search_space import SearchSpace
from hpo.core.values.trial import (
    NO_METRICS,
    FrozenTrial,
    create_trial,
    validated,
)
from hpo.core.values.trial_checks import (
    checked_constraint,
    checked_cost,
    checked_report,
    coerced_value,
)
from hpo.core.values.trial_state import TrialState, checked_state, checked_states

__all__ = [
    "NO_METRICS",
    "Artifact",
    "BaseTrial",
    "CategoricalDistribution",
    "Choice",
    "Distribution",
    "FloatDistribution",
    "FrozenTrial",
    "Identity",
    "IntDistribution",
    "KeptObject",
    "Key",
    "Number",
    "Origin",
    "SearchSpace",
    "StudyDirection",
    "TrialState",
    "as_float",
    "as_given",
    "as_html",
    "as_int",
    "check_distribution_compatibility",
    "checked_artifact",
    "checked_callable",
    "checked_constraint",
    "checked_cost",
    "checked_origin",
    "checked_report",
    "checked_sem",
    "checked_state",
    "checked_states",
    "checked_text",
    "checked_time",
    "checked_value",
    "coerced_value",
    "create_trial",
    "distribution_from_document",
    "distribution_of",
    "distribution_to_json",
    "from_json_tree",
    "from_number",
    "from_numbers",
    "grid_value",
    "identity_of",
    "index_of",
    "is_bool",
    "is_function",
    "is_json",
    "is_positive",
    "json_to_distribution",
    "name_of",
    "nearest_cell",
    "number_from",
    "one_of",
    "option_check",
    "params_in_words",
    "rarest_index",
    "result_in_words",
    "rounded",
    "shortened",
    "shown_with_advice",
    "to_float_if_number",
    "to_int_if_whole",
    "to_json_tree",
    "to_number",
    "to_numbers",
    "validated",
    "value_of",
    "whole_from",
]
