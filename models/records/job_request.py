"""JobRequest: a question about a training job, as far as it was said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_PROFILE
from nworkers.models.records.profile import DeviceKind, Profile
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import PsPlacement, Scaling
from nworkers.models.records.setting import Setting
from nworkers.models.records.what_if import PLAIN, WhatIf
from nworkers.models.records.workload import StepSeconds, Workload

if TYPE_CHECKING:
    from nworkers.models.records.calibration import Calibration

Placement = Literal["shared", "separate"]
#: Less memory than this is a slip of the unit.
MIN_MEMORY_BYTES = 1e6
MAX_CORES = 100_000
#: Of a compute time's logarithm: beyond, a step is a matter of luck.
MAX_SPREAD = 1.0
PLACEMENTS: tuple[Placement, ...] = ("shared", "separate")
#: A record, the name of a shipped profile, or a file.
ProfileSource: TypeAlias = "Calibration | Profile | Path | str"


@dataclass(frozen=True)
class Addition:
    """So many workers beside those that are owned, on hosts of their own.

    ``device`` is how many times as fast as those they compute, or the profile whose device they
    have.
    """

    workers: int
    device: float | ProfileSource


@dataclass(frozen=True)
class JobRequest:
    """A job by its names, files and numbers; None leaves a choice to `resolve`.

    ``link`` replaces the profile's link by another's, or its wire by a nominal one (``10gbit``),
    and ``device_of`` its devices. Workers compute on ``device``, by default on the GPU where the
    profile has one, of which ``workers_per_gpu`` share each. ``workload`` is a record, a name or a
    file; by default the calibrated one. ``batch`` is global under strong scaling and per worker
    under weak. ``placement`` says it of all tasks; ``hosts`` or ``workers_per_host``, and
    ``ps_placement``, say it in detail. ``baseline`` is ``device``, ``host`` or a number of workers.
    ``memory_bytes`` and ``cores`` are what a host has; ``spread`` is the deviation of a worker's
    compute from step to step, in its logarithm. ``step_time`` is what a step of one process takes
    at some batches, in place of all that is known of the workload's. ``settings`` are quantities of
    the profile, as the workers see it, that shall be otherwise: "my machine, but …". ``add`` are
    workers on another device beside those of a ``baseline`` that is a number of workers.
    """

    profile: ProfileSource = DEFAULT_PROFILE
    link: ProfileSource | None = None
    workload: Workload | Path | str | None = None
    batch: int = DEFAULT_BATCH
    strategy: Strategy = "ps-async"
    runtime: Runtime | None = None
    scaling: Scaling = "strong"
    ps: int = 1
    placement: Placement | None = None
    hosts: int | None = None
    workers_per_host: int | None = None
    device: DeviceKind | None = None
    device_of: ProfileSource | None = None
    workers_per_gpu: int | None = None
    ps_placement: PsPlacement | None = None
    what_if: WhatIf = PLAIN
    baseline: str = "device"
    memory_bytes: float | None = None
    cores: float | None = None
    spread: float | None = None
    step_time: tuple[StepSeconds, ...] = ()
    settings: tuple[Setting, ...] = ()
    add: Addition | None = None
    seed: int = 1
