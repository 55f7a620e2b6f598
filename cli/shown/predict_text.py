"""Predict text: tables and the sentence that answers, for predict and breakeven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, way_out_text
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned, by_chance
from nworkers.cli.shown.way_out_text import Ask
from nworkers.models.findings.rests_on import rests_on
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.prediction import BreakEven, Prediction, ResourceUse
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.solved import WayOut

if TYPE_CHECKING:
    from nworkers.simulator.answers import BreakEvenAnswer, PredictAnswer
    from nworkers.simulator.study.resolve import ResolvedJob

COMPUTE_SOURCES = {
    "stated": "the step time that was stated",
    "step_table": "the measured step of this workload",
    "workload_file": "the cost in the workload file",
    "gemm_rate": "flops over the fitted GEMM rate",
}
INTERVALS_NOTE = "Intervals are 90 %, for a fresh 30 s run."
ACCURACY_NOTE = (
    "Speed-up counts samples per second, not time to accuracy: more workers mean staler gradients\n"
    f"or a larger global batch, which learn differently. {INTERVALS_NOTE}"
)
BAR_WIDTH = 24
#: From which utilisation on a resource is told of, and how many are.
BUSY = 0.2
BUSY_SHOWN = 4


def predictions(answer: PredictAnswer, ask: Ask | None = None) -> Sheet:
    """The table of all rows, and for the last of them where its time goes."""
    last = answer.rows[-1]
    return Sheet(
        by_chance(headline.of_prediction(last), last.probability_beats),
        *_ways_out(answer.ways_out, last, ask),
        "",
        *heading(last, answer.job),
        _scaling_table(answer.rows),
        breakdown(last),
        _busiest(last.resources),
        _memory(last),
        evidence(answer.job.profile, last),
        chance(answer.rows),
        *noted(answer.notes),
        *caveats(answer.beyond),
    )


def _busiest(resources: Sequence[ResourceUse]) -> str:
    """The resources that are in use for much of the time."""
    busy = [
        f"{use.resource} {fmt.percent(use.utilisation)}"
        for use in resources
        if use.utilisation >= BUSY
    ]
    more = f", and {len(busy) - BUSY_SHOWN} more" if len(busy) > BUSY_SHOWN else ""
    return f"Busy: {'; '.join(busy[:BUSY_SHOWN])}{more}." if busy else "No resource is busy."


def _memory(row: Prediction) -> str:
    """What tensors take of a host's memory."""
    memory = row.memory
    ps = f"a ps {fmt.quantity(max(memory.ps_bytes), 'B')}, " if memory.ps_bytes else ""
    known = memory.available_bytes
    of = "" if known is None else f" of {fmt.quantity(known, 'B')}"
    return (
        f"Memory of tensors: {ps}a worker {fmt.quantity(memory.worker_bytes, 'B')}, "
        f"the fullest host {fmt.quantity(memory.host_bytes, 'B')}{of}."
    )


def curve(
    answer: BreakEvenAnswer,
    ask: Ask | None = None,
    lines: Sequence[str] = (),
    tables: Sequence[TextTable] = (),
) -> Sheet:
    """The sentence that answers and the table of the curve, with more of both where asked."""
    rows = answer.result.rows
    return Sheet(
        first_line(answer.result),
        *lines,
        *_instead(answer, ask),
        "",
        *heading(answer.best, answer.job),
        _scaling_table(rows, answer.result.aim),
        *tables,
        evidence(answer.job.profile, answer.decisive),
        chance(rows),
        *noted(answer.notes),
        *caveats(answer.beyond, answer.result.aim),
    )


def first_line(result: BreakEven) -> Toned:
    """The sentence that answers."""
    tone = Tone.BAD if result.breakeven_workers is None else Tone.GOOD
    return Toned(headline.of_breakeven(result), tone)


def _ways_out(
    ways: Sequence[WayOut] | None, row: Prediction, ask: Ask | None, aim: Aim = PLAIN_AIM
) -> list[str]:
    if ways is None or ask is None:
        return []
    return [*way_out_text.ways_out(ways, headline.baseline(row), ask, aim)]


def _instead(answer: BreakEvenAnswer, ask: Ask | None) -> list[str]:
    """What would reach the aim; of workers that are there, where others would reach it too."""
    result, row = answer.result, answer.best
    if result.breakeven_workers is None:
        return _ways_out(answer.ways_out, row, ask, result.aim)
    owned = row.owned_workers or 1
    there = f"{fmt.count(owned, 'worker')} that {'is' if owned == 1 else 'are'} there"
    lines = _ways_out(answer.ways_out or None, row, ask, result.aim)
    return [f"With the {there}:", *lines] if lines else []


