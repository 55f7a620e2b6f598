"""Laws, cell by cell, against sums worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.base.leaves import mapped
from nworkers.models.base.linear import Unknown
from nworkers.models.fitting import laws
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import GemmLaw, ThreadedProducts

VALUES = {
    "host.server_dispatch_s": 1.0,
    "link.dispatch_s": 10.0,
    "link.fetch.latency_s": 100.0,
    "link.fetch.per_tensor_s": 1e3,
    "link.fetch.bandwidth_bytes_per_s": 1e-4,
    "link.fetch.segments[0].latency_s": 200.0,
    "link.fetch.segments[0].bandwidth_bytes_per_s": 1 / 2e4,
    "link.push.latency_s": 300.0,
    "link.push.per_tensor_s": 3e3,
    "link.push.bandwidth_bytes_per_s": 1 / 3e4,
    "link.push.after_fetch_s": 400.0,
    "host.apply[sgd].floor_s": 50.0,
    "host.apply[sgd].per_byte_s": 5e4,
}


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        (Cell("noop", "server"), 1),
        (Cell("noop", "ps"), 11),
        (Cell("fetch", "ps", 4), 111 + 4e4),
        (Cell("fetch", "ps", 8, tensors=2), 111 + 1e3 + 8e4),
        (Cell("fetch", "ps", 16), 211 + 16 * 2e4),
        (Cell("fetch", "ps", 16, tensors=4), 111 + 3e3 + 16e4),
        (Cell("push", "ps", 4), 311 + 4 * 3e4 + 4 * 5e4),
        (Cell("fetch_push", "ps", 4), 511 + 4e4 + 4 * 3e4 + 4 * 5e4),
        (Cell("apply", "ps", 2, optimizer="sgd"), 61 + 2 * 5e4),
    ],
)
def test_transfers(cell: Cell, seconds: float) -> None:
    law = laws.transfers({"fetch": (10.0,)}, ["sgd"])
    assert law.seconds(law.filled(VALUES), cell) == pytest.approx(seconds)


def test_several_tensors_cost_more_than_each_further_one() -> None:
    law = laws.transfers({}, several=True)
    values = VALUES | {"link.fetch.several_s": 7.0}
    one, two = (law.seconds(law.filled(values), Cell("fetch", "ps", 8, tensors=t)) for t in (1, 2))
    assert one is not None
    assert two == pytest.approx(one + 7 + 1e3)


def test_what_passes_at_once_costs_nothing() -> None:
    """Of the largest tensors 5 bytes; smaller ones have a rate of their own."""
    law = laws.transfers({"fetch": (10.0,)}, credits={"fetch": 5.0})
    assert law.seconds(law.filled(VALUES), Cell("fetch", "ps", 4)) == pytest.approx(111 + 4e4)
    assert law.seconds(law.filled(VALUES), Cell("fetch", "ps", 16)) == pytest.approx(
        211 + (16 - 5) * 2e4
    )


def test_a_hop_s_processors_without_the_spinning() -> None:
    """Two workers: two hops, and as many bytes as there are."""
    one = Cell("allreduce", "collective", 8, workers=2)
    many = Cell("allreduce", "collective", 8, tensors=4, workers=2)
    values = {
        "collective.processor_per_hop_s": 1.0,
        "collective.processor_per_byte_s": 10.0,
        "collective.spinning_per_hop_s": 100.0,
    }
    law, spun = (laws.collective_demand("ring", loaded=loaded) for loaded in (True, False))
    assert law.seconds(law.filled(values), one) == 2 * (1 + 100) + 80
    assert law.seconds(law.filled(values), many) == 4 * 2 * 1 + 80
    assert spun.seconds(spun.filled(values), one) == 2 + 80
    assert law.form(Cell("allreduce", "mirrored", 8, workers=2)) is None


def test_the_exchange_of_the_most_bytes_tells_what_both_ways_carry() -> None:
    most = Cell("exchange", "ps", 100, workers=2)
    law = laws.both_ways(most)
    assert law.seconds(law.filled({"link.both_ways_bandwidth_bytes_per_s": 2.0}), most) == 100
    assert law.form(Cell("exchange", "ps", 100)) is None


def test_larger_products_may_be_faster() -> None:
    law = laws.gemm("segments", (40.0,))
    names = [name for name, _ in law.named(law.record, Unknown)]
    values = {
        "device.dispatch_s": 1.0,
        "device.gemm_overhead_s": 2.0,
        "device.gemm_flops_per_s": 1 / 3,
        "device.gemm_segments[0].gemm_overhead_s": 4.0,
        "device.gemm_segments[0].gemm_flops_per_s": 1 / 5,
    }
    assert names == list(values)
    small, large = (Cell("gemm", "process", features=2, batch=b, hidden=4) for b in (2, 3))
    assert law.seconds(law.filled(values), small) == pytest.approx(1 + 2 + 3 * 32)
    assert law.seconds(law.filled(values), large) == pytest.approx(1 + 4 + 5 * 48)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("noop", "process"),
        Cell("fetch", "ps", 4, workers=2),
        Cell("fetch", "ps", 4, tensors=2, ps=2),
        Cell("apply", "ps", 4, optimizer="adam"),
        Cell("exchange", "ps", 4),
    ],
)
def test_what_transfers_say_nothing_of(cell: Cell) -> None:
    assert laws.transfers({}, ["sgd"]).form(cell) is None


def test_a_value_that_is_missing_gives_no_time() -> None:
    law = laws.transfers({})
    assert law.seconds(law.filled(VALUES), Cell("to_python", "server", 4)) is None
    without = law.filled({n: v for n, v in VALUES.items() if n != "link.push.after_fetch_s"})
    assert law.seconds(without, Cell("fetch_push", "ps", 4)) is None


@pytest.mark.parametrize(("kind", "seconds"), [("rate", 96), ("sum", 336), ("max", 240)])
def test_products(kind: GemmLaw, seconds: float) -> None:
    """2·2·3·4 = 48 operations on 4·(6 + 8 + 12) = 104 bytes."""
    cell = Cell("gemm", "process", features=2, batch=3, hidden=4)
    values = {
        "device.dispatch_s": 0.0,
        "device.gemm_overhead_s": 0.0,
        "device.gemm_flops_per_s": 1 / 2,
        "device.gemm_bandwidth_bytes_per_s": 104 / 240,
    }
    assert laws.matrix_bytes(cell) == 104
    law = laws.gemm(kind)
    assert law.seconds(law.filled(values), cell) == pytest.approx(seconds)


def test_a_step_below_its_knee_takes_as_long_as_there() -> None:
    law = laws.steps(knee=True)
    values = {"step.floor_s": 1.0, "step.per_sample_s": 2.0, "step.plateau_s": 16.0}
    times = [law.seconds(law.filled(values), Cell("step", "process", batch=b)) for b in (1, 8, 9)]
    assert times == [17.0, 17.0, 19.0]


def test_a_product_on_all_threads_takes_a_sample_less_and_a_start_more() -> None:
    """Below 10 samples all is on one thread, below 20 a quarter of it."""
    joined = (ThreadedProducts(10, 0.75, 2), ThreadedProducts(20, 0.25, 3))
    law = laws.steps(threaded=joined, joins=True)
    values = {
        "step.floor_s": 1.0,
        "step.per_sample_s": 4.0,
        "step.threads.alone_per_sample_s": 8.0,
        "step.threads.join_s": 0.5,
        "step.gradient_floor_s": 3.0,
    }
    known = law.filled(values)
    times = [law.seconds(known, Cell("step", "process", batch=b)) for b in (9, 10, 19, 20)]
    assert times == [1 + 72, 1 + 10 * 5 + 2 * 0.5, 1 + 19 * 5 + 2 * 0.5, 1 + 80 + 5 * 0.5]
    assert law.seconds(known, Cell("gradient", "process", batch=9)) == 3 + 72


def test_an_all_reduce_has_the_dispatch_of_its_path() -> None:
    law = laws.all_reduce("ring")
    values = {
        "collective.session_dispatch_s": 1.0,
        "collective.session_latency_s": 10.0,
        "collective.dispatch_s": 5.0,
        "collective.latency_s": 20.0,
        "collective.bandwidth_bytes_per_s": 1 / 100,
    }
    assert law.seconds(law.filled(values), Cell("noop", "server")) == 1.0
    assert law.seconds(law.filled(values), Cell("noop", "mirrored", workers=3)) == 5.0
    reduce = Cell("allreduce", "collective", 30, workers=3)
    assert law.seconds(law.filled(values), reduce) == pytest.approx(1 + 4 * 10 + 40 * 100)
    assert law.seconds(law.filled(values), replace(reduce, path="mirrored")) == pytest.approx(
        5 + 4 * 20 + 40 * 100
    )


def test_each_further_function_costs_the_coordinator() -> None:
    law = laws.coordinator()
    values = {"host.coordinator.latency_s": 3.0, "host.coordinator.serial_s": 2.0}
    assert law.seconds(law.filled(values), Cell("noop", "coordinator", workers=5)) == 11.0


def test_demand_of_either_end() -> None:
    law = laws.demand("ps")
    ones = mapped(law.record, Unknown, lambda _: 1.0)
    assert law.seconds(ones, Cell("push", "ps", 6, tensors=3, workers=2)) == 10.0
