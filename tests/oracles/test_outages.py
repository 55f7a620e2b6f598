"""Outages as they come, against the shares of time in which tasks are up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.events.outages import Renewal
from nworkers.simulator.step.variates import Purpose, key
from nworkers.simulator.study.setup import faults
from tests.support.costs import costs
from tests.support.runs import job, specified

WORKERS = 4
#: An outage of 0.5 s every 5 s, of steps of 2 ms: a tenth of the good time.
UP = 1 / 1.1
RATE = 720


def kept(engine: Engine, said: str, steps: int, **of: Any) -> float:
    """Throughput with these faults over that without."""
    asked = job(WORKERS, said, **of)
    times = []
    for replication in range(3):
        run = engine(
            specified(
                costs(compute_s=1e-3, transfer_s=0.5e-3, shards=asked.ps),
                asked,
                warmup=0,
                steps=steps,
                faults=faults(asked.what_if, asked, 1, replication),
            )
        )
        times.append(run.step_time_s)
        assert sum(run.breakdown.values()) == pytest.approx(run.step_time_s, rel=1e-9)
    return 2e-3 / float(np.mean(times))


def test_good_times_and_bad_ones_by_turns() -> None:
    renewal = Renewal(key(Purpose.STRAGGLER, 1), per_s=0.1, lasts_s=2.0)
    bad = [renewal.until_s(0.5 * k) > 0.5 * k for k in range(400_000)]
    assert np.mean(bad) == pytest.approx(2.0 / 12.0, rel=0.02)


def test_synchronous_training_needs_all_workers(engine: Engine) -> None:
    """A worker that is down is waited for: the product of availabilities (about 300 outages)."""
    found = kept(engine, f"worker-failures={RATE},500ms", 30_000, strategy="ps-sync")
    assert found == pytest.approx(UP**WORKERS, rel=0.05)


def test_asynchronous_training_loses_only_who_is_down(engine: Engine) -> None:
    assert kept(engine, f"worker-failures={RATE},500ms", 30_000) == pytest.approx(UP, rel=0.04)


@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync"])
def test_everybody_waits_for_a_ps(engine: Engine, strategy: Any) -> None:
    assert kept(engine, f"ps-failures={RATE},500ms", 30_000, strategy=strategy) == pytest.approx(
        UP, rel=0.04
    )


def test_a_straggler_computes_slower_for_a_while(engine: Engine) -> None:
    """Three times slower is 4 ms a step instead of 2: in bad times half the steps."""
    found = kept(engine, f"stragglers={RATE},3,500ms", 20_000)
    assert found == pytest.approx(UP + (1 - UP) / 2, rel=0.02)


def test_a_death_among_several_transfers_costs_one_step(engine: Engine) -> None:
    """With two ps a worker that dies is about to begin two transfers; it begins anew once."""
    assert kept(engine, f"worker-failures={RATE},500ms", 5_000, ps=2) == pytest.approx(UP, rel=0.12)
