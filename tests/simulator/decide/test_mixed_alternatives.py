"""Ways out of a mix: what is told of them is what the mix does with the change in every job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nworkers.models.files.store import find_profile
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.solved import Goal, WayOut
from nworkers.simulator.answers import answer_mix, mix_with_ways_out
from nworkers.simulator.decide.job_mix import WeightedJob, job_mix
from nworkers.simulator.decide.mixed_alternatives import mixed_changes
from nworkers.simulator.decide.way_out import nearest, ways_out

SMALL = JobRequest(workload="resnet-50", batch=8)
MLP = JobRequest(workload="mlp:784,512,10", batch=64)
JOBS = (WeightedJob("small", SMALL, 3.0), WeightedJob("mlp", MLP, 1.0))


def changed(
    jobs: Sequence[WeightedJob], change: Callable[[JobRequest], JobRequest], n: int
) -> float:
    again = [replace(job, request=change(job.request)) for job in jobs]
    return next(row.speedup for row in job_mix(again, n).rows if row.workers == n)


def test_one_job_s_ways_are_its_own() -> None:
    mixed = nearest(mixed_changes([WeightedJob("one", SMALL, 7.0)]), [2, 3], beyond=3)
    alone = ways_out(SMALL, [2, 3], beyond=3)

    def told(ways: Sequence[WayOut]) -> list[tuple[str, int, float]]:
        return [(way.what, way.workers, round(way.speedup, 9)) for way in ways]

    assert told(mixed) == told(alone)


def test_a_dead_end_has_the_batch_that_wins_of_which_half_does_not() -> None:
    answer = mix_with_ways_out(answer_mix(JOBS, 2), JOBS)
    assert answer.found.breakeven_workers is None
    assert answer.ways_out
    way = next(way for way in answer.ways_out if way.what == "batch")
    times = int(way.change.split()[0])
    grown = changed(JOBS, lambda of: replace(of, batch=times * of.batch), way.workers)
    assert way.speedup == grown > 1.0
    assert changed(JOBS, lambda of: replace(of, batch=times // 2 * of.batch), 2) < 1.0


def test_a_strategy_is_every_job_s() -> None:
    weak = replace(SMALL, batch=64, scaling="weak", strategy="ps-sync")
    jobs = [
        WeightedJob("sync", weak, 1.0),
        WeightedJob("async", replace(weak, strategy="ps-async"), 1.0),
    ]
    goal = Goal("speedup", 1.1, Aim(1.1))
    ways = nearest(mixed_changes(jobs), [2], goal=goal)
    way = next(way for way in ways if way.what == "strategy")
    (field,) = way.fields
    assert field[0] == "strategy"
    other: Any = field[1]
    assert way.speedup == changed(jobs, lambda of: replace(of, strategy=other), 2) > 1.1


def test_a_mix_that_wins_needs_none() -> None:
    weak = [WeightedJob("one", replace(SMALL, batch=64, scaling="weak"), 1.0)]
    assert mix_with_ways_out(answer_mix(weak, 4), weak).ways_out is None


def test_a_batch_that_memory_cannot_hold_is_no_way_out_of_a_mix() -> None:
    asked = JobRequest("h100", workload="mlp:784,512,512,10", device="cpu", scaling="weak")
    profile = find_profile("calibration", "h100")[0]
    small = replace(profile, host=replace(profile.host, memory_bytes=20e6))

    def kinds(request: JobRequest) -> set[str]:
        return {way.what for way in nearest(mixed_changes([WeightedJob("one", request, 1.0)]), [2])}

    assert "batch" in kinds(asked)
    assert "batch" not in kinds(replace(asked, profile=small))
