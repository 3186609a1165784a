from hpo import (
    distributions as distributions,
    errors as errors,
    exceptions as exceptions,
    extend as extend,
    importance as importance,
    integration as integration,
    journal as journal,
    logging as logging,
    pareto as pareto,
    pruners as pruners,
    samplers as samplers,
    search_space as search_space,
    spaces as spaces,
    stopping as stopping,
    storages as storages,
    study as study,
    terminator as terminator,
    testing as testing,
    transfer as transfer,
    trial as trial,
    version as version,
    views as views,
    visualization as visualization,
)
from hpo.core import (
    Artifact as Artifact,
    CategoricalDistribution as CategoricalDistribution,
    Decision as Decision,
    Distribution as Distribution,
    Exhausted as Exhausted,
    FloatDistribution as FloatDistribution,
    ForkTrial as ForkTrial,
    FrozenTrial as FrozenTrial,
    IntDistribution as IntDistribution,
    Key as Key,
    Origin as Origin,
    Promoter as Promoter,
    Pruner as Pruner,
    Resume as Resume,
    Sampler as Sampler,
    SearchSpace as SearchSpace,
    Stop as Stop,
    StoppingRule as StoppingRule,
    StudyDirection as StudyDirection,
    StudyState as StudyState,
    Suggestion as Suggestion,
    TrialState as TrialState,
    Verdict as Verdict,
    ask as ask,
    best_trial as best_trial,
    best_trials as best_trials,
    decide as decide,
    enqueue as enqueue,
    events_since as events_since,
    evolve as evolve,
    pause as pause,
    replay as replay,
    report as report,
    resume as resume,
    set_constraint as set_constraint,
    set_user_attr as set_user_attr,
    should_prune as should_prune,
    tell as tell,
    what_if as what_if,
)
from hpo.errors import (
    DuplicatedStudyError as DuplicatedStudyError,
    HpoError as HpoError,
    SearchSpaceExhausted as SearchSpaceExhausted,
    TrialFailed as TrialFailed,
    TrialPruned as TrialPruned,
)
from hpo.journal import open_journal as open_journal
from hpo.pruners.curves import FinalPrediction as FinalPrediction, predict_final as predict_final
from hpo.study.callbacks.retries import RetryFailedTrials as RetryFailedTrials
from hpo.study.fixed_trial import FixedTrial as FixedTrial
from hpo.study.made_trials import create_trial as create_trial
from hpo.study.replaying.audit import audit_pruning as audit_pruning
from hpo.study.replaying.backtest import backtest as backtest
from hpo.study.replaying.certificate import (
    Certificate as Certificate,
    certificate as certificate,
    check_certificate as check_certificate,
)
from hpo.study.replaying.comparison import Parting as Parting, diff as diff
from hpo.study.replaying.explanation import Explanation as Explanation, explain as explain
from hpo.study.replaying.verification import Verification as Verification, verify as verify
from hpo.study.studies import (
    StudySummary as StudySummary,
    copy_study as copy_study,
    create_study as create_study,
    delete_study as delete_study,
    get_all_study_names as get_all_study_names,
    get_all_study_summaries as get_all_study_summaries,
    load_study as load_study,
)
from hpo.study.study import Study as Study
from hpo.study.trial import Trial as Trial

__version__: str
