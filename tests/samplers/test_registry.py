"""One line registers a sampler, of this library or of a package, and everything that lists samplers follows."""

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import hpo
from hpo import pruners, samplers, stopping
from hpo.cli import command_line, main
from hpo.core import Identity, identity_of
from hpo.errors import BrokenPlugin, InvalidArgument
from hpo.extend import Registration
from hpo.pruners.registry import PROMOTERS, PRUNERS
from hpo.samplers.registry import SAMPLERS
from hpo.stopping.registry import STOPPING_RULES
from hpo.study.replaying.rebuild import rebuild_advisor
from hpo.testing import check_sampler
from hpo.testing.pruners.laws import CLAIMS as PRUNER_CLAIMS
from hpo.testing.samplers.claims import CLAIMS
from hpo.testing.samplers.laws import BASIC

ROOT = Path(__file__).parents[2]
CLIMBER = '''
import attrs
import hpo
from hpo.extend import Registration, Suggestion

def keep(state):
    return 0.5

@attrs.frozen
class HillClimber:
    """A step from the best trial, or the middle."""

    width: float = 0.1
    start: object = keep

    def __call__(self, state, trial, space, key):
        units = key.uniforms(space)
        rule = "climb" if any(trial.values for trial in state.finished) else "middle"
        values = {
            name: dist.from_unit(self.start(state) + self.width * (unit - 0.5) if rule == "climb" else unit)
            for (name, dist), unit in zip(space.items(), units, strict=True)
        }
        return Suggestion(values, {"rule": rule})

REGISTRATION = Registration("HillClimber", home="climbers", rules={"climb": "uphill"}, claims=["mirror"], functions=["keep"])
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that makes a package with entry points, as if it were installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    installed = []

    def make(module, source, group, **entry_points):
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
        lines = [f"[{group}]", *(f"{name.replace('_', '-')} = {target}" for name, target in entry_points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
        importlib.invalidate_caches()
        from hpo import registration

        registration._entry_points.cache_clear()
        installed.append(module)

    yield make
    for module in installed:
        sys.modules.pop(module, None)


@pytest.fixture
def climber(install):
    install("climbers", CLIMBER, "hpo.samplers", HillClimber="climbers:REGISTRATION")
    return samplers.HillClimber


def help_of(command):
    return " ".join(CliRunner().invoke(command_line, [command, "--help"]).output.split())


def test_a_package_registers_a_sampler_with_one_line_of_less_than_thirty():
    lines = [line for line in CLIMBER.splitlines() if line.strip()]
    assert len(lines) < 30
    assert sum("Registration(" in line for line in lines) == 1


def test_the_sampler_of_a_package_is_a_name_of_samplers(climber):
    assert climber.__name__ == "HillClimber"
    assert "HillClimber" in SAMPLERS.names()
    assert "HillClimber" not in dir(samplers), "listing the names of this library reads no entry points"


def test_the_sampler_of_a_package_is_in_the_help_of_the_command_line_and_can_be_chosen(climber, tmp_path, capsys):
    assert "HillClimber" in help_of("optimize")
    storage = str(tmp_path / "s.jsonl")
    assert main(["create-study", "--storage", storage, "--study-name", "s"]) == 0
    space = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0}}}'
    ask = [
        "ask",
        "--storage",
        storage,
        "--space",
        space,
        "--sampler",
        "HillClimber",
        "--sampler-kwargs",
        '{"width": 0.2}',
    ]
    assert main(ask) == 0
    study = hpo.load_study(study_name="s", storage=storage)
    assert study.state.uses["sampler"].options["width"] == 0.2
    assert study.sampler == climber(width=0.2), "the journal's sampler is rebuilt"


def test_the_rules_of_a_package_are_explained_in_its_words(climber):
    study = hpo.create_study(sampler=climber(), storage=None)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert "rule 'climb' (uphill)" in str(hpo.explain(study, 1))


def test_the_sampler_of_a_package_can_be_verified(climber):
    study = hpo.create_study(sampler=climber(width=0.3), seed=1)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert hpo.verify(study).clean
    wrapped = hpo.create_study(sampler=samplers.Warmup(2, climber(), samplers.RandomSampler()), seed=1)
    wrapped.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert hpo.verify(wrapped).clean


def test_the_sampler_of_a_package_is_in_the_table_of_the_documentation(climber):
    row = "| `HillClimber` | A step from the best trial, or the middle. | `climb` | `mirror` |"
    assert row in SAMPLERS.table().splitlines()
    assert row not in SAMPLERS.built_in_only().table().splitlines()


def test_the_sampler_of_a_package_is_in_the_law_run(climber):
    registration, sampler = next(pair for pair in SAMPLERS.made_without_options() if pair[0].name == "HillClimber")
    check_sampler(sampler, laws=[*BASIC, *registration.claims], max_examples=2)


def test_a_function_is_registered_and_rebuilt_too(install):
    source = (
        "from hpo.extend import Registration, Suggestion\n"
        "def middle(state, trial, space, key):\n"
        "    return Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})\n"
        "def other(state, trial, space, key):\n"
        "    return middle(state, trial, space, key)\n"
        "REGISTRATION = Registration('middle', home='middles')\n"
    )
    install("middles", source, "hpo.samplers", middle="middles:REGISTRATION")
    middles = importlib.import_module("middles")
    assert rebuild_advisor(identity_of(middles.middle)) is middles.middle
    assert rebuild_advisor(identity_of(middles.other)) is None
    assert rebuild_advisor(Identity("os.middle")) is None


def test_nothing_is_imported_by_a_name_from_a_journal(install):
    install("unregistered", "raise SystemError('imported')", "other.group", it="unregistered:thing")
    assert rebuild_advisor(Identity("unregistered.thing", 1, {})) is None
    assert rebuild_advisor(Identity("thing", 1, {})) is None
    assert "unregistered" not in sys.modules


def test_pruners_and_stopping_rules_are_registered_alike(install):
    pruner = (
        "from hpo.extend import Decision, Registration\n"
        "def never(state, trial):\n    return Decision.CONTINUE\n"
        "def enough(state):\n    return None\n"
        "PRUNER = Registration('never', home='nevers')\nRULE = Registration('enough', home='nevers')\n"
    )
    install("nevers", pruner, "hpo.pruners]\nnever = nevers:PRUNER\n[hpo.stopping_rules", enough="nevers:RULE")
    assert pruners.never.__name__ == "never"
    assert stopping.enough.__name__ == "enough"
    assert STOPPING_RULES.names()[-1] == "enough"
    assert "never" in PRUNERS.names()
    assert "never" in help_of("optimize")


HYPERBAND = pruners.HyperbandPruner(max_resource=27)


@pytest.mark.parametrize(
    "advisor",
    [
        pruners.PromotionHalving(2, 4, 32),
        pruners.PopulationTraining(5, 2, max_resource=9),
        pruners.BracketSampler(samplers.TPESampler(n_startup_trials=3), HYPERBAND),
        pruners.Any(HYPERBAND, pruners.RushPruner(pruners.MedianPruner())),
    ],
    ids=lambda advisor: type(advisor).__name__,
)
def test_a_promoter_and_a_sampler_of_brackets_are_rebuilt_from_a_journal(advisor):
    assert rebuild_advisor(identity_of(advisor)) == advisor


def test_promoters_are_registered_like_pruners(install):
    source = (
        "from hpo.extend import Registration\ndef first(state, key):\n    return None\n"
        "REGISTRATION = Registration('first', home='firsts')\n"
    )
    install("firsts", source, "hpo.promoters", first="firsts:REGISTRATION")
    assert pruners.first.__name__ == "first"
    assert PROMOTERS.names() == ["PopulationTraining", "ProgressiveHalving", "PromotionHalving", "first"]
    assert "first" in help_of("optimize")


BROKEN = [
    ("raise ValueError('no such compiler')", "ValueError: no such compiler"),
    ("REGISTRATION = 1", "not an hpo.extend.Registration but 1"),
    ("", "has no attribute 'REGISTRATION'"),
    (
        "from hpo.extend import Registration\nREGISTRATION = Registration('Other', home='broken')",
        "registers the name 'Other'",
    ),
    (
        "from hpo.extend import Registration\nREGISTRATION = Registration('Broken', home='broken')",
        "broken.Broken can't be loaded",
    ),
]


@pytest.mark.parametrize(("source", "problem"), BROKEN)
def test_a_broken_package_is_named_where_it_is_used(install, source, problem):
    install("broken", source, "hpo.samplers", Broken="broken:REGISTRATION")
    with pytest.raises(BrokenPlugin, match=f"the package broken 1.2 registers 'Broken'.*{problem}"):
        _ = samplers.Broken
    with pytest.raises(BrokenPlugin):
        rebuild_advisor(Identity("Broken", 1, {}))


@pytest.mark.parametrize("source", [source for source, _ in BROKEN])
def test_a_broken_package_breaks_nothing_else(install, climber, source):
    install("broken", source, "hpo.samplers", Broken="broken:REGISTRATION")
    assert samplers.RandomSampler() == samplers.RandomSampler()
    assert climber() == samplers.HillClimber()
    assert {"Broken", "HillClimber"} <= {*SAMPLERS.names()}
    assert "Broken" in help_of("optimize")
    names = [registration.name for registration, _ in SAMPLERS.made_without_options()]
    assert "HillClimber" in names
    assert "Broken" not in names
    assert SAMPLERS.words("startup", "Broken") == SAMPLERS.words("startup")
    assert "HillClimber" in SAMPLERS.table()


def test_a_name_that_two_packages_register_is_an_error_that_names_both(install):
    for module in ("one", "two"):
        source = f"from hpo.extend import Registration\nREGISTRATION = Registration('Same', home='{module}')"
        install(module, source, "hpo.samplers", Same=f"{module}:REGISTRATION")
    with pytest.raises(BrokenPlugin, match=r"one 1\.2, two 1\.2"):
        SAMPLERS.find("Same")


def test_a_package_cannot_replace_a_built_in_sampler(install):
    source = "from hpo.extend import Registration\nREGISTRATION = Registration('RandomSampler', home='thief')"
    install("thief", source, "hpo.samplers", RandomSampler="thief:REGISTRATION")
    assert SAMPLERS.load("RandomSampler") is samplers.RandomSampler
    assert SAMPLERS.names().count("RandomSampler") == 1
    assert "thief" not in sys.modules


def test_a_package_adds_a_command(install, capsys):
    source = "import click\n@click.command()\ndef hello():\n    '''Say hello.'''\n    click.echo('hello')\n"
    install("greeter", source, "hpo.commands", hello="greeter:hello")
    assert main(["hello"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert "Say hello." in CliRunner().invoke(command_line, ["--help"]).output


@pytest.mark.parametrize("source", ["raise ValueError('no terminal')", "hello = 1"])
def test_a_broken_command_is_listed_as_broken_and_the_others_work(install, capsys, source):
    install("greeter", source, "hpo.commands", hello="greeter:hello")
    shown = " ".join(CliRunner().invoke(command_line, ["--help"]).output.split())
    assert "hello Broken: greeter 1.2 can't be used." in shown
    assert "Run trials of an objective." in shown
    assert main(["hello", "--to", "you"]) == 1
    assert "the package greeter 1.2 registers 'hello' in 'hpo.commands'" in capsys.readouterr().err


def test_a_command_that_two_packages_register_is_broken(install, capsys):
    for module in ("one", "two"):
        install(module, "import click\nhello = click.Command('hello')\n", "hpo.commands", hello=f"{module}:hello")
    assert main(["hello"]) == 1
    assert "one 1.2, two 1.2" in capsys.readouterr().err


def test_a_package_cannot_replace_a_built_in_command(install):
    install("thief", "raise SystemError('imported')", "hpo.commands", ask="thief:ask")
    assert "Start a trial" in CliRunner().invoke(command_line, ["ask", "--help"]).output
    assert "thief" not in sys.modules


def test_an_unknown_command_is_still_a_usage_error(capsys):
    assert main(["no-such-command"]) == 2
    assert "no command 'no-such-command'" in capsys.readouterr().err


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InvalidArgument, match="there is no sampler 'Nobody': there are AutoSampler, BORESampler, "):
        SAMPLERS.load("Nobody")


def test_words_are_those_of_the_sampler_that_noted_the_rule_or_else_of_any():
    assert SAMPLERS.words("sobol", "QMCSampler") == "the trial's point of a Sobol sequence"
    assert SAMPLERS.words("untried", "mine", None) == SAMPLERS.words("untried", "TPESampler")
    assert SAMPLERS.words("no such rule", "TPESampler") is None


@pytest.mark.parametrize(("registry", "laws"), [(SAMPLERS, CLAIMS), (PRUNERS, PRUNER_CLAIMS)])
def test_claimed_laws_exist(registry, laws):
    known = {law.__name__ for law in laws}
    assert all({*registration.claims} <= known for registration in registry.built_in)


@pytest.mark.parametrize("registry", [SAMPLERS, PRUNERS])
def test_every_entry_can_be_loaded_and_is_public(registry):
    room = importlib.import_module(registry.group)
    for registration in registry.built_in:
        loaded = registration.load()
        assert inspect.isclass(loaded)
        assert getattr(room, registration.name) is loaded
        assert registration.name in room.__all__
        assert set(registration.load_functions()) == {
            f"{function.__module__}.{function.__qualname__}" for function in registration.load_functions().values()
        }


def test_stubs_and_tables_are_up_to_date():
    ran = subprocess.run(
        [sys.executable, ROOT / ".ci" / "write_registered.py", "--check"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_listing_names_reads_no_package(install):
    install("lazy", "raise SystemError('imported')", "hpo.samplers", Lazy="lazy:REGISTRATION")
    assert "Lazy" in SAMPLERS.names()
    assert "lazy" not in sys.modules


def test_a_random_search_reads_no_entry_points():
    program = (
        "import hpo; hpo.logging.set_verbosity(hpo.logging.ERROR)\n"
        "study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), pruner=hpo.pruners.NopPruner())\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=2)\n"
        "assert hpo.verify(study).clean and hpo.explain(study, 0)\n"
        "from hpo import registration\n"
        "print(registration._entry_points.cache_info().misses)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_a_registration_is_a_value():
    one = Registration("Mine", home="mine", claims=["mirror"])
    assert one == Registration("Mine", home="mine", claims=("mirror",))
    with pytest.raises(AttributeError):
        one.name = "Yours"
