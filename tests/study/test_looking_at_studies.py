"""What studies and trials look like: printed, in notebooks, in logs, and in messages about mistakes."""

import html.parser
import logging
import math

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType, JournalCorrupted, UnsupportedJournal
from hpo.samplers import RandomSampler


def objective(trial):
    return trial.suggest_float("x", 0, 1)


@pytest.fixture
def study():
    made = hpo.create_study(sampler=RandomSampler(), study_name="digits", seed=7, direction="maximize")
    made.optimize(objective, n_trials=12)
    return made


class Parsed(html.parser.HTMLParser):
    """The texts of a piece of HTML by tag, after a check that all tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in {"div", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}
        assert {name for name, _ in attrs} <= {"style"}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1], data))

    def of(self, tag):
        return [text for tag_of, text in self.texts if tag_of == tag]


def test_a_study_prints_what_it_is_and_its_best_trial(study):
    best = study.best_trial
    assert str(study).splitlines() == [
        "Study 'digits' in memory:",
        "  maximize, seed 7",
        "  12 trials: 12 complete",
        f"  best: trial {best.number} with {best.value:.6g} (x={best.value:.6g})",
    ]
    assert repr(study) == "<Study 'digits' in memory>"


def test_a_study_has_a_length_and_a_seed_and_is_true_when_empty(study):
    assert (len(study), study.seed) == (12, 7)
    empty = hpo.create_study(sampler=RandomSampler())
    assert len(empty) == 0
    assert empty
    assert str(empty).endswith("no trials yet")


def test_a_study_of_several_objectives_prints_its_front():
    study = hpo.create_study(sampler=RandomSampler(), directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 0.0), n_trials=3)
    assert str(study).splitlines()[1:] == [
        f"  minimize, maximize, seed {study.seed}",
        "  3 trials: 3 complete",
        "  1 on the Pareto front",
    ]
    assert "(0." in str(study.trials[0])
    assert Parsed(study._repr_html_()).of("td")[1] == "complete"


def test_a_trial_prints_in_one_line():
    trial = hpo.create_trial(
        value=2 / 3,
        params={"lr": 0.00123456789, "opt": "adam"},
        distributions={"lr": hpo.FloatDistribution(0, 1), "opt": hpo.CategoricalDistribution(["adam", "sgd"])},
    )
    assert str(trial) == "trial 0 complete, 0.666667: lr=0.00123457, opt='adam'"
    assert "distributions=" in repr(trial)
    assert str(hpo.FrozenTrial(3, hpo.TrialState.FAIL, reason="no data")) == "trial 3 fail (no data)"


def test_html_shows_the_latest_trials_and_the_best_and_says_what_is_left_out(study):
    parsed = Parsed(study._repr_html_())
    assert parsed.of("b") == ["Study 'digits' in memory"]
    assert parsed.of("th") == ["number", "state", "value", "x"]
    numbers = [int(text) for text in parsed.of("td")[::4]]
    assert set(numbers) == {*range(2, 12), study.best_trial.number}
    assert len(study._repr_html_()) < 10_000
    assert "font-weight:bold" in study._repr_html_()
    assert any("not shown" in text for text in parsed.of("div"))
    assert Parsed(study.state._repr_html_()).of("b") == ["State of study 'digits'"]
    trial = study.trials[3]
    assert Parsed(trial._repr_html_()).of("b") == [f"Trial 3: complete {trial.value:.6g}"]


def test_html_escapes_names_values_and_reasons():
    evil = "<script>alert('x')</script>&amp;"
    study = hpo.create_study(sampler=RandomSampler(), study_name=evil)
    trial = study.ask({evil: hpo.CategoricalDistribution([evil])})
    trial.set_user_attr("<b>", evil)
    study.tell(trial, state="fail", reason=evil)
    for shown in (study, study.state, study.trials[0]):
        parsed = Parsed(shown._repr_html_())
        assert "<script" not in shown._repr_html_()
        assert any("<script>alert" in text for _, text in parsed.texts)


def test_html_has_no_ground_and_no_text_colour_of_its_own(study):
    study.tell(study.ask().number, state="fail", reason="x")
    text = study._repr_html_()
    colours = {
        part.partition(":")[2]
        for part in text.replace('"', ";").split(";")
        if part.startswith(("color:", "background"))
    }
    assert colours <= {"inherit", "none", "#1f9d57", "#d64545"}
    for colour in colours - {"inherit", "none"}:  # readable on white and on the usual black: 3 to 1 or more
        assert contrast(colour, "#ffffff") >= 3
        assert contrast(colour, "#111111") >= 3


def contrast(one, other):
    """The ratio of relative luminances, as in the Web Content Accessibility Guidelines 2.2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = [p / 12.92 if p <= 0.04045 else math.pow((p + 0.055) / 1.055, 2.4) for p in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_log_has_six_digits_and_the_data_all(caplog):
    study = hpo.create_study(sampler=RandomSampler(), seed=1)
    hpo.logging.enable_propagation()
    try:
        with caplog.at_level(logging.INFO, "hpo"):
            study.optimize(objective, n_trials=1)
    finally:
        hpo.logging.disable_propagation()
    x = study.best_params["x"]
    assert f"finished with value: {x:.6g} and parameters: {{'x': {x:.6g}}}" in caplog.text
    assert repr(x) not in caplog.text


@pytest.fixture
def warned(caplog):
    hpo.logging.enable_propagation()
    yield lambda: [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    hpo.logging.disable_propagation()


def test_a_misspelt_enqueued_name_is_said_once_when_the_trial_ends(warned):
    study = hpo.create_study(sampler=RandomSampler())
    for _ in range(2):
        study.enqueue_trial({"xx": 0.5, "other": 1})
    study.optimize(objective, n_trials=3)
    assert sorted(warned()) == [
        "Parameter 'other', which trial 0 was enqueued with, is never asked for by the objective",
        "Parameter 'xx', which trial 0 was enqueued with, is never asked for by the objective: did you mean 'x'?",
    ]
    assert "other, xx: never asked for by the objective" in str(hpo.explain(study, 0))


def test_a_declared_name_that_is_misspelt_is_said_at_once_and_others_after_five_trials(warned):
    space = {"learning_rat": hpo.FloatDistribution(0, 1), "depth": hpo.IntDistribution(1, 3)}
    study = hpo.create_study(sampler=RandomSampler(), space=space)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 0, 1), n_trials=4)
    first = "Parameter 'learning_rat', which the space of the study declares, is never asked for by the objective"
    assert warned() == [f"{first}: did you mean 'learning_rate'?"]
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 0, 1), n_trials=4)
    assert len(warned()) == 2
    assert warned()[1].startswith("Parameter 'depth'")


