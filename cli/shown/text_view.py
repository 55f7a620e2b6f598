"""Render: tables and the sentence that answers, as text for a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import console
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.table import Table
from nworkers.models.findings.weak_parameters import Remedy, weaknesses
from nworkers.models.records.calibration import Environment
from nworkers.models.records.measurement import Comparison
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.profile import Candidate, FitRow, Profile, parameters

if TYPE_CHECKING:
    from nworkers.simulator.step.spans import Use

CAUSES = {
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
#: Steal beyond this shows in the medians.
STOLEN_SHARE = 0.02


def predictions(rows: Sequence[Prediction], profile: Profile, resources: Mapping[str, Use]) -> str:
    """The table of all rows, and for the last of them where its time goes.

    Args:
        resources: of the last, the busiest first.
    """
    last = rows[-1]
    parts = [
        _heading(last, profile),
        _scaling_table(rows),
        _breakdown(last),
        _busiest(resources),
        prediction_sentence(last),
        *_caveats(rows),
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


def stolen(environment: Environment) -> None:
    """Warn where a hypervisor took the cores away while something was measured."""
    share = float(environment.facts.get("stolen_share", "0"))
    if share > STOLEN_SHARE:
        console.note(
            f"other tenants of this machine took {100 * share:.0f} % of its cores' time while it "
            "was measured (steal): times are too long and vary; measure again when it is quiet"
        )


def curve(result: BreakEven, profile: Profile) -> str:
    best = max(result.rows, key=lambda row: row.speedup)
    parts = [
        _heading(best, profile),
        _scaling_table(result.rows),
        breakeven_sentence(result),
        *_caveats(result.rows),
    ]
    return "\n".join(parts)


def prediction_sentence(row: Prediction) -> str:
    workers = row.scenario.workers
    verb = "trains" if workers == 1 else "train"
    pace = f"{fmt.times(row.speedup, row.speedup_interval)} the samples per second of {_base(row)}"
    return (
        f"{fmt.count(workers, 'worker')} {verb} at {pace}; "
        f"each step spends {_share(row)} on {CAUSES[row.bottleneck]}."
    )


def breakeven_sentence(result: BreakEven) -> str:
    """The answer; where it is never, with what stands in the way."""
    best = max(result.rows, key=lambda row: row.speedup)
    workers = result.breakeven_workers
    if workers is None:
        return (
            f"no number of workers up to {result.max_workers} beats {_base(best)}: "
            f"each step spends {_share(best)} on {CAUSES[best.bottleneck]} "
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


def fit(profile: Profile, file: str) -> str:
    """What was fitted, how well, and what would strengthen it.

    Args:
        file: what was fitted, for the commands.
    """
    fitted = Table("parameter", "estimate", "90 % interval", "unit", "samples", left=(0,))
    for path, parameter in parameters(profile):
        estimate, interval, unit = fmt.columns(
            parameter.estimate, parameter.unit, parameter.interval
        )
        if not parameter.identified:
            estimate, interval, unit = "not identified", "—", parameter.unit
        fitted.add_row(path, estimate, interval, unit, str(parameter.samples))
    told = (*_choices(profile), *_shares(profile), *_weak(profile, file))
    return "\n".join([str(fitted), quality(profile.fit), *told])


def _choices(profile: Profile) -> list[str]:
    """Every law that was tried, with how much worse it is than the one that was chosen."""
    tried = [(row.operation, row.candidates) for row in profile.fit if row.candidates]
    if profile.link.candidates:
        tried.append(("sharing the link", profile.link.candidates))
    if not tried:
        return []
    table = Table("", "chosen", "also tried", left=(0, 1, 2))
    for what, candidates in tried:
        best = next(c for c in candidates if c.chosen)
        others = [_score(c, best) for c in candidates if not c.chosen]
        table.add_row(what, _score(best, best), "; ".join(others))
    return [f"Laws that the data chose between:\n{table}"]


def _shares(profile: Profile) -> list[str]:
    """How far from equally transfers share the link that begin at once."""
    if not profile.link.uneven:
        return []
    table = Table("transfers at once", "bytes of each", "deviation of log weight", left=())
    for measured in profile.link.uneven:
        size = fmt.quantity(measured.size_bytes, "B")
        table.add_row(str(measured.flows), size, f"{measured.log_deviation:.2f}")
    return [f"How unequally they share the link (0 is equally):\n{table}"]


def _score(candidate: Candidate, best: Candidate) -> str:
    """How much worse than the chosen one, or its error on what was left out of the fit."""
    if candidate.criterion == "left out":
        return f"{candidate.law} (off by {fmt.percent(candidate.score)} where left out)"
    if candidate is best:
        return candidate.law
    return f"{candidate.law} (BIC {candidate.score - best.score:+.0f})"


def _weak(profile: Profile, file: str) -> list[str]:
    found = weaknesses(profile)
    if not found:
        return ["Nothing here is weak."]
    lines = []
    for weak in found:
        told = remedy(weak.remedy)
        command = told if weak.remedy.how == "another" else f"scale calibrate {told} -o {file}"
        lines.append(f"  - {weak.what}: {weak.why}\n    {command}")
    return ["What is weak, and what would strengthen it:", *lines]


def remedy(found: Remedy) -> str:
    """What would help: the options of ``scale calibrate``, or words."""
    if found.how == "another":
        return found.words
    only = f" --only {','.join(found.only)}" if found.only else ""
    rounds = "" if found.rounds is None else f" --rounds {found.rounds}"
    return f"--{found.how}{only}{rounds}"


def quality(rows: Iterable[FitRow]) -> str:
    """How well each operation is fitted."""
    table = Table("operation", "cells", "held out", "median error", "worst error", left=(0,))
    for row in rows:
        table.add_row(
            row.operation,
            str(row.cells),
            str(row.held_out),
            _error(row.median_error),
            _error(row.worst_error),
        )
    return f"Relative error on sizes that the fit never saw:\n{table}"


def comparison(result: Comparison) -> str:
    """Measured beside predicted, with the verdict."""
    table = Table(
        "workers",
        "measured",
        "predicted",
        "error",
        "covered",
        "speed-up m/p",
        "processors",
        "evidence",
        "verdict",
        left=(7,),
    )
    single_s = (
        result.single_measured_samples_per_s,
        result.single_predicted_samples_per_s,
    )
    table.add_row(
        "one process",
        *(fmt.quantity(rate, "/s") for rate in single_s),
        fmt.signed_percent(result.single_error),
        "—",
        "—",
        "—",
        result.evidence,
        _verdict(result.single_error, result.tolerance),
    )
    for row in result.rows:
        predicted = row.predicted
        table.add_row(
            str(row.workers),
            fmt.seconds(row.measured_step_time_s, row.measured_step_time_s_range),
            fmt.seconds(predicted.step_time_s, predicted.step_time_s_interval),
            fmt.signed_percent(row.error),
            "yes" if row.covered else "no",
            f"{fmt.times(row.measured_speedup)} / {fmt.times(predicted.speedup)}",
            "—" if row.processor_share is None else fmt.percent(row.processor_share),
            result.evidence,
            _verdict(row.error, result.tolerance),
        )
    held = "holds" if result.holds else "does not hold"
    return "\n".join(
        [
            str(table),
            *_parts(result),
            "Step time with the range of the starts (measured) and its 90 % interval (predicted); "
            "one process: samples per second; processors: how much of the host's were in use.",
            f"Break-even: measured {_workers(result.breakeven_measured)}, "
            f"predicted {_workers(result.breakeven_predicted)}, of the counts tried.",
            f"The prediction {held} within {fmt.percent(result.tolerance)}.",
        ]
    )


def _parts(result: Comparison) -> Iterator[str]:
    """What a step's time goes to, traced and simulated, and where a prediction is off most."""
    traced = [(row, row.parts) for row in result.rows if row.parts]
    if not traced:
        return
    table = Table("workers", "fetch", "compute", "push and wait", "off most")
    for row, (measured, predicted) in traced:
        table.add_row(
            str(row.workers),
            *(
                f"{fmt.seconds(m)} / {fmt.seconds(p)}"
                for m, p in (
                    (measured.fetch_s, predicted.fetch_s),
                    (measured.compute_s, predicted.compute_s),
                    (measured.push_s, predicted.push_s),
                )
            ),
            "—" if abs(row.error) <= result.tolerance else str(row.part_most_off),
        )
    yield f"Traced / simulated, a worker's step (tracing makes it longer):\n{table}"


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
    table = Table("workers", "batch", "step time", "samples/s", "speed-up", "efficiency")
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
    table = Table("where a step's time goes", "seconds", "share", "", left=(0, 3))
    causes = sorted(row.breakdown.items(), key=lambda item: -item[1])
    for cause, spent_s in causes:
        if spent_s > 0:
            share = spent_s / row.step_time_s
            bar = "█" * round(BAR_WIDTH * share)
            table.add_row(CAUSES[cause], fmt.seconds(spent_s), fmt.percent(share), bar)
    return str(table)


def _caveats(rows: Sequence[Prediction]) -> list[str]:
    """What a prediction rests on beyond the measurement, each once, then the standing note."""
    # Reasons that differ in a figure alone are one reason; the largest row's stands for them.
    reasons = {re.sub(r"\d+", "", reason): reason for row in rows for reason in row.extrapolated}
    lines = [f"  - {reason}" for reason in reasons.values()]
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


def _workers(count: int | None) -> str:
    return "none" if count is None else fmt.count(count, "worker")


def _error(value: float | None) -> str:
    return "n/a" if value is None else fmt.percent(value)


def _verdict(error: float, tolerance: float) -> str:
    return "ok" if abs(error) <= tolerance else "off"
