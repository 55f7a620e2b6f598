"""Ways out: what is told wins indeed, and is the nearest of its kind; else nothing is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.files.store import find_profile
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.solved import Goal
from nworkers.models.records.what_if import PLAIN, Stragglers
from nworkers.simulator.decide.way_out import COUNTS, counts_to_try, ways_out
from nworkers.simulator.study.ask import breakeven, predict

RESNET = JobRequest("emulated-1gbit", workload="resnet-50", batch=8)


def test_the_batch_wins_and_half_of_it_does_not() -> None:
    way = ways_out(RESNET, [2])[0]
    assert way.what == "batch"
    batch = int(dict(way.fields)["batch"])
    row = predict(replace(RESNET, batch=batch), 2)
    assert (way.speedup, way.interval) == (row.speedup, row.speedup_interval)
    assert row.speedup > 1.0
    assert predict(replace(RESNET, batch=batch // 2), 2).speedup < 1.0


def test_another_strategy_that_wins_as_it_is() -> None:
    request = replace(RESNET, batch=64, strategy="ps-sync")
    assert predict(request, 2).speedup < 1.0
    ways = ways_out(request, [2, 4])
    way = next(way for way in ways if way.what == "strategy")
    strategy = dict(way.fields)["strategy"]
    assert strategy in ("ps-async", "allreduce")
    again = replace(request, strategy=strategy)  # type: ignore[arg-type]
    assert predict(again, way.workers).speedup == way.speedup > 1.0


@pytest.mark.parametrize("profile", ["emulated-1gbit", "loopback-2core", "h100"])
def test_all_that_is_told_wins(profile: str) -> None:
    for way in ways_out(JobRequest(profile), COUNTS):
        assert way.speedup > 1.0
        assert way.workers in COUNTS
        assert way.fields


def test_where_nothing_wins_nothing_is_told() -> None:
    # Two cores do the work of two workers and a ps no sooner than that of one process.
    assert ways_out(JobRequest("h100", batch=32, baseline="host"), [2]) == ()


def test_a_what_if_that_two_workers_cannot_have_is_kept() -> None:
    request = replace(RESNET, what_if=replace(PLAIN, dead_workers=2, said=("dead-workers=2",)))
    for way in ways_out(request, [3, 4]):
        assert way.speedup > 1.0


@pytest.mark.filterwarnings("error")
def test_faults_that_a_strategy_cannot_meet_are_no_obstacle() -> None:
    change = replace(PLAIN, stragglers=Stragglers(6.0, 3.0, 30.0))
    request = JobRequest(workload="mlp:784,512,10", batch=256, what_if=change)
    assert "allreduce" in [dict(way.fields).get("strategy") for way in ways_out(request, [4])]


SLOW = JobRequest("emulated-1gbit", workload="resnet-50", batch=64, scaling="weak")


def test_more_workers_are_the_fewest_that_win() -> None:
    found = breakeven(replace(SLOW, batch=32), 16)
    first = found.breakeven_workers
    assert first is not None
    assert first > 2
    way = ways_out(replace(SLOW, batch=32), [1], beyond=1)[0]
    assert (way.what, way.workers, way.fields) == ("workers", first, ())
    assert way.speedup == found.rows[first - 1].speedup


@pytest.mark.parametrize(
    "aim", [Aim(6.0), Aim(1.0, samples_factor=4.0), Aim(1.5, noise_scale=100.0)]
)
def test_another_aim_is_reached_as_its_curve_says(aim: Aim) -> None:
    goal = Goal("speedup", aim.target_speedup, aim)
    assert breakeven(SLOW, 8, aim=aim).breakeven_workers is None
    ways = ways_out(SLOW, counts_to_try(goal, 8), goal=goal)
    assert ways
    for way in ways:
        fields = dict(way.fields)
        if set(fields) <= {"batch", "strategy"}:
            batch = int(fields.get("batch", SLOW.batch))
            strategy = fields.get("strategy", SLOW.strategy)
            again = replace(SLOW, batch=batch, strategy=strategy)  # type: ignore[arg-type]
            row = breakeven(again, way.workers, aim=aim).rows[-1]
            assert row.speedup == way.speedup > aim.target_speedup


def test_counts_grow_with_the_aim_and_with_what_is_owned() -> None:
    assert counts_to_try(Goal(), 64) == [2, 3, 4, 8]
    assert counts_to_try(Goal("speedup", 3.0), 16) == [6, 9, 12, 16]
    assert counts_to_try(Goal(), 64, owned=4) == [4, 8, 12, 16]
    assert counts_to_try(Goal("speedup", 100.0), 3) == [3]


def test_too_many_workers_are_not_tried() -> None:
    assert ways_out(replace(RESNET, batch=1024), [1000]) == ()


def test_a_batch_that_memory_cannot_hold_is_no_way_out() -> None:
    asked = JobRequest("h100", workload="mlp:784,512,512,10", device="cpu", scaling="weak")
    (way,) = (way for way in ways_out(asked, [2]) if way.fields == (("batch", "256"),))
    assert way.speedup > 1.0
    # As measured, not as stated: what is stated is refused before.
    profile = find_profile("calibration", "h100")[0]
    small = replace(profile, host=replace(profile.host, memory_bytes=20e6))
    ways = ways_out(replace(asked, profile=small), [2])
    assert not [way for way in ways if "batch" in dict(way.fields)]
