"""Records: what is written down, and its only written form.

- `events`: the closed union of facts, as JSON; `creation`: the first event of a study, checked
- `table`: finished trials as columns of numbers
- `consistency`: events that no sequence of decisions can lead to
- `trials`: a whole trial as an event, and back; `states`: a whole state as bytes, and back
"""

from hpo.core.records.consistency import (
    Impossible,
    check_created,
    check_metric_names,
    check_new_number,
    check_result,
    mapping_of,
)
from hpo.core.records.creation import checked_metric_names, study_created
from hpo.core.records.events import (
    FORMAT,
    AdvisorSet,
    AnyEvent,
    ArtifactAdded,
    ArtifactRemoved,
    ConstraintSet,
    MetricNamesSet,
    ParamsSuggested,
    PruningDecided,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    TrialAdded,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
    ValueReported,
    decode_events,
    decode_hook,
    encode_events,
    encode_hook,
    is_acknowledged,
)
from hpo.core.records.states import decode_state, encode_state
from hpo.core.records.table import COLUMNS, STATES, Rest, Row, TableBuilder, TrialTable
from hpo.core.records.trials import added_trial, external_params, read_metrics, trial_record, written_metrics

__all__ = [
    "COLUMNS",
    "FORMAT",
    "STATES",
    "AdvisorSet",
    "AnyEvent",
    "ArtifactAdded",
    "ArtifactRemoved",
    "ConstraintSet",
    "Impossible",
    "MetricNamesSet",
    "ParamsSuggested",
    "PruningDecided",
    "Rest",
    "Row",
    "SpaceDefined",
    "StudyAttributeSet",
    "StudyCreated",
    "TableBuilder",
    "TrialAdded",
    "TrialAttributeSet",
    "TrialEnqueued",
    "TrialFinished",
    "TrialPaused",
    "TrialResumed",
    "TrialStarted",
    "TrialTable",
    "ValueReported",
    "added_trial",
    "check_created",
    "check_metric_names",
    "check_new_number",
    "check_result",
    "checked_metric_names",
    "decode_events",
    "decode_hook",
    "decode_state",
    "encode_events",
    "encode_hook",
    "encode_state",
    "external_params",
    "is_acknowledged",
    "mapping_of",
    "read_metrics",
    "study_created",
    "trial_record",
    "written_metrics",
]
