"""Notes: lines beside an answer, about what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nworkers.models.records.calibration import Environment

if TYPE_CHECKING:
    from nworkers.simulator.study.resolve import ResolvedJob

#: Steal beyond this shows in the medians.
STOLEN_SHARE = 0.02


def of_job(job: ResolvedJob) -> Iterator[str]:
    """What is doubtful of the hardware, and whose it is where it is not the user's own."""
    yield from job.doubts
    if job.shipped is not None:
        profile = job.profile
        yield (
            f"this is not your hardware but the shipped profile {job.shipped} "
            f"({profile.hardware}; {profile.link.evidence}). Measure yours with "
            "`scale calibrate -o my.json`, then add --calibration my.json"
        )


def of_curve(job: ResolvedJob, max_workers: int) -> Iterator[str]:
    """Those of the job; and that strong scaling ends the curve, where it does."""
    yield from of_job(job)
    (scenario,) = job.scenarios
    if scenario.workers < max_workers:
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
