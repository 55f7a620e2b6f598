"""Blind half: jobs that a version of the model meets for the first time, drawn by a seed.

``python -m benchmarks.accuracy design`` draws it once. Waits, bytes and links are drawn until the
model of that day predicts what can tell models apart: break-even between 3 and 12 workers, or a
best speed-up of about 1. What it predicted stands beside each curve in ``data/design-2.json``.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import chain, repeat
from typing import Any

from benchmarks.accuracy.curves import DESIGNS, FOLDER, Curve, Training
from benchmarks.accuracy.design import BYTE_S, CORES, SCALINGS, STEP_S, TENSOR_S, WANTED_USE
from benchmarks.page import ROOT
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.files.store import read_calibration
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.nominal_link import NominalLink
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scaling
from nworkers.models.tables.components.nominal import over
from nworkers.simulator.study.predict import predict

SEED = 20261126
#: Counts among which a curve's break-even and best speed-up are looked for.
COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
#: Replications while drawing; the figures that are written down have the usual number.
FEW_REPLICATIONS = 8
BREAK_EVEN, NEAR_ONE = (3, 12), (0.9, 1.1)
#: A wire is full where the stated wait is less of the step than this.
FULL = 0.5
#: A window of 10 s must hold some steps of each worker.
LONGEST_STEP_S = 1.0
LEAST_BYTES, MOST_BYTES = 0.5e6, 20e6
#: Longest transfer that a calibration of the same link has measured, in seconds of the wire.
MEASURED_WIRE_S = 0.33
TRIES = 400

Way = tuple[Training, int]


@dataclass(frozen=True)
class Slot:
    """What a job is drawn for: its link and ways of training, and how many are to tell much.

    Attributes:
        wait_s: of the single process, from and to.
        ratio: seconds of all bytes on the wire over the wait, from and to.
        floor: share of the wait that does not shrink with the batch, from and to.
        breakevens: ways whose break-even lies within `BREAK_EVEN`.
        peaks: ways whose best speed-up lies within `NEAR_ONE`.
    """

    name: str
    link_mbit: int
    ways: tuple[Way, ...]
    wait_s: tuple[float, float] = (0.010, 0.060)
    ratio: tuple[float, float] = (0.3, 5.0)
    scaling: Scaling = "weak"
    floor: tuple[float, float] = (1.0, 1.0)
    breakevens: int = 0
    peaks: int = 0


WIRES = (
    Slot(
        "a",
        20,
        (("mirrored", 1), ("async", 4), ("sync", 4)),
        wait_s=(0.06, 0.12),
        ratio=(1.7, 2.7),
        breakevens=2,
    ),
    Slot(
        "b",
        50,
        (("mirrored", 1), ("async", 2), ("sync", 4)),
        wait_s=(0.03, 0.1),
        ratio=(0.8, 2.0),
        breakevens=3,
    ),
    Slot("c", 200, (("async", 1), ("coordinator", 1), ("mirrored", 1)), breakevens=2, peaks=1),
    Slot("d", 200, (("async", 1), ("sync", 1)), ratio=(0.3, 0.7), breakevens=1, peaks=1),
    Slot("e", 500, (("async", 1), ("sync", 2), ("mirrored", 1)), breakevens=2, peaks=1),
    Slot("j", 200, (("mirrored", 1), ("async", 2)), ratio=(2.5, 4.5), breakevens=1),
    Slot("k", 500, (("mirrored", 1), ("async", 1)), wait_s=(0.03, 0.06), ratio=(2.5, 5.0)),
)
_LONGER = (0.08, 0.3)
WAITS = (
    Slot(
        "f", 200, (("async", 1), ("sync", 1), ("async", 2)),
        wait_s=_LONGER, ratio=(0.03, 0.3), scaling="strong", floor=(0.3, 0.9),
        breakevens=1, peaks=1,
    ),
    Slot(
        "g", 50, (("mirrored", 1), ("sync", 2)),
        wait_s=_LONGER, ratio=(0.05, 0.6), scaling="strong", floor=(0.1, 0.9), peaks=1,
    ),
    Slot(
        "h", 500, (("coordinator", 1), ("mirrored", 1), ("async", 1)),
        wait_s=_LONGER, ratio=(0.03, 0.2),
    ),
    Slot("i", 0, (("sync", 2), ("async", 1)), wait_s=_LONGER),
)  # fmt: skip
#: Ways of the three jobs that compute, and their counts.
COMPUTING: Mapping[str, tuple[Way, ...]] = {
    "mlp": (("async", 1), ("sync", 2), ("coordinator", 4), ("mirrored", 1)),
    "gemm": (("async", 1), ("sync", 1), ("mirrored", 1)),
    "residual": (("async", 2), ("coordinator", 1), ("sync", 4)),
}
COMPUTED_COUNTS = ((1, 2, 4), (1, 2, 3), (1, 3, 4))
WIDTHS, BATCHES = (128, 192, 256, 320, 384, 512, 640, 768), (16, 24, 48, 64, 96, 192)


@dataclass(frozen=True)
class Expected:
    """What was predicted of a curve when it was drawn.

    Attributes:
        step_s, speedup: by number of workers, of the counts that are trained.
        breakeven: among all of `COUNTS` that can be trained; None for never.
        peak: the best speed-up among them.
        waiting: of the step, the share that the stated wait is, by number of workers.
    """

    step_s: Mapping[int, float]
    speedup: Mapping[int, float]
    breakeven: int | None
    peak: float
    waiting: Mapping[int, float]

    @property
    def telling(self) -> bool:
        """Whether its break-even lies where formulas differ."""
        return self.breakeven is not None and BREAK_EVEN[0] <= self.breakeven <= BREAK_EVEN[1]

    @property
    def near_one(self) -> bool:
        return NEAR_ONE[0] <= self.peak <= NEAR_ONE[1]


def write() -> None:
    """Draw the design and write it down; once only."""
    path = DESIGNS["blind"]
    if path.exists():
        raise SystemExit(f"{path.relative_to(ROOT)} is there: a design is drawn once")
    drawn = draw(SEED)
    if missing := lacking(drawn):
        raise SystemExit(f"the draw has too few {missing}")
    lines = ",\n".join(
        json.dumps({"curve": asdict(curve), "expected": asdict(told) if told else None})
        for curve, told in drawn
    )
    path.write_text(f'{{"seed": {SEED}, "curves": [\n{lines}\n]}}\n')


def expectations() -> dict[str, Expected]:
    """What was predicted when the design was drawn, of every curve of which anything was."""
    rows = json.loads(DESIGNS["blind"].read_text())["curves"]
    return {row["curve"]["name"]: _read(row["expected"]) for row in rows if row["expected"]}


def _read(row: dict[str, Any]) -> Expected:
    for name in ("step_s", "speedup", "waiting"):
        row[name] = {int(workers): value for workers, value in row[name].items()}
    return Expected(**row)


def lacking(drawn: Sequence[tuple[Curve, Expected | None]]) -> str:
    """What of the design's promises it does not keep; nothing if it keeps all."""
    waiting = [told for _, told in drawn if told]
    shares = [share for told in waiting for share in told.waiting.values()]
    computing = sum(len(curve.workers) for curve, _ in drawn if curve.compute == "real")
    for what, found, least in (
        ("cells of full wires", sum(share < FULL for share in shares), 24),
        ("cells that compute", computing, 30),
        ("cells that wait", sum(share >= FULL for share in shares), 18),
        ("curves that break even late", sum(told.telling for told in waiting), 12),
        ("curves that nearly break even", sum(told.near_one for told in waiting), 6),
    ):
        if found < least:
            return f"{what}: {found} of {least}"
    return ""


