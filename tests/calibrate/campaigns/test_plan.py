from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nworkers.calibrate.campaigns.cell_group import build_order
from nworkers.calibrate.campaigns.cells import (
    ORIGINAL_SHAPES,
    asked_batches,
    concurrent_workers,
    log_spaced_bytes,
    step_batches,
)
from nworkers.calibrate.campaigns.plan import SPAWN_S, MeasurementPlan, at_once, plan
from nworkers.calibrate.campaigns.presets import PresetName
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.training.runtime import runner_of
from nworkers.models.fitting.select_law import breaks
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload

GEMM = named_workload("gemm:128,256")
QUICK = Scope("quick")


def test_sizes_reach_from_4_bytes_to_the_largest() -> None:
    largest_bytes: dict[PresetName, int] = {"quick": 2**22, "default": 2**26}
    for preset, largest in largest_bytes.items():
        sizes = [
            c.size_bytes
            for c in plan(Scope(preset), GEMM).cells
            if c.quantity == "fetch" and c.tensors == c.workers == 1
        ]
        assert (min(sizes), max(sizes)) == (4, largest)


def test_sizes_are_whole_floats_apart_and_not_powers_of_two_alone() -> None:
    sizes = log_spaced_bytes(2**26, 17, random.Random(1))
    assert all(size % 4 == 0 for size in sizes)
    assert len(set(sizes)) == 17
    assert sum(size & (size - 1) != 0 for size in sizes) > 8


def test_every_quantity_of_the_contract_is_planned() -> None:
    cells = plan(QUICK, GEMM).cells
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
    made = plan(replace(QUICK, features=64, batch=8, hidden=32), GEMM)
    shapes = {(c.features, c.batch, c.hidden) for c in made.cells if c.quantity == "fetch_gemm"}
    assert shapes == {*ORIGINAL_SHAPES, (64, 8, 32)}
    features, batch, hidden = ORIGINAL_SHAPES[0]
    again = plan(replace(QUICK, features=features, batch=batch, hidden=hidden), GEMM)
    assert set(again.cells) == set(plan(QUICK, GEMM).cells)
    assert len(set(again.cells)) == len(again.cells)


def test_a_workload_that_states_its_cost_needs_no_step() -> None:
    stated = Workload("wait", (Variable("w", (8,)),), cost=Cost(0.01, 0.0))
    cells = plan(QUICK, stated).cells
    assert not any(c.quantity == "step" for c in cells)


def test_batches_reach_from_1_to_twice_the_batch() -> None:
    assert step_batches(32, 6) == [1, 2, 5, 12, 28, 64]
    assert step_batches(1, 6) == [1, 2]


def test_most_batches_are_those_that_strong_scaling_asks_for() -> None:
    """From an eighth of the batch to twice it, each root of two; B, B/2, B/4 and B/8 among them."""
    found = asked_batches(1024, 13)
    assert found == [1, 3, 11, 38, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048]
    assert asked_batches(8, 13) == step_batches(8, 13)
    cells = plan(Scope("default", batch=1024), named_workload("mlp:784,512,10")).cells
    steps = [c.batch for c in cells if (c.quantity, c.path) == ("step", "process")]
    gradients = [c.batch for c in cells if c.quantity == "gradient" and c.path == "process"]
    assert steps == found
    assert sorted(gradients) == found[::2]


@pytest.mark.parametrize(("preset", "low", "high"), [("quick", 25, 42), ("default", 120, 168)])
def test_a_calibration_fits_its_time(preset: PresetName, low: float, high: float) -> None:
    """At most 45 s and 3 minutes on two cores, with some seconds left for the fit."""
    made = plan(Scope(preset), named_workload("mlp:784,512,10"), joined=at_once(preset, 2))
    assert low < made.estimate_s < high


def test_rounds_grow_from_quick_to_full() -> None:
    presets: tuple[MeasurementPlan, ...] = (
        plan(QUICK, GEMM),
        plan(Scope(), GEMM),
        plan(Scope("full"), GEMM),
    )
    assert [made.rounds for made in presets] == [2, 5, 10]
    estimates = [made.estimate_s for made in presets]
    assert estimates == sorted(estimates)


