"""The whole fit, on synthetic samples of a machine whose parameters are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scale.calibrate.plan import plan
from scale.models.calibration import Burst, Calibration, Cell, Environment, Processor
from scale.models.errors import InputError
from scale.models.fit import fit_profile
from scale.models.goodness import curves, held_out_cells
from scale.models.profile import parameters
from scale.models.workload import named_workload

TRUE = {
    "device.dispatch_s": 20e-6,
    "device.gemm_overhead_s": 15e-6,
    "device.gemm_flops_per_s": 5e10,
    "host.server_dispatch_s": 100e-6,
    "host.dispatch_worker_s": 300e-6,
    "host.fetch_worker.per_request_s": 500e-6,
    "host.fetch_ps.per_byte_s": 0.4e-9,
    "link.dispatch_s": 300e-6,
    "link.fetch.latency_s": 500e-6,
    "link.fetch.per_tensor_s": 50e-6,
    "link.fetch.bandwidth_bytes_per_s": 1.5e9,
    "link.push.latency_s": 600e-6,
    "link.push.bandwidth_bytes_per_s": 1e9,
}
STEP_FLOOR_S, STEP_PER_SAMPLE_S = 80e-6, 3e-6


def true_seconds(cell: Cell, shared: float | None) -> float:
    """Seconds of a cell on the synthetic machine; ``shared`` is its link's total rate."""
    if cell.quantity in ("step", "gradient"):
        return STEP_FLOOR_S + STEP_PER_SAMPLE_S * cell.batch
    gemm_s = TRUE["device.gemm_overhead_s"] + cell.flops / TRUE["device.gemm_flops_per_s"]
    if cell.path == "process":
        return TRUE["device.dispatch_s"] + (gemm_s if cell.quantity == "gemm" else 0)
    seconds = TRUE["host.server_dispatch_s"] + (gemm_s if cell.hidden else 0)
    if cell.path == "ps":
        seconds += TRUE["link.dispatch_s"]
    if cell.quantity in ("fetch", "fetch_gemm", "push"):
        kind = "push" if cell.quantity == "push" else "fetch"
        rate = TRUE[f"link.{kind}.bandwidth_bytes_per_s"]
        if shared is not None:
            rate = min(rate, shared / cell.workers)
        seconds += TRUE[f"link.{kind}.latency_s"] + cell.size_bytes / rate
        seconds += TRUE["link.fetch.per_tensor_s"] * (cell.tensors - 1)
    return seconds


def demand(cell: Cell) -> float:
    """Processor seconds of one operation at either end."""
    seconds = TRUE["host.dispatch_worker_s"]
    if cell.quantity in ("fetch", "push"):
        seconds += TRUE["host.fetch_worker.per_request_s"]
        seconds += TRUE["host.fetch_ps.per_byte_s"] * cell.size_bytes
        seconds += 40e-6 * (cell.tensors - 1)
    return seconds


def synthetic(
    rounds: int = 5, noise: float = 0.03, shared: float | None = None, seed: int = 1
) -> Calibration:
    rng = np.random.default_rng(seed)
    workload = named_workload("mlp:64,32,10")
    bursts: list[Burst] = []
    for number in range(rounds):
        shift = np.exp(0.02 * rng.standard_normal())
        for cell in plan(quick=False, workload=workload).cells:
            for worker in range(cell.workers):
                jitter = np.exp(noise * rng.standard_normal(60))
                samples = true_seconds(cell, shared) * shift * jitter
                taken = float(demand(cell) * 60 * cell.workers * shift)
                alone = cell.path == "process"
                bursts.append(
                    Burst(
                        cell,
                        number,
                        worker,
                        cold_s=0.01,
                        warmup_s=(0.002,),
                        samples_s=tuple(float(s) for s in samples),
                        outliers=(),
                        stop="samples",
                        processor=Processor(
                            60 * cell.workers,
                            taken,
                            0.0 if alone else taken,
                            (1.0 if alone else 2.2) * taken,
                            1.0,
                        )
                        if worker == 0
                        else None,
                    )
                )
    return Calibration(
        environment=Environment("2026-01-01T00:00:00Z", "a synthetic machine"),
        link_kind="loopback",
        evidence="one host",
        cores=2.0,
        ps=1,
        workers=2,
        rounds=rounds,
        complete=True,
        workload=workload,
        bursts=tuple(bursts),
    )


def test_parameters_are_recovered_and_identified() -> None:
    fitted = dict(parameters(fit_profile(synthetic(), draws=40)))
    for name, true in TRUE.items():
        assert fitted[name].estimate == pytest.approx(true, rel=0.12), name
        assert fitted[name].identified, name
    step = fitted["device.workloads[mlp:64,32,10].step.floor_s"]
    assert step.estimate == pytest.approx(STEP_FLOOR_S, rel=0.12)


def test_intervals_hold_the_truth_and_are_of_use() -> None:
    """90 % intervals of 13 parameters over 6 machines: at least 60 of 78 hold (p < 0.1 %)."""
    held, widths = 0, []
    for seed in range(6):
        fitted = dict(parameters(fit_profile(synthetic(seed=seed), draws=60)))
        for name, true in TRUE.items():
            low, high = fitted[name].interval
            held += low <= true <= high
            widths.append((high - low) / true)
    assert held >= 60
    assert np.median(widths) < 0.4


