"""The table of runtimes: complete, and true to the modules that it names."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.training.runtime import (
    RUNTIMES,
    Runtime,
    probe_module,
    runner_of,
    runtime_of,
    single,
    spare,
)
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses
from nworkers.models.records import calibration, runtimes
from nworkers.models.records.workload import named_workload

ROWS = list(RUNTIMES.values())
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
AT = TaskAddresses(
    tuple(TaskAddress(f"ps{k}") for k in range(2)),
    tuple(TaskAddress(f"worker{k}") for k in range(3)),
    TaskAddress("chief"),
)


def functions(module: str) -> set[str]:
    """Functions of a module, which is not imported: it may need a framework."""
    spec = find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_runtime_has_a_row_and_every_strategy_a_runtime() -> None:
    assert tuple(RUNTIMES) == runtimes.RUNTIMES
    assert {s for row in ROWS for s in row.strategies} == set(runtimes.STRATEGIES)
    assert all(row.strategies for row in ROWS)


@every_row
def test_the_modules_of_a_row_have_what_they_are_called_for(row: Runtime) -> None:
    module, _, function = row.server.partition(":")
    assert function in functions(module)
    assert "build" in functions(row.trainer)
    assert all("build" in functions(probe.module) for probe in row.probes)
    assert RUNTIMES[row.alone].runners


@pytest.mark.parametrize("framework", {row.framework for row in ROWS}, ids=lambda f: f.name)
def test_the_modules_of_a_framework_have_what_they_are_called_for(framework: object) -> None:
    (row, *_) = [row for row in ROWS if row.framework == framework]
    assert {"client", "server"} <= functions(row.framework.channel)
    assert "gpus" in functions(row.framework.devices)
    assert "measure" in functions(row.framework.memory)
    assert "described" in functions(row.framework.user_model)
    assert find_spec(row.framework.preload) is not None


def test_every_path_has_one_runtime() -> None:
    paths = [path for row in ROWS for path in row.runners]
    assert sorted(paths) == sorted(get_args(calibration.Executor))


def test_every_cell_of_a_full_plan_is_built_and_run_by_tasks_of_its_runtime() -> None:
    scope = Scope("full", workers=3, ps=2)
    cells = plan(scope, named_workload("mlp:8,4"), gpu=True, gpus=4).cells
    for cell in cells:
        groups = (*runtime_of(cell).groups(AT, (cell.workers,)), single())
        assert runner_of(cell).calling_job(cell.workers) in {group.job for group in groups}
        assert probe_module(cell) in {probe.module for probe in runtime_of(cell).probes}
    assert {runtime_of(cell).name for cell in cells} == set(RUNTIMES)


@every_row
def test_a_training_is_driven_by_a_group_of_its_own_tasks(row: Runtime) -> None:
    groups = {group.job: group for group in row.groups(AT, (3,))}
    assert groups[row.driving_job(3)].addresses in (AT.workers, (AT.chief,))
    assert {group.runtime for group in groups.values()} == {row.name}


def test_a_group_of_each_size_knows_its_own_members_alone() -> None:
    pair, three = RUNTIMES["mirrored"].groups(AT, (2, 3))
    assert (pair.addresses, three.addresses) == (AT.workers[:2], AT.workers)
    assert pair.cluster != three.cluster
    assert spare(AT.ps).cluster not in (pair.cluster, three.cluster, "")
