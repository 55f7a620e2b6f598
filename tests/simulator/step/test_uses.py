"""How busy resources are follows from theory, and from what the spans of a run say."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.costs.step import step_costs
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.base import Engine, Run, steps_in_a_mean_step
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.uses import on_every_host, residences_s, service_demands_s
from tests.support.costs import costs
from tests.support.factories import profile
from tests.support.runs import MODES, specified
from tests.support.runs import job as job_of

JOBS = MODES | {"slow": {"said": ["slow-workers=1,2"]}}
STEPS = 200


def by_clock(run: Run, spec: RunSpec) -> dict[ResourceKey, tuple[float, float]]:
    """Busy share and mean number of phases over a window: what the clock of a long run says."""
    begin_s = 0.2 * STEPS * run.step_time_s
    ends = [max(s.end_s for s in run.spans if s.worker == w) for w in range(spec.workers)]
    end_s = min(ends)
    work: dict[ResourceKey, float] = defaultdict(float)
    present_s: dict[ResourceKey, float] = defaultdict(float)
    for span in run.spans:
        inside_s = min(span.end_s, end_s) - max(span.start_s, begin_s)
        if inside_s > 0.0:
            for key, amount in span.work:
                work[key] += amount * inside_s / span.lasted_s
                present_s[key] += inside_s
    window_s = end_s - begin_s
    return {
        key: (work[key] / spec.topology.capacity(key) / window_s, present_s[key] / window_s)
        for key in work
    }


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_laws_say_what_the_clock_says(engine: Engine, job: dict[str, Any]) -> None:
    said = job.get("said", ())
    others = {name: value for name, value in job.items() if name != "said"}
    workload = named_workload("mlp:784,512,10")
    asked = Scenario(workload, 4, batch=64, what_if=what_if(said), **others)
    spec = specified(step_costs(profile(), asked), asked, warmup=20, steps=STEPS, record=True)
    run = engine(spec)
    ended = steps_in_a_mean_step(run)
    demands_s = on_every_host(spec, service_demands_s(spec, ended, {}))
    lasted_s = on_every_host(spec, residences_s(spec, ended, run.lasted_s))
    seen = by_clock(run, spec)
    assert demands_s.keys() == seen.keys() == lasted_s.keys()
    for key, (busy, present) in seen.items():
        assert demands_s[key] / run.step_time_s == pytest.approx(busy, rel=0.03, abs=1e-4), key
        assert lasted_s[key] / run.step_time_s == pytest.approx(present, rel=0.03, abs=1e-4), key


def test_uses_are_those_of_theory(engine: Engine) -> None:
    """Two workers, each 10 of 14 ms computing: 4 ms of a link each way.

    In phase, a transfer takes 4 ms: a step takes 18 ms, and both are at the link for 4 of them.
    """
    step = costs(compute_s=10e-3, transfer_s=2e-3, size_bytes=2e5, shared=1e8)
    spec = specified(step, job_of(2), warmup=0, steps=10)
    run = engine(spec)
    assert run.step_time_s == pytest.approx(18e-3)
    demands_s = service_demands_s(spec, np.ones(2), {})
    lasted_s = residences_s(spec, np.ones(2), run.lasted_s)
    assert demands_s["out", 2] == pytest.approx(2 * 2e-3)
    assert lasted_s["out", 2] == pytest.approx(2 * 4e-3)
    assert demands_s["in", 0] == pytest.approx(2e-3)


def test_a_saturated_link_is_busy_all_the_time(engine: Engine) -> None:
    step = costs(transfer_s=10e-3, push_transfer_s=0.0, size_bytes=1e6, shared=1e8)
    spec = specified(step, job_of(6), warmup=4, steps=20)
    run = engine(spec)
    demands_s = service_demands_s(spec, np.ones(6), {})
    assert demands_s["out", 6] / run.step_time_s == pytest.approx(1.0, rel=0.01)