def test_held_out_sizes_are_never_used() -> None:
    calibration = synthetic(rounds=2)
    hidden = held_out_cells(calibration.bursts)
    fetches = sorted({b.cell.size_bytes for b in calibration.bursts if b.cell.quantity == "fetch"})
    assert Cell("fetch", "ps", fetches[-1]) in hidden
    spoilt = tuple(
        replace(b, samples_s=tuple(10 * s for s in b.samples_s)) if b.cell in hidden else b
        for b in calibration.bursts
    )
    first = fit_profile(calibration, draws=3)
    second = fit_profile(replace(calibration, bursts=spoilt), draws=3)
    assert first.link.fetch == second.link.fetch
    assert first.device.gemm_flops_per_s == second.device.gemm_flops_per_s
    errors = {row.operation: row.median_error for row in second.fit}
    assert errors["fetch"] is not None
    assert errors["fetch"] > 0.8


@pytest.mark.parametrize(
    "cell",
    [
        Cell("fetch", "ps", 2**20, tensors=4, ps=2),
        Cell("fetch", "ps", 2**20, tensors=4, flows=2),
        Cell("fetch", "ps", 2**20, tensors=4, ps=2, workers=2),
        Cell("fetch", "ps", 2**20, workers=4, ps=2),
        Cell("push", "ps", 2**20, overlap_bytes=2**20),
        Cell("exchange", "ps", 2**20),
        Cell("exchange", "ps", 2**20, workers=2),
        Cell("fetch_push", "ps", 2**20),
        Cell("apply", "ps", 2**20, optimizer="adam"),
        Cell("to_python", "server", 2**20),
        Cell("to_python", "process", 2**20),
        Cell("input", "process", batch=32),
        Cell("gemm", "process", features=8, batch=8, hidden=8, device="gpu"),
        Cell("copy_in", "process", 2**20, device="gpu"),
        Cell("noop", "coordinator"),
        Cell("allreduce", "collective", 2**20, workers=8),
        Cell("step", "mirrored", batch=7, workers=2),
    ],
    ids=lambda cell: cell.name,
)
def test_what_no_model_covers_yet_changes_none(cell: Cell) -> None:
    """A cell of one hour a step, in every round: nothing that is fitted moves."""
    calibration = synthetic(rounds=2)
    strange = tuple(
        replace(burst, cell=cell, samples_s=(3600.0,) * 60, processor=None)
        for burst in calibration.bursts
        if burst.cell == Cell("noop", "ps")
    )
    assert len(strange) == 2
    before = fit_profile(calibration, draws=2)
    after = fit_profile(replace(calibration, bursts=calibration.bursts + strange), draws=2)
    assert replace(after, samples_sha256=before.samples_sha256) == before


def test_a_shared_link_is_told_from_a_private_one() -> None:
    alone = fit_profile(synthetic(), draws=20)
    assert alone.link.shared_bandwidth_bytes_per_s is None
    together = fit_profile(synthetic(shared=1.5e9), draws=20)
    assert together.link.shared_bandwidth_bytes_per_s is not None
    rate = together.link.shared_bandwidth_bytes_per_s.estimate
    assert rate == pytest.approx(1.5e9, rel=0.1)


def test_kernel_share_is_the_hosts_beyond_the_tasks() -> None:
    assert fit_profile(synthetic(), draws=2).host.kernel_share == pytest.approx(0.1, abs=0.02)


def test_draws_are_joint_and_follow_the_seed() -> None:
    calibration = synthetic(rounds=3)
    first, second = (fit_profile(calibration, draws=10, seed=4) for _ in range(2))
    assert first == second
    assert len(first.link.fetch.latency_s.draws) == first.draws == 10


def test_few_rounds_are_provisional() -> None:
    assert fit_profile(synthetic(rounds=3), draws=2).provisional
    assert not fit_profile(synthetic(rounds=5), draws=2).provisional


def test_noise_keeps_the_mean_of_the_samples() -> None:
    profile = fit_profile(synthetic(noise=0.2), draws=2)
    assert np.mean(profile.noise.within["fetch"]) == pytest.approx(np.exp(0.02), rel=0.01)


def test_a_calibration_without_fetches_is_refused() -> None:
    calibration = synthetic(rounds=2)
    few = tuple(b for b in calibration.bursts if b.cell.quantity != "fetch")
    with pytest.raises(InputError, match=r"link\.fetch\.latency_s"):
        fit_profile(replace(calibration, bursts=few), draws=2)


def test_curves_pass_through_the_fit() -> None:
    calibration = synthetic(rounds=2, noise=0.001)
    shown = {c.title: c for c in curves(calibration, fit_profile(calibration, draws=2))}
    fetch = shown["fetch from the ps"]
    assert max(abs(r) for r in fetch.residuals) < 0.06
    assert fetch.held_out[-1]
    assert len(shown) == 4