@pytest.mark.parametrize("preset", ["quick", "default"])
def test_the_quantities_that_decide_scaling_are_planned(preset: PresetName) -> None:
    cells = plan(Scope(preset), GEMM).cells
    seen = {(c.quantity, c.path, c.optimizer, c.workers) for c in cells}
    assert seen >= {
        ("exchange", "ps", "", 1),
        ("exchange", "ps", "", 2),
        ("fetch_push", "ps", "", 1),
        ("fetch_push", "ps", "", 2),
        ("apply", "ps", "sgd", 1),
        ("apply", "ps", "momentum", 1),
        ("apply", "ps", "adam", 1),
        ("to_python", "server", "", 1),
        ("to_python", "process", "", 1),
    }
    assert not any(c.ps > 1 or c.flows > 1 or c.device or c.quantity == "input" for c in cells)
    fetched = {c.tensors for c in cells if c.quantity == "fetch" and c.size_bytes == 2**15}
    assert {1, 256} <= fetched


def test_workers_double_up_to_the_cluster_s() -> None:
    assert [concurrent_workers(n) for n in (1, 2, 3, 4, 6)] == [[], [2], [2, 3], [2, 4], [2, 4, 6]]
    cells = plan(replace(QUICK, workers=4), GEMM).cells
    for quantity in ("fetch", "push", "exchange"):
        assert {c.workers for c in cells if c.quantity == quantity} == {1, 2, 4}


def test_more_workers_than_the_cluster_s_run_at_once_while_cores_last() -> None:
    assert [at_once("default", cores) for cores in (1, 2, 4, 16)] == [
        (2, 4),
        (2, 4),
        (2, 4),
        (2, 8),
    ]
    assert at_once("quick", 16) == (1, 2)
    made = plan(Scope(), GEMM, joined=at_once("default", 16))
    assert made.tasks == (2, 8)
    for quantity, counts in {
        "fetch": {1, 2, 4, 8},
        "push": {1, 2, 4, 8},
        "step": {2, 4, 8},
    }.items():
        assert {
            c.workers for c in made.cells if c.quantity == quantity and c.path == "ps"
        } == counts


def test_a_cluster_that_was_asked_for_is_all_there_is() -> None:
    assert replace(plan(Scope(), GEMM), scope=Scope()).tasks == (1, 2)
    made = plan(replace(Scope(), workers=4), GEMM, joined=(1, 4))
    assert not any((c.quantity, c.path) == ("step", "ps") for c in made.cells)
    assert made.tasks == (1, 4)


def test_tensors_are_on_one_ps_and_on_two_alike() -> None:
    cells = plan(Scope(), GEMM, joined=at_once("default", 2)).cells
    on_two = [c for c in cells if c.ps == 2]
    assert {(c.tensors, c.workers) for c in on_two} == {(16, 1), (102, 1), (16, 4), (102, 4)}
    assert {replace(c, ps=1) for c in on_two if c.workers > 1} <= set(cells)


def test_a_cluster_of_one_worker_runs_nothing_together() -> None:
    assert {c.workers for c in plan(replace(QUICK, workers=1), GEMM).cells} == {1}


def test_several_ps_and_flows_share_tensors_enough_for_all() -> None:
    cells = plan(replace(QUICK, ps=4), GEMM, flows=2).cells
    assert {c.ps for c in cells if c.flows == 1} == {1, 2, 4}
    assert {(c.ps, c.flows) for c in cells if c.flows > 1} == {(2, 2)}
    assert all(c.tensors >= max(c.ps, c.flows) for c in cells)


def test_input_and_gpu_are_measured_where_there_is_one() -> None:
    made = plan(replace(QUICK, input="m:f", threads=2), GEMM, gpu=True)
    assert {c.batch for c in made.cells if c.quantity == "input"} == {1, 8, 32}
    assert (made.pipeline, made.threads, made.gpu) == ("m:f", 2, True)


