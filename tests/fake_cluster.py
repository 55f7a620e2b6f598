"""A cluster without TensorFlow: tasks that answer at once, with times of a known machine."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from scale.calibrate.cluster import Site
from scale.calibrate.sampling import Samples
from scale.models.calibration import Cell
from scale.models.errors import HardwareError

SAMPLES = 24


class FakeTasks:
    """What `running` yields in place of a Cluster; every burst adds one to ``bursts``.

    Args:
        spread: of the samples, and between rounds, in the logarithm.
        slow: names of the tasks that take twice as long.
        on_burst: told the number of bursts before each.
    """

    def __init__(
        self,
        spread: float = 0.01,
        slow: Sequence[str] = (),
        on_burst: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.bursts = 0
        self.starts = 0
        self._spread = spread
        self._slow = frozenset(slow)
        self._on_burst = on_burst
        self._rng = random.Random(1)
        self._jobs: list[str] = []
        self._cells: dict[str, Sequence[Cell]] = {}

    @contextmanager
    def running(
        self,
        *,
        ps: Sequence[Site],
        workers: Sequence[Site],
        single: bool = False,
        **_: object,
    ) -> Iterator[FakeTasks]:
        """In place of `scale.calibrate.cluster.running`."""
        self.starts += 1
        self._jobs = [f"ps{k}" for k in range(len(ps))]
        self._jobs += [f"worker{k}" for k in range(len(workers))]
        self._jobs += ["single0"] if single else []
        yield self

    def names(self, job: str) -> list[str]:
        return [name for name in self._jobs if name.rstrip("0123456789") == job]

    def call(self, names: Sequence[str], method: str, *arguments: Any, **_: Any) -> list[Any]:
        if method == "build":
            self._cells |= dict.fromkeys(names, arguments[0])
            return [[(0.01, "")] * len(arguments[0])] * len(names)
        if method == "processor":
            return [(0.002 * self.bursts, 0.01 * self.bursts)] * len(names)
        return [None] * len(names)

    def call_each(self, calls: dict[str, tuple[Any, ...]], _: str, **__: Any) -> list[Any]:
        self._on_burst(self.bursts)
        self.bursts += 1
        return [self._burst(name, self._cells[name][index]) for name, (index, _) in calls.items()]

    def _burst(self, name: str, cell: Cell) -> tuple[Samples, float]:
        usual_s = seconds(cell) * (2.0 if name in self._slow else 1.0)
        usual_s *= self._rng.lognormvariate(0.0, self._spread)
        taken = tuple(usual_s * self._rng.lognormvariate(0.0, self._spread) for _ in range(SAMPLES))
        return Samples(taken[:5], taken, "precision"), sum(taken) / 2


def seconds(cell: Cell) -> float:
    """What a step takes: a dispatch, a round trip, tensors, bytes, products, samples."""
    remote_s = 3e-4 if cell.path == "ps" else 0.0
    moved_s = (3e-4 + cell.size_bytes / 1e9) if cell.size_bytes else 0.0
    per_sample_s = 1e-5 * cell.batch if cell.quantity in ("step", "gradient") else 0.0
    dispatch_s = 1e-4 if cell.path == "process" else 2e-4
    return (
        dispatch_s + remote_s + moved_s + 5e-5 * (cell.tensors - 1) + cell.flops / 5e10
    ) + per_sample_s


def interrupt_at(burst: int) -> Callable[[int], None]:
    """Ctrl-C before a certain burst."""

    def interrupt(number: int) -> None:
        if number == burst:
            os.kill(os.getpid(), signal.SIGINT)

    return interrupt


def fail_at(burst: int) -> Callable[[int], None]:
    """A task dies before a certain burst."""

    def fail(number: int) -> None:
        if number == burst:
            raise HardwareError("task ps0 was ended by signal 9 (SIGKILL); its log: ps0.log")

    return fail
