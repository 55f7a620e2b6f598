from __future__ import annotations

import random

from scale.calibrate.plan import ORIGINAL_SHAPES, log_spaced_bytes, plan, step_batches
from scale.models.workload import Cost, Variable, Workload, named_workload

GEMM = named_workload("gemm:128,256")


def test_sizes_reach_from_4_bytes_to_the_largest() -> None:
    for quick, largest in ((True, 2**22), (False, 2**26)):
        sizes = [
            c.size_bytes
            for c in plan(quick=quick, workload=GEMM).cells
            if c.quantity == "fetch" and c.tensors == c.workers == 1
        ]
        assert (min(sizes), max(sizes)) == (4, largest)


def test_sizes_are_whole_floats_apart_and_not_powers_of_two_alone() -> None:
    sizes = log_spaced_bytes(2**26, 17, random.Random(1))
    assert all(size % 4 == 0 for size in sizes)
    assert len(set(sizes)) == 17
    assert sum(size & (size - 1) != 0 for size in sizes) > 8


def test_every_quantity_of_the_contract_is_planned() -> None:
    cells = plan(quick=True, workload=GEMM).cells
    seen = {(c.quantity, c.path, c.workers > 1) for c in cells}
    assert seen >= {
        ("noop", "process", False),
        ("noop", "server", False),
        ("noop", "ps", False),
        ("gemm", "process", False),
        ("gemm", "server", False),
        ("fetch_gemm", "ps", False),
        ("fetch", "ps", False),
        ("fetch", "ps", True),
        ("push", "ps", False),
        ("push", "ps", True),
        ("step", "process", False),
        ("gradient", "process", False),
    }
    assert len(set(cells)) == len(cells)


def test_extra_shapes_join_the_original_ones() -> None:
    made = plan(quick=True, workload=GEMM, extra_shapes=((64, 8, 32), ORIGINAL_SHAPES[0]))
    shapes = {(c.features, c.batch, c.hidden) for c in made.cells if c.quantity == "fetch_gemm"}
    assert shapes == {*ORIGINAL_SHAPES, (64, 8, 32)}


def test_a_workload_that_states_its_cost_needs_no_step() -> None:
    stated = Workload("wait", (Variable("w", (8,)),), cost=Cost(0.01, 0.0))
    cells = plan(quick=True, workload=stated).cells
    assert not any(c.quantity == "step" for c in cells)


def test_batches_reach_from_1_to_twice_the_batch() -> None:
    assert step_batches(32, 6) == [1, 2, 5, 12, 28, 64]
    assert step_batches(1, 6) == [1, 2]


def test_quick_fits_its_time() -> None:
    assert plan(quick=True, workload=GEMM).estimate_s < 60
