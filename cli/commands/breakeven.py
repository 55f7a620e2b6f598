"""The command ``scale breakeven``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli.asked.aim_options import AimOptions
from nworkers.cli.asked.command_line import command
from nworkers.cli.asked.money_options import MoneyOptions
from nworkers.cli.asked.options import (
    Force,
    Json,
    Lines,
    Mix,
    Options,
    Plot,
    Scenarios,
    SizeName,
    Versus,
    integer,
    picture,
    shared,
    with_options,
)
from nworkers.models.base.errors import Contradiction, InputError

if TYPE_CHECKING:
    from nworkers.cli.shown.way_out_text import Ask

DEFAULT_MAX_WORKERS = 64
MaxWorkers = Annotated[str, typer.Option(metavar="N", help="Largest number of workers to look at.")]


def _breakeven(
    options: Options,
    aimed: AimOptions,
    priced: MoneyOptions,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    vs: Versus = None,
    scenario: Scenarios = None,
    mix: Mix = None,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
    jsonl: Lines = False,
) -> None:
    if json and jsonl:
        raise Contradiction("json", "--json", "jsonl")
    picture("plot", plot, force=force)
    first, *others = options.strategy.split(",")
    if jsonl and (mix is not None or vs or scenario or others):
        raise InputError("jsonl", "several jobs or options to compare", "<json> for these")
    if mix is not None:
        if vs or scenario or others or priced.is_asked:
            raise InputError("mix", mix, "without <vs>, <scenario>, prices and strategies")
        show_mix(options, aimed, mix, max_workers, plot, force=force, as_json=json)
    elif vs or scenario or others:
        asked = replace(options, strategy=first)
        texts = [*(f"--strategy {shlex.quote(name)}" for name in others), *(vs or ())]
        name = f"--strategy {first}" if others else "what is asked"
        ways = scenario or ()
        show_options(
            asked, aimed, priced, name, texts, ways, max_workers, plot, force=force, as_json=json
        )
    else:
        show_curve(
            options, max_workers, plot, aimed, priced, force=force, as_json=json, as_lines=jsonl
        )


breakeven = with_options(
    with_options(shared(_breakeven), "aimed", AimOptions), "priced", MoneyOptions
)


def show_curve(
    options: Options,
    max_workers: str,
    drawn: Path | None,
    aimed: AimOptions | None = None,
    priced: MoneyOptions | None = None,
    *,
    force: bool,
    as_json: bool,
    as_lines: bool = False,
    size: SizeName = "large",
) -> None:
    """Answer, draw where there is a file to draw to, and print.

    Raises:
        InputError
    """
    from nworkers.cli.asked.aim_options import aim
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.asked.money_options import money
    from nworkers.cli.shown import console, headline, money_text, notes, predict_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.answers import answer_breakeven, breakeven_with_ways_out
    from nworkers.simulator.decide.money import costs_of, undecided
    from nworkers.simulator.study.resolve import resolve

    most = integer("--max-workers", max_workers, 1, MAX_WORKERS)
    wanted = aim(aimed or AimOptions())
    request = job_request(options)
    job = resolve(request, [most], curve=True)
    worth = money(priced) if priced is not None and priced.is_asked else None
    console.notes(notes.of_curve(job, most))
    with ProgressLine("simulating") as progress:
        answer = answer_breakeven(
            job,
            most,
            progress.update,
            lambda row: progress.know(headline.in_short(row)),
            aim=wanted,
            refine=undecided(*worth) if worth else None,
        )
        answer = breakeven_with_ways_out(answer, request, progress.update)
    costs = costs_of(answer.result, *worth) if worth else None
    if drawn is not None:
        from nworkers.cli.plots import cost_plot, speedup_curve, style

        figure = speedup_curve.speedup_curve(answer, style.SIZES[size])
        if costs is not None:
            figure = cost_plot.costs(
                [("what is asked", costs)], money_text.title(costs), job, style.SIZES[size]
            )
        style.save(figure, drawn, force=force)
    ask = _ask(options, aimed)
    if as_json or as_lines:
        from nworkers.cli.shown import json_view

        spent = money_text.document(costs) if costs else None
        write = json_view.emit_lines if as_lines else json_view.emit
        write(json_view.breakeven(answer, ask, money=spent))
    else:
        lines = money_text.in_words(costs) if costs else []
        tables = [money_text.table(costs)] if costs else []
        console.show(predict_text.curve(answer, ask, lines, tables))


def _ask(options: Options, aimed: AimOptions | None) -> Ask:
    """The command that asks for a way out."""
    if aimed is None or aimed == AimOptions():
        return partial(command, "predict", options)
    # Of an aim the curve alone tells.
    return partial(command, "breakeven", options, beside=[aimed], counted="max_workers")


def show_mix(
    options: Options,
    aimed: AimOptions,
    path: Path,
    max_workers: str,
    drawn: Path | None,
    *,
    force: bool,
    as_json: bool,
    size: SizeName = "large",
) -> None:
    """Answer for several jobs together, and draw where there is a file to draw to.

    Raises:
        InputError
    """
    from nworkers.cli.asked.aim_options import aim
    from nworkers.cli.asked.option_text import in_mix, stated_in_mix
    from nworkers.cli.shown import console, mix_text, notes
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.answers import answer_mix, mix_with_ways_out

    most, wanted = integer("--max-workers", max_workers, 1, MAX_WORKERS), aim(aimed)
    jobs = in_mix(options, path)
    with ProgressLine("simulating") as progress:
        answer = answer_mix(jobs, most, progress.update, aim=wanted)
        answer = mix_with_ways_out(answer, jobs, progress.update)
    stated = stated_in_mix(path)

    def ask(workers: int, fields: Iterable[tuple[str, str]]) -> str:
        """Of what jobs state themselves, no command changes it in all of them."""
        changes = [("mix", str(path)), *fields]
        if stated & {name for name, _ in changes} or (len(changes) == 1 and workers <= most):
            return ""
        more = [aimed]
        return command("breakeven", options, workers, changes, beside=more, counted="max_workers")

    resolved = answer.found.jobs.items()
    console.notes(notes.said_of({name: notes.of_curve(job, most) for name, job in resolved}))
    if drawn is not None:
        from nworkers.cli.plots import mix_plot, style

        style.save(mix_plot.mix_plot(answer.found, style.SIZES[size]), drawn, force=force)
    if as_json:
        from nworkers.cli.shown import json_view

        json_view.emit(mix_text.document(answer, ask))
    else:
        console.show(mix_text.curve(answer, ask))


def show_options(
    options: Options,
    aimed: AimOptions,
    priced: MoneyOptions,
    name: str,
    texts: Sequence[str],
    files: Sequence[Path],
    max_workers: str,
    drawn: Path | None,
    *,
    force: bool,
    as_json: bool,
    size: SizeName = "large",
) -> None:
    """Compare the job as asked, under a name, with other ways to do it; then its own curve.

    Raises:
        InputError
    """
    from nworkers.cli.asked.aim_options import aim
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.asked.money_options import money
    from nworkers.cli.asked.option_text import in_file, in_words
    from nworkers.cli.shown import console, money_text, notes, option_views, predict_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.cli.shown.sheet import Sheet
    from nworkers.cli.shown.tone import Tone, Toned
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.answers import breakeven_answer, breakeven_with_ways_out
    from nworkers.simulator.decide.job_options import JobOption, compare

    most = integer("--max-workers", max_workers, 1, MAX_WORKERS)
    wanted = aim(aimed)
    worth = money(priced) if priced.is_asked else None
    prices, work = worth or (None, None)
    asked = [
        JobOption(name, job_request(options)),
        *(in_words(options, text, priced) for text in texts),
        *(in_file(options, path, priced) for path in files),
    ]
    with ProgressLine("comparing") as progress:
        found = compare(asked, most, progress.update, aim=wanted, prices=prices, assignment=work)
        curve = found[0].curve
        assert curve is not None
        answer = breakeven_answer(found[0].job, curve)
        answer = breakeven_with_ways_out(answer, asked[0].request, progress.update, beside=found)
    ask = _ask(options, aimed)
    console.notes(notes.of_curve(found[0].job, most))
    costs = found[0].spent.curve if found[0].spent is not None else None
    first_line = option_views.best_option(found)
    if worth is not None:
        first_line = money_text.best_option(found, *worth) or first_line
    if drawn is not None:
        from nworkers.cli.plots import cost_plot, option_ratios, style

        figure = option_ratios.option_ratios(found, style.SIZES[size])
        if worth is not None:
            figure = cost_plot.costs(
                cost_plot.curves_of(found), first_line, found[0].job, style.SIZES[size]
            )
        style.save(figure, drawn, force=force)
    if as_json:
        from nworkers.cli.shown import json_view

        spent = money_text.document(costs) if costs else None
        compared = option_views.options_json(found)
        json_view.emit(json_view.breakeven(answer, ask, money=spent, options=compared))
        return
    best = Toned(first_line, Tone.HEADLINE)
    if worth is not None and costs is not None:
        lines, tables = money_text.in_words(costs), [money_text.table(costs)]
        curve_text = predict_text.curve(answer, ask, lines, tables)
        console.show(Sheet(best, money_text.options_table(found, *worth), curve_text))
    else:
        console.show(Sheet(best, option_views.options_text(found), predict_text.curve(answer, ask)))
