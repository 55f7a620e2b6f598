"""Design: which jobs are trained, drawn once by a seed and written down before the first run.

A curve is one job at several worker counts, so that its break-even can be seen; a cell is one count
of it. Half of the curves are for development, half for test, and no curve is in both.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar, get_args

from benchmarks.page import ROOT
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scaling, Scenario
from nworkers.models.records.what_if import WhatIf
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload

SEED = 20261123
FOLDER = Path(__file__).with_name("data")
DESIGN = FOLDER / "design.json"
#: The machine of the table; calibrations and starts of another one have a folder of their own.
HOME = FOLDER / "xeon"
DATA = FOLDER / os.environ.get("ACCURACY_MACHINE", HOME.name)

Training = Literal["async", "sync", "coordinator", "mirrored"]
Compute = Literal["wait", "real"]
Model = Literal["gemm", "mlp", "conv", "big"]
Half = Literal["development", "test"]
Level = TypeVar("Level")
HALVES: tuple[Half, ...] = get_args(Half)
#: Mbit/s of each host's link in each direction; 0 is loopback, with all tasks on one host.
LINKS_MBIT = (0, 100, 1000)
BATCHES = (32, 128, 512)
PS = (1, 2, 4)
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)
MODELS: tuple[Model, ...] = get_args(Model)
TRAININGS: tuple[Training, ...] = get_args(Training)
#: Counts of the curves that wait in place of computing, beside 1 and 2: one of each.
FEW, MANY = (3, 4, 6), (8, 12, 16)
REAL_WORKERS: tuple[int, ...] = (1, 2, 3, 4)
#: The two of mirrored training in each half.
MIRRORED = (2, 4, 8, 16), (2, 3, 6, 12, 16)

#: The original report's product, six variables, and one of 16 MiB.
NAMES = {"gemm": "gemm:128,256", "mlp": "mlp:784,256,128,10", "big": "gemm:2048,2048"}
CONV_MODEL = "benchmarks.accuracy.models:conv"
CONV_FILE = DATA / "conv.toml"

#: What a step takes of the processors, roughly: of itself, a tensor, and a byte each way on
#: a shaped link or on loopback. Only to choose waits that leave the processors half idle.
STEP_S, TENSOR_S, BYTE_S = 2e-3, 0.5e-3, {True: 4e-9, False: 1e-9}
CORES, WANTED_USE, LEAST_WAIT_S = 2, 0.45, 0.02
#: A window must hold some steps.
LONGEST_STEP_S = 3.0
#: A single process waits so many times as long as what does not shrink with the batch.
SHRINKING = (1, 4)


@dataclass(frozen=True)
class Curve:
    """One job at several worker counts.

    ``floor_s`` and ``per_sample_s`` are the wait in place of compute; 0 where it is computed.
    """

    name: str
    half: Half
    training: Training
    compute: Compute
    model: Model
    batch: int
    scaling: Scaling
    ps: int
    link_mbit: int
    workers: tuple[int, ...]
    floor_s: float = 0.0
    per_sample_s: float = 0.0

    @property
    def strategy(self) -> Strategy:
        if self.training == "mirrored":
            return "allreduce"
        return "ps-sync" if self.training == "sync" else "ps-async"

    @property
    def runtime(self) -> Runtime:
        if self.training in ("coordinator", "mirrored"):
            return self.training
        return "session"

    @property
    def workload(self) -> Workload:
        if self.compute == "real":
            return computed(self.model)
        return Workload(
            f"waiting-{self.model}",
            variables(self.model),
            cost=Cost(self.floor_s, self.per_sample_s),
        )

    @property
    def user_model(self) -> str:
        return CONV_MODEL if self.compute == "real" and self.model == "conv" else ""

    def scenario(self, workers: int) -> Scenario:
        """The job as a user would ask about it."""
        alone = self.link_mbit > 0
        return Scenario(
            self.workload,
            workers,
            strategy=self.strategy,
            runtime=self.runtime,
            scaling=self.scaling,
            batch=self.batch,
            ps=self.ps,
            workers_per_host=1 if alone else 10_000,
            ps_placement="own" if alone else "shared",
            # Emulated hosts have links of their own and share the machine's cores.
            what_if=WhatIf(one_machine=alone),
        )

    def cell(self, workers: int) -> str:
        return f"{self.name}-{workers}"


@cache
def computed(model: Model) -> Workload:
    return read_workload(str(CONV_FILE)) if model == "conv" else named_workload(NAMES[model])


def variables(model: Model) -> tuple[Variable, ...]:
    return computed(model).variables


def read() -> tuple[Curve, ...]:
    """The design as it was written down."""
    rows = json.loads(DESIGN.read_text())["curves"]
    return tuple(Curve(**row | {"workers": tuple(row["workers"])}) for row in rows)


def write() -> None:
    """Draw the design and write it down; once only."""
    if DESIGN.exists():
        raise SystemExit(f"{DESIGN.relative_to(ROOT)} is there: a design is drawn once")
    curves = draw(SEED)
    lines = ",\n".join(json.dumps(asdict(curve)) for curve in curves)
    DESIGN.write_text(f'{{"seed": {SEED}, "curves": [\n{lines}\n]}}\n')


def draw(seed: int) -> tuple[Curve, ...]:
    """The first of the seed's designs that can be trained and has every level often enough."""
    rng = random.Random(seed)
    while True:
        curves = _settled(list(_attempt(rng)), rng)
        if balanced(curves):
            return tuple(curves)


