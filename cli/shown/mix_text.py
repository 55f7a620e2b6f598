"""Mix text: jobs that share the workers, as a sentence, a table and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.predict_text import INTERVALS_NOTE
from nworkers.cli.shown.row_json import plain
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned, by_chance

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import MixDocument
    from nworkers.simulator.decide.job_mix import JobMix


def answer(found: JobMix) -> str:
    """The first number of workers that wins for the mix, and the best."""
    best = next(row for row in found.rows if row.workers == found.best_workers)
    times = "" if found.target_speedup == 1.0 else f"{found.target_speedup:g} times "
    at_best = f"{fmt.count(best.workers, 'worker')}, at {fmt.times(best.speedup)}"
    if found.breakeven_workers is None:
        return (
            f"No number of workers up to {found.max_workers} does more of this mix than {times}the "
            f"baseline; the best: {at_best}."
        )
    first = next(row for row in found.rows if row.workers == found.breakeven_workers)
    return (
        f"From {fmt.count(first.workers, 'worker')} the mix is trained faster than by {times}the "
        f"baseline, at {fmt.times(first.speedup, first.speedup_interval)}; the best: {at_best}."
    )


def curve(found: JobMix) -> Sheet:
    """The sentence, and a line for each number of workers with each job's own speed-up."""
    names = list(found.rows[0].speedups)
    spare = ("samples/s", *reversed(names))
    table = TextTable("workers", "samples/s", "mix", "wins", *names, spare=spare)
    for row in found.rows:
        table.add_row(
            str(row.workers),
            fmt.quantity(row.samples_per_s, ""),
            fmt.times(row.speedup, row.speedup_interval),
            by_chance(fmt.percent(row.probability_exceeds_target), row.probability_exceeds_target),
            *(fmt.times(row.speedups[name]) for name in names),
        )
    how = "The mix: seconds a sample, averaged by weights; each job in turn has all the workers."
    tone = Tone.BAD if found.breakeven_workers is None else Tone.GOOD
    return Sheet(Toned(answer(found), tone), table, how, INTERVALS_NOTE)


def document(found: JobMix) -> MixDocument:
    """The same for machines."""
    return {
        "rows": [plain(row) for row in found.rows],
        "max_workers": found.max_workers,
        "target_speedup": found.target_speedup,
        "breakeven_workers": found.breakeven_workers,
        "best_workers": found.best_workers,
        "answer": answer(found),
    }
