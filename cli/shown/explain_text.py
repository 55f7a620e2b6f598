"""Explain text: a step's causes by what each costs, and the quantities that move it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, measured_text, predict_text
from nworkers.cli.shown.sheet import Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.models.records.explained import Elasticity, Explained

if TYPE_CHECKING:
    from nworkers.simulator.answers import ExplainAnswer


def explanation(answer: ExplainAnswer) -> Sheet:
    """The sentence that answers, where a step's time goes, and what would change it."""
    found = answer.found
    row = found.row
    beside: list[Shown] = []
    if answer.beside is not None:
        beside = [measured_text.beside(answer.beside, row), ""]
    return Sheet(
        *beside,
        Toned(headline.of_explained(found), Tone.HEADLINE),
        "",
        *predict_text.heading(row, answer.job),
        predict_text.breakdown(row),
        f"A step takes {fmt.seconds(row.step_time_s, row.step_time_s_interval)}. Simulated anew, "
        "with one cause free:",
        _freed(found),
        *_elasticities(found.elasticities),
        predict_text.evidence(answer.job.profile, row),
        *predict_text.noted(answer.notes),
        *predict_text.caveats(answer.beyond),
    )


def _freed(found: Explained) -> TextTable:
    """What buys most first; another cause takes over."""
    table = TextTable(
        "without", "takes", "step then", "times as fast", "speed-up", "then most is",
        left=(0, 5), spare=("speed-up", "step then", "then most is"),
    )  # fmt: skip
    for freed in found.freed:
        table.add_row(
            headline.CAUSE_WORDS[freed.cause],
            fmt.seconds(freed.spent_s),
            fmt.seconds(freed.step_time_s),
            fmt.times(freed.ratio, freed.ratio_interval),
            fmt.times(freed.speedup, freed.speedup_interval),
            f"{headline.CAUSE_WORDS[freed.then]}, {fmt.percent(freed.then_share)}",
        )
    return table


def _elasticities(found: tuple[Elasticity, ...]) -> list[Shown]:
    """The largest first."""
    if not found:
        return ["No single quantity of the profile moves the step by more than chance does."]
    table = TextTable(
        "1 % more of", "which is", "moves the step by", "90 % interval",
        left=(0,), spare=("which is",),
    )  # fmt: skip
    for of in found:
        low, high = of.interval
        table.add_row(
            of.path,
            fmt.quantity(of.value, of.unit) if of.unit else fmt.digits(of.value),
            f"{of.percent:+.2f} %",
            f"{low:+.2f} to {high:+.2f}",
        )
    return [table, f"Any can be set: --set {found[0].path}=0.5x."]
