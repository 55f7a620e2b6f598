"""Measuring: calibrations and training starts that are still missing, one after the other."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import store
from benchmarks.accuracy.curves import CONV_FILE, NAMES, USER_MODELS, Curve
from benchmarks.accuracy.design import BATCHES, LINKS_MBIT
from benchmarks.accuracy.testbed import machines
from nworkers.calibrate.campaigns.campaign import CampaignProgress, calibrate, local_machines
from nworkers.calibrate.campaigns.describe import describe
from nworkers.calibrate.campaigns.plan import MeasurementPlan, at_once, plan
from nworkers.calibrate.campaigns.presets import PresetName
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.campaigns.validation import SINGLE, single_job, train_once
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.host.processor import usable_cores
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.workload_toml import workload_text
from nworkers.models.records.calibration import Calibration, Cell
from nworkers.models.records.measurement import TrainingRun
from nworkers.models.records.workload import named_workload

STARTS = {"wait": 3, "real": 5}
WINDOW_S = 20.0
#: A process alone varies less.
SINGLE_WINDOW_S = 10.0
ROUNDS = 5
#: Transfers of a default calibration take no longer than this on the wire of one link, two workers'
#: at once; the largest would take a quarter of an hour at 100 Mbit/s.
LONGEST_WIRE_S = 0.34
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
        for attempt in attempts():
            if store.has_calibration(name):
                break
            say(f"calibration {name}, attempt {attempt}")
            store.add_calibration(name, calibrated(link_mbit, workload, max(BATCHES)))
    if not CONV_FILE.exists():
        describe_model("conv", CONV_FILE, DESCRIBE_BATCHES)


def calibrated(
    link_mbit: int, workload: str, batch: int, preset: PresetName = "default"
) -> Calibration:
    """As by default on one machine; over a link, without what would take long on its wire."""
    planned = planned_cells(link_mbit, workload, batch, preset)
    with tempfile.TemporaryDirectory() as logs, machines(link_mbit, ps=1, workers=2) as sites:
        where = sites if link_mbit else local_machines(*planned.tasks)
        return calibrate(planned, logs=Path(logs), progress=_quiet, machines=where)


def planned_cells(
    link_mbit: int, workload: str, batch: int, preset: PresetName = "default"
) -> MeasurementPlan:
    """What such a calibration measures."""
    scope = Scope(preset=preset, workload=workload, batch=batch)
    planned = plan(
        scope,
        named_workload(workload),
        rounds=ROUNDS if preset == "default" else None,
        network=link_mbit > 0,
        joined=(0, 0) if link_mbit else at_once(preset, usable_cores()),
    )
    if link_mbit:
        planned = planned.narrowed(tuple(c for c in planned.cells if _quick(c, link_mbit)))
    return replace(planned, scope=scope)


def _quick(cell: Cell, link_mbit: int) -> bool:
    """Whether a cell takes its link for no longer than it may; more than two workers share it."""
    wire_s = max(cell.size_bytes, cell.overlap_bytes) * 8e-6 / link_mbit
    return wire_s * max(1.0, cell.workers / 2) <= LONGEST_WIRE_S


def describe_model(model: str, path: Path, batches: Sequence[int]) -> None:
    """Write the workload file of a user's model."""
    say(f"description of the model {model}")
    with tempfile.TemporaryDirectory() as logs:
        found = describe(USER_MODELS[model], batches, seconds=DESCRIBE_S, logs=Path(logs))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, workload_text(replace(found, name=model)).encode(), force=True)


def training(curves: list[Curve], *, most: int) -> None:
    """Train the starts that are missing, in rounds over all cells, each in random order.

    Args:
        most: how many starts a cell is to have at most, to end early.

    Raises:
        SystemExit: the calibrations were made on another processor.
    """
    names = store.calibration_names("development")
    here, there = environment().facts.get("cpu_model"), {store.processor(name) for name in names}
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
            seconds = SINGLE_WINDOW_S if workers == SINGLE else WINDOW_S
            for run in train_cell(curve, workers, start, seconds):
                store.add_run(curve, run)


def train_cell(
    curve: Curve, workers: int, start: int, seconds: float, calibration: str = ""
) -> Iterator[TrainingRun]:
    """One start of a cell, and again where a hypervisor took too much or a task failed.

    Args:
        calibration: beside which a blind curve's model was described.
    """
    scenario = store.scenario_of(curve, max(1, workers), calibration)
    made = single_job if workers == SINGLE else TrainingJob.of
    job = made(scenario, curve.user_model)
    link_mbit = 0 if workers == SINGLE else curve.link_mbit
    for attempt in attempts():
        try:
            with (
                tempfile.TemporaryDirectory() as logs,
                machines(link_mbit, ps=curve.ps, workers=max(1, workers)) as sites,
            ):
                run = train_once(job, start, seconds, Path(logs), sites)
            yield run
            if store.quiet(run):
                return
            say(f"attempt {attempt}: a hypervisor took too much of the processors")
        except HardwareError as error:
            say(f"attempt {attempt}: {error}")


def attempts() -> Iterator[int]:
    """What failed, or does not count, is told of, and made again."""
    yield from (1, 2, 3)


def _quiet(news: CampaignProgress) -> None:
    say(f"  {news.done} of {news.total} cells, {news.left_s or 0.0:.0f} s left: {news.cell}")
