"""Notes: lines beside an answer, about what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD

if TYPE_CHECKING:
    from nworkers.models.records.calibration import Environment
    from nworkers.simulator.study.resolve import ResolvedJob

#: Steal beyond this shows in the medians.
STOLEN_SHARE = 0.02
#: A curve takes as long as so many of its last point.
CURVE_RUNS = 5.0


def of_job(job: ResolvedJob, runs: float = 1.0) -> Iterator[str]:
    """What is doubtful of the hardware, whose it is where it is not the user's own; and how long
    the answer takes, where that is long.

    Args:
        runs: how often something like the largest scenario is asked for.
    """
    from nworkers.simulator.engine.engines import IS_COMPILED
    from nworkers.simulator.study.work import expected_work

    yield from job.doubts
    workload, batch = job.scenarios[0].workload, job.scenarios[0].batch
    calibrated = job.profile.batch
    same = workload.name == job.profile.workload and calibrated not in (None, batch)
    # Whoever says a batch of his own knows which it is.
    if same and batch == DEFAULT_BATCH:
        yield (
            f"this is of the default batch, {DEFAULT_BATCH}; the step was calibrated around "
            f"{calibrated}: --batch {calibrated} asks about that"
        )
    if workload.stated_step and workload.name == DEFAULT_WORKLOAD:
        yield (
            f"the step time is as stated, and the bytes are those of {DEFAULT_WORKLOAD}; "
            "--workload names the model that takes it"
        )
    if not IS_COMPILED:
        yield (
            "simpy simulates, which takes some 50 times as long as the compiled engine. With a C "
            "compiler and Python's headers, `pip install --force-reinstall nworkers` builds that"
        )
    yield from expected_work(job.profile, job.scenarios, runs)
    if job.shipped is not None:
        profile = job.profile
        yield (
            f"this is not your hardware but the shipped profile {job.shipped} "
            f"({profile.hardware}; {profile.link.evidence}). Measure yours with "
            "`scale calibrate -o my.json`, then add --calibration my.json"
        )


def of_curve(job: ResolvedJob, max_workers: int) -> Iterator[str]:
    """Those of the job; and that strong scaling ends the curve, where it does."""
    yield from of_job(job, CURVE_RUNS)
    (scenario,) = job.scenarios
    added = scenario.added
    if scenario.workers < (max_workers if added is None else added.owned + added.most):
        yield (
            f"strong scaling of a batch of {scenario.batch} ends at as many workers; "
            "--batch or --scaling weak goes further"
        )


def of_environment(environment: Environment) -> Iterator[str]:
    """That others had the cores or the GPU while something was measured, where they did."""
    if environment.stolen_share > STOLEN_SHARE:
        yield (
            f"other tenants of this machine took {100 * environment.stolen_share:.0f} % of its "
            "cores' time while it was measured (steal): times are too long and vary; measure again "
            "when it is quiet"
        )
    others = environment.facts.get("gpu_processes_before")
    if others:
        yield f"others were on the GPU when measuring began: {others}; measure again without them"


def said_of(lines: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Each line once: as it is where it is said of all, else after the names of whom it is said."""
    whom: dict[str, list[str]] = {}
    for name, said in lines.items():
        for line in said:
            whom.setdefault(line, []).append(name)
    return tuple(
        line if len(names) == len(lines) else f"{', '.join(names)}: {line}"
        for line, names in whom.items()
    )
