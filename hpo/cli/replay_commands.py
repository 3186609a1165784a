"""Commands that replay a study: explain, verify, compare and fork it, and try other pruners and stopping rules on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

import hpo
from hpo.cli.options import (
    format_option,
    name_taken,
    open_study,
    opened_storage,
    promoter_from,
    promoter_options,
    pruner_from,
    pruner_options,
    sampler_from,
    sampler_options,
    storage_argument,
    study_options,
)
from hpo.cli.output import Record, print_out, visible, written, written_alone
from hpo.errors import DuplicatedStudyError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.registration import Registry
    from hpo.study.replaying.explanation import Explanation
    from hpo.study.replaying.verification import Verification

_COLUMNS = ["what", "computed_again", "equal"]


@click.command("explain")
@study_options
@click.option("--number", type=click.IntRange(min=0), required=True, help="The trial.")
@click.option(
    "-f",
    "--format",
    "style",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def explain(storage: Storage, study_name: str | None, number: int, style: str) -> None:
    """Explain where a trial's parameters came from.

    Prints the sampler that suggested them, the rule that it applied, and how good it expected them to be, as
    recorded at that time; then the decisions to stop, pause, resume or fork the trial, with their reasons.
    """
    explanation = hpo.explain(open_study(storage, study_name), number)
    if style == "text":
        print_out("".join(f"{visible(line)}\n" for line in str(explanation).split("\n")))
    else:
        print_out(written_alone(_explanation_record(explanation), columns=(), style=style))


def _explanation_record(explanation: Explanation) -> Record:
    trial = explanation.trial
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": None if trial.values is None else list(trial.values),
        "enqueued": dict(explanation.enqueued),
        "added": explanation.added,
        "suggestions": [
            {
                "params": dict(each.params),
                "alone": each.lone,
                "sampler": None if each.sampler is None else each.sampler.name,
                "rule": each.rule,
                "acquisition": each.acquisition,
                "note": dict(each.note),
            }
            for each in explanation.suggestions
        ],
        "decisions": [
            {
                "decision": each.decision,
                "advisor": None if each.advisor is None else each.advisor.name,
                "reason": each.reason,
            }
            for each in explanation.decisions
        ],
    }


@click.command("verify")
@storage_argument
@study_options
@sampler_options
@pruner_options
@promoter_options
@format_option("table")
@click.option("--certificate", is_flag=True, help="Print one line for a paper's appendix if everything is as recorded.")
@click.option("--check", "line", metavar="CERTIFICATE", help="Also check that this certificate is about the study.")
@click.pass_context
def verify(
    context: click.Context,
    storage: Storage,
    study_name: str | None,
    sampler: str | None,
    sampler_kwargs: str | None,
    pruner: str | None,
    pruner_kwargs: str | None,
    promoter: str | None,
    promoter_kwargs: str | None,
    style: str,
    certificate: bool,
    line: str | None,
) -> None:
    """Recompute suggestions and compare them.

    Every suggestion, pruning decision and promotion is computed again and compared with the journal. STORAGE can be given
    instead of --storage. Without --sampler, --pruner and --promoter, the ones recorded in the journal are used. The exit
    code is 1 if anything differs.

    --certificate prints, instead of the table, one line that names the journal, the versions and the result. --check
    finds out later, or elsewhere, whether a study is the one of the line. It may have gone on since then.
    """
    expected = None if line is None else hpo.Certificate.parse(line)
    study = open_study(storage, study_name)
    result = hpo.verify(
        study,
        sampler_from(sampler, sampler_kwargs),
        pruner_from(pruner, pruner_kwargs),
        promoter_from(promoter, promoter_kwargs),
    )
    if certificate and result.first_difference is None:
        print_out(f"{hpo.certificate(study, result)}\n")
    elif not certificate:
        print_out(written(_records(result), columns=_COLUMNS, style=style))
    if result.n_skipped:
        click.echo(f"hpo: {result.n_skipped} were skipped: {visible('; '.join(result.skipped_because))}", err=True)
    difference = result.first_difference
    if difference is not None:
        what = f"its {difference.kind}" if difference.parameter is None else f"parameter {difference.parameter!r}"
        click.echo(
            f"hpo: the first difference is in trial {difference.trial}, {what}: the journal has "
            f"{difference.recorded!r}, computed again it is {difference.computed!r}. Likely cause: {difference.cause}",
            err=True,
        )
        context.exit(1)
    if expected is not None:
        checked = hpo.check_certificate(study, expected)
        for name, then, now in checked.other_versions:
            click.echo(
                f"hpo: the certificate was made with {name} {visible(then)}, this is {now or 'without it'}", err=True
            )
        if checked.problem is not None:
            click.echo(f"hpo: {checked.problem}", err=True)
            context.exit(1)
        later = f", which has had {checked.n_later} more events since" if checked.n_later else ""
        click.echo(f"hpo: the certificate is about this study{later}", err=True)


def _records(result: Verification) -> list[dict[str, object]]:
    records: list[dict[str, object]] = [
        {"what": "suggestions", "computed_again": result.n_suggestions, "equal": result.n_suggestions_equal},
        {"what": "pruning decisions", "computed_again": result.n_decisions, "equal": result.n_decisions_equal},
    ]
    if result.n_promotions:
        records.append(
            {"what": "promotions", "computed_again": result.n_promotions, "equal": result.n_promotions_equal}
        )
    return records


@click.command("diff")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--study-name", metavar="NAME", help="The study in A and B; required where there are several.")
@click.option("--other-study-name", metavar="NAME", help="The study in B, if it has another name there.")
@click.option("--exact", is_flag=True, help="Compare times, workers and names, too.")
@click.pass_context
def diff(
    context: click.Context, one: str, other: str, study_name: str | None, other_study_name: str | None, exact: bool
) -> None:
    """Find where two studies part, and why.

    A and B are storages: study.jsonl, runs/ or a URL. Prints the first event in which the studies differ, with the trial, the
    parameter and the likely cause. Times and workers are not compared. The exit code is 1 if they differ.
    """
    names = study_name, other_study_name or study_name
    studies = [open_study(opened_storage(place), name) for place, name in zip((one, other), names, strict=True)]
    parting = hpo.diff(*studies, exact=exact)
    if parting is None:
        print_out(f"the same {studies[0].state.version} events\n")
        return
    print_out(f"{visible(str(parting))}\n")
    context.exit(1)


@click.command("fork")
@study_options
@click.option("--to", "new_name", metavar="NAME", required=True, help="The name of the fork.")
@click.option("--at", type=int, metavar="VERSION", help="Number of events to copy; all by default.")
@click.option(
    "--before-trial", type=int, metavar="NUMBER", help="Copy the events before this trial started, instead of --at."
)
@click.option("--to-storage", metavar="PLACE", help="Storage of the fork; by default that of the study.")
def fork(
    storage: Storage,
    study_name: str | None,
    new_name: str,
    at: int | None,
    before_trial: int | None,
    to_storage: str | None,
) -> None:
    """Create a study from another's events.

    Prints the name of the fork. It continues exactly as the original did or would have, unless it is run with another
    sampler or pruner.
    """
    if at is not None and before_trial is not None:
        raise click.UsageError("give either --at or --before-trial")
    study = open_study(storage, study_name)
    target = None if to_storage is None else opened_storage(to_storage)
    try:
        forked = study.fork(new_name, at=at, before_trial=before_trial, storage=target)
    except DuplicatedStudyError as error:
        raise name_taken(error, "--to") from error
    print_out(f"{forked.study_name}\n")


_BACKTEST_COLUMNS = [
    "name",
    "saved",
    "saved_low",
    "saved_high",
    "steps",
    "stopped",
    "lost",
    "lost_low",
    "lost_high",
    "best_value",
]


@click.command("backtest")
@storage_argument
@study_options
@click.option(
    "--pruner",
    "pruners",
    multiple=True,
    metavar="NAME",
    help="A pruner, or one with options: 'MedianPruner {\"n_startup_trials\": 9}'. May be given several times. "
    "[default: all that need no options]",
)
@click.option(
    "--stop", "rules", multiple=True, metavar="NAME", help="A stopping rule: 'NoImprovement {\"patience\": 20}'."
)
@format_option("table")
def backtest(
    storage: Storage, study_name: str | None, pruners: tuple[str, ...], rules: tuple[str, ...], style: str
) -> None:
    """Try pruners and stopping rules afterwards.

    Prints, for each of them on a study that is over: the share of steps that it would have saved, how many trials it would
    have stopped, how many of those were better than the best one left, and the best value left. Intervals are of 95 %.
    """
    from hpo.pruners.registry import PRUNERS
    from hpo.stopping.registry import STOPPING_RULES

    chosen = {text: _made(text, PRUNERS) for text in pruners}
    if not pruners and not rules:
        chosen = {entry.name: pruner for entry, pruner in PRUNERS.made_without_options()}
    found = hpo.backtest(open_study(storage, study_name), chosen, {text: _made(text, STOPPING_RULES) for text in rules})
    records: list[Record] = []
    for row in found.rows:
        record: dict[str, Any] = attrs.asdict(row)
        record["saved_low"], record["saved_high"] = record.pop("saved_interval")
        record["lost_low"], record["lost_high"] = record.pop("lost_interval")
        records.append({name: record[name] for name in _BACKTEST_COLUMNS})
    print_out(written(records, columns=_BACKTEST_COLUMNS, style=style))


def _made(text: str, registry: Registry) -> Any:
    """Return the pruner or rule of a name, which options as JSON may follow."""
    from hpo.cli.loading import created, json_object

    name, brace, options = text.partition("{")
    if not name.strip():
        raise InvalidArgument(f"a name comes before the options, got {text!r}")
    given = json_object(f"{{{options}", "the options", like='{"patience": 20}') if brace else None
    return created(name.strip(), given, registry)