def draw(seed: int) -> list[tuple[Curve, Expected | None]]:
    """Every curve, with what is predicted of it where it waits."""
    with ProcessPoolExecutor(CORES) as processes:
        settled = processes.map(_settled, (*WIRES, *WAITS), repeat(seed))
        drawn: list[tuple[Curve, Expected | None]] = [*chain.from_iterable(settled)]
    rng = random.Random(seed)
    for model, ways in COMPUTING.items():
        drawn += [(curve, None) for curve in _computing(model, ways, rng)]
    return [
        (replace(curve, name=f"{curve.training}-{curve.compute}-{24 + k}"), told)
        for k, (curve, told) in enumerate(drawn)
    ]


def _settled(slot: Slot, seed: int) -> list[tuple[Curve, Expected]]:
    """The first job of a slot that tells as much as is wanted.

    Raises:
        SystemExit: there is none among `TRIES`.
    """
    rng = random.Random(f"{seed} {slot.name}")
    for _ in range(TRIES):
        curves = _job(slot, rng)
        if _promising(slot, curves):
            found = list(_foretold(slot, curves))
            if len(found) == len(slot.ways):
                return found
    raise SystemExit(f"slot {slot.name}: no such job among {TRIES}")


def _promising(slot: Slot, curves: Sequence[Curve]) -> bool:
    """Whether the job may do, by bytes over rates alone, which spares most simulations."""
    late = near = 0
    for curve in curves:
        speedups = {n: _roughly(curve, n) for n in curve.workers}
        breakeven = next((n for n, found in speedups.items() if found > 1.0), 0)
        late += breakeven > 2
        near += 0.95 < max(speedups.values()) < 1.3
    return late >= slot.breakevens and near >= slot.peaks


