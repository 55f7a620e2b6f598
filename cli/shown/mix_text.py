"""Mix text: jobs that share the workers, as sentences, a table and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, json_view, predict_text, way_out_text
from nworkers.cli.shown.notes import said_of
from nworkers.cli.shown.row_json import plain
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned, by_chance
from nworkers.cli.shown.way_out_text import Ask
from nworkers.models.findings.rests_on import rests_on

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import MixDocument
    from nworkers.simulator.answers import MixAnswer
    from nworkers.simulator.decide.job_mix import JobMix

BASE = "the baseline"
HOW = "The mix: seconds a sample, averaged by weights; each job in turn has all the workers."


def headline_of(found: JobMix) -> str:
    """The first number of workers that wins for the mix, the best, and how sure the first is."""
    best = found.best
    goal = headline.goal(found.aim, BASE)
    at_best = f"{fmt.count(best.workers, 'worker')}, at {fmt.times(best.speedup)}"
    if found.breakeven_workers is None:
        text = (
            f"No number of workers up to {found.max_workers} {headline.wins(found.aim, 1)} {goal} "
            f"with this mix; the best: {at_best}."
        )
    else:
        first, wins = found.decisive, headline.wins(found.aim, found.decisive.workers)
        text = (
            f"{fmt.count(first.workers, 'worker')} {wins} {goal} with this mix, at "
            f"{headline.ratio_text(first.speedup, first.speedup_interval)}; the best: {at_best}."
        )
    return text + headline.doubt(found)


def curve(answer: MixAnswer, ask: Ask) -> Sheet:
    """The sentence, a line for each number of workers with each job's own speed-up, and notes."""
    found = answer.found
    ways = answer.ways_out
    spare = ("samples/s", *reversed(found.jobs))
    table = TextTable("workers", "samples/s", "mix", "wins", *found.jobs, spare=spare)
    for row in found.rows:
        table.add_row(
            str(row.workers),
            fmt.quantity(row.samples_per_s, ""),
            fmt.times(row.speedup, row.speedup_interval),
            by_chance(fmt.percent(wins := row.probability_exceeds(found.target_speedup)), wins),
            *(fmt.times(of.speedup) for of in row.of.values()),
        )
    first = found.decisive
    evidence = {
        name: [predict_text.evidence(job.profile, first.of[name])]
        for name, job in found.jobs.items()
    }
    tone = Tone.BAD if found.breakeven_workers is None else Tone.GOOD
    return Sheet(
        Toned(headline_of(found), tone),
        *(() if ways is None else way_out_text.ways_out(ways, BASE, ask, found.aim)),
        table,
        HOW,
        *said_of(evidence),
        predict_text.chance(of for row in found.rows for of in row.of.values()),
        *predict_text.noted(said_of(answer.notes)),
        *predict_text.caveats(said_of(answer.beyond), found.aim),
    )


def document(answer: MixAnswer, ask: Ask) -> MixDocument:
    """The same for machines."""
    found = answer.found
    first = found.decisive
    return {
        **json_view.won(found, found.best_workers, headline_of(found)),
        "jobs": [
            {
                "job": name,
                "weight": found.weights[name],
                "notes": list(answer.notes[name]),
                "extrapolated": list(answer.beyond[name]),
                "rests_on": plain(rests_on(job.profile, first.of[name])),
                **json_view.context(job),
            }
            for name, job in found.jobs.items()
        ],
        "rows": [
            {
                "workers": row.workers,
                "samples_per_s": row.samples_per_s,
                "speedup": row.speedup,
                "speedup_interval": row.speedup_interval,
                "probability_exceeds_target": row.probability_exceeds(found.target_speedup),
                "speedups": {name: of.speedup for name, of in row.of.items()},
            }
            for row in found.rows
        ],
        "ways_out": way_out_text.as_json(answer.ways_out or (), ask),
    }
