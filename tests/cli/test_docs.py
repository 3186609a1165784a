"""The page about the command line: its examples print what it says, and it leaves nothing out."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hpo.cli import command_line

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "cli.md"
PAGES = [PAGE, DOCS / "how-to" / "tune-any-program.md"]
CHANGES = {  # what no seed decides, and the width that it gives a column
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}[+-]\d\d:\d\d)?": "TIME",
    r"(?m)(?<=[ \t,])\d\.\d{1,3}$": "DURATION",
    r'(?<="duration": )\d\.\d{1,3}': "DURATION",
    r"\b\d[\d.]* (ms|s)\b": "DURATION",
    r"\(\S*/": "(",
    r"(?<=\.\d{12})\d+": "",  # the last digits of logarithms are the machine's
    r" in \S*/(?=runs)": " in ",
    r"  +": "  ",
    r"---+": "---",
}


def commands(group, path=""):
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


def examples(page):
    """Each command of the page's consoles, with the lines under it."""
    for console in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for example in re.split(r"(?m)^\$ ", console)[1:]:
            line, _, output = example.partition("\n")
            yield line, output


def alike(text):
    for pattern, name in CHANGES.items():
        text = re.sub(pattern, name, text)
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_print_what_the_page_shows(cli, folder, monkeypatch, page):
    n = 0
    for line, output in examples(page.read_text(encoding="utf-8")):
        program, _, words = line.partition(" ")
        if program == "cat":
            (folder / words).write_text(output)
        elif program == "tail":
            assert (folder / words.split()[-1]).read_text().splitlines()[-1:] == output.splitlines(), line
        elif program == "export":
            monkeypatch.setenv(*words.split("="))
        else:
            ran = cli(words)
            errors = "".join(f"{said}\n" for said in ran.err.splitlines() if not re.match(r"\[[DIW] ", said))
            assert alike(ran.out + errors) == alike(output), line
            n += 1
    assert n >= (20 if page is PAGE else 3)


@pytest.mark.parametrize(("name", "command"), [("", command_line), *commands(command_line)])
def test_every_command_and_option_is_on_the_page(name, command):
    page = PAGE.read_text(encoding="utf-8")
    shown = {" ".join(word for word in shlex.split(line)) for line, _ in examples(page)}
    if not isinstance(command, click.Group):
        assert any(f" {name} " in f"{line} " for line in shown), f"no example of hpo {name}"
    for option in command.params:
        for spelling in option.opts if isinstance(option, click.Option) else ():
            assert re.search(rf"(?<![\w-]){re.escape(spelling)}(?![\w-])", page), f"hpo {name} {spelling}"


def test_every_command_and_option_has_help():
    for name, command in commands(command_line):
        assert command.help, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (name, option.name)
