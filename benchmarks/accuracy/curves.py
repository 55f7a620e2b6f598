"""Curves: the jobs of both designs, each one job at several worker counts; a cell is one count.

``data/design.json`` holds what was drawn first (`design`), ``data/design-2.json`` the blind half
(`blind`), with what was predicted for it when it was drawn.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scaling, Scenario
from nworkers.models.records.what_if import WhatIf
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload

FOLDER = Path(__file__).with_name("data")
#: The machine of the development half; its calibrations and starts on others have own folders.
HOME = FOLDER / "xeon"
DATA = FOLDER / os.environ.get("ACCURACY_MACHINE", HOME.name)
BLIND = FOLDER / "blind"

Training = Literal["async", "sync", "coordinator", "mirrored"]
Compute = Literal["wait", "real"]
#: The first design's two halves, both development now, and the second design.
Half = Literal["development", "test", "blind"]
#: What is judged together; ``test`` is the part of development that was one.
PARTS: dict[str, tuple[Half, ...]] = {
    "development": ("development", "test"),
    "test": ("test",),
    "blind": ("blind",),
}
DESIGNS = {"development": FOLDER / "design.json", "blind": FOLDER / "design-2.json"}
TRAININGS: tuple[Training, ...] = get_args(Training)

#: The first design's models: the original report's product, six variables, one of 16 MiB.
NAMES = {"gemm": "gemm:128,256", "mlp": "mlp:784,256,128,10", "big": "gemm:2048,2048"}
MODELS = ("gemm", "mlp", "conv", "big")
#: Users' own, written in Keras; what a step of theirs takes is described by the machine.
USER_MODELS = {
    "conv": "benchmarks.accuracy.models:conv",
    "residual": "benchmarks.accuracy.models:residual",
}
CONV_FILE = DATA / "conv.toml"


@dataclass(frozen=True)
class Curve:
    """One job at several worker counts.

    ``floor_s`` and ``per_sample_s`` are the wait in place of compute; 0 where it is computed.
    ``model`` is a name of the first design's, of a user's model, or a workload's. Where a wait has
    ``shapes``, these are its variables. Curves of one ``job`` differ by strategy, runtime and ps.
    """

    name: str
    half: Half
    training: Training
    compute: Compute
    model: str
    batch: int
    scaling: Scaling
    ps: int
    link_mbit: int
    workers: tuple[int, ...]
    floor_s: float = 0.0
    per_sample_s: float = 0.0
    job: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def strategy(self) -> Strategy:
        if self.training == "mirrored":
            return "allreduce"
        return "ps-sync" if self.training == "sync" else "ps-async"

    @property
    def runtime(self) -> Runtime:
        if self.training in ("coordinator", "mirrored"):
            return self.training
        return "session"

    @property
    def same_job(self) -> str:
        """What all curves of its job have in common: their name where there is but one."""
        return self.job or self.name

    @property
    def variables(self) -> tuple[Variable, ...]:
        if self.shapes:
            return tuple(Variable(f"v{k}", shape) for k, shape in enumerate(self.shapes))
        return computed(self.model).variables

    @property
    def workload(self) -> Workload:
        if self.compute == "real":
            return computed(self.model)
        cost = Cost(self.floor_s, self.per_sample_s)
        return Workload(f"waiting-{self.model}", self.variables, cost=cost)

    @property
    def user_model(self) -> str:
        return USER_MODELS.get(self.model, "") if self.compute == "real" else ""

    def stated_wait_s(self, workers: int) -> float:
        """What a worker's step waits in place of computing."""
        return self.floor_s + self.per_sample_s * self.scenario(workers).per_worker_batch

    def scenario(self, workers: int, workload: Workload | None = None) -> Scenario:
        """The job as a user would ask about it.

        Args:
            workload: the curve's as it was described, where it is a user's model.
        """
        alone = self.link_mbit > 0
        return Scenario(
            workload or self.workload,
            workers,
            strategy=self.strategy,
            runtime=self.runtime,
            scaling=self.scaling,
            batch=self.batch,
            ps=self.ps,
            workers_per_host=1 if alone else 10_000,
            ps_placement="own" if alone else "shared",
            # Emulated hosts have links of their own and share the machine's cores.
            what_if=WhatIf(one_machine=alone),
        )

    def cell(self, workers: int) -> str:
        """Its name in the files; curves of one job have one single process (0)."""
        return f"{self.name if workers else self.same_job}-{workers}"


@cache
def computed(model: str) -> Workload:
    """What a name stands for."""
    return (
        read_workload(str(CONV_FILE))
        if model == "conv"
        else named_workload(NAMES.get(model, model))
    )


def read(design: str = "development") -> tuple[Curve, ...]:
    """A design as it was written down."""
    rows = json.loads(DESIGNS[design].read_text())["curves"]
    return tuple(_curve(row.get("curve", row)) for row in rows)


def chosen(part: str) -> tuple[Curve, ...]:
    """The curves of a part of `PARTS`."""
    design = part if part in DESIGNS else "development"
    return tuple(curve for curve in read(design) if curve.half in PARTS[part])


def _curve(row: dict[str, Any]) -> Curve:
    shapes = tuple(tuple(shape) for shape in row.get("shapes", ()))
    return Curve(**row | {"workers": tuple(row["workers"]), "shapes": shapes})
