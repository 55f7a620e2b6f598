"""Measuring: calibrations and training starts that are still missing, one after the other."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import store
from benchmarks.accuracy.design import BATCHES, CONV_FILE, CONV_MODEL, LINKS_MBIT, NAMES, Curve
from benchmarks.accuracy.testbed import machines
from nworkers.calibrate.campaigns.campaign import CampaignProgress, calibrate
from nworkers.calibrate.campaigns.describe import describe
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.campaigns.validation import SINGLE, single_job, train_once
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.workload_toml import workload_text
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.workload import named_workload

STARTS = {"wait": 3, "real": 5}
WINDOW_S = 20.0
#: A process alone varies less.
SINGLE_WINDOW_S = 10.0
ROUNDS = 5
#: Up to this rate the largest transfers of a default calibration take a quarter of an hour.
SLOW_MBIT = 100
SLOW_BYTES = 4 * 2**20
DESCRIBE_BATCHES = (8, 16, 32, 64, 128, 256, 512)
DESCRIBE_S = 2.0


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def wanted_calibrations() -> list[tuple[int, str]]:
    """Each workload that is computed on loopback; on shaped links only what passes them."""
    report = NAMES["gemm"]
    return [
        *((link, report) for link in LINKS_MBIT if link),
        *((0, name) for name in NAMES.values()),
    ]


def calibrations() -> None:
    """Default calibrations with one ps and two workers, and the description of the user's model."""
    for link_mbit, workload in wanted_calibrations():
        name = store.calibration_name(link_mbit, workload)
        for attempt in _attempts():
            if store.has_calibration(name):
                break
            say(f"calibration {name}, attempt {attempt}")
            store.add_calibration(name, _calibrated(link_mbit, workload))
    if not CONV_FILE.exists():
        describe_model()


def _calibrated(link_mbit: int, workload: str) -> Calibration:
    planned = plan(
        Scope(batch=max(BATCHES)),
        named_workload(workload),
        rounds=ROUNDS,
        network=link_mbit > 0,
    )
    if 0 < link_mbit <= SLOW_MBIT:
        few = tuple(c for c in planned.cells if c.size_bytes <= SLOW_BYTES)
        planned = replace(planned, cells=few)
    with tempfile.TemporaryDirectory() as logs, machines(link_mbit, ps=1, workers=2) as sites:
        return calibrate(planned, logs=Path(logs), progress=_quiet, machines=sites)


def describe_model() -> None:
    """Write the workload file of the convolutional net."""
    say("description of the convolutional net")
    with tempfile.TemporaryDirectory() as logs:
        found = describe(CONV_MODEL, DESCRIBE_BATCHES, seconds=DESCRIBE_S, logs=Path(logs))
    CONV_FILE.parent.mkdir(parents=True, exist_ok=True)
    named = replace(found, name="conv")
    write_bytes(CONV_FILE, workload_text(named).encode(), force=True)


def training(curves: list[Curve], *, most: int) -> None:
    """Train the starts that are missing, in rounds over all cells, each in random order.

    Args:
        most: how many starts a cell is to have at most, to end early.

    Raises:
        SystemExit: the calibrations were made on another processor.
    """
    here, there = environment().facts.get("cpu_model"), store.processors()
    if there - {here}:
        raise SystemExit(
            f"this processor is {here}, the calibrations' {', '.join(sorted(there))}; "
            "give this one a name: ACCURACY_MACHINE=…"
        )
    for start in range(max(STARTS.values())):
        left = [
            (curve, workers)
            for curve in curves
            for workers in (SINGLE, *curve.workers)
            if start < min(STARTS[curve.compute], most)
            and len(store.read_runs(curve, workers)) <= start
        ]
        random.Random(start).shuffle(left)
        for k, (curve, workers) in enumerate(left):
            say(f"start {start + 1}, {k + 1} of {len(left)}: {curve.cell(workers)}")
            _train(curve, workers, start)


def _train(curve: Curve, workers: int, start: int) -> None:
    scenario = curve.scenario(max(1, workers))
    made = single_job if workers == SINGLE else TrainingJob.of
    job = made(scenario, curve.user_model)
    seconds = SINGLE_WINDOW_S if workers == SINGLE else WINDOW_S
    link_mbit = 0 if workers == SINGLE else curve.link_mbit
    for attempt in _attempts():
        try:
            with (
                tempfile.TemporaryDirectory() as logs,
                machines(link_mbit, ps=curve.ps, workers=max(1, workers)) as sites,
            ):
                run = train_once(job, start, seconds, Path(logs), sites)
            store.add_run(curve, run)
            if store.quiet(run):
                return
            say(f"attempt {attempt}: a hypervisor took too much of the processors")
        except HardwareError as error:
            say(f"attempt {attempt}: {error}")


def _attempts() -> Iterator[int]:
    """What failed, or does not count, is told of, and made again."""
    yield from (1, 2, 3)


def _quiet(news: CampaignProgress) -> None:
    say(f"  {news.done} of {news.total} cells, {news.left_s or 0.0:.0f} s left: {news.cell}")
