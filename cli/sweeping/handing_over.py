"""Handing over: a sweep's scenarios go to an executor in tasks of a fraction of a second."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from nworkers.cli.sweeping.carry_out import CarriedOut, carry_out, packed, runs
from nworkers.models.base.errors import HardwareError

if TYPE_CHECKING:
    from nworkers.simulator.sweep.grid import SweepGrid

#: How long a task is to take: much longer than handing it over, and no long loss with its process.
TASK_S = 0.4
MOST_SCENARIOS = 1000
#: What the last task tells of how long the next takes, against what all before told.
NEWS = 0.3
#: Tasks for each core: one that runs, and one that waits.
ROOM = 2
#: So often is told how far all is, though no task ends.
TICK_S = 1.0
#: An executor without a single core for so long is given up.
ALONE_S = 60.0


@dataclass(frozen=True)
class SweepPool:
    """Who carries tasks out: an executor, its ``name``, and its cores as far as they are known.

    ``failure`` says why it gave up a task, of the exception.
    """

    executor: Executor
    name: str
    cores: Callable[[], int]
    failure: Callable[[BaseException], str]


class Pace:
    """How many scenarios make a task."""

    def __init__(self) -> None:
        self._scenario_s: float | None = None

    @property
    def scenarios(self) -> int:
        if self._scenario_s is None:
            return 1
        return max(1, min(MOST_SCENARIOS, int(TASK_S / max(self._scenario_s, 1e-9))))

    def learn(self, scenarios: int, taken_s: float) -> None:
        each_s = taken_s / scenarios
        known_s = each_s if self._scenario_s is None else self._scenario_s
        self._scenario_s = (1.0 - NEWS) * known_s + NEWS * each_s


def hand_over(pool: SweepPool, grid: SweepGrid, indices: Sequence[int]) -> Iterator[CarriedOut]:
    """What became of some scenarios of a grid, as it comes; now and then nothing.

    Only so many tasks are handed over as keep the cores busy. The grid goes to a process when the
    process asks for it, and a scenario as its number.

    Raises:
        HardwareError: a task was given up, no core is left, or another version runs there.
    """
    content = packed(grid)
    tasks = _Tasks(pool, hashlib.sha256(content).hexdigest())
    pace, rest, at = Pace(), list[tuple[int, ...]](), 0
    heard_s = time.monotonic()
    while True:
        while len(tasks) < ROOM * max(1, pool.cores()):
            if rest:
                tasks.give(rest.pop())
            elif at < len(indices):
                tasks.give(tuple(indices[at : at + pace.scenarios]))
                at += pace.scenarios
            else:
                break
        if not tasks:
            return
        ended = tasks.ended()
        if ended is None:
            now_s = time.monotonic()
            heard_s = now_s if pool.cores() else heard_s
            if now_s - heard_s > ALONE_S:
                raise HardwareError(f"{pool.name}: none was there for {ALONE_S:g} s")
            yield CarriedOut()
            continue
        given, found = ended
        if found.unknown:
            tasks.give(given, content)
            continue
        pace.learn(len(found.lines), found.seconds)
        if len(found.lines) < len(given):
            rest.append(given[len(found.lines) :])
        yield found


class _Tasks:
    """The tasks that are with an executor."""

    def __init__(self, pool: SweepPool, digest: str) -> None:
        self._pool = pool
        self._digest = digest
        self._given: dict[Future[CarriedOut], tuple[int, ...]] = {}
        self._ended: SimpleQueue[Future[CarriedOut]] = SimpleQueue()

    def __len__(self) -> int:
        return len(self._given)

    def give(self, indices: tuple[int, ...], content: bytes | None = None) -> None:
        """Raises: HardwareError where the executor takes none any more."""
        try:
            future = self._pool.executor.submit(carry_out, runs(), self._digest, content, indices)
        except Exception as error:
            raise HardwareError(self._pool.failure(error)) from None
        self._given[future] = indices
        future.add_done_callback(self._ended.put)

    def ended(self) -> tuple[tuple[int, ...], CarriedOut] | None:
        """A task that has ended, and what came of it; None where none does for a while.

        Raises:
            HardwareError
        """
        try:
            future = self._ended.get(timeout=TICK_S)
        except Empty:
            return None
        try:
            found = future.result()
        except Exception as error:
            raise HardwareError(self._pool.failure(error)) from None
        if found.other:
            raise HardwareError(
                f"{self._pool.name} runs {found.other}, and this command {runs()}: "
                "install the same on both"
            )
        return self._given.pop(future), found
