from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.task_memory import check_task_memory, task_memory
from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import Compression, WhatIf
from nworkers.models.records.workload import Cost, Variable, Workload
from tests.support.factories import profile

#: An embedding table of 25 GB and three small layers.
TABLE = Workload(
    "table",
    (Variable("table", (25_000_000, 250)), *(Variable(f"w{k}", (250, 250)) for k in range(3))),
    cost=Cost(0.01, 1e-4),
)
LAYERS = replace(TABLE, variables=TABLE.variables[1:] * 2)
BYTES = TABLE.size_bytes
LARGE = TABLE.variables[0].size_bytes
SMALL = TABLE.variables[1].size_bytes
JOB = Scenario(TABLE, 4, ps=4)


def with_memory(made: Profile, size_bytes: float) -> Profile:
    return replace(made, host=replace(made.host, memory_bytes=size_bytes))


def test_a_ps_keeps_variables_and_a_gradient_of_each_worker() -> None:
    memory = task_memory(profile(), JOB)
    assert memory.ps_bytes == (5.0 * LARGE, *[5.0 * SMALL] * 3)
    assert memory.worker_bytes == 2.0 * BYTES  # a copy and its gradients
    assert (memory.host_bytes, memory.fullest_host) == (5.0 * LARGE, 4)
    assert memory.available_bytes is None


@pytest.mark.parametrize(
    ("changes", "first", "worker"),
    [
        ({"strategy": "ps-sync"}, 6.0, 2.0),  # and the sum of the round
        ({"workload": replace(TABLE, optimizer="momentum")}, 6.0, 2.0),
        ({"workload": replace(TABLE, optimizer="adam")}, 7.0, 2.0),
        ({"what_if": WhatIf(half_precision=True)}, 3.0, 1.5),  # 16 bits on the way, 32 at rest
        ({"what_if": WhatIf(compression=Compression(0.1))}, 1.4, 2.0),
        ({"what_if": WhatIf(partition_bytes=2.0**20)}, 5.0 / 4, 2.0),
        ({"what_if": WhatIf(hybrid=True), "workers_per_host": 2}, 3.0, 3.0),  # two hosts push
    ],
)
def test_what_changes_it(changes: dict[str, Any], first: float, worker: float) -> None:
    memory = task_memory(profile(), replace(JOB, **changes))
    assert memory.ps_bytes[0] == pytest.approx(first * LARGE, rel=1e-3)
    assert memory.worker_bytes == pytest.approx(worker * BYTES, rel=1e-3)


@pytest.mark.parametrize(("buckets", "fused"), [(None, BYTES), (25e6, 25e6)])
def test_an_all_reduce_worker_keeps_all_of_it(buckets: float | None, fused: float) -> None:
    job = replace(
        JOB,
        strategy="allreduce",
        workload=replace(TABLE, optimizer="adam"),
        what_if=WhatIf(bucket_bytes=buckets),
        workers_per_host=2,
    )
    memory = task_memory(profile(), job)
    assert memory.ps_bytes == ()
    assert memory.worker_bytes == 4.0 * BYTES + fused
    assert memory.host_bytes == 2.0 * memory.worker_bytes


def test_measured_activations_count() -> None:
    made = profile()
    (known,) = made.device.workloads
    known = replace(known, workload="table", activation_bytes_per_sample=1e6)
    made = replace(made, device=replace(made.device, workloads=(known,)))
    grown = task_memory(made, JOB).worker_bytes - task_memory(profile(), JOB).worker_bytes
    assert grown == 8e6  # a batch of 32 over four workers


@pytest.mark.parametrize(
    ("changes", "gb", "way"),
    [
        ({}, 64, "<what_if> partition=1MiB"),
        ({"ps": 1}, 64, "<ps> 2 with <what_if> partition=1MiB"),
        # One after the other a worker keeps 50 GB: nothing but fewer of them on a host helps.
        ({"workers_per_host": 4}, 130, "<workers_per_host> 2"),
        ({"workload": LAYERS, "workers": 16}, 0.0045, "<ps> 6"),
        ({"strategy": "allreduce", "workers_per_host": 4}, 100, "<workers_per_host> 1"),
    ],
)
def test_what_makes_it_fit_was_tried(changes: dict[str, Any], gb: float, way: str) -> None:
    made, job = with_memory(profile(), gb * 1e9), replace(JOB, **changes)
    with pytest.raises(InputError) as caught:
        check_task_memory(made, job, curve=False)
    assert caught.value.field == "memory_bytes"
    assert caught.value.allowed.endswith(f" or {way}")
    assert len(str(caught.value)) < 400
    _, _, number = way.partition("> ")
    fewer = job.what_if
    if "partition" in way:
        fewer = replace(fewer, partition_bytes=2.0**20)
    field = {"<ps>": "ps", "<workers_per_host>": "workers_per_host"}.get(way.split()[0])
    changed: dict[str, Any] = {field: int(number.split()[0])} if field else {}
    check_task_memory(made, replace(job, what_if=fewer, **changed), curve=False)


def test_where_nothing_helps_it_says_how_much_it_takes() -> None:
    with pytest.raises(InputError) as caught:
        check_task_memory(with_memory(profile(), 1e9), JOB, curve=False)
    assert caught.value.allowed == "at least 125 GB"
    assert "1 GB a host, less than 125 GB of tensors (ps 0: 125 GB)" in str(caught.value)


def test_a_curve_ends_where_memory_does() -> None:
    small = replace(TABLE, variables=(Variable("w", (250_000_000,)),))
    job = Scenario(small, 64, batch=64, what_if=WhatIf(partition_bytes=1.0))
    made = with_memory(profile(), 10.5e9)
    with pytest.raises(InputError, match="at least 65 GB or ps 7"):
        check_task_memory(made, job, curve=True)
    allreduce = replace(job, strategy="allreduce", what_if=WhatIf(), workers_per_host=64)
    with pytest.raises(InputError, match="workers_per_host 3"):
        check_task_memory(made, allreduce, curve=True)


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_table_on_one_of_four_ps_is_marked_on_shipped_profiles(name: str) -> None:
    made = shipped_profile(name)
    job = replace(JOB, workers_per_host=4, ps_placement="shared") if "loop" in name else JOB
    (note,) = (note for note in extrapolations(made, job) if note.startswith("memory: "))
    assert "ps" in note
    told = made.host.memory_bytes is not None
    assert ("on one host, and what it has is not known" in note) != told
    (known,) = (
        note
        for note in extrapolations(with_memory(made, 100e9), job)
        if note.startswith("memory: ")
    )
    assert "on one host, which has 100 GB: it cannot train" in known


def test_what_may_be_too_tight_is_said() -> None:
    notes = extrapolations(with_memory(profile(), 200e9), JOB)
    assert (
        "memory: 125 GB of tensors (ps 0: 125 GB) on one host of 200 GB; TensorFlow took 1.8 to "
        "3.3 times the tensors where that was measured"
    ) in notes
    assert not [n for n in extrapolations(with_memory(profile(), 1e12), JOB) if "memory" in n]
