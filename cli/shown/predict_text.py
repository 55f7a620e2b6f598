"""Predict text: tables and the sentence that answers, for predict and breakeven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.table import TextTable
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.profile import Profile

if TYPE_CHECKING:
    from nworkers.simulator.answers import BreakEvenAnswer, PredictAnswer
    from nworkers.simulator.step.spans import Use

CAUSE_WORDS = {
    "dispatch": "the runtime's dispatch",
    "input": "reading input",
    "fetch_latency": "latency of fetching variables",
    "fetch_transfer": "transfer of variables",
    "compute": "computing",
    "push_latency": "latency of pushing gradients",
    "push_transfer": "transfer of gradients",
    "apply": "applying gradients",
    "collective_latency": "latency of the all-reduce",
    "collective_transfer": "transfer of the all-reduce",
    "host_contention": "waiting for a processor core",
    "link_contention": "waiting for the shared link",
    "barrier_wait": "waiting for the slowest worker",
    "outage": "tasks that are down",
}
COMPUTE_SOURCES = {
    "step_table": "the measured step of this workload",
    "workload_file": "the cost in the workload file",
    "gemm_rate": "flops over the fitted GEMM rate",
}
ACCURACY_NOTE = (
    "Speed-up counts samples per second, not time to accuracy: more workers mean staler gradients\n"
    "or a larger global batch, which learn differently. Intervals are 90 %, for a fresh 30 s run."
)
BAR_WIDTH = 24
#: From which utilisation on a resource is told of, and how many are.
BUSY = 0.2
BUSY_SHOWN = 4


def predictions(answer: PredictAnswer) -> str:
    """The table of all rows, and for the last of them where its time goes."""
    last = answer.rows[-1]
    parts = [
        _heading(last, answer.job.profile),
        _scaling_table(answer.rows),
        _breakdown(last),
        _busiest(answer.resources[-1]),
        prediction_sentence(last),
        *_caveats(answer.beyond),
    ]
    return "\n".join(parts)


def _busiest(resources: Mapping[str, Use]) -> str:
    """The resources that are in use for much of the time."""
    busy = [
        f"{name} {fmt.percent(use.utilisation)}"
        for name, use in resources.items()
        if use.utilisation >= BUSY
    ]
    more = f", and {len(busy) - BUSY_SHOWN} more" if len(busy) > BUSY_SHOWN else ""
    return f"Busy: {'; '.join(busy[:BUSY_SHOWN])}{more}." if busy else "No resource is busy."


def curve(answer: BreakEvenAnswer) -> str:
    """The table of the curve, and the sentence that answers."""
    rows = answer.result.rows
    parts = [
        _heading(answer.best, answer.job.profile),
        _scaling_table(rows),
        breakeven_sentence(answer.result),
        *_caveats(answer.beyond),
    ]
    return "\n".join(parts)


def prediction_sentence(row: Prediction) -> str:
    workers = row.scenario.workers
    verb = "trains" if workers == 1 else "train"
    pace = f"{fmt.times(row.speedup, row.speedup_interval)} the samples per second of {_base(row)}"
    return (
        f"{fmt.count(workers, 'worker')} {verb} at {pace}; "
        f"each step spends {_share(row)} on {CAUSE_WORDS[row.bottleneck]}."
    )


def breakeven_sentence(result: BreakEven) -> str:
    """The answer; where it is never, with what stands in the way."""
    best = max(result.rows, key=lambda row: row.speedup)
    workers = result.breakeven_workers
    if workers is None:
        return (
            f"no number of workers up to {result.max_workers} beats {_base(best)}: "
            f"each step spends {_share(best)} on {CAUSE_WORDS[best.bottleneck]} "
            f"(at its best, {fmt.times(best.speedup)} with "
            f"{fmt.count(best.scenario.workers, 'worker')})."
        )
    are = "is the first" if workers == 1 else "are the first"
    text = (
        f"{fmt.count(workers, 'worker')} {are} to beat {_base(best)} ({_workers_interval(result)})"
    )
    if result.breakeven_hosts is not None and result.breakeven_hosts > 1:
        text += f", on {result.breakeven_hosts} hosts"
    lost = [last for _, last in result.beats_single if last < result.max_workers]
    if lost:
        ranges = [
            str(first) if first == last else f"{first} to {last}"
            for first, last in result.beats_single
        ]
        text += f"; the gain is lost again, and held only by {', '.join(ranges)}"
    return text + "."


def _heading(row: Prediction, profile: Profile) -> str:
    scenario = row.scenario
    batch = "global batch" if scenario.scaling == "strong" else "per-worker batch"
    return (
        f"{scenario.workload.name}, {scenario.strategy}, {scenario.scaling} scaling at {batch} "
        f"{scenario.batch}, placement {scenario.placement}\n"
        f"hardware: {profile.hardware} ({profile.link.evidence})\n"
        f"compute time from: {COMPUTE_SOURCES.get(row.compute_source, row.compute_source)}"
    )


def _scaling_table(rows: Iterable[Prediction]) -> str:
    table = TextTable("workers", "batch", "step time", "samples/s", "speed-up", "efficiency")
    for row in rows:
        table.add_row(
            str(row.scenario.workers),
            str(row.scenario.per_worker_batch),
            fmt.seconds(row.step_time_s, row.step_time_s_interval),
            fmt.quantity(row.throughput_samples_per_s, "", row.throughput_samples_per_s_interval),
            fmt.times(row.speedup, row.speedup_interval),
            fmt.percent(row.efficiency),
        )
    return str(table)


def _breakdown(row: Prediction) -> str:
    """Where one step's time goes, largest cause first."""
    table = TextTable("where a step's time goes", "seconds", "share", "", left=(0, 3))
    causes = sorted(row.breakdown.items(), key=lambda item: -item[1])
    for cause, spent_s in causes:
        if spent_s > 0:
            share = spent_s / row.step_time_s
            bar = "█" * round(BAR_WIDTH * share)
            table.add_row(CAUSE_WORDS[cause], fmt.seconds(spent_s), fmt.percent(share), bar)
    return str(table)


def _caveats(beyond: Sequence[str]) -> list[str]:
    """What a prediction rests on beyond the measurement, then the standing note."""
    lines = [f"  - {reason}" for reason in beyond]
    head = ["", "Beyond what was measured:"] if lines else []
    return [*head, *lines, "", ACCURACY_NOTE]


def _base(row: Prediction) -> str:
    if row.baseline == "device":
        return "one process"
    if row.baseline == "host":
        return "one host"
    return fmt.count(int(row.baseline), "worker") if row.baseline.isdecimal() else row.baseline


def _share(row: Prediction) -> str:
    return fmt.percent(row.breakdown[row.bottleneck] / row.step_time_s)


def _workers_interval(result: BreakEven) -> str:
    low, high = result.breakeven_workers_interval
    if low == high:
        return f"{low} in at least 90 % of the draws"
    never = f"never up to {result.max_workers}"
    return f"{never if low is None else low} to {never if high is None else high}"
