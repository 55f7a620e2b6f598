from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.findings.host_speed import check_cells, host_rows, mixed
from nworkers.models.records.calibration import Burst, Calibration, Cell, Environment, TaskHost
from nworkers.models.records.workload import named_workload

HERE = Environment("2026-01-01T00:00:00Z", "none: made up for tests")
NOOP = Cell("noop", "server")
SMALL = Cell("gemm", "server", features=8, batch=8, hidden=8)
LARGE = replace(SMALL, hidden=16)


def measured(*of_workers: float, hosts: tuple[int, ...], spread: float = 0.01) -> Calibration:
    """Every worker's noop in five rounds, of so many seconds."""
    bursts = tuple(
        Burst(NOOP, k, worker, 0.01, (), (time_s * (1 + spread * (k - 2)),), (), "precision")
        for worker, time_s in enumerate(of_workers)
        for k in range(5)
    )
    return Calibration(
        environment=HERE,
        link_kind="network",
        evidence="cluster",
        cores=2.0,
        ps=1,
        workers=len(of_workers),
        rounds=5,
        complete=True,
        workload=named_workload("gemm:128,256"),
        bursts=bursts,
        tasks=tuple(TaskHost(f"worker{k}", h, 1.0, HERE) for k, h in enumerate(hosts)),
    )


def test_the_cells_that_tell_hosts_apart_are_dispatch_and_the_largest_product() -> None:
    cells = [
        SMALL,
        Cell("noop", "process"),
        NOOP,
        LARGE,
        Cell("noop", "ps"),
        Cell("fetch", "ps", 4),
    ]
    assert check_cells(cells) == (NOOP, LARGE)
    assert check_cells([Cell("fetch", "ps", 4)]) == ()


def test_a_slower_host_is_named_by_its_workers() -> None:
    rows = host_rows(measured(1.0, 1.02, 1.5, 1.5, hosts=(0, 1, 2, 2)))
    assert [(row.tasks, row.slower) for row in rows] == [
        (("worker0",), False),
        (("worker1",), False),
        (("worker2", "worker3"), True),
    ]
    assert rows[2].ratio == pytest.approx(1.5 / 1.01)
    low, high = rows[2].ratio_interval
    assert 1.3 < low < rows[2].ratio < high < 1.7


def test_a_tenth_more_or_a_wide_interval_is_no_news() -> None:
    assert not any(r.slower for r in host_rows(measured(1.0, 1.0, 1.09, hosts=(0, 1, 2))))
    wild = host_rows(measured(1.0, 1.0, 1.3, hosts=(0, 1, 2), spread=0.3))
    assert wild[2].ratio > 1.1
    assert not wild[2].slower


def test_workers_of_one_host_are_not_compared() -> None:
    assert host_rows(measured(1.0, 2.0, hosts=(0, 0))) == ()
    assert host_rows(replace(measured(1.0, 2.0, hosts=(0, 1)), tasks=())) == ()


def test_tasks_on_unlike_hosts_are_told() -> None:
    alike = measured(1.0, 1.0, hosts=(0, 1))
    assert not list(mixed(alike))
    other = replace(HERE, facts={"cpu_model": "Another"})
    tasks = (alike.tasks[0], replace(alike.tasks[1], environment=other))
    (words,) = mixed(replace(alike, tasks=tasks))
    assert "worker1 runs elsewhere than worker0" in words
    assert "is Another" in words
