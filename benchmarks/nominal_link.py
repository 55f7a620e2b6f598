"""A nominal link, judged by training over the link that it names.

    python -m benchmarks.nominal_link table
    python -m benchmarks.nominal_link train

``table`` asks about the links over which the development half of docs/accuracy.md was trained.
``train`` asks about a link before it is there, then builds it and trains; root and a quiet machine
are needed, for six minutes. The calibration is that of docs/accuracy.md on the same processor, or
one that stays in build/nominal. Figures go to docs/imports-judged.md.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.accuracy import store
from benchmarks.accuracy.curves import FOLDER, NAMES, read
from benchmarks.accuracy.rows import measured_s
from benchmarks.accuracy.scores import Judged, scores
from benchmarks.accuracy.testbed import machines
from benchmarks.page import Page, table
from nworkers.calibrate.campaigns.campaign import CampaignProgress, calibrate
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.campaigns.validation import train_once
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.files.store import find_profile, read_calibration, write_record
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.what_if import WhatIf
from nworkers.models.records.workload import Cost, Workload, named_workload
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.predict import predict as simulated
from nworkers.simulator.study.resolve import resolve
from tests.testbed.echo import echoing, round_trips_ms
from tests.testbed.hosts import hosts

RATE_MBIT = 300
#: Of a machine like the one that the page's figures are from.
COMMITTED = FOLDER / "epyc" / "calibrations" / "0-mlp-784-256-128-10.json.gz"
CALIBRATION = Path("build/nominal/loopback.json")
PAGE = Page("imports-judged", "# Imported figures, judged\n")
MLP = "mlp:784,256,128,10"
BATCH = 128
COUNTS = (1, 2, 4)
STRATEGIES: tuple[Strategy, ...] = ("ps-async", "ps-sync")
WINDOW_S = 8.0
ROUND_TRIPS = 200
#: One way on the testbed, as round trips of small datagrams have it: 4 to 10 us.
TESTBED_WAY = ",10us"


@dataclass(frozen=True)
class Job:
    """A workload, by its name on the page, and how it is trained."""

    name: str
    workload: Workload
    strategy: Strategy


@dataclass(frozen=True)
class Trained:
    """A job of so many workers: what was said before, and what was measured."""

    job: str
    strategy: Strategy
    workers: int
    predicted_s: float
    interval_s: tuple[float, float]
    predicted_with_latency_s: float
    measured_s: float
    processor_share: float

    @property
    def error(self) -> float:
        return self.predicted_s / self.measured_s - 1.0


@dataclass(frozen=True)
class Cell:
    """A job of docs/accuracy.md that was trained over a link of so many Mbit/s."""

    name: str
    link_mbit: int
    judged: Judged


def waiting(name: str, floor_s: float) -> Workload:
    """A model that waits in place of computing, so that the link is seen and not the cores."""
    known = named_workload(name)
    return Workload(f"waiting-{name}", known.variables, cost=Cost(floor_s, 0.0))


JOBS = (
    *(Job("gemm:128,256, 20 ms", waiting("gemm:128,256", 0.02), s) for s in STRATEGIES),
    *(Job(f"{MLP}, 60 ms", waiting(MLP, 0.06), s) for s in STRATEGIES),
    Job(f"{MLP}, computed", named_workload(MLP), "ps-async"),
)


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def calibrated() -> Profile:
    """A default calibration on loopback, of the model that is computed; a quiet hour's."""

    def show(news: CampaignProgress) -> None:
        if news.done % 100 == 0:
            say(f"calibration: {news.done} of {news.total} cells")

    quiet = read_calibration(COMMITTED)
    if quiet.environment.facts["cpu_model"] == environment().facts.get("cpu_model"):
        return fit_profile(quiet)
    if not CALIBRATION.exists():
        planned = plan(Scope(batch=BATCH), named_workload(MLP))
        with tempfile.TemporaryDirectory() as logs:
            made = calibrate(planned, logs=Path(logs), progress=show)
        CALIBRATION.parent.mkdir(parents=True, exist_ok=True)
        write_record(CALIBRATION, fit_profile(made), force=False)
    return find_profile("calibration", str(CALIBRATION))[0]


def asked(profile: Profile, link: str) -> dict[tuple[Job, int], Prediction]:
    """Every job at every count, on hosts that share this machine's cores."""
    found: dict[tuple[Job, int], Prediction] = {}
    for job in JOBS:
        request = JobRequest(
            profile,
            link=link,
            workload=job.workload,
            batch=BATCH,
            strategy=job.strategy,
            scaling="weak",
            what_if=WhatIf(one_machine=True),
        )
        found |= {(job, row.scenario.workers): row for row in predict(request, COUNTS)}
    return found


def wire_latency_us() -> int:
    """One way between two hosts of the testbed, beyond one inside a host."""
    with hosts(2, rate_mbit=RATE_MBIT) as (here, there), echoing(there):
        inside, between = (
            statistics.median(round_trips_ms(source, there, ROUND_TRIPS))
            for source in (there, here)
        )
    return max(0, round(1e3 * (between - inside) / 2.0))


def measured(job: Job, predicted: Prediction) -> tuple[float, float]:
    """Seconds of a step of a real training, and the share of the processors that it took."""
    workers = predicted.scenario.workers
    say(f"{job.name}, {job.strategy}, {workers} workers")
    with (
        tempfile.TemporaryDirectory() as logs,
        machines(RATE_MBIT, ps=1, workers=workers) as sites,
    ):
        run = train_once(TrainingJob.of(predicted.scenario), 0, WINDOW_S, Path(logs), sites)
    return run.step_time_s, run.busy.share if run.busy else 0.0


