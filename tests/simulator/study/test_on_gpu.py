"""Workers on GPUs: held to real training, and to the report's claim."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.workload import StepSeconds, named_workload
from nworkers.simulator.answers import answer_breakeven, answer_predict
from nworkers.simulator.study.resolve import resolve

#: Real training on one H100 and one host, 26 November 2026: microseconds a step, by batch and
#: workers; 0 is one process. TensorFlow 2.21, one ps, asynchronous, weak scaling.
TRAINED_US = {
    128: {0: 304.9, 1: 4664.9, 2: 4657.9, 4: 6237.9},
    65536: {0: 3842.8, 1: 7897.8, 2: 8425.7, 4: 16973.6},
}
MLP = named_workload("mlp:784,512,512,10")
#: Its compute is stated, as whoever measured one process alone would.
STATED = replace(
    MLP,
    name="mlp with steps",
    flops_per_sample=None,
    step=tuple(StepSeconds(batch, 1e-6 * row[0]) for batch, row in TRAINED_US.items()),
)


def request(**changes: Any) -> JobRequest:
    known: dict[str, Any] = {"profile": "h100", "scaling": "weak", "workload": STATED}
    return JobRequest(**known | changes)


def predicted(workers: int, **changes: Any) -> Prediction:
    (row,) = answer_predict(resolve(request(**changes), [workers])).rows
    return row


def test_truth_is_met_but_for_what_two_workers_cannot_show() -> None:
    """Four workers at batch 128 slow the ps down: nobody measured four at once (-21 %)."""
    errors = [
        predicted(workers, batch=batch).step_time_s / (1e-6 * trained_us) - 1
        for batch, row in TRAINED_US.items()
        for workers, trained_us in row.items()
        if workers
    ]
    assert median(abs(error) for error in errors) <= 0.10
    assert max(abs(error) for error in errors) <= 0.25


@pytest.mark.parametrize(
    ("changes", "on_gpu"),
    [({"batch": 1024}, None), ({"batch": 65536, "link": "25gbit"}, 5)],
    ids=["one host", "a GPU for each worker"],
)
def test_a_gpu_raises_the_break_even_count(changes: dict[str, Any], on_gpu: int | None) -> None:
    """The report of 2017: a faster device leaves the fetch as it is, so that it takes more."""
    counts = {
        device: answer_breakeven(
            resolve(request(workload=MLP, device=device, **changes), [6], curve=True), 6
        ).result.breakeven_workers
        for device in ("cpu", "gpu")
    }
    assert counts == {"cpu": 2, "gpu": on_gpu}


def test_a_product_costs_a_gpu_nothing_and_a_fetch_what_it_costs_a_processor() -> None:
    gemm = named_workload("gemm:128,256")
    rows = {d: predicted(1, workload=gemm, batch=32, device=d) for d in ("cpu", "gpu")}
    moved = {
        device: row.breakdown["fetch_latency"] + row.breakdown["fetch_transfer"]
        for device, row in rows.items()
    }
    assert moved["cpu"] <= moved["gpu"] < 1.5 * moved["cpu"]
    assert rows["gpu"].breakdown["compute"] < 0.2 * moved["gpu"]


def test_workers_compute_on_the_gpu_where_there_is_one() -> None:
    (scenario,) = resolve(request(), [3]).scenarios
    assert (scenario.device, scenario.workers_per_gpu) == ("gpu", 3)
    (scenario,) = resolve(request(device="cpu"), [3]).scenarios
    assert (scenario.device, scenario.workers_per_gpu) == ("cpu", None)


def test_what_was_not_measured_there_is_said() -> None:
    notes = "; ".join(predicted(2, batch=128, workers_per_gpu=1).extrapolated)
    assert "GPU: 2 on a host, measured 1" in notes
    assert "copy of each tensor is added" in notes
    assert "use it in turn" not in notes
    assert "use it in turn" in "; ".join(predicted(2, batch=128).extrapolated)


def test_gpus_of_their_own_help_who_waits_for_one() -> None:
    shared, own = predicted(4, batch=65536), predicted(4, batch=65536, workers_per_gpu=1)
    assert own.step_time_s < 0.7 * shared.step_time_s
    assert shared.breakdown["device_contention"] > 0.3 * shared.step_time_s
    assert "device_contention" not in own.breakdown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"profile": "loopback-2core", "device": "gpu"}, "device: got gpu"),
        ({"device": "cpu", "workers_per_gpu": 2}, "workers_per_gpu: got 2"),
        ({"workers_per_gpu": 0}, "workers_per_gpu: got 0"),
        ({"device": "tpu"}, "device: got tpu"),
        ({"device_of": "h200"}, "device_of: got h200"),
    ],
)
def test_a_device_that_is_not_there_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve(request(**changes), [2])


def test_another_s_gpu_over_one_s_own_link() -> None:
    row = predicted(2, profile="emulated-1gbit", device_of="h100", batch=65536)
    assert row.scenario.device == "gpu"
    assert row.scenario.hosts == 3


def test_workers_that_do_not_fit_into_a_gpu_are_told_of() -> None:
    known = shipped_profile("h100")
    assert known.gpu is not None
    small = replace(known, gpu=replace(known.gpu, memory_bytes=10e6))
    notes = "; ".join(predicted(2, profile=small, batch=128).extrapolated)
    assert "2 workers need 10.7 MB of a GPU, which has 10 MB" in notes
    assert "of a GPU" not in "; ".join(predicted(1, profile=small, batch=128).extrapolated)
