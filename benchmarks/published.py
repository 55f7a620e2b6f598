"""Published scaling tables: fitted up to some number of workers, predicted beyond.

    python -m benchmarks.published

Reads ../shared/published, which lies beside a checkout of this repository. Writes the table of
docs/scaling-tables.md to stdout. No row that is predicted has been fitted, and nothing was chosen
by looking at one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scale.cli.question import DEFAULT_PROFILE
from scale.models.files import shipped_profile
from scale.models.scaling.compare import METHODS, Compared, Method, compare, errors, split
from scale.models.scaling.fit import fit
from scale.models.scaling.names import workloads_of
from scale.models.scaling.table import of_system, read
from scale.simulator.steady import steady_step_s

PUBLISHED = Path(__file__).resolve().parent.parent.parent / "shared" / "published"
#: File, system, and the most workers that are fitted.
SPLITS = (
    ("tf_benchmarks_2017.csv", "p2.8xlarge-K80", 8),
    ("tf_benchmarks_2017.csv", "p2.8xlarge-K80", 16),
    ("tf_benchmarks_2017.csv", "p2.8xlarge-K80", 32),
    ("tf_benchmarks_2017.csv", "DGX-1-P100", 4),
    ("piz_daint_2017.csv", "Piz-Daint-P100", 8),
    ("piz_daint_2017.csv", "Piz-Daint-P100", 16),
    ("piz_daint_2017.csv", "Piz-Daint-P100", 32),
    ("piz_daint_2017.csv", "Piz-Daint-P100", 64),
)


def outcome(file: str, system: str, fit_to: int) -> tuple[Compared, ...]:
    text = (PUBLISHED / file).read_text()
    rows, workloads = workloads_of(of_system(read(text, file), system, file), None, file)
    inside, outside = split(rows, fit_to)
    base = shipped_profile(DEFAULT_PROFILE)
    found = fit(inside, workloads, base, steady_step_s, source=file)
    for cost in found.costs:
        seen = found.parameter(cost)
        told = f"{seen.estimate:.3g} {seen.unit}" if seen.identified else "not identified"
        print(f"{system} up to {fit_to}: {cost} {told}", file=sys.stderr)
    return compare(found, outside, workloads, base, steady_step_s)


def cell(rows: list[Compared], method: Method) -> str:
    found = errors(rows, method)
    if found.median is None or found.worst is None:
        return "—"
    return f"{100 * found.median:.1f} / {100 * found.worst:.1f}"


def main() -> None:
    if not PUBLISHED.is_dir():
        sys.exit(f"{PUBLISHED} is not there; it lies beside a checkout of this repository")
    print("| system | fitted up to | predicted | scale | Amdahl | USL | Paleo | covered |")
    print("|---|---|---|---|---|---|---|---|")
    for file, system, fit_to in SPLITS:
        compared = outcome(file, system, fit_to)
        beyond = [c for c in compared if not c.fitted]
        for workers in sorted({c.row.workers for c in beyond}):
            rows = [c for c in beyond if c.row.workers == workers]
            inside = sum(
                c.interval is not None and c.interval[0] <= c.row.samples_per_s <= c.interval[1]
                for c in rows
            )
            print(
                f"| {system} | {fit_to} | {workers} ({len(rows)}) | "
                + " | ".join(cell(rows, method) for method in METHODS)
                + f" | {inside} of {len(rows)} |"
            )


if __name__ == "__main__":
    main()
