"""Solve: the values that searches find are those that brute force finds, on shipped profiles."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.scenario import Scaling
from nworkers.models.records.setting import Setting
from nworkers.models.records.solved import Bracket, Goal, Sought, Threshold
from nworkers.models.records.what_if import PLAIN, Rdma
from nworkers.simulator.decide.quantities import Quantity, job_of, quantity_of
from nworkers.simulator.decide.reaching import fully
from nworkers.simulator.decide.search import TOLERANCE, search
from nworkers.simulator.decide.solve import solve
from nworkers.simulator.study.ask import predict

FEW = 6
RESNET = JobRequest("emulated-1gbit", workload="resnet-50", batch=8)


#: By chance of few replications, scores of neighbours differ by so much.
CHANCE = 0.05


def check_by_trying_all(quantity: Quantity, goal: Goal) -> None:
    """What is found reaches the goal, its neighbour does not, and before it none does by far."""
    axis = quantity.axis
    found = search(axis, goal, replications=FEW)
    assert axis.step is not None
    first, last = int(axis.grid[0]), round(found.value or 16 * axis.step)
    scores = {
        value: fully(goal, axis.at(value), FEW).score for value in range(first, last + 1, axis.step)
    }
    if found.value is None:
        assert max(scores.values()) < 1.0 + CHANCE
        return
    assert scores.pop(last) >= 1.0
    assert not scores or scores[last - axis.step] < 1.0
    assert max(scores.values(), default=0.0) < 1.0 + CHANCE


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    workers=st.sampled_from((2, 3, 5)),
    share=st.floats(0.3, 0.6),
    strategy=st.sampled_from(("ps-async", "ps-sync", "allreduce")),
    scaling=st.sampled_from(("strong", "weak")),
)
def test_the_batch_is_that_of_trying_all(
    workers: int, share: float, strategy: Strategy, scaling: Scaling
) -> None:
    request = replace(RESNET, strategy=strategy, scaling=scaling)
    quantity = quantity_of(job_of(request), "batch", workers)
    check_by_trying_all(quantity, Goal("speedup", share * workers))


@pytest.mark.parametrize("target", [1.5, 2.5])
def test_the_number_of_workers_is_that_of_trying_all(target: float) -> None:
    quantity = quantity_of(job_of(replace(RESNET, batch=256)), "workers", 1)
    check_by_trying_all(quantity, Goal("speedup", target))


@pytest.mark.parametrize("target", [0.5, 0.9])
def test_the_number_of_ps_is_that_of_trying_all(target: float) -> None:
    quantity = quantity_of(job_of(replace(RESNET, batch=32)), "ps", 4)
    check_by_trying_all(quantity, Goal("speedup", target))


@pytest.mark.parametrize(("what", "share"), [("latency", 0.95), ("bandwidth", 1.05)])
def test_what_is_continuous_is_found_to_within_the_tolerance(what: Sought, share: float) -> None:
    request = replace(RESNET, batch=64, strategy="allreduce" if what == "latency" else "ps-async")
    goal = Goal("speedup", share * predict(request, 2).speedup)
    quantity = quantity_of(job_of(request), what, 2)
    found = search(quantity.axis, goal)
    assert found.value is not None
    assert 1.0 <= found.reached.score < 1.01
    worse = found.value * (1.0 + 2.0 * TOLERANCE) ** (1.0 if what == "latency" else -1.0)
    assert fully(goal, quantity.axis.at(worse)).score < 1.0


def threshold(
    request: JobRequest, what: Sought, workers: int, overhead: float | None = None
) -> Threshold:
    found = solve(request, what, workers=workers, overhead=overhead).threshold
    assert found is not None
    return found


def test_the_interval_is_where_few_and_where_most_draws_reach_it() -> None:
    found = threshold(RESNET, "batch", 2)
    low, high = found.interval
    assert found.value is not None
    assert low is not None
    assert high is not None
    assert low < found.value < high
    first, last = (predict(replace(RESNET, batch=round(end)), 2) for end in (low, high))
    assert 0.0 < first.probability_beats < 0.2
    assert 0.8 < last.probability_beats < 1.0


def test_the_row_is_what_predict_says_of_it() -> None:
    found = threshold(RESNET, "batch", 2)
    assert found.row == predict(replace(RESNET, batch=round(found.at)), 2)
    assert found.change == (("batch", str(round(found.at))),)


@pytest.mark.parametrize(
    ("request_", "what", "held"),
    [
        (RESNET, "latency", "fetch_transfer"),
        (RESNET, "dispatch", "fetch_transfer"),
        (JobRequest("loopback-2core", batch=64), "bandwidth", "compute"),
        (JobRequest("h100", batch=64), "batch", "device_contention"),
    ],
)
def test_what_is_not_possible_names_its_limit(
    request_: JobRequest, what: Sought, held: str
) -> None:
    found = threshold(request_, what, 2)
    assert found.value is None
    assert found.held_by == held
    assert found.reached < 1.0


def test_a_share_of_a_step_is_reached() -> None:
    found = threshold(RESNET, "batch", 2, overhead=0.3)
    assert found.value is not None
    computing = found.row.breakdown["compute"] / found.row.step_time_s
    assert 1.0 - computing == pytest.approx(found.reached)
    assert 0.27 < found.reached <= 0.3


def test_faster_devices_need_larger_batches() -> None:
    rows = solve(RESNET, "device", workers=2).faster
    assert [row.speed for row in rows] == [1.0, 2.0, 4.0, 10.0]
    batches = [row.batch.value for row in rows]
    assert None not in batches
    assert batches == sorted(batches, key=lambda value: value or 0.0)
    now = [row.now or 0.0 for row in rows]
    assert now == sorted(now, reverse=True)


def test_changes_are_ranked_beside_the_job_as_it_is() -> None:
    ways = solve(RESNET, "strategy", workers=2).ways
    speedups = [way.speedup for way in ways]
    assert speedups == sorted(speedups, reverse=True)
    plain = [way for way in ways if not way.fields]
    assert [way.speedup for way in plain] == [predict(RESNET, 2).speedup]
    by = {way.change: way.speedup for way in ways}
    assert by["allreduce"] == predict(replace(RESNET, strategy="allreduce"), 2).speedup
    assert by["100gbit"] == predict(replace(RESNET, link="100gbit"), 2).speedup


def test_another_transport_s_latency_is_its_own() -> None:
    request = replace(RESNET, what_if=replace(PLAIN, rdma=Rdma(0.05)))
    found = threshold(replace(request, batch=128), "latency", 2)
    assert found.today == 0.05
    assert found.value is not None
    again = replace(PLAIN, rdma=Rdma(found.value))
    row = predict(replace(request, batch=128, what_if=again), 2)
    assert row.speedup == pytest.approx(found.reached)


@pytest.mark.parametrize(
    ("changes", "goal", "field"),
    [
        ({"workers": 0}, {}, "workers"),
        ({"what": "speed"}, {}, "what"),
        ({}, {"overhead": 1.0}, "overhead"),
        ({}, {"target_speedup": 0.0}, "target_speedup"),
    ],
)
def test_what_makes_no_sense_is_refused(
    changes: dict[str, object], goal: dict[str, float], field: str
) -> None:
    asked = {"what": "batch", "workers": 2} | changes
    with pytest.raises(InputError) as refused:
        solve(RESNET, **asked, **goal)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_all_reduce_has_no_ps() -> None:
    with pytest.raises(InputError, match="which have ps"):
        solve(replace(RESNET, strategy="allreduce"), "ps", workers=2)


def test_what_is_known_on_the_way_encloses_the_answer_ever_closer() -> None:
    told: list[object] = []
    done: list[tuple[int, int]] = []
    found = solve(
        RESNET, "batch", workers=2, known=told.append, progress=lambda *of: done.append(of)
    )
    brackets = [part for part in told if isinstance(part, Bracket)]
    assert brackets == told
    assert [k for k, _ in done] == list(range(1, len(told) + 1))
    assert found.threshold is not None
    assert found.threshold.value is not None
    for before, after in pairwise(brackets):
        assert (before.short or 0.0) <= (after.short or 0.0) < found.threshold.value
        assert (before.enough or math.inf) >= (after.enough or math.inf) >= found.threshold.value
    assert brackets[-1].enough == found.threshold.value


@pytest.mark.parametrize("what", ["strategy", "device"])
def test_each_way_and_each_device_is_known_as_soon_as_it_is_tried(what: Sought) -> None:
    told: list[object] = []
    found = solve(RESNET, what, workers=2, known=told.append)
    parts = [*found.ways, *found.faster]
    assert len(told) == len(parts) > 1
    assert all(part in told for part in parts)


@pytest.mark.parametrize("what", ["latency", "dispatch"])
@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync", "allreduce"])
def test_a_time_that_is_found_is_asked_for_by_settings(what: Sought, strategy: Strategy) -> None:
    """Each as a factor of what was measured, which asks for just the job that was found."""
    request = JobRequest(
        "emulated-1gbit", workload="mlp:784,512,10", batch=8192, scaling="weak", strategy=strategy
    )
    found = solve(request, what, workers=2, overhead=0.99).threshold
    assert found is not None
    assert found.change
    asked = tuple(Setting(path, factor=factor) for path, factor in map(parted, found.change))
    row = predict(replace(request, settings=asked), 2)
    assert row.step_time_s == pytest.approx(found.row.step_time_s, rel=2e-3)
    assert row.step_time_s != pytest.approx(predict(request, 2).step_time_s, rel=0.01)


def parted(change: tuple[str, str]) -> tuple[str, float]:
    field, text = change
    path, _, factor = text.partition("=")
    assert field == "settings"
    return path, float(factor.removesuffix("x"))


def test_a_time_of_what_is_set_already_has_no_settings() -> None:
    stated = (Setting("link.dispatch_s", factor=2.0),)
    request = JobRequest("emulated-1gbit", settings=stated)
    found = solve(request, "dispatch", workers=2, overhead=0.9999).threshold
    assert found is not None
    assert not found.change


HELD = JobRequest("h100", workload="mlp:784,512,512,10", device="cpu", scaling="weak")


def test_no_batch_that_memory_cannot_hold_is_the_answer() -> None:
    free = solve(HELD, "batch", workers=2).threshold
    assert free is not None
    assert free.value is not None
    # All tensors of both workers and the ps, and what a sample more takes of each worker.
    held = replace(HELD, memory_bytes=20e6)
    found = solve(held, "batch", workers=2).threshold
    assert found is not None
    assert (found.value, found.interval[1]) == (None, None)
    assert found.memory is not None
    assert found.memory.value == free.value
    assert found.memory.over.needed_bytes > found.memory.over.available_bytes == 20e6
    assert predict(replace(held, batch=round(found.at)), 2).memory.host_bytes <= 20e6
    with pytest.raises(InputError, match="memory_bytes"):
        predict(replace(held, batch=round(found.at) + 1), 2)
    nothing = solve(replace(HELD, memory_bytes=10e6), "batch", workers=2).threshold
    assert nothing is not None
    assert not nothing.fits
    plenty = solve(replace(HELD, memory_bytes=1e9), "batch", workers=2).threshold
    assert plenty is not None
    assert (plenty.value, plenty.interval) == (free.value, free.interval)


def test_no_ps_that_memory_cannot_hold_is_the_answer() -> None:
    spread = replace(HELD, link="10gbit", placement="separate")
    free, held = (
        solve(replace(spread, memory_bytes=memory), "ps", workers=3, target_speedup=0.2).threshold
        for memory in (None, 9e6)
    )
    assert free is not None
    assert held is not None
    assert free.value == 1.0
    assert held.value is not None
    assert held.value > 1.0
    assert held.row.memory.host_bytes <= 9e6