def test_all_that_a_worker_does_is_measured_on_a_gpu() -> None:
    made = plan(Scope(), GEMM, gpu=True, gpus=2)
    on_gpu = [c for c in made.cells if c.device]
    assert len({c.id for c in on_gpu}) == len(on_gpu)
    assert {(c.quantity, c.path, c.workers) for c in on_gpu} == {
        *((q, "process", 1) for q in ("noop", "gemm", "copy_in", "copy_out", "step", "gradient")),
        *((q, "server", 1) for q in ("noop", "gemm")),
        *((q, "ps", 1) for q in ("fetch_gemm", "fetch", "push", "fetch_push")),
        *(("gradient", "server", k) for k in (1, 2)),
        ("allreduce", "collective", 2),
    }
    assert max(c.batch for c in on_gpu if c.quantity == "step") == 2**13
    assert {c.overlap_bytes for c in on_gpu} == {0, 2**24}
    assert made.gpu_memory
    # The processor's cells are the same, and one GPU has no all-reduce.
    assert [c for c in made.cells if not c.device] == list(plan(Scope(), GEMM).cells)
    assert not any(
        c.device and c.quantity == "allreduce" for c in plan(QUICK, GEMM, gpu=True).cells
    )


def test_a_large_batch_is_measured_to_its_double_on_a_gpu() -> None:
    cells = plan(replace(QUICK, batch=2**15), GEMM, gpu=True).cells
    assert max(c.batch for c in cells if c.device) == 2**16


@pytest.mark.parametrize("preset", ["quick", "default"])
def test_a_gpu_takes_little_more_than_its_tasks_take_to_start(preset: PresetName) -> None:
    workload = named_workload("mlp:784,512,10")
    without, made = (plan(Scope(preset), workload, gpu=gpu) for gpu in (False, True))
    spawned_s = SPAWN_S * (made.rounds + 1)
    assert made.estimate_s - spawned_s < without.estimate_s + 40


@pytest.mark.parametrize("preset", ["quick", "default"])
@pytest.mark.parametrize("quantity", ["fetch", "push"])
def test_what_bends_between_layers_sizes_on_a_gpu_can_be_seen(
    preset: PresetName, quantity: str
) -> None:
    """As a second host had it: 1.3 ns a byte at 4 MiB, and less for what training moves."""
    made = plan(Scope(preset), named_workload("mlp:784,512,10"), gpu=True)
    sizes = sorted(
        c.size_bytes for c in made.cells if c.device and c.quantity == quantity and c.tensors == 1
    )
    assert sum(2**18 <= size <= 2**22 for size in sizes) >= 5
    seconds = [1e-3 + size * (1.3e-9 if size >= 2**20 else 0.8e-9) for size in sizes]
    (found,), _ = breaks(sizes, seconds)
    assert 2**19 < found <= 2**20
    assert breaks([4, 2**18, 2**22], [1e-3, 1.2e-3, 6.5e-3])[0] == ()


def test_lock_step_cells_are_built_before_what_a_slow_link_keeps_workers_apart_with() -> None:
    """On a link of 1 Gbit/s the first worker was 10 s behind the second, who waited in vain."""
    ordered = build_order(plan(Scope(), named_workload("mlp:8,4")).cells)
    together = [runner_of(cell).lock_step for cell in ordered]
    assert together == sorted(together, reverse=True)
    assert 0 < sum(together) < len(together)
    sizes = [cell.size_bytes for cell in ordered if not runner_of(cell).lock_step]
    assert sizes == sorted(sizes)


def test_transfers_at_once_are_measured_where_there_is_a_network() -> None:
    """And take their time, on top of the cells'."""
    alone, joined = (plan(QUICK, GEMM, network=network) for network in (False, True))
    assert alone.crowds == ()
    assert joined.crowds
    assert joined.cells == alone.cells
    assert joined.estimate_s == pytest.approx(alone.estimate_s + joined.crowds_s)
