"""Multi-node systems that others published: how far a table of their small rows reaches.

``python -m benchmarks.published`` fits each system of benchmarks/data/multi-node.csv to at most a
quarter of its largest number of workers, predicts the rows beyond, and writes all of them into
docs/imports-judged.md. Systems' names as arguments take these again and keep the others' figures.
No TensorFlow, any machine; a quarter of an hour, of which three systems with parameter servers take
all but two minutes.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmarks.page import ROOT, Page, table
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.files.workload_toml import read_workload, shipped_workloads
from nworkers.models.records.workload import Variable, Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.compare import compare, split
from nworkers.models.tables.throughput.fit import fit
from nworkers.models.tables.throughput.jobs import Predict
from nworkers.simulator.study.steady import steady_step_s
from tests.support.coverage import p_values

PAGE = Page("imports-judged", "# Imported figures, judged\n")
TITLE = "Throughput tables of several nodes"
DATA = ROOT / "benchmarks" / "data" / "multi-node.csv"
BASE = "emulated-1gbit"
#: A parameter count that nobody stated: one size in a system changes no prediction.
UNKNOWN_PARAMETERS = 1_000_000_000

Half = Literal["development", "held-out"]
LAWS = ("scale", "amdahl", "usl")


@dataclass(frozen=True)
class System:
    """Rows that share their costs; several of them may run on one ``cluster``."""

    half: Half
    cluster: str
    name: str
    rows: tuple[ScalingRow, ...]
    workloads: dict[str, Workload]

    @property
    def fit_to(self) -> int:
        """A quarter of the most workers."""
        return max(row.workers for row in self.rows) // 4


@dataclass(frozen=True)
class Row:
    """A row beyond the fitted ones; errors are predicted over measured − 1, by law."""

    half: Half
    cluster: str
    system: str
    model: str
    batch: int
    fit_to: int
    workers: int
    measured: float
    low: float
    high: float
    errors: dict[str, float | None]

    @property
    def held(self) -> bool:
        return self.low <= self.measured <= self.high

    @property
    def series(self) -> tuple[str, str, int]:
        """Rows of one series may miss together."""
        return self.system, self.model, self.batch


def systems() -> list[System]:
    """All systems of the data, in their order."""
    lines = [line for line in DATA.read_text().splitlines() if not line.startswith("#")]
    found: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(lines):
        found.setdefault(row["system"], []).append(row)
    return [_system(rows) for rows in found.values()]


def judged(system: System, predict: Predict = steady_step_s) -> list[Row]:
    """The rows beyond, beside their intervals and every law."""
    inside, outside = split(system.rows, system.fit_to)
    base = shipped_profile(BASE)
    fitted = fit(inside, system.workloads, base, predict, source=system.name)
    found = []
    for c in compare(fitted, outside, system.workloads, base, predict):
        if c.fitted or c.interval is None:
            continue
        low, high = c.interval
        found.append(
            Row(
                system.half,
                system.cluster,
                system.name,
                c.row.model,
                c.row.batch_per_worker,
                system.fit_to,
                c.row.workers,
                c.row.samples_per_s,
                low,
                high,
                {law: c.error(law) for law in LAWS},  # type: ignore[arg-type]
            )
        )
    return found


def coverage(rows: Sequence[Row]) -> tuple[int, float, float]:
    """How many rows their intervals hold, and the chances of so few and of so many."""
    names = dict.fromkeys(row.series for row in rows)
    clusters = [[row.held for row in rows if row.series == name] for name in names]
    few, many = p_values(clusters)
    return sum(row.held for row in rows), few, many


def median_errors(rows: Sequence[Row], law: str) -> tuple[float, float]:
    """Of scale and of the law, over the rows to which the law has an answer."""
    answered = [row for row in rows if row.errors[law] is not None]
    ours, theirs = (
        [abs(e) for row in answered if (e := row.errors[name]) is not None]
        for name in ("scale", law)
    )
    return float(np.median(ours)), float(np.median(theirs))


def main(chosen: Sequence[str]) -> None:
    every = systems()
    raw = ROOT / "benchmarks" / "data" / "imports-judged.json"
    kept = json.loads(raw.read_text()).get("coverage", {}).get("rows", []) if chosen else []
    stated = {system.name for system in every}
    fields = set(Row.__dataclass_fields__)
    before = [Row(**{k: v for k, v in of.items() if k in fields}) for of in kept if "half" in of]
    rows = [row for row in before if row.system in stated and row.system not in chosen]
    for system in every:
        if chosen and system.name not in chosen:
            continue
        found = judged(system)
        rows += found
        for row in found:
            print(row.system, row.workers, row.errors, "held" if row.held else "MISSED", flush=True)
    order = [system.name for system in every]
    rows.sort(key=lambda row: order.index(row.system))
    data = {"rows": [vars(row) | {"held": row.held} for row in rows]}
    PAGE.publish("coverage", TITLE, page(rows), data)


def page(rows: Sequence[Row]) -> str:
    """The section: each half's figures, then every row."""
    halves = []
    for half in ("development", "held-out"):
        of = [row for row in rows if row.half == half]
        if not of:
            continue
        held, few, many = coverage(of)
        width = np.median([np.log(row.high / row.low) / 2 for row in of])
        halves.append(
            [
                half,
                str(len({row.cluster for row in of})),
                f"{held} of {len(of)}",
                f"{few:.2f}, {many:.2f}",
                f"{100 * width:.0f} %",
                *(
                    f"{100 * ours:.1f} %, {100 * theirs:.1f} %"
                    for law in LAWS[1:]
                    for ours, theirs in (median_errors(of, law),)
                ),
            ]
        )
    lines = [
        [
            row.half,
            row.system,
            row.model,
            str(row.batch),
            str(row.fit_to),
            str(row.workers),
            *("—" if e is None else f"{100 * e:+.1f} %" for e in row.errors.values()),
            f"{row.low / row.measured:.2f} to {row.high / row.measured:.2f}",
            "yes" if row.held else "**no**",
        ]
        for row in rows
    ]
    laws, ends = ["scale", "Amdahl", "USL"], ["interval", "held"]
    return "\n\n".join(
        [
            INTRODUCTION,
            table(
                [
                    "half",
                    "clusters",
                    "held",
                    "chance of so few, so many",
                    "half-width",
                    "scale, Amdahl",
                    "scale, USL",
                ],
                halves,
            ),
            "Every row, wrong ones too; the interval is over the measured throughput:",
            table(
                ["half", "system", "model", "batch", "fitted to", "workers", *laws, *ends],
                lines,
            ),
        ]
    )