def heading(row: Prediction, job: ResolvedJob) -> list[str]:
    """The job, its hardware, and where its compute time is from."""
    scenario, profile = row.scenario, job.profile
    others = any(change.is_other for change in job.changed)
    but = ", no longer as measured" if others else ""
    batch = "global batch" if scenario.scaling == "strong" else "per-worker batch"
    return [
        f"{scenario.workload.name}, {scenario.strategy}, {scenario.scaling} scaling at {batch} "
        f"{scenario.batch}, placement {scenario.placement}",
        f"hardware: {profile.hardware} ({profile.link.evidence}){_gpus(scenario)}{but}",
        f"compute time from: {COMPUTE_SOURCES.get(row.compute_source, row.compute_source)}",
    ]


def _gpus(scenario: Scenario) -> str:
    """How many workers share a GPU; nothing where processors compute."""
    if scenario.workers_per_gpu is None:
        return ""
    most = min(scenario.workers_per_gpu, scenario.workers_on_a_host)
    return f", {most} worker{'' if most == 1 else 's'} on a GPU"


def _scaling_table(rows: Iterable[Prediction], aim: Aim = PLAIN_AIM) -> TextTable:
    """A line for each row; how probably it wins, and what a sample brings where that varies."""
    brings = [] if aim.counts_samples else ["a sample brings"]
    table = TextTable(
        "workers", "batch", "step time", "samples/s", *brings, "speed-up", "efficiency", "wins",
        spare=("efficiency", "batch", "samples/s", "step time"),
    )  # fmt: skip
    for row in rows:
        counted = [] if aim.counts_samples else [fmt.percent(row.progress_per_sample)]
        table.add_row(
            str(row.scenario.workers),
            str(row.scenario.per_worker_batch),
            fmt.seconds(row.step_time_s, row.step_time_s_interval),
            fmt.quantity(row.throughput_samples_per_s, "", row.throughput_samples_per_s_interval),
            *counted,
            fmt.times(row.speedup, row.speedup_interval),
            fmt.percent(row.efficiency),
            _chance(row.probability_exceeds(aim.target_speedup)),
        )
    return table


def _chance(probability: float) -> str:
    return by_chance(fmt.percent(probability), probability)


def breakdown(row: Prediction) -> TextTable:
    """Where one step's time goes, largest cause first."""
    header = ("where a step's time goes", "seconds", "share", "")
    table = TextTable(*header, left=(0, 3), spare=("",))
    causes = sorted(row.breakdown.items(), key=lambda item: -item[1])
    for cause, spent_s in causes:
        if spent_s > 0:
            share = spent_s / row.step_time_s
            bar = "█" * round(BAR_WIDTH * share)
            tone = Tone.DOUBT if cause == row.bottleneck else Tone.PLAIN
            name = Toned(headline.CAUSE_WORDS[cause], tone)
            table.add_row(name, fmt.seconds(spent_s), fmt.percent(share), Toned(bar, tone))
    return table


def evidence(profile: Profile, row: Prediction) -> str:
    """The evidence of a row, and how far predictions of its class were off."""
    found = rests_on(profile, row)
    known = found.accuracy
    kind = f" ({found.kind})" if found.kind else ""
    if known is None:
        return (
            f"Rests on: {found.evidence}; unverified, since no job like it{kind} was trained on "
            "such hardware to compare."
        )
    jobs = "jobs predicted before their training" if known.half == "blind" else "trained jobs"
    return (
        f"Rests on: {found.evidence}; of its class{kind}, {known.cells} {jobs} were off "
        f"by {fmt.percent(known.median)} in the median and {fmt.percent(known.worst)} at worst."
    )


def chance(rows: Iterable[Prediction]) -> str:
    """How far another seed would move the rows."""
    share = max(row.monte_carlo_error / row.step_time_s for row in rows)
    return f"Simulated by chance: another seed moves a step time by about {fmt.percent(share)}."


def noted(notes: Sequence[str]) -> list[str]:
    """Lines for the notes of an answer, if there are any."""
    return [*(["", "Notes:"] if notes else []), *(f"  - {note}" for note in notes)]


def caveats(beyond: Sequence[str], aim: Aim = PLAIN_AIM) -> list[str]:
    """What a prediction rests on beyond the measurement, then what its speed-up counts."""
    lines = [f"  - {reason}" for reason in beyond]
    head = ["", "Beyond what was measured:"] if lines else []
    return [*head, *lines, "", counts(aim)]


def counts(aim: Aim) -> str:
    """What a speed-up counts."""
    if aim.counts_samples:
        return ACCURACY_NOTE
    if aim.noise_scale is not None:
        how = f"at a gradient noise scale of {aim.noise_scale:g} samples"
    else:
        how = f"for which the workers need {aim.samples_factor:g} times the samples, as stated"
    return (
        f"Speed-up counts progress, {how}; nothing else of learning is counted.\n{INTERVALS_NOTE}"
    )
