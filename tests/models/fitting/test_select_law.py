"""Laws are chosen by what the data call for: breaks found, and none invented."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.laws import step_s
from nworkers.models.costs.layers import threaded_products
from nworkers.models.fitting.observations import Observations
from nworkers.models.fitting.select_law import all_reduce_law, breaks, credit, gemm_law, step_law
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import StepTime, Threads
from nworkers.models.records.workload import named_workload

SIZES = np.geomspace(4, 2**26, 17)
NOISE = 0.015


def transfer_s(sizes: Floats, jump: float = 1.0) -> Floats:
    """A latency of 60 µs and 1.2 GB/s; from 64 KiB on a latency that is ``jump`` times that."""
    return np.where(sizes < 2**16, 60e-6, 60e-6 * jump) + sizes / 1.2e9


def noisy(seconds: Floats, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(seconds * np.exp(NOISE * rng.standard_normal(seconds.size)))


def test_a_jump_is_found_between_the_sizes_around_it() -> None:
    found, tried = breaks(list(SIZES), list(transfer_s(SIZES, jump=4)))
    assert len(found) == 1
    below, above = SIZES[SIZES < 2**16][-1], SIZES[SIZES >= 2**16][0]
    assert below < found[0] < above
    assert [c.law for c in tried if c.chosen] == ["1 break"]


def test_a_break_is_seldom_invented() -> None:
    invented = sum(
        bool(breaks(list(SIZES), list(noisy(transfer_s(SIZES), seed)))[0]) for seed in range(100)
    )
    assert invented <= 7


def test_a_break_is_mostly_found() -> None:
    found = sum(
        len(breaks(list(SIZES), list(noisy(transfer_s(SIZES, jump=3), seed)))[0]) == 1
        for seed in range(100)
    )
    assert found >= 85


def test_too_few_sizes_for_two_segments_have_none() -> None:
    few = SIZES[:7]
    found, tried = breaks(list(few), list(transfer_s(few, jump=10)))
    assert found == ()
    assert len(tried) == 1
    assert breaks([4.0, 8.0], [1.0, 1.0]) == ((), ())


def test_a_credit_is_found_where_a_latency_would_have_to_be_negative() -> None:
    """Behind a token bucket of 6 KB: 0.4 ms of dispatch, then 11.9 MB/s of what exceeds it."""
    sizes = np.geomspace(2e4, 2e6, 7)
    seconds = noisy(4e-4 + (sizes - 6000) / 11.9e6, 1)
    found = credit(list(sizes), list(seconds), 4e-4)
    assert 3000 < found < 12000


def test_a_credit_is_seldom_invented() -> None:
    sizes = np.geomspace(2e4, 2e6, 7)
    invented = sum(
        credit(list(sizes), list(noisy(1e-3 + sizes / 11.9e6, seed)), 4e-4) > 0.0
        for seed in range(40)
    )
    assert invented <= 3
    assert credit([1.0, 2.0], [1.0, 1.0], 0.0) == 0.0


SHAPES = [
    (32, 8, 32),
    (64, 16, 64),
    (1024, 1, 1024),
    (256, 32, 256),
    (512, 128, 512),
    (2048, 1, 2048),
    (784, 32, 512),
    (1024, 256, 1024),
    (300, 100, 1000),
    (2048, 4, 2048),
]


def products(flop_s: float, byte_s: float, *, roofline: bool) -> Observations:
    bank: dict[tuple[Cell, int], Floats] = {(Cell("noop", "process"), 0): np.array([20e-6])}
    for f, b, h in SHAPES:
        cell = Cell("gemm", "process", features=f, batch=b, hidden=h)
        parts = cell.flops * flop_s, 4.0 * (b * f + f * h + b * h) * byte_s
        bank[cell, 0] = np.array([35e-6 + (max(parts) if roofline else sum(parts))])
    return bank


@pytest.mark.parametrize(
    ("byte_s", "roofline", "law"),
    [(0.0, False, "rate"), (1e-10, False, "sum"), (1e-10, True, "max")],
)
def test_products_are_what_predicts_those_left_out(byte_s: float, roofline: bool, law: str) -> None:
    choice = gemm_law(products(2e-11, byte_s, roofline=roofline))
    assert choice.law.name == law
    assert {c.law for c in choice.tried["gemm"]} == {"rate", "sum", "max"}


@pytest.mark.parametrize("knee", [False, True])
def test_a_knee_is_found_where_there_is_one(knee: bool) -> None:
    bank = {
        (Cell("step", "process", batch=b), 0): np.array([1e-3 + max(4e-3 * knee, 1e-4 * b)])
        for b in (1, 2, 4, 8, 16, 32, 64, 128, 256)
    }
    bank |= {
        (Cell("gradient", "process", batch=cell.batch), 0): seconds + 5e-4
        for (cell, _), seconds in bank.items()
    }
    assert step_law(bank).law.name == ("step with a knee" if knee else "step")


MLP = named_workload("mlp:784,512,512,10")
MIB = 2.0**20


def on_threads(
    cache_bytes: float, all_s: float, join_s: float = 4e-5, seed: int = 0
) -> Observations:
    """Steps and gradients of a sample of 20 µs on one thread, and of ``all_s`` on all."""
    products = threaded_products(MLP, cache_bytes)
    true = StepTime(8e-4, all_s, threads=Threads(20e-6, join_s, products))
    bank: dict[tuple[Cell, int], Floats] = {}
    for batch in (1, 3, 7, 17, 45, 117, 304, 790, 2048):
        step = noisy(np.array([step_s(true, batch)]), seed + batch)
        bank[Cell("step", "process", batch=batch), 0] = step
        bank[Cell("gradient", "process", batch=batch), 0] = step - 2e-4
    return bank


@pytest.mark.parametrize("cache_mib", [0.5, 1.0, 2.0])
def test_products_that_larger_batches_bring_to_all_threads_are_found(cache_mib: float) -> None:
    """At 0.5 MiB both large layers are there at any batch, and nothing is to be found."""
    choice = step_law(on_threads(cache_mib * MIB, 3.5e-6), MLP)
    found = choice.law.record.step.threads
    if cache_mib == 0.5:
        assert found is None
    else:
        assert found is not None
        assert found.products == threaded_products(MLP, cache_mib * MIB)


def test_a_cache_that_is_known_is_not_looked_for() -> None:
    bank = on_threads(2 * MIB, 3.5e-6)
    assert step_law(bank, MLP, 2 * MIB).law.name == "step with threads"
    assert step_law(bank, MLP, MIB / 2).law.name != "step with threads"
    assert step_law(bank, named_workload("gemm:4096,4096")).law.name != "step with threads"


def test_threads_that_never_help_are_seldom_invented() -> None:
    """As many are found on one processor, where a product takes as long on all threads."""
    found = [
        step_law(on_threads(2 * MIB, 20e-6, join_s, 9999 * seed), MLP).law.name
        for seed in range(20)
        for join_s in (0.0, 4e-5)
    ]
    assert found.count("step with threads") <= 2


def reduces(tree: bool, groups: tuple[int, ...]) -> Observations:
    bank: dict[tuple[Cell, int], Floats] = {(Cell("noop", "server"), 0): np.array([1e-4])}
    for n in groups:
        for size in (4, 2**14, 2**18, 2**21, 2**23):
            hops = 2 * (n - 1).bit_length() if tree else 2 * (n - 1)
            moved = hops * size if tree else hops / n * size
            cell = Cell("allreduce", "collective", size, workers=n)
            bank[cell, 0] = np.array([1e-4 + 3e-4 * hops + moved / 1e9])
    return bank


@pytest.mark.parametrize("tree", [False, True])
def test_several_groups_tell_a_tree_from_a_ring(tree: bool) -> None:
    assert all_reduce_law(reduces(tree, (2, 4, 8))).law.name == ("tree" if tree else "ring")


def test_one_group_cannot_and_is_taken_for_a_ring() -> None:
    assert all_reduce_law(reduces(True, (2,))).law.name == "ring"
