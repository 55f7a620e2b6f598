"""What many workers make of the cores' time, told from bursts of a machine that is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.fitting.busy_cores import usable_share
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Burst, Calibration, Cell, Processor
from tests.support.synthetic import demand, synthetic

CORES = 2.0
#: Of the cores' time, what workers of the made calibration get to use.
SHARE = 0.85
#: And what gradients take in a step, of those alone.
LOADED = 1.4


def burst(cell: Cell, round_: int, worker: int, seconds: float, spent_s: float) -> Burst:
    used = Processor(
        60 * cell.workers, 30 * cell.workers * spent_s, 30 * cell.workers * spent_s, 1, 1
    )
    return Burst(
        cell,
        round_,
        worker,
        cold_s=0.01,
        warmup_s=(0.001,),
        samples_s=(seconds,) * 60,
        outliers=(),
        stop="window",
        processor=used if worker == 0 else None,
    )


def at_once(cells: dict[Cell, float], share: float) -> list[Burst]:
    """Cells by the processor seconds of an operation, on cores that are busy for that share."""
    return [
        burst(cell, round_, worker, cell.workers * spent_s / (CORES * share), spent_s)
        for cell, spent_s in cells.items()
        for round_ in range(3)
        for worker in range(cell.workers)
    ]


def of_workers(count: int) -> dict[Cell, float]:
    return {
        Cell("noop", "ps", workers=count): 0.6e-3,
        Cell("fetch", "ps", 2**20, workers=count): 1.6e-3,
        Cell("push", "ps", 2**20, workers=count): 2e-3,
    }


def found(cells: dict[Cell, float], share: float, *, one_host: bool = True) -> float | None:
    return usable_share(at_once(cells, share), cores=CORES, one_host=one_host, system=1.0)


def test_the_share_of_the_cores_time_is_told_from_many_workers() -> None:
    assert found(of_workers(4), SHARE) == pytest.approx(SHARE)
    assert found(of_workers(4), 1.02) == 1.0


def test_two_workers_other_limits_and_other_hosts_tell_nothing_of_it() -> None:
    assert found(of_workers(2), SHARE) is None
    assert found(of_workers(4), 0.6) is None
    assert found(of_workers(4), SHARE, one_host=False) is None
    assert found({}, SHARE) is None


@pytest.fixture(scope="module")
def loaded() -> Calibration:
    """A synthetic machine that had four workers at once as well, and steps of theirs."""
    made = synthetic()
    more = {replace(cell, workers=4): 2 * demand(cell) for cell in of_workers(1)}
    sixteen = [Cell(q, "ps", 2**15, tensors=16) for q in ("fetch", "push")]
    more |= {replace(cell, workers=4): 2 * demand(cell) for cell in sixteen}
    step = Cell("step", "ps", batch=32, workers=4)
    workload = made.workload
    moved = [Cell(q, "ps", workload.size_bytes, workload.tensors) for q in ("fetch", "push")]
    nothing = Cell("noop", "ps")
    parts_s = sum(2 * demand(cell) for cell in moved) - 2 * demand(nothing)
    # What a step's parts are joined by is a tensor of no bytes at either end.
    tensors = [Cell("fetch", "ps", 2**15, tensors=count) for count in (16, 15)]
    parts_s += 2 * demand(tensors[0]) - 2 * demand(tensors[1])
    computed_s = demand(Cell("gradient", "process", batch=32))
    more[step] = parts_s + LOADED * computed_s
    return replace(made, workers=4, bursts=(*made.bursts, *at_once(more, SHARE)))


def test_a_profile_has_both(loaded: Calibration) -> None:
    before, host = fit_profile(synthetic(), draws=2).host, fit_profile(loaded, draws=2).host
    assert (before.usable_share, before.compute_under_load) == (None, None)
    assert host.compute_under_load == pytest.approx(LOADED, rel=0.1)
    assert host.usable_share is not None
    assert host.concurrency == 4
