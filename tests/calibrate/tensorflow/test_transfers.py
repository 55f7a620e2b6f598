"""Transfers and updates with real tasks: each cell runs, proves its work and costs something."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.probes.sampling import Limits
from nworkers.calibrate.training.runtime import single
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import Variable, Workload, named_workload
from tests.support.tasks import servers

pytestmark = pytest.mark.tensorflow
GEMM = named_workload("gemm:8,8")
LIMITS = Limits(0.05, 200, 0.15)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    groups = (*servers(ps=2, workers=1), single())
    with running(groups, logs=tmp_path_factory.mktemp("logs")) as made:
        yield made


def build(cluster: Cluster, name: str, cells: list[Cell], workload: Workload = GEMM) -> None:
    (results,) = cluster.call([name], "build", cells, workload, timeout_s=60)
    assert [reason for _, reason in results if reason] == []


def median_s(cluster: Cluster, name: str, index: int) -> float:
    ((taken, _),) = cluster.call([name], "burst", index, LIMITS)
    return float(sorted(taken.samples_s)[len(taken.samples_s) // 2])


@pytest.mark.parametrize("ps", [1, 2])
@pytest.mark.parametrize("quantity", ["fetch", "push", "exchange", "fetch_push", "apply"])
def test_every_transfer_proves_its_work_on_one_ps_and_on_two(
    cluster: Cluster, quantity: str, ps: int
) -> None:
    one = Cell(quantity, "ps", 2**16, tensors=4, ps=ps)  # type: ignore[arg-type]
    build(cluster, "worker0", [one, replace(one, size_bytes=16)])


def test_a_whole_step_has_its_variables_on_the_ps(cluster: Cluster) -> None:
    step = Cell("step", "ps", batch=4)
    build(cluster, "worker0", [step, replace(step, batch=8)], named_workload("mlp:8,4,2"))


@pytest.mark.timed
def test_every_optimizer_updates_on_the_ps(cluster: Cluster) -> None:
    small = [Cell("apply", "ps", 16, optimizer=o) for o in ("sgd", "momentum", "adam")]
    build(cluster, "worker0", [*small, Cell("apply", "ps", 2**24, optimizer="adam")])
    assert median_s(cluster, "worker0", 3) > 2 * median_s(cluster, "worker0", 2)


@pytest.mark.parametrize(("name", "path"), [("worker0", "server"), ("single0", "process")])
def test_a_tensor_comes_into_python_whole(cluster: Cluster, name: str, path: str) -> None:
    build(
        cluster,
        name,
        [
            Cell("to_python", path, 4),  # type: ignore[arg-type]
            Cell("to_python", path, 2**20, tensors=3),  # type: ignore[arg-type]
        ],
    )


def test_flows_are_ps_on_one_host_with_a_connection_each(cluster: Cluster) -> None:
    build(cluster, "worker0", [Cell("fetch", "ps", 2**20, tensors=4, ps=2, flows=2)])
    median_s(cluster, "worker0", 0)
    own = sockets(cluster.pid("worker0"))
    for name in ("ps0", "ps1"):
        listening = [port for port, _, state, _ in sockets(cluster.pid(name)) if state == "0A"]
        to_it = [1 for _, port, state, _ in own if state == "01" and port in listening]
        assert len(to_it) == 1


def sockets(pid: int) -> list[tuple[str, str, str, str]]:
    """(own port, other port, state, inode) of a process's TCP sockets, ports in hexadecimal."""
    links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    found: list[tuple[str, str, str, str]] = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in links:
                here, there = (fields[k].rpartition(":")[2] for k in (1, 2))
                found.append((here, there, fields[3], fields[9]))
    return found


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (Cell("fetch", "ps", 1024, tensors=4, ps=3), "needs 3 ps; the cluster has 2"),
        (Cell("fetch", "ps", 1024, tensors=4, flows=3), "needs 3 ps on one host"),
        (Cell("fetch", "ps", 1024, tensors=1, ps=2), "fewer tensors than the 2 ps"),
    ],
)
def test_a_cell_that_the_cluster_cannot_run_says_why(
    cluster: Cluster, cell: Cell, words: str
) -> None:
    (((_, reason),),) = cluster.call(["worker0"], "build", [cell], GEMM, timeout_s=60)
    assert words in reason


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_products_are_taken_in_the_model_s_precision(cluster: Cluster, dtype: str) -> None:
    model = Workload("model", (Variable("w", (8, 8), dtype),), flops_per_sample=1.0)  # type: ignore[arg-type]
    cell = Cell("gemm", "process", features=64, batch=16, hidden=64)
    build(cluster, "single0", [cell], model)
