"""Laws, cell by cell, against sums worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.fitting import laws
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import GemmLaw

VALUES = {
    "host.server_dispatch_s": 1.0,
    "link.dispatch_s": 10.0,
    "link.fetch.latency_s": 100.0,
    "link.fetch.per_tensor_s": 1e3,
    "link.fetch.per_byte_s": 1e4,
    "link.fetch.segments[0].latency_s": 200.0,
    "link.fetch.segments[0].per_byte_s": 2e4,
    "link.push.latency_s": 300.0,
    "link.push.per_tensor_s": 3e3,
    "link.push.per_byte_s": 3e4,
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
    assert law.seconds(cell, VALUES) == pytest.approx(seconds)


def test_several_tensors_cost_more_than_each_further_one() -> None:
    law = laws.transfers({}, several=True)
    values = VALUES | {"link.fetch.several_s": 7.0}
    one, two = (law.seconds(Cell("fetch", "ps", 8, tensors=t), values) for t in (1, 2))
    assert one is not None
    assert two == one + 7 + 1e3


def test_what_passes_at_once_costs_nothing() -> None:
    """Of the largest tensors 5 bytes; smaller ones have a rate of their own."""
    law = laws.transfers({"fetch": (10.0,)}, credits={"fetch": 5.0})
    assert law.seconds(Cell("fetch", "ps", 4), VALUES) == 111 + 4e4
    assert law.seconds(Cell("fetch", "ps", 16), VALUES) == 211 + (16 - 5) * 2e4


def test_a_hop_s_processors_without_the_spinning() -> None:
    """Two workers: two hops, and as many bytes as there are."""
    one = Cell("allreduce", "collective", 8, workers=2)
    many = Cell("allreduce", "collective", 8, tensors=4, workers=2)
    values = {
        "collective.processor_per_hop_s": 1.0,
        "collective.processor_per_byte_s": 10.0,
        "collective.spinning_per_hop_s": 100.0,
    }
    law = laws.collective_demand("ring", loaded=True)
    assert law.seconds(one, values) == 2 * (1 + 100) + 80
    assert law.seconds(many, values) == 4 * 2 * 1 + 80
    assert laws.collective_demand("ring", loaded=False).seconds(one, values) == 2 + 80
    assert law.row(Cell("allreduce", "mirrored", 8, workers=2)) is None


def test_the_exchange_of_the_most_bytes_tells_what_both_ways_carry() -> None:
    most = Cell("exchange", "ps", 100, workers=2)
    law = laws.both_ways(most)
    assert law.seconds(most, {"both_ways.per_byte_s": 0.5}) == 100
    assert law.row(Cell("exchange", "ps", 100)) is None


def test_larger_products_may_be_faster() -> None:
    law = laws.gemm("segments", (40.0,))
    values = dict(zip(law.parameters, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
    small, large = (Cell("gemm", "process", features=2, batch=b, hidden=4) for b in (2, 3))
    assert law.seconds(small, values) == 1 + 2 + 3 * 32
    assert law.seconds(large, values) == 1 + 4 + 5 * 48


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
    assert laws.transfers({}, ["sgd"]).row(cell) is None


def test_a_value_that_is_missing_gives_no_time() -> None:
    assert laws.transfers({}).seconds(Cell("to_python", "server", 4), VALUES) is None


@pytest.mark.parametrize(("kind", "seconds"), [("rate", 96), ("sum", 336), ("max", 240)])
def test_products(kind: GemmLaw, seconds: float) -> None:
    """2·2·3·4 = 48 operations on 4·(6 + 8 + 12) = 104 bytes."""
    cell = Cell("gemm", "process", features=2, batch=3, hidden=4)
    values = {
        "device.dispatch_s": 0.0,
        "device.gemm_overhead_s": 0.0,
        "device.per_flop_s": 2.0,
        "device.per_byte_s": 240 / 104,
    }
    assert laws.matrix_bytes(cell) == 104
    assert laws.gemm(kind).seconds(cell, values) == pytest.approx(seconds)


def test_a_step_below_its_knee_takes_as_long_as_there() -> None:
    law = laws.step("step", "step", knee=True)
    values = {"step.floor_s": 1.0, "step.per_sample_s": 2.0, "step.plateau_s": 16.0}
    times = [law.seconds(Cell("step", "process", batch=b), values) for b in (1, 8, 9)]
    assert times == [17.0, 17.0, 19.0]


def test_an_all_reduce_has_the_dispatch_of_its_path() -> None:
    law = laws.all_reduce("ring")
    values = {
        "collective.session.dispatch_s": 1.0,
        "collective.session.latency_s": 10.0,
        "collective.dispatch_s": 5.0,
        "collective.latency_s": 20.0,
        "collective.per_byte_s": 100.0,
    }
    assert law.seconds(Cell("noop", "server"), values) == 1.0
    assert law.seconds(Cell("noop", "mirrored", workers=3), values) == 5.0
    reduce = Cell("allreduce", "collective", 30, workers=3)
    assert law.seconds(reduce, values) == pytest.approx(1 + 4 * 10 + 40 * 100)
    assert law.seconds(replace(reduce, path="mirrored"), values) == 5 + 4 * 20 + 40 * 100


def test_each_further_function_costs_the_coordinator() -> None:
    law = laws.coordinator()
    values = {"host.coordinator.latency_s": 3.0, "host.coordinator.serial_s": 2.0}
    assert law.seconds(Cell("noop", "coordinator", workers=5), values) == 11.0


def test_demand_of_either_end() -> None:
    values = dict.fromkeys(laws.demand("ps").parameters, 1.0)
    assert laws.demand("ps").seconds(Cell("push", "ps", 6, tensors=3, workers=2), values) == 10.0
