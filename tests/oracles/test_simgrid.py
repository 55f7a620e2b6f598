"""Fair sharing held to SimGrid's, job by job, to 0.1 %; and SimGrid itself to closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.base.statistics import Floats
from nworkers.simulator.engine.base import Engine
from tests.support.simgrid import Flow, Job, Mode, by_scale, run, run_flows, unavailable

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}")

#: Both are exact but for rounding; this is what scale promises.
WITHIN = 1e-3
EXACT = 1e-9
BANDWIDTH = 2e8
#: Few: asynchronous workers at a link make small differences grow (`benchmarks.simgrid`).
STEPS = 10


def job(mode: Mode, workers: int, shards: tuple[int, ...], latency_s: float) -> Job:
    """Compute takes from half to thrice what the link needs for 1 MB, in no order."""
    compute_s = np.random.default_rng((workers, len(shards))).uniform(
        2.5e-3, 15e-3, (workers, STEPS)
    )
    return Job(mode, shards, compute_s, BANDWIDTH, latency_s)


def steps_s(ends_s: Floats) -> Floats:
    return np.diff(ends_s, axis=1, prepend=0.0)


def assert_agree(engine: Engine, asked: Job) -> None:
    theirs, ours = run(asked).ends_s, by_scale(asked, engine).ends_s
    assert steps_s(ours).mean() == pytest.approx(steps_s(theirs).mean(), rel=WITHIN)
    assert ours[:, -1] == pytest.approx(theirs[:, -1], rel=WITHIN)


@pytest.mark.parametrize("latency_s", [0.0, 1e-3])
@pytest.mark.parametrize(
    "shards",
    [(1_000_000,), (500_000, 500_000), (1_500_000, 500_000), (1_000_000, 350_000, 150_000)],
    ids=lambda shards: "+".join(str(size // 1000) for size in shards),
)
@pytest.mark.parametrize("workers", [2, 5, 8])
@pytest.mark.parametrize("mode", ["async", "sync"])
def test_training_with_ps(
    engine: Engine, mode: Mode, workers: int, shards: tuple[int, ...], latency_s: float
) -> None:
    assert_agree(engine, job(mode, workers, shards, latency_s))


@pytest.mark.parametrize("workers", [2, 3, 5, 8])
def test_a_ring_whose_parts_are_no_whole_bytes(engine: Engine, workers: int) -> None:
    """scale's ring is analytic, SimGrid's is 2(N−1) rounds of messages to the right."""
    assert_agree(engine, job("ring", workers, (3_000_001,), 1e-3))


def test_a_worker_alone_takes_the_sum_of_its_parts() -> None:
    """It begins when it is told to, and messages to two ps share its own link."""
    compute_s = np.array([[0.5, 0.25]])
    asked = Job("async", (3_000_000, 1_000_000), compute_s, 1e6, 0.125, starts_s=(2.0,))
    step_s = 2 * (0.125 + 4.0)
    ends_s = run(asked).ends_s
    assert ends_s[0] == pytest.approx([2.5 + step_s, 2.75 + 2 * step_s], rel=EXACT)


@pytest.mark.parametrize("latency_s", [0.0, 1e-4, 0.5])
def test_a_flow_alone_takes_its_latency_and_its_bytes(latency_s: float) -> None:
    (end_s,) = run_flows(
        [Flow(0.25, 0, 1, 1_000_000)],
        hosts=2,
        bandwidth_bytes_per_s=BANDWIDTH,
        latency_s=latency_s,
    )
    assert end_s == pytest.approx(0.25 + latency_s + 1e6 / BANDWIDTH, rel=EXACT)


def test_flows_share_max_min_fairly() -> None:
    """Three leave host 0 at β/3 each; one more comes to host 2 and takes what those leave, 2β/3.

    Sizes in β·seconds: 1 each from host 0, which end after 3 s, and 4 from host 3, of which 2 are
    left by then and take 2 s alone.
    """
    beta = 3_000_000
    ends_s = run_flows(
        [*(Flow(0.0, 0, k, beta) for k in (1, 1, 2)), Flow(0.0, 3, 2, 4 * beta)],
        hosts=4,
        bandwidth_bytes_per_s=float(beta),
        latency_s=0.125,
    )
    assert ends_s == pytest.approx([3.125] * 3 + [5.125], rel=EXACT)


def test_flows_that_begin_together_share_every_link() -> None:
    """Under SimGrid's default, lazy updates, the second worker gets more than its link carries.

    Each of two workers fetches from three ps at once. Both are alike: a third of its link for each
    flow until the first ends, half of it for the two that are left, and then half of the ps's.
    """
    sizes = (2_000_000, 700_000, 300_000)
    ends_s = run_flows(
        [Flow(0.0, 2 + k, worker, size) for worker in (0, 1) for k, size in enumerate(sizes)],
        hosts=5,
        bandwidth_bytes_per_s=1e6,
        latency_s=0.5,
    )
    # 3 × 0.3 MB, then 2 × 0.4 MB, then 2 × 1.3 MB.
    assert ends_s == pytest.approx([4.8, 2.2, 1.4] * 2, rel=EXACT)
