"""Calibrating in tests: a quick calibration of seconds, and what ends it at a chosen burst."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nworkers.calibrate.campaigns import campaign, session
from nworkers.calibrate.campaigns.cell_group import CellGroup
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.presets import PRESETS, QUICK
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Burst, Calibration, Cell
from nworkers.models.records.workload import named_workload
from tests.support.kills import tasks

#: A quick calibration of every quantity that takes seconds.
SMALL = replace(
    QUICK,
    gemm=((32, 8, 32), (128, 32, 128), (512, 128, 512)),
    largest_bytes=2**20,
    sizes=4,
    tensors=(1, 16),
    together=(4, 2**17),
    both=(4, 2**17),
    updates=(2**12,),
    python=(4,),
    batches=3,
    burst_s=0.01,
    window_s=0.02,
    max_samples=60,
)


@contextmanager
def small_calibrations() -> Iterator[None]:
    """A quick calibration is `SMALL`, and its fit has few draws."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "quick", SMALL)
        patch.setattr(session, "fit_profile", partial(fit_profile, draws=20))
        yield


@dataclass
class Seen:
    """How many bursts, and starts of a cluster, a calibration has come to."""

    bursts: int = 0
    starts: int = 0


Watch = Callable[..., Seen]


def watching(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Count the bursts and starts of what is calibrated next; ``on_burst`` is told before each."""
    measure = CellGroup.measure

    def put(on_burst: Callable[[int], None] = lambda _: None) -> Seen:
        seen = Seen()

        def counted(
            self: CellGroup, cell: Cell, number: int, only: Sequence[str] = ()
        ) -> list[Burst]:
            on_burst(seen.bursts)
            seen.bursts += 1
            return measure(self, cell, number, only)

        def started(*groups: Any, **how: Any) -> AbstractContextManager[Cluster]:
            seen.starts += 1
            return running(*groups, **how)

        monkeypatch.setattr(CellGroup, "measure", counted)
        monkeypatch.setattr(campaign, "running", started)
        return seen

    return put


def pairs(calibration: Calibration) -> list[tuple[int, str]]:
    return [(b.round, b.cell.name) for b in calibration.bursts if b.worker == 0]


def planned(*quantities: str) -> int:
    """How many cells of some quantities, or of all, a quick calibration measures in all."""
    made = plan(Scope("quick"), named_workload("gemm:128,256"))
    chosen = [c for c in made.cells if not quantities or c.quantity in quantities]
    return made.rounds * len(chosen)


def interrupt_at(burst: int) -> Callable[[int], None]:
    """Ctrl-C before a certain burst."""

    def interrupt(number: int) -> None:
        if number == burst:
            os.kill(os.getpid(), signal.SIGINT)

    return interrupt


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def kill_at(burst: int) -> Callable[[int], None]:
    def kill(number: int) -> None:
        if number == burst:
            raise Killed

    return kill


def kill_ps_at(burst: int) -> Callable[[int], None]:
    """SIGKILL to the ps of this test's own tasks, found by the log that it holds open."""
    logs = Path("a.logs").resolve()

    def kill(number: int) -> None:
        if number == burst:
            os.kill(tasks(logs)["ps0"], signal.SIGKILL)

    return kill
