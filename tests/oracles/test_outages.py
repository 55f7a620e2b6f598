"""Outages as they come, against the shares of time in which tasks are up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import variation
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.events.outages import Renewal, outages
from nworkers.simulator.engine.events.training import train
from nworkers.simulator.step.chance import no_luck
from tests.oracles.costs import costs

WORKERS = 4
#: An outage of 0.5 s every 5 s, of steps of 2 ms: a tenth of the good time.
UP = 1 / 1.1
RATE = 720


def kept(said: str, steps: int, **job: Any) -> float:
    """Throughput with these faults over that without."""
    asked = Scenario(
        named_workload("gemm:128,256"), WORKERS, batch=1000, variation=variation([said]), **job
    )
    times = []
    for replication in range(3):
        run = train(
            costs(compute_s=1e-3, transfer_s=0.5e-3, shards=asked.ps),
            asked,
            no_luck(WORKERS),
            discipline="fair",
            loopback=False,
            warmup=0,
            steps=steps,
            outages=outages(asked.variation, WORKERS, asked.ps, 1, replication),
        )
        times.append(run.step_time_s)
        assert sum(run.breakdown.values()) == pytest.approx(run.step_time_s, rel=1e-9)
    return 2e-3 / float(np.mean(times))


def test_good_times_and_bad_ones_by_turns() -> None:
    renewal = Renewal(np.random.default_rng(1), per_s=0.1, lasts_s=2.0)
    bad = [renewal.until_s(0.5 * k) > 0.5 * k for k in range(400_000)]
    assert np.mean(bad) == pytest.approx(2.0 / 12.0, rel=0.02)


def test_synchronous_training_needs_all_workers() -> None:
    """A worker that is down is waited for: the product of availabilities (about 300 outages)."""
    found = kept(f"worker-failures={RATE},500ms", 30_000, strategy="ps-sync")
    assert found == pytest.approx(UP**WORKERS, rel=0.05)


def test_asynchronous_training_loses_only_who_is_down() -> None:
    assert kept(f"worker-failures={RATE},500ms", 30_000) == pytest.approx(UP, rel=0.04)


@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync"])
def test_everybody_waits_for_a_ps(strategy: Any) -> None:
    assert kept(f"ps-failures={RATE},500ms", 30_000, strategy=strategy) == pytest.approx(
        UP, rel=0.04
    )


def test_a_straggler_computes_slower_for_a_while() -> None:
    """Three times slower is 4 ms a step instead of 2: in bad times half the steps."""
    found = kept(f"stragglers={RATE},3,500ms", 20_000)
    assert found == pytest.approx(UP + (1 - UP) / 2, rel=0.02)


def test_a_death_among_several_transfers_costs_one_step() -> None:
    """With two ps a worker that dies is about to begin two transfers; it begins anew once."""
    assert kept(f"worker-failures={RATE},500ms", 5_000, ps=2) == pytest.approx(UP, rel=0.12)
