"""Runs of made-up costs and of profiles, by one engine or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.profile import Discipline
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.base import Engine, Run
from nworkers.simulator.engine.engines import ENGINES
from nworkers.simulator.step.demand import layout
from nworkers.simulator.step.run_spec import Faults, RunSpec, run_spec
from nworkers.simulator.step.variates import Variates, deterministic

EVENTS = ENGINES["events"]
SEPARATE: dict[str, Any] = {"workers_per_host": 1, "ps_placement": "own"}
SHARED: dict[str, Any] = {"workers_per_host": 100_000, "ps_placement": "shared"}
#: Ways to train, each as what a scenario has otherwise; ``said`` are what-ifs.
MODES: dict[str, dict[str, Any]] = {
    "async": {},
    "sync": {"strategy": "ps-sync"},
    "two ps": {"ps": 2},
    "overlap": {"said": ["overlap"]},
    "allreduce": {"strategy": "allreduce", "runtime": "mirrored"},
    "hybrid": {"said": ["hybrid"], "workers_per_host": 2},
    "shared": {"workers_per_host": 8, "ps_placement": "shared"},
}
#: Worker, phase, begin and end.
Row = tuple[int, str, float, float]
#: `trained` and `traced` by some engine.
Trained = Callable[..., Run]
Traced = Callable[..., list[Row]]


def specified(
    costs: StepCosts,
    scenario: Scenario,
    variates: Variates | None = None,
    *,
    discipline: Discipline | None = None,
    loopback: bool = False,
    warmup: int = 2,
    steps: int = 6,
    faults: Faults | None = None,
    record: bool = False,
) -> RunSpec:
    """A run of a scenario, deterministic unless told, on a fair link unless the scenario says."""
    return run_spec(
        costs,
        layout(
            scenario,
            discipline=discipline or scenario.discipline or "fair",
            loopback=loopback,
        ),
        variates or deterministic(),
        warmup=warmup,
        steps=steps,
        faults=faults,
        record=record,
    )


def job(workers: int, *said: str, workload: str = "gemm:128,256", **of: Any) -> Scenario:
    """Workers that train anything, on hosts of their own unless told."""
    return Scenario(
        named_workload(workload),
        workers,
        what_if=what_if(said),
        **({"batch": 100_000} | SEPARATE | of),
    )


def trained(
    costs: StepCosts,
    workers: int,
    *said: str,
    engine: Engine = EVENTS,
    variates: Variates | None = None,
    discipline: Discipline = "fair",
    loopback: bool = False,
    warmup: int = 2,
    steps: int = 8,
    record: bool = False,
    **of: Any,
) -> Run:
    """A run of these costs with what-ifs as they are ``said``, deterministic unless told."""
    return engine(
        specified(
            costs,
            job(workers, *said, **of),
            variates,
            discipline=discipline,
            loopback=loopback,
            warmup=warmup,
            steps=steps,
            record=record,
        )
    )


def traced(
    engine: Engine, costs: StepCosts, workers: int, steps: int = 1, *said: str, **of: Any
) -> list[Row]:
    """What everybody does in the first steps, in order, when nothing varies."""
    run = trained(costs, workers, *said, engine=engine, warmup=0, steps=steps, record=True, **of)
    rows = [
        (span.worker, span.phase, round(span.start_s, 9), round(span.end_s, 9))
        for span in run.spans
        if span.step < steps
    ]
    return sorted(rows, key=lambda row: (row[2], row[0], row[3]))
