"""Handing over: few tasks at a time, of about the same length, and every scenario once."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from nworkers.cli.sweeping import carry_out, handing_over
from nworkers.cli.sweeping.carry_out import CarriedOut, packed, runs
from nworkers.cli.sweeping.handing_over import MOST_SCENARIOS, ROOM, Pace, SweepPool, hand_over
from nworkers.models.base.errors import HardwareError
from nworkers.simulator.sweep.grid import SweepAxis, SweepGrid
from nworkers.simulator.sweep.sweep_jobs import held, sweep_grid
from tests.support.factories import profile


def grid(seeds: int) -> SweepGrid:
    stated: dict[str, list[Any]] = {
        "profile": [profile(link__kind="network")],
        "strategy": ["ps-async", "allreduce"],
        "batch": [2],
        "workers": [1, 3],
        "seed": list(range(seeds)),
    }
    return made(stated)


def made(stated: dict[str, list[Any]]) -> SweepGrid:
    axes = [
        SweepAxis(f, f, tuple(f"{f} {k}" for k in range(len(v))), tuple(held(f, x) for x in v))
        for f, v in stated.items()
    ]
    return sweep_grid("given", axes, {})


class Watched(Executor):
    """Two threads, and the most tasks that were with them at once."""

    def __init__(self) -> None:
        self.most = self.tasks = self.with_grid = 0
        self._now = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(2)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            self._now += 1
            self.tasks += 1
            self.with_grid += args[2] is not None
            self.most = max(self.most, self._now)
        future = self._threads.submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._ended())
        return future

    def _ended(self) -> None:
        with self._lock:
            self._now -= 1


def pool(executor: Executor, cores: int = 2) -> SweepPool:
    return SweepPool(executor, "a thread", lambda: cores, str)


def carried(of: SweepGrid, executor: Executor) -> list[CarriedOut]:
    return list(hand_over(pool(executor), of, range(of.size)))


def keys(found: list[CarriedOut]) -> list[str]:
    return sorted(json.loads(line)["key"] for one in found for line in one.lines)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "_known", {})


def test_every_scenario_once_though_each_task_gives_most_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(carry_out, "LONGEST_S", 0.0)
    of, executor = grid(6), Watched()
    found = carried(of, executor)
    assert keys(found) == sorted(of.key(k) for k in range(of.size))
    assert all(len(one.lines) <= 1 for one in found)
    # One worker cannot all-reduce, three cannot share a batch of two.
    assert sum(len(one.impossible) for one in found) == 18


def test_few_tasks_are_with_the_executor_and_the_grid_goes_when_asked_for() -> None:
    of, executor = grid(20), Watched()
    found = carried(of, executor)
    assert keys(found) == sorted(of.key(k) for k in range(of.size))
    assert executor.most <= 2 * ROOM
    assert executor.tasks < of.size / 2
    assert 1 <= executor.with_grid <= 2 * ROOM


def test_the_pace_is_a_fraction_of_a_second() -> None:
    pace = Pace()
    assert pace.scenarios == 1
    pace.learn(1, 2.0)
    assert pace.scenarios == 1
    for _ in range(50):
        pace.learn(pace.scenarios, 0.01 * pace.scenarios)
    assert 0.1 <= 0.01 * pace.scenarios <= 1.0
    for _ in range(50):
        pace.learn(pace.scenarios, 0.0)
    assert pace.scenarios == MOST_SCENARIOS


class Elsewhere(Executor):
    """Where another version runs."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(f"not {args[0]}", *args[1:]))
        return future


def test_another_version_is_told_of_before_it_reads_anything() -> None:
    with pytest.raises(HardwareError, match=re.escape(f"a thread runs {runs()}, and this command")):
        carried(grid(1), Elsewhere())


class Silent(Executor):
    """Where nobody carries anything out."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


def test_an_executor_without_cores_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "TICK_S", 0.01)
    monkeypatch.setattr(handing_over, "ALONE_S", 0.05)
    with pytest.raises(HardwareError, match="a thread: none was there for"):
        list(hand_over(pool(Silent(), cores=0), grid(1), range(4)))


class Refusing(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


def test_an_executor_that_takes_nothing_is_told_of() -> None:
    with pytest.raises(HardwareError, match="cannot schedule new futures"):
        carried(grid(1), Refusing())


@pytest.mark.timed
def test_a_hundred_thousand_are_handed_over_in_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that the command does for scenarios, but for the work of carrying them out."""
    stated: dict[str, list[Any]] = {
        "profile": [profile(link__kind="network")],
        "batch": [2**k for k in range(10)],
        "workers": list(range(1, 101)),
        "seed": list(range(100)),
    }
    of = made(stated)
    assert of.size == 100_000
    monkeypatch.setattr(handing_over, "carry_out", at_once)
    began_s = time.monotonic()
    found = sum(len(one.lines) for one in carried(of, ThreadPoolExecutor(2)))
    assert found == of.size
    assert time.monotonic() - began_s < 5.0


def at_once(asker: str, digest: str, content: bytes | None, indices: tuple[int, ...]) -> CarriedOut:
    return CarriedOut(("{}",) * len(indices), (), 1e-4 * len(indices))


def test_a_grid_is_small_on_its_way() -> None:
    assert len(packed(grid(1000))) < 100_000