def _attempt(rng: random.Random) -> Iterator[Curve]:
    """24 curves: of each kind of training two that compute and four that wait, half of each kind
    for development."""
    computing: tuple[Compute, ...] = ("real", "wait", "wait")
    kinds = [
        (training, compute, half)
        for training in TRAININGS
        for compute in computing
        for half in HALVES
    ]
    models = _dealt(rng, MODELS, len(kinds))
    batches = _dealt(rng, BATCHES, len(kinds))
    scalings = _dealt(rng, SCALINGS, len(kinds))
    ps = _dealt(rng, PS, len(kinds))
    links = _dealt(rng, (100, 100, 100, 1000, 1000, 1000, 0, 0), len(kinds))
    served = sum(t != "mirrored" and c == "wait" for t, c, _ in kinds)
    few, many = (iter(_dealt(rng, levels, served)) for levels in (FEW, MANY))
    mirrored = {half: iter(MIRRORED) for half in HALVES}
    for k, (training, compute, half) in enumerate(kinds):
        if training == "mirrored":
            # One process is what these are compared with.
            counts = REAL_WORKERS[1:] if compute == "real" else next(mirrored[half])
        else:
            counts = REAL_WORKERS if compute == "real" else (1, 2, next(few), next(many))
        yield Curve(
            name=f"{training}-{compute}-{k:02d}",
            half=half,
            training=training,
            compute=compute,
            model=models[k],
            batch=batches[k],
            scaling=scalings[k],
            ps=1 if training == "mirrored" else ps[k],
            link_mbit=0 if compute == "real" else links[k],
            workers=counts,
        )


def _settled(curves: list[Curve], rng: random.Random) -> list[Curve]:
    """Exchange levels between curves, which keeps their counts, until all can be trained."""
    made = [_with_wait(curve, rng) for curve in curves]
    while bad := [k for k, curve in enumerate(made) if not feasible(curve)]:
        k, other = bad[0], rng.randrange(len(made))
        if made[k].compute == made[other].compute:
            name = rng.choice(("model", "link_mbit", "batch", "scaling"))
            mine, theirs = getattr(made[k], name), getattr(made[other], name)
            made[k] = _with_wait(replace(made[k], **{name: theirs}), rng)
            made[other] = _with_wait(replace(made[other], **{name: mine}), rng)
    return made


def _dealt(rng: random.Random, levels: Sequence[Level], count: int) -> list[Level]:
    """Each level as often as any other, in random order."""
    dealt = [levels[k % len(levels)] for k in range(count)]
    rng.shuffle(dealt)
    return dealt


def _with_wait(curve: Curve, rng: random.Random) -> Curve:
    """A wait that leaves the processors half idle at the largest worker count."""
    if curve.compute == "real":
        return curve
    most = max(curve.workers)
    moved = variables(curve.model)
    spent_s = STEP_S + TENSOR_S * len(moved)
    spent_s += 2 * BYTE_S[curve.link_mbit > 0] * sum(v.size_bytes for v in moved)
    floor_s = max(LEAST_WAIT_S, most * spent_s / (CORES * WANTED_USE) - _wire_s(curve))
    per_sample_s = rng.choice(SHRINKING) * floor_s / curve.batch
    return replace(curve, floor_s=round(floor_s, 4), per_sample_s=round(per_sample_s, 6))


def _wire_s(curve: Curve) -> float:
    """How long the busiest link is at least used, roughly, by a step of all workers."""
    if not curve.link_mbit:
        return 0.0
    moved = variables(curve.model)
    servers = 1 if curve.training == "mirrored" else min(curve.ps, len(moved))
    sharing = 2 if curve.training == "mirrored" else max(curve.workers)
    return sum(v.size_bytes for v in moved) * 8e-6 / curve.link_mbit * sharing / servers


def feasible(curve: Curve) -> bool:
    """Whether the longest step is short enough, roughly: a fetch after a push, in lock-step."""
    if curve.scaling == "strong" and max(curve.workers) > curve.batch:
        return False
    each = max(curve.scenario(n).per_worker_batch for n in curve.workers)
    waits_s = curve.floor_s + curve.per_sample_s * each
    return waits_s + 2 * _wire_s(curve) <= LONGEST_STEP_S


def balanced(curves: Sequence[Curve]) -> bool:
    """96 cells, in halves; every level in at least six of them, and in two curves of each half."""
    halves = {half: [c for c in curves if c.half == half] for half in HALVES}
    if any(sum(len(c.workers) for c in half) != 48 for half in halves.values()):
        return False
    workers = Counter(n for c in curves for n in c.workers)
    if min(workers[n] for n in (1, 2, *FEW, *MANY)) < 6:
        return False
    for name, levels in (
        ("model", MODELS),
        ("batch", BATCHES),
        ("scaling", SCALINGS),
        ("link_mbit", LINKS_MBIT),
    ):
        for half in halves.values():
            seen = Counter(getattr(c, name) for c in half)
            if min(seen[level] for level in levels) < 2:
                return False
    return all(
        min(Counter(c.ps for c in half if c.training != "mirrored")[n] for n in PS) >= 2
        for half in halves.values()
    )
