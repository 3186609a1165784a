"""Trials that pause, are resumed, and are forked: what is recorded, what is refused, and what promoters say."""

import pytest

import hpo
from hpo.core import (
    Ask,
    Identity,
    PauseTrial,
    PruningDecided,
    RecordPruning,
    ResumeTrial,
    SetAdvisor,
    StartFork,
    TrialEnqueued,
    TrialPaused,
    TrialResumed,
    TrialStarted,
    decide,
    decode_events,
    encode_events,
    promotion,
    replay,
)
from hpo.errors import InvalidArgument, InvalidType, TrialNotFound, TrialNotPaused, TrialNotRunning
from hpo.samplers import RandomSampler

SPACE = {"lr": hpo.FloatDistribution(0.0, 1.0)}
PAUSED, RUNNING = hpo.TrialState.PAUSED, hpo.TrialState.RUNNING


def asked(n=1, seed=3):
    state = hpo.StudyState.create(seed=seed)
    for _ in range(n):
        state, _trial = hpo.ask(state, RandomSampler(), SPACE, worker="w")
    return state


def test_a_paused_trial_keeps_what_it_has_and_frees_its_worker():
    state = hpo.report(asked(), 0, 0.5, 3)
    before = state.trial(0)
    state = hpo.pause(state, 0, checkpoint="a.pt", at=9.0)
    paused = state.trial(0)
    assert (paused.state, paused.checkpoint, paused.worker) == (PAUSED, "a.pt", None)
    assert (paused.params, paused.intermediate_values) == (before.params, {3: 0.5})
    assert [*state.paused] == [0]
    assert not state.running
    assert state.trials == [paused]
    assert not paused.state.is_finished()
    assert "1 paused" in repr(state)


def test_a_resumed_trial_goes_on_where_it_was():
    state = hpo.pause(hpo.report(asked(), 0, 0.5, 3), 0, checkpoint="a.pt")
    state, trial = hpo.resume(state, 0, worker="v", at=10.0)
    assert (trial.state, trial.worker, trial.checkpoint) == (RUNNING, "v", "a.pt")
    state = hpo.pause(hpo.report(state, trial, 0.25, 4), trial)
    assert state.trial(0).checkpoint == "a.pt", "no new checkpoint keeps the old one"
    state = hpo.pause(hpo.resume(state, 0)[0], 0, checkpoint="b.pt")
    assert state.trial(0).checkpoint == "b.pt"
    assert state.trial(0).intermediate_values == {3: 0.5, 4: 0.25}


def test_a_paused_trial_may_be_told_without_being_resumed():
    state = hpo.pause(hpo.report(asked(2), 0, 0.5, 3), 0)
    state = hpo.tell(state, 0, state="pruned")
    assert (state.trial(0).state, state.trial(0).value) == (hpo.TrialState.PRUNED, 0.5)
    assert not state.paused


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: hpo.pause(s, 7), TrialNotFound),
        (lambda s: hpo.pause(hpo.pause(s, 0), 0), TrialNotRunning),
        (lambda s: hpo.pause(hpo.tell(s, 0, 1.0), 0), TrialNotRunning),
        (lambda s: hpo.pause(s, 0, checkpoint=3), InvalidType),
        (lambda s: hpo.resume(s, 0), TrialNotPaused),
        (lambda s: hpo.resume(hpo.tell(s, 0, 1.0), 0), TrialNotPaused),
        (lambda s: hpo.resume(s, 7), TrialNotFound),
        (lambda s: hpo.report(hpo.pause(s, 0), 0, 1.0, 1), TrialNotRunning),
        (lambda s: hpo.set_constraint(hpo.pause(s, 0), 0, "c", 1.0), TrialNotRunning),
        (lambda s: hpo.set_user_attr(hpo.pause(s, 0), 0, "k", 1), TrialNotRunning),
    ],
)
def test_what_cannot_be_is_refused(change, error):
    with pytest.raises(error):
        change(asked())


def test_a_fork_starts_with_its_parents_checkpoint_and_its_own_parameters():
    state = hpo.pause(asked(), 0, checkpoint="a.pt")
    state = replay(decide(state, StartFork(0, {"lr": 0.25}, {"rule": "exploit"}, 1.5, "w")), state)
    fork = state.trial(1)
    assert (fork.parent, fork.checkpoint, fork.worker, fork.fixed_params) == (0, "a.pt", "w", {"lr": 0.25})
    state = hpo.pause(hpo.resume(state, 0)[0], 0, checkpoint="b.pt")
    assert state.trial(1).checkpoint == "a.pt", "the parent goes on without the fork"
    with pytest.raises(InvalidArgument, match="was never started"):
        decide(hpo.enqueue(state, {}), StartFork(2, {}))
    with pytest.raises(TrialNotFound):
        decide(state, StartFork(9, {}))