def test_a_declared_name_of_a_rare_branch_is_not_a_mistake(warned):
    space = {"x": hpo.FloatDistribution(0, 1), "deep": hpo.IntDistribution(1, 3)}
    study = hpo.create_study(sampler=RandomSampler(), space=space)

    def branching(trial):
        if trial.number % 4 == 3:
            trial.suggest_int("deep", 1, 3)
        return trial.suggest_float("x", 0, 1)

    study.optimize(branching, n_trials=12)
    assert warned() == []


def test_failed_and_pruned_trials_say_nothing_of_what_they_did_not_come_to(warned):
    study = hpo.create_study(sampler=RandomSampler())
    study.enqueue_trial({"x": 0.5})

    def pruned(trial):
        raise hpo.TrialPruned

    study.optimize(pruned, n_trials=1)
    assert warned() == []


def test_attributes_that_would_be_lost_are_refused():
    study = hpo.create_study(sampler=RandomSampler())
    trial = study.ask()
    for attributes in (study.user_attrs, trial.user_attrs):
        with pytest.raises(TypeError, match="record an attribute with set_user_attr"):
            attributes["k"] = 1
    trial.set_user_attr("k", 1)
    assert trial.user_attrs == {"k": 1}
    assert {**trial.user_attrs} == {"k": 1}


def test_messages_say_what_to_do(study, tmp_path):
    with pytest.raises(UnsupportedJournal, match=r"third slash, as in 'sqlite:///runs\.db'"):
        hpo.create_study(storage="sqlite://x.db")
    with pytest.raises(InvalidType, match=r"create a callback with it, MaxTrialsCallback\(\.\.\.\)"):
        study.optimize(objective, n_trials=1, callbacks=[hpo.study.MaxTrialsCallback])
    with pytest.raises(InvalidType, match=r"pass study\.state, or call the method of the study"):
        hpo.ask(study, RandomSampler(), {})
    with pytest.raises(InvalidType, match=r"StudyState\.create\(\) makes one"):
        hpo.tell(None, 0, 1.0)
    with pytest.raises(InvalidSuggestion, match=r"return hpo\.Suggestion\(\{\.\.\.\}\) around it"):
        hpo.create_study(sampler=lambda state, trial, space, key: {"x": 1}).ask({"x": hpo.IntDistribution(0, 1)})
    with pytest.raises(InvalidArgument):
        hpo.create_study(storage="")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda raw: raw.replace(b"\n", b"\r\n"), "the line ends in CR LF"),
        (lambda raw: b"\xef\xbb\xbf" + raw, "begins with a byte order mark"),
    ],
)
def test_a_journal_that_an_editor_has_changed_names_the_cause_and_the_repair(tmp_path, change, problem):
    path = tmp_path / "s.jsonl"
    study = hpo.create_study(storage=path, study_name="s", sampler=RandomSampler())
    study.optimize(objective, n_trials=2)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(JournalCorrupted, match=f"{problem}.*'hpo journal repair' saves what is intact"):
        hpo.load_study(storage=path)
