"""First design: the jobs of the development half, drawn once and written down before the first run.

Its curves were half for development and half for test; a version's first sight of the test half is
on the page. Both are development since there is a blind half (`blind`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar, get_args

from benchmarks.accuracy.curves import MODELS, TRAININGS, Compute, Curve, Half
from nworkers.models.records.scenario import Scaling

SEED = 20261123
Level = TypeVar("Level")
HALVES: tuple[Half, ...] = ("development", "test")
#: Mbit/s of each host's link in each direction; 0 is loopback, with all tasks on one host.
LINKS_MBIT = (0, 100, 1000)
BATCHES = (32, 128, 512)
PS = (1, 2, 4)
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)
#: Counts of the curves that wait in place of computing, beside 1 and 2: one of each.
FEW, MANY = (3, 4, 6), (8, 12, 16)
REAL_WORKERS: tuple[int, ...] = (1, 2, 3, 4)
#: The two of mirrored training in each half.
MIRRORED = (2, 4, 8, 16), (2, 3, 6, 12, 16)

#: What a step takes of the processors, roughly: of itself, a tensor, and a byte each way on
#: a shaped link or on loopback. Only to choose waits that leave the processors half idle.
STEP_S, TENSOR_S, BYTE_S = 2e-3, 0.5e-3, {True: 4e-9, False: 1e-9}
CORES, WANTED_USE, LEAST_WAIT_S = 2, 0.45, 0.02
#: A window must hold some steps.
LONGEST_STEP_S = 3.0
#: A single process waits so many times as long as what does not shrink with the batch.
SHRINKING = (1, 4)


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
    moved = curve.variables
    spent_s = STEP_S + TENSOR_S * len(moved)
    spent_s += 2 * BYTE_S[curve.link_mbit > 0] * sum(v.size_bytes for v in moved)
    floor_s = max(LEAST_WAIT_S, most * spent_s / (CORES * WANTED_USE) - _wire_s(curve))
    per_sample_s = rng.choice(SHRINKING) * floor_s / curve.batch
    return replace(curve, floor_s=round(floor_s, 4), per_sample_s=round(per_sample_s, 6))


def _wire_s(curve: Curve) -> float:
    """How long the busiest link is at least used, roughly, by a step of all workers."""
    if not curve.link_mbit:
        return 0.0
    moved = curve.variables
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