def test_the_events_are_short_arrays_and_come_back_equal():
    state = hpo.StudyState.create()
    events = []
    for command in (
        Ask(1.0, "w"),
        PauseTrial(0, "a.pt", 2.0),
        ResumeTrial(0, 3.0, "v", {"rung": 1}),
        RecordPruning(0, "pause", {"rule": "halving", "step": 3, "values": [0.5, float("inf")]}, detached=True),
    ):
        new = decide(state, command)
        state = replay(new, state)
        events += new
    assert [type(event) for event in events] == [TrialStarted, TrialPaused, TrialResumed, PruningDecided]
    assert decode_events(encode_events(events)) == events
    assert encode_events([events[1]]) == b'[["paused",0,2.0,"a.pt",null,null]]'


def test_decisions_of_old_journals_have_names():
    old = decode_events(b'[["judged",3,true,false],["judged",3,false]]')
    assert [(event.name, event.reason) for event in old] == [("stop", None), ("continue", None)]
    with pytest.raises(InvalidArgument, match="'continue', 'pause', 'stop'; got True"):
        decide(asked(), RecordPruning(0, True))


def test_a_state_with_paused_trials_is_the_same_after_bytes():
    state = hpo.pause(asked(3), 1, checkpoint="x")
    again = hpo.StudyState.from_bytes(state.to_bytes())
    assert again == state
    assert [*again.paused] == [1]


# promoters


def first_come(state, key):
    number = state.paused.first()
    return None if number is None else hpo.Resume(number, {"rule": "first come"})


def test_a_promoter_is_asked_before_a_start():
    state, trial = hpo.ask(
        hpo.pause(asked(), 0, checkpoint="c"), RandomSampler(), SPACE, worker="v", promoter=first_come
    )
    assert (trial.number, trial.state, trial.worker, trial.checkpoint) == (0, RUNNING, "v", "c")
    assert state.n_trials == 1
    state, trial = hpo.ask(state, RandomSampler(), SPACE, promoter=first_come)
    assert trial.number == 1
    assert trial.params


def test_an_enqueued_trial_goes_before_a_promotion():
    state = hpo.enqueue(hpo.pause(asked(), 0), {"lr": 0.5})
    state, trial = hpo.ask(state, RandomSampler(), SPACE, promoter=first_come)
    assert (trial.number, trial.params) == (1, {"lr": 0.5})


def test_a_promoter_may_fork_and_leave_parameters_to_the_sampler():
    space = {**SPACE, "n": hpo.IntDistribution(1, 9)}
    state = hpo.pause(asked(), 0, checkpoint="c")
    state, fork = hpo.ask(state, RandomSampler(), space, promoter=lambda s, k: hpo.ForkTrial(0, {"lr": 0.75}, "why"))
    assert (fork.number, fork.parent, fork.checkpoint, fork.params["lr"]) == (1, 0, "c", 0.75)
    assert 1 <= fork.params["n"] <= 9
    enqueued = [event for event in hpo.events_since(state, 3) if isinstance(event, TrialEnqueued)]
    assert [event.reason for event in enqueued] == ["why"]


def test_a_promoters_stream_is_named_by_the_version():
    state = hpo.pause(asked(), 0)
    keys = []
    promotion(state, lambda s, key: keys.append(key))
    promotion(hpo.report(asked(), 0, 1.0, 1), lambda s, key: keys.append(key))
    assert keys[0].path == ("promotion", state.version)


@pytest.mark.parametrize("answer", [0, "resume", hpo.Decision.PAUSE])
def test_what_is_not_an_answer_of_a_promoter_is_refused(answer):
    with pytest.raises(InvalidType, match="a promoter answers with Resume, ForkTrial or None"):
        hpo.ask(asked(), RandomSampler(), SPACE, promoter=lambda state, key: answer)


def test_a_promoter_must_be_callable_and_not_a_class():
    with pytest.raises(InvalidType, match="a promoter is a function of"):
        hpo.ask(asked(), RandomSampler(), SPACE, promoter=3)
    with pytest.raises(InvalidType, match="pass an instance of it"):
        hpo.ask(asked(), RandomSampler(), SPACE, promoter=hpo.Resume)


def test_the_promoter_that_is_used_is_recorded():
    identity = Identity("PromotionHalving", 1, {"factor": 3})
    state = replay(decide(asked(), SetAdvisor("promoter", identity)), asked())
    assert state.uses["promoter"] == identity
    assert hpo.StudyState.from_bytes(state.to_bytes()).uses == state.uses


# verdicts of pruners


def test_a_pruner_may_give_a_reason():
    verdict = hpo.Verdict(hpo.Decision.STOP, {"rule": "mine"})
    assert hpo.should_prune(asked(), lambda state, trial: verdict, 0)
    assert not hpo.should_prune(asked(), lambda state, trial: hpo.Decision.PAUSE, 0)
    with pytest.raises(InvalidType, match="a Decision or a Verdict"):
        hpo.should_prune(asked(), lambda state, trial: hpo.Verdict("stop"), 0)
