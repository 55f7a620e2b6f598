"""Published nccl-tests of several hosts, predicted from those of fewer, for docs/imports-judged.md.

    python -m benchmarks.nccl_tiers

Times are those of benchmarks/data/nccl-tiers.csv, facts that others published, with their sources.
No parameter was chosen by the rows that are predicted; the law is NCCL's own model.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.page import Page, table
from nworkers.models.base.all_reduce_terms import two_tier_terms
from nworkers.models.costs.all_reduce import buckets
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.fitting.log_least_squares import solve
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Variable, Workload
from nworkers.models.tables.components.merge import graft
from nworkers.models.tables.components.rows import MeasuredTable, Row

TIMES = Path(__file__).parent / "data" / "nccl-tiers.csv"
PAGE = Page("imports-judged", "# Imported figures, judged\n")
#: Variables of single precision.
ITEM_BYTES = 4
#: Hosts that were fitted, and those that were predicted.
SPLITS: dict[str, tuple[tuple[tuple[int, ...], int], ...]] = {
    "h100-ib-a": (((2,), 4),),
    "h100-ib-b": (((2,), 4), ((2,), 8), ((2, 4), 8)),
    "v100-p3dn": (((2,), 4), ((2,), 8), ((2, 4), 8)),
}
#: One size alone tells no latency: there the bytes are all.
BY_BYTES = "a100-p4d"
NAMES = {
    "h100-ib-a": "H100, InfiniBand 8 × 400 Gbit/s, 8 B to 17 GB",
    "h100-ib-b": "H100, InfiniBand 8 × 400 Gbit/s, another, 1 MB to 8.6 GB",
    "v100-p3dn": "V100, AWS p3dn with EFA (2019), 8 B to 33 kB",
    BY_BYTES: "A100, AWS p4d with EFA, 1.07 GB",
}


@dataclass(frozen=True)
class Held:
    """Errors on the hosts that the fit never saw; ``ring`` is one ring of all ranks."""

    system: str
    fitted: tuple[int, ...]
    hosts: int
    cells: int
    median: float
    worst: float
    ring: float
    covered: int | None


def rows_of(system: str) -> list[Row]:
    with TIMES.open() as file:
        return [
            Row(
                "allreduce",
                1e-6 * float(line[column]),
                max(ITEM_BYTES, int(line["size_bytes"])),
                workers=int(line["workers"]),
                hosts=int(line["hosts"]),
            )
            for line in csv.DictReader(file)
            if line["system"] == system
            for column in ("out_of_place_us", "in_place_us")
        ]


def imported(rows: list[Row]) -> Profile:
    base = shipped_profile("emulated-1gbit")
    return graft(MeasuredTable("nccl-tests", tuple(rows)), "", base, "published").profile


def predicted_s(profile: Profile, row: Row, draw: int | None) -> float:
    workload = Workload("sent", (Variable("all", (row.size_bytes // ITEM_BYTES,)),))
    scenario = Scenario(
        workload,
        row.workers,
        strategy="allreduce",
        runtime="mirrored",
        workers_per_host=-(-row.workers // row.hosts),
    )
    return sum(phase.wall_s for phase in buckets(profile.drawn(draw), scenario))


def held(system: str, fitted: tuple[int, ...], hosts: int) -> Held:
    rows = rows_of(system)
    inside = [row for row in rows if row.hosts in fitted]
    beyond = [row for row in rows if row.hosts == hosts]
    made, ring = imported(inside), imported([replace(row, hosts=0) for row in inside])
    errors = [predicted_s(made, row, None) / row.seconds - 1 for row in beyond]
    by_ring = [predicted_s(ring, row, None) / row.seconds - 1 for row in beyond]
    covered = 0
    for row in beyond:
        draws = [predicted_s(made, row, draw) for draw in range(made.draws)]
        low, high = np.quantile(draws, [0.05, 0.95])
        covered += bool(low <= row.seconds <= high)
    return Held(
        system,
        fitted,
        hosts,
        len(beyond),
        float(np.median(np.abs(errors))),
        max(errors, key=abs),
        float(np.median(np.abs(by_ring))),
        covered,
    )


def by_bytes(hosts: int) -> Held:
    """What two hosts took, times what crosses between so many for what does between two."""
    rows = rows_of(BY_BYTES)
    two = [row for row in rows if row.hosts == 2]
    beyond = [row for row in rows if row.hosts == hosts]
    errors, by_ring = [], []
    for row, of_two in zip(beyond, two, strict=True):
        (_, passed), (_, crossing) = two_tier_terms(row.size_bytes, row.workers, hosts, "tree")
        (_, by_two), (_, between_two) = two_tier_terms(row.size_bytes, of_two.workers, 2, "tree")
        errors.append(of_two.seconds * crossing / between_two / row.seconds - 1)
        by_ring.append(of_two.seconds * passed / by_two / row.seconds - 1)
    return Held(
        BY_BYTES,
        (1, 2),
        hosts,
        len(beyond),
        float(np.median(np.abs(errors))),
        max(errors, key=abs),
        float(np.median(np.abs(by_ring))),
        None,
    )


def own_misfit(hosts: int) -> tuple[float, float]:
    """Worst errors on fitted rows of the widest table: in segments, and by one line."""
    rows = [row for row in rows_of("a100-oci") if row.hosts == hosts]
    made = imported(rows)
    worst = max((predicted_s(made, row, None) / row.seconds - 1 for row in rows), key=abs)
    x = np.array([(1.0, float(row.size_bytes)) for row in rows])
    y = np.array([row.seconds for row in rows])

    line = x @ solve(x, y).theta / y - 1
    return worst, float(line[np.argmax(np.abs(line))])


def publish() -> None:
    found = [
        *(held(system, *split) for system, splits in SPLITS.items() for split in splits),
        by_bytes(3),
        by_bytes(4),
    ]
    lines = [
        (
            NAMES[of.system],
            " and ".join(map(str, of.fitted)),
            str(of.hosts),
            str(of.cells),
            f"{100 * of.median:.0f} %",
            f"{100 * of.worst:+.0f} %",
            f"{100 * of.ring:.0f} %",
            "—" if of.covered is None else f"{of.covered} of {of.cells}",
        )
        for of in found
    ]
    misfits = {hosts: own_misfit(hosts) for hosts in (1, 2)}
    head = ("cluster", "fitted", "predicted", "cells", "median error", "worst", "one ring", "in")
    (one, one_line), (two, two_line) = misfits[1], misfits[2]
    own = (f"{100 * error:+.0f}" for error in (one, two, one_line, two_line))
    text = """`python -m benchmarks.nccl_tiers`: published times of few hosts were fitted, and
those of more predicted. "One ring" takes all ranks for one, whatever their hosts. "In" counts
cells in the 90 % range of the parameters alone.

{rows}

The worst of the H100s are single times that something disturbed: 1.27 ms for 8 MB, where the same
test in place took 0.32. The V100s of 2019 ran a ring of all hosts, where a tree is
assumed. Half of two hosts' latency is taken to be inside them. A run of one host, or of eight,
tells.

The widest table is that of A100s of a cloud, 64 B to 8.6 GB. Its fitted rows are off by {} % at
worst on one host and {} % on two. By one line through all sizes it is {} and {} %. Sources are
beside the times, in `benchmarks/data/nccl-tiers.csv`.""".format(*own, rows=table(head, lines))
    data = {"held": [asdict(of) for of in found], "own": {str(h): m for h, m in misfits.items()}}
    PAGE.publish("nccl-tiers", "More hosts than were measured, judged", text, data)


if __name__ == "__main__":
    publish()