def _roughly(curve: Curve, workers: int) -> float:
    """Speed-up where the wire alone costs time, shared fairly."""
    wire_s = curve.workload.size_bytes * 8e-6 / curve.link_mbit if curve.link_mbit else 0.0
    # A worker's own link is as narrow as a server's.
    shared = max(1.0, workers / curve.ps)
    wait_s = curve.stated_wait_s(workers)
    if curve.training == "mirrored":
        step_s = wait_s + 2 * (workers - 1) / workers * wire_s
    elif curve.training == "sync":
        step_s = wait_s + 2 * shared * wire_s
    else:
        step_s = max(wait_s + 2 * wire_s, workers / curve.ps * wire_s)
    samples = workers * curve.scenario(workers).per_worker_batch / curve.batch
    return samples * (curve.floor_s + curve.per_sample_s * curve.batch) / step_s


def _foretold(slot: Slot, curves: Sequence[Curve]) -> Iterator[tuple[Curve, Expected]]:
    """The job's curves with their counts; ends before the last where they cannot do any more."""
    spared = len(curves)
    late, near = slot.breakevens, slot.peaks
    for curve in curves:
        speedups = dict(_speedups(curve))
        spared -= 1
        if len(speedups) < 3:
            return
        breakeven = next((n for n, found in speedups.items() if found > 1.0), None)
        peak = max(speedups.values())
        counts = _counts(list(speedups), breakeven, max(speedups, key=speedups.__getitem__))
        settled = replace(curve, workers=counts)
        told = _told(settled, breakeven, peak)
        late, near = late - told.telling, near - told.near_one
        if max(late, near) > spared:
            return
        yield settled, told


def _speedups(curve: Curve) -> Iterator[tuple[int, float]]:
    """By number of workers, until a step takes too long or the processors are half busy."""
    moved = curve.variables
    spent_s = STEP_S + TENSOR_S * len(moved)
    spent_s += 2 * BYTE_S[curve.link_mbit > 0] * sum(v.size_bytes for v in moved)
    profile = profile_of(curve.link_mbit)
    for workers in curve.workers:
        found = predict(profile, curve.scenario(workers), replications=FEW_REPLICATIONS)
        use = workers * spent_s / CORES / found.step_time_s
        if found.step_time_s > LONGEST_STEP_S or use > WANTED_USE:
            return
        yield workers, found.speedup


def _told(curve: Curve, breakeven: int | None, peak: float) -> Expected:
    found = {n: predict(profile_of(curve.link_mbit), curve.scenario(n)) for n in curve.workers}
    step_s = {n: told.step_time_s for n, told in found.items()}
    return Expected(
        step_s=step_s,
        speedup={n: told.speedup for n, told in found.items()},
        breakeven=breakeven,
        peak=peak,
        waiting={n: curve.stated_wait_s(n) / step_s[n] for n in curve.workers},
    )


