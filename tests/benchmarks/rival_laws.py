"""Test the samplers of other libraries, and those of hpo, against the laws of `hpo.testing`.

    pip install torch==2.13.0
    pip install -e '.[testing]' optuna==5.0.0 cmaes syne-tune==0.16.0 huggingface_hub
    python tests/benchmarks/rival_laws.py run [--examples 200] [--only hpo,KDE] [--laws total,mirror] [--again]
    python tests/benchmarks/rival_laws.py show
    python tests/benchmarks/rival_laws.py page

`run` stores each result in rival_laws.json at once and skips those that it has, so it can be stopped at any time. `show`
prints the table of docs/measured/laws.md and the counterexamples. `page` writes both into that page and runs the page's
programs, which need only the other libraries.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[2] / "docs" / "measured" / "laws.md"
ONCE = (
    "no_repeats",
    "exhaustion",
    "bounded_work",
    "learning",
    "failures_do_not_attract",
    "violations_repel",
    "later_objectives_count",
    "pruned_is_not_best",
    "shares",
    "lone_independence",
    "distinct_batches",
)
"""Laws that choose their own space and number of trials."""
MOST_SHOWN = 6
BEGIN, END = "<!-- what follows is written by tests/benchmarks/rival_laws.py -->\n", "<!-- up to here -->\n"


def every_law() -> list[str]:
    """Return the names of all laws of samplers in `hpo.testing`."""
    from hpo.testing.samplers.claims import CLAIMS
    from hpo.testing.samplers.laws import BASIC

    return [law.__name__ for law in (*BASIC, *CLAIMS)]


def run(examples: int, only: set[str] | None, laws: set[str] | None, *, again: bool) -> None:
    """Test the subjects against the laws, and store the results."""
    from rival_samplers.subjects import SUBJECTS

    for subject in SUBJECTS:
        for law in every_law():
            name = f"{subject.family}: {subject.name}"
            if (only and not only & {subject.family, subject.name, name}) or (laws and law not in laws):
                continue
            known, reason = read_results()["found"].get(name, {}).get(law, {}), subject.unasked.get(law)
            if not again and known.get("examples") == examples and not reason:
                continue
            found = {"unasked": reason} if reason else {"examples": examples, **tried(subject, law, examples)}
            print(f"{name}: {law}: {found.get('broken', reason or 'kept')}", flush=True)
            keep(name, law, found)


def tried(subject: Any, law: str, examples: int) -> dict[str, Any]:
    """Return the result of one law: empty if it holds, or what is wrong and the smallest study that shows it."""
    from rival_samplers.subjects import SPACES

    from hpo.testing import check_sampler

    sampler = subject.instead.get(law, subject.sampler)
    spaces = [None] if law in ONCE and len(subject.spaces) > 1 else [SPACES[name] for name in subject.spaces]
    each = max(1, round(examples * subject.share / len(spaces)))
    for space in spaces:
        try:
            check_sampler(sampler, space=space, laws=[law], max_examples=each)
        except AssertionError as error:
            broken, _, program = str(error).removeprefix(f"the law {law} is broken: ").partition("\n\n")
            lines = [line for line in program.splitlines() if not line.startswith("#")]
            return {"broken": broken.replace("\n", " "), "program": lines}
    return {}


def read_results() -> dict[str, Any]:
    """Return the stored results."""
    with contextlib.suppress(FileNotFoundError):
        return json.loads(RESULTS.read_text())
    return {"found": {}}


def keep(name: str, law: str, found: dict[str, Any]) -> None:
    """Store one result atomically; laws and samplers keep their order."""
    from rival_samplers.subjects import REASONS, SUBJECTS

    laws = every_law()
    columns = [f"{subject.family}: {subject.name}" for subject in SUBJECTS]
    versions = {library: version(library) for library in ("optuna", "syne-tune", "torch", "numpy", "scipy")}
    draft = RESULTS.with_suffix(".draft")
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several of these may run at once
        every = read_results()["found"]
        every.setdefault(name, {})[law] = found
        results = {
            "on": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "with": {"python": platform.python_version(), **versions},
            "reasons": dict(REASONS),
            "found": {
                column: {law: every[column][law] for law in laws if law in every[column]}
                for column in columns
                if column in every
            },
        }
        draft.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        draft.replace(RESULTS)


def generated(results: dict[str, Any]) -> str:
    """Return the generated part of the page, in Markdown."""
    return "\n".join([table(results), *reasons(results), "", "## What broke", "", *broken(results)])


def table(results: dict[str, Any]) -> str:
    """Return the table with a row per law and a column per sampler."""
    columns, laws = results["found"], every_law()
    lines = [f"| law | {' | '.join(map(title, columns))} |", f"|---{'|---' * len(columns)}|"]
    lines += [f"| `{law}` | {' | '.join(cell(column.get(law)) for column in columns.values())} |" for law in laws]
    return "\n".join(lines) + "\n"


def title(name: str) -> str:
    """Return the head of a column: the library without its version, and the sampler."""
    family, _, sampler = name.partition(": ")
    return f"{family.rpartition(' ')[0] or family}: {sampler}"


def cell(result: dict[str, Any] | None) -> str:
    """Return one cell of the table."""
    if result is None:
        return "not tried"
    if "unasked" in result:
        return f"({result['unasked']})"
    return "**no**" if "broken" in result else "yes"


def reasons(results: dict[str, Any]) -> list[str]:
    """Return the reasons why some laws were not tested."""
    used = {found["unasked"] for column in results["found"].values() for found in column.values() if "unasked" in found}
    return [f"- ({letter}) {reason}" for letter, reason in results["reasons"].items() if letter in used]


def broken(results: dict[str, Any]) -> list[str]:
    """Return the laws that are broken, each with the smallest study that shows it."""
    lines = []
    for name, column in results["found"].items():
        found = [(law, result) for law, result in column.items() if "broken" in result]
        lines += [f"{title(name)}", ""] if found else []
        for law, result in found:
            lines.append(f"- `{law}`: {result['broken']}" + told(result["program"]))
        lines += [""] if found else []
    return lines


def told(program: list[str]) -> str:
    """Return the trials of a study on one line."""
    scope: dict[str, Any] = {}
    exec("\n".join(program), scope)  # a program that hpo.testing printed
    if "state" not in scope:
        return ""
    state, number = scope["state"], scope["trial"].number
    trials = [
        f"`{shown(trial.params)}` {trial.values[0] if trial.values else trial.state.value}"
        for trial in state.trials
        if trial.number != number
    ]
    more = [f"and {len(trials) - MOST_SHOWN} more"] if len(trials) > MOST_SHOWN else []
    return f" (to {state.directions[0]}, after {', '.join(trials[:MOST_SHOWN] + more) or 'no trial'})"


def shown(params: Any) -> str:
    """Return parameters as ``name=value`` pairs."""
    return ", ".join(f"{name}={value!r}" for name, value in params.items())


def write_page() -> None:
    """Write the results into the page, and run the page's counterexamples."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + BEGIN + generated(read_results()) + END + rest.partition(END)[2])
    for program in re.findall(r"^```py\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        subprocess.run([sys.executable, "-c", program], check=True)
        print("ran", program.splitlines()[0], flush=True)


def main() -> None:
    """Run the action that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=["run", "show", "page"])
    parser.add_argument("--examples", type=int, default=200, help="examples per law and sampler")
    parser.add_argument(
        "--only", type=lambda text: set(text.split(",")), help="names of libraries, samplers, or columns"
    )
    parser.add_argument("--laws", type=lambda text: set(text.split(",")), help="names of laws")
    parser.add_argument("--again", action="store_true", help="also repeat tests that have a result")
    given = parser.parse_args()
    if given.action == "run":
        run(given.examples, given.only, given.laws, again=given.again)
    elif given.action == "show":
        print(generated(read_results()), end="")
    else:
        write_page()


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported
    sys.path.insert(0, str(Path(__file__).parent))
    main()
