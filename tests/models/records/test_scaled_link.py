"""Scaled link: times change by the factor, in every draw; what else there is stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import InnerTier, Parameter, Profile, Segment
from nworkers.models.records.scaled_link import with_dispatch, with_latency
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from tests.support.factories import parameter, profile

PLAIN = profile()
JOB = Scenario(named_workload("gemm:128,256"), 2, batch=64)


def walls(of: Profile, cause: str, job: Scenario = JOB, draw: int | None = 3) -> float:
    costs = step_costs(of, job, draw)
    chains = (*costs.fetch, *costs.push, costs.collective)
    phases = (costs.dispatch, *(phase for chain in chains for phase in chain))
    return sum(phase.wall_s for phase in phases if phase.cause == cause)


@pytest.mark.parametrize("cause", ["fetch_latency", "push_latency"])
def test_latencies_of_requests_are_scaled(cause: str) -> None:
    assert walls(with_latency(PLAIN, 0.25), cause) == pytest.approx(0.25 * walls(PLAIN, cause))


@pytest.mark.parametrize("cause", ["fetch_transfer", "push_transfer", "dispatch"])
def test_latency_alone_is_scaled(cause: str) -> None:
    assert walls(with_latency(PLAIN, 0.25), cause) == walls(PLAIN, cause)


def test_a_hop_is_scaled() -> None:
    job = replace(JOB, strategy="allreduce", runtime="mirrored")
    longer = walls(with_latency(PLAIN, 3.0), "collective_latency", job)
    assert longer == pytest.approx(3.0 * walls(PLAIN, "collective_latency", job))


def test_all_segments_and_what_is_inside_a_host_are_scaled() -> None:
    small: Segment[Parameter] = Segment(0.0, parameter(2e-5), parameter(1e9, "bytes/s"))
    large: Segment[Parameter] = Segment(1e4, parameter(9e-5), parameter(5e9, "bytes/s"))
    collective = replace(
        PLAIN.collective,
        imported=True,
        segments=(large,),
        per_host=2,
        inner=InnerTier((2, 2), (1.0, 1e9), (small, large)),
    )
    tiers = replace(PLAIN, collective=collective)
    job = replace(JOB, workers=4, workers_per_host=2, strategy="allreduce", runtime="mirrored")
    longer = walls(with_latency(tiers, 3.0), "collective_latency", job)
    assert longer == pytest.approx(3.0 * walls(tiers, "collective_latency", job))


@pytest.mark.parametrize(
    "job", [JOB, replace(JOB, strategy="allreduce", runtime="mirrored")], ids=lambda of: of.strategy
)
def test_dispatch_is_scaled_and_not_the_one_process(job: Scenario) -> None:
    shorter = with_dispatch(PLAIN, 0.5)
    assert walls(shorter, "dispatch", job) == pytest.approx(0.5 * walls(PLAIN, "dispatch", job))
    assert step_costs(shorter, job).single_process == step_costs(PLAIN, job).single_process