def _system(rows: Sequence[dict[str, str]]) -> System:
    first = rows[0]
    half: Half = "held-out" if first["half"] == "held-out" else "development"
    workloads = {}
    for row in {row["model"]: row for row in rows}.values():
        name = row["model"]
        shipped = [of for of in shipped_workloads() if name in (of, f"{of}-fp32", f"{of}-fp16")]
        parameters = int(row["parameters"] or UNKNOWN_PARAMETERS)
        workloads[name] = (
            replace(read_workload(shipped[0]), name=name)
            if shipped
            else Workload(name, (Variable("all", (parameters,)),))
        )
    return System(
        half,
        first["cluster"],
        first["system"],
        tuple(
            ScalingRow(
                row["model"],
                "ps-sync" if row["strategy"] == "ps-sync" else "allreduce",
                int(row["batch_per_worker"]),
                int(row["workers"]),
                float(row["samples_per_s"]),
                int(row["ps"]) if row["ps"] else None,
                int(row["gpus_per_node"]),
                row["system"],
            )
            for row in rows
        ),
        workloads,
    )


INTRODUCTION = (
    "Systems of several nodes, each fitted to at most a quarter of its largest number of workers. "
    "Sources stand in `benchmarks/data/multi-node.csv`. Development was tuned on; held-out was "
    "looked at once. Errors are medians over the rows to which a law answers; the USL needs three "
    "numbers of workers. The half-width is in the logarithm. Rows of one series count as they miss "
    "together. LUMI was run twice, since its models' variables were first not found."
)

if __name__ == "__main__":
    main(sys.argv[1:])
