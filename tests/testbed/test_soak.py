"""A real link whose rate falls while `--soak` looks at it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines, calibrate
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.models.findings.soak import soak
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload
from tests.testbed.hosts import Host, hosts, unavailable
from tests.testbed.namespaces import command

pytestmark = [
    pytest.mark.root,
    pytest.mark.tensorflow,
    pytest.mark.timed,
    pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}"),
]


def throttle(host: Host, rate_mbit: float) -> None:
    """Slow down what a host sends, as a provider does when a burst is used up."""
    words = ("qdisc", "replace", "dev", "eth0", "root", "tbf")
    limits = ("rate", f"{rate_mbit:g}mbit", "burst", "16kb", "latency", "50ms")
    command("tc", "-n", host.namespace, *words, *limits)


def test_a_link_that_drops_after_a_burst_is_found_out(tmp_path: Path) -> None:
    plan = MeasurementPlan(
        named_workload("gemm:2,2"), (Cell("noop", "ps"),), 1, 0.1, 0.1, 100, seed=1, soak_s=10.0
    )
    with hosts(2, rate_mbit=1000) as (ps, worker):
        timers: list[threading.Timer] = []

        def fall(news: CampaignProgress) -> None:
            if news.cell == "soak" and not timers:
                timers.append(threading.Timer(4.0, throttle, (ps, 400)))
                timers[0].start()

        made = calibrate(
            plan,
            logs=tmp_path,
            progress=fall,
            machines=Machines(ps=(ps.site,), workers=(worker.site,), link_kind="network"),
        )
        timers[0].join()
    found = soak(made.bursts)
    assert found is not None
    assert found.dropped_after_s is not None
    assert 2.0 < found.dropped_after_s < 7.0
    assert 0.3 < found.last_bytes_per_s / found.first_bytes_per_s < 0.6
