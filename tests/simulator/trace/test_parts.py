"""Parts of simulated steps add up to what is predicted, and each is what its phases take."""

from __future__ import annotations

import pytest

from nworkers.models.costs.step import step_costs
from nworkers.models.records.runtimes import Strategy
from nworkers.simulator.study.predict import predict
from nworkers.simulator.trace.parts import step_parts
from tests.support.asked import asked
from tests.support.factories import profile


@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync"])
def test_parts_add_up_to_a_step(strategy: Strategy) -> None:
    scenario = asked(2, strategy=strategy)
    found = step_parts(profile(), scenario, 1)
    whole_s = found.fetch_s + found.compute_s + found.push_s
    assert whole_s == pytest.approx(predict(profile(), scenario).step_time_s, rel=0.15)


def test_one_worker_s_parts_are_its_phases() -> None:
    scenario = asked(1)
    costs = step_costs(profile(), scenario)
    found = step_parts(profile(), scenario, 1)
    (fetch,) = costs.fetch
    fetch_s = costs.dispatch.wall_s + sum(phase.wall_s for phase in fetch)
    assert found.fetch_s == pytest.approx(fetch_s, rel=0.25)
    assert found.compute_s == pytest.approx(costs.compute.wall_s, rel=0.25)