def table_cells(profile: Profile, way: str) -> Iterator[Cell]:
    """The development half's cells on shaped links, by a calibration of one host.

    Args:
        way: what is said of the latency.
    """
    curves = (c for c in read() if c.half == "development" and c.link_mbit)
    for curve in curves:
        said = f"{curve.link_mbit}mbit{way}"
        linked = resolve(JobRequest(profile, link=said), [1]).profile
        for workers in curve.workers:
            runs = store.read_runs(curve, workers)
            if runs:
                told = simulated(linked, curve.scenario(workers))
                judged = Judged(measured_s(runs), told.step_time_s, told.step_time_s_interval)
                yield Cell(curve.cell(workers), curve.link_mbit, judged)


def publish_table() -> None:
    """The section of the cells that were trained for docs/accuracy.md."""
    profile = store.profile(store.calibration_name(0, NAMES["gemm"]))
    cells = list(table_cells(profile, ""))
    near = scores([cell.judged for cell in table_cells(profile, TESTBED_WAY)])
    of = scores([cell.judged for cell in cells])
    lines = [
        [
            cell.name,
            f"`--link {cell.link_mbit}mbit`",
            f"{1e3 * cell.judged.measured_s:.4g} ms",
            f"{1e3 * cell.judged.predicted_s:.4g} ms",
            f"{100 * cell.judged.error:+.1f} %",
        ]
        for cell in cells
    ]
    text = f"""`python -m benchmarks.nominal_link table`: the machine of
[accuracy.md](accuracy.md), calibrated on loopback, was asked about links of 100 and 1,000 Mbit/s
by their names. That page's development half was trained over such links, on emulated hosts.
Step times of {of.cells} cells are off by {100 * of.median_error:.1f} % in the median and
{100 * of.worst_error:.0f} % at worst; {of.covered} are in their intervals. The testbed's wire is
shorter than 25 µs: with `{TESTBED_WAY[1:]}` it is {100 * near.median_error:.1f} and
{100 * near.worst_error:.0f} %, and {near.covered} cells.

{table(("cell", "asked", "measured", "predicted", "error"), lines)}"""
    rows = [[c.name, c.link_mbit, c.judged.measured_s, c.judged.predicted_s] for c in cells]
    PAGE.publish("nominal-table", "Nominal links, judged", text, {"cells": rows})


def published(rows: list[Trained], latency_us: int) -> str:
    """The section of the page."""
    errors = [abs(row.error) for row in rows]
    told = [abs(row.predicted_with_latency_s / row.measured_s - 1.0) for row in rows]
    waited = [abs(row.error) for row in rows if "computed" not in row.job]
    cells = [
        [
            row.job,
            row.strategy,
            str(row.workers),
            f"{1e3 * row.predicted_s:.1f} ms ({1e3 * row.interval_s[0]:.1f} to "
            f"{1e3 * row.interval_s[1]:.1f})",
            f"{1e3 * row.measured_s:.1f} ms",
            f"{100 * row.error:+.0f} %",
            f"{100 * row.processor_share:.0f} %",
        ]
        for row in rows
    ]
    busy = statistics.median(row.processor_share for row in rows)
    inside = sum(row.interval_s[0] <= row.measured_s <= row.interval_s[1] for row in rows)
    head = ("job", "strategy", "workers", "predicted", "measured", "error", "cores busy")
    return f"""`python -m benchmarks.nominal_link train`: this machine was calibrated on loopback
and asked with `--link {RATE_MBIT}mbit`. Only then was it given emulated hosts with links of
{RATE_MBIT} Mbit/s, where each job was trained once for {WINDOW_S:g} s. The first jobs wait in
place of computing, so that the link is seen. Cores were {100 * busy:.0f} % busy in the
median, with what else the machine did.

{table(head, cells)}

Step times were off by {_share(errors)}. Where jobs wait, they were off by {_share(waited)}.
{inside} of {len(rows)} lie in their intervals. With the testbed's own {latency_us} µs one way,
step times are off by {_share(told)}. Measured on {environment().hardware}."""


def _share(errors: Sequence[float]) -> str:
    middle, worst = statistics.median(errors), max(errors)
    return f"{100 * middle:.0f} % in the median and {100 * worst:.0f} % at worst"


def train() -> None:
    """The section of a link that is built after it was asked about."""
    profile = calibrated()
    latency_us = wire_latency_us()
    say(f"the wire takes {latency_us} us one way")
    usual = asked(profile, f"{RATE_MBIT}mbit")
    with_latency = asked(profile, f"{RATE_MBIT}mbit,{latency_us}us")
    rows = []
    for (job, workers), predicted in usual.items():
        step_s, share = measured(job, predicted)
        rows.append(
            Trained(
                job.name,
                job.strategy,
                workers,
                predicted.step_time_s,
                predicted.step_time_s_interval,
                with_latency[job, workers].step_time_s,
                step_s,
                share,
            )
        )
        say(f"  {1e3 * predicted.step_time_s:.1f} predicted, {1e3 * step_s:.1f} ms measured")
    data = {"latency_us": latency_us, "rows": [asdict(row) for row in rows]}
    PAGE.publish("nominal-link", "A nominal link, built", published(rows, latency_us), data)


if __name__ == "__main__":
    {"table": publish_table, "train": train}[sys.argv[1]]()