def _counts(possible: Sequence[int], breakeven: int | None, best: int) -> tuple[int, ...]:
    """Three of them: on both sides of a late break-even, or the ends and the best."""
    first, last = possible[0], possible[-1]
    if breakeven is not None and breakeven > max(2, first):
        at = possible.index(breakeven)
        wanted = {*possible[at - 1 : at + 2]}
    else:
        wanted = {first, best, last}
    for more in (possible[len(possible) // 2], *reversed(possible)):
        if len(wanted) < 3:
            wanted.add(more)
    return tuple(sorted(wanted))


@cache
def profile_of(link_mbit: int) -> Profile:
    """A host of today's kind behind a link of that rate, as its name has it."""
    loopback = FOLDER / "epyc" / "calibrations" / "0-gemm-128-256.json.gz"
    here = fit_profile(read_calibration(loopback))
    if not link_mbit:
        return here
    wire = NominalLink(1e6 * link_mbit)
    return over(here, wire, f"{link_mbit}mbit", shipped_profile("loopback-2core"))[0]


def _job(slot: Slot, rng: random.Random) -> list[Curve]:
    """A job, and its ways of training; counts are all that there may be."""
    wait_s = _between(rng, *slot.wait_s)
    batch = rng.choice(BATCHES)
    floor_s = round(wait_s * rng.uniform(*slot.floor), 4)
    per_sample_s = round((wait_s - floor_s) / batch, 6)
    ratio = _between(rng, *slot.ratio)
    moved = ratio * wait_s * slot.link_mbit * 1e6 / 8 if slot.link_mbit else LEAST_BYTES
    moved = min(max(moved, LEAST_BYTES), MOST_BYTES)
    largest = MEASURED_WIRE_S * slot.link_mbit * 1e6 / 8 if slot.link_mbit else MOST_BYTES
    servers = max(ps for _, ps in slot.ways)
    least = max(servers if servers == 1 else 2 * servers, math.ceil(moved / largest))
    shapes = _shapes(moved, least + rng.randrange(4), rng)
    return [
        Curve(
            name="",
            half="blind",
            training=training,
            compute="wait",
            model=f"drawn-{slot.name}",
            batch=batch,
            scaling=slot.scaling,
            ps=ps,
            link_mbit=slot.link_mbit,
            workers=tuple(n for n in COUNTS if n > 1 or training != "mirrored"),
            floor_s=floor_s,
            per_sample_s=per_sample_s,
            job=f"job-{slot.name}",
            shapes=shapes,
        )
        for training, ps in slot.ways
    ]


def _shapes(moved: float, tensors: int, rng: random.Random) -> tuple[tuple[int, int], ...]:
    """About as many bytes, of distinct shapes: gradients of one shape would travel as one."""
    parts = [rng.uniform(0.7, 1.3) for _ in range(tensors)]
    columns = rng.sample(range(32, 32 + 8 * tensors, 8), tensors)
    return tuple(
        (max(1, round(moved / 4 * part / sum(parts) / width)), width)
        for part, width in zip(parts, columns, strict=True)
    )


def _computing(model: str, ways: Sequence[Way], rng: random.Random) -> list[Curve]:
    """A job that computes on loopback, and its ways of training."""
    if model == "mlp":
        widths = [rng.choice(WIDTHS) for _ in range(3)]
        model = f"mlp:{','.join(map(str, widths))},10"
    elif model == "gemm":
        model = f"gemm:{2 * rng.choice(WIDTHS)},{2 * rng.choice(WIDTHS)}"
    batch, scaling = rng.choice(BATCHES), rng.choice(SCALINGS)
    return [
        Curve(
            name="",
            half="blind",
            training=training,
            compute="real",
            model=model,
            batch=batch,
            scaling=scaling,
            ps=ps,
            link_mbit=0,
            workers=(2, 3, 4) if training == "mirrored" else rng.choice(COMPUTED_COUNTS),
            job=f"job-{model}",
        )
        for training, ps in ways
    ]


def _between(rng: random.Random, low: float, high: float) -> float:
    """Evenly in the logarithm."""
    return float(round(low * (high / low) ** rng.random(), 4))
