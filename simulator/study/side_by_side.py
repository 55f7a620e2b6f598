"""Side by side: several runs at once on the machine's cores, in the order that was asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from nworkers.simulator.engine.base import Engine, Run
from nworkers.simulator.engine.engines import lets_others_run
from nworkers.simulator.step.run_spec import RunSpec

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Fewer steps of all workers take less than a thread costs; so many are run at once.
_FEW_STEPS = 20_000
#: Runs that are told of at once.
_MOST_RUNS = 64
#: Who asks many questions at once takes a core for each.
_on_one: ContextVar[bool] = ContextVar("_on_one", default=False)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Runs are made one after the other meanwhile, by whoever asks in this thread."""
    token = _on_one.set(True)
    try:
        yield
    finally:
        _on_one.reset(token)


def cores() -> int:
    """How many runs go on at once: what the system lets this process use."""
    if _on_one.get():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_all(engine: Engine, spec: RunSpec) -> Generator[tuple[RunSpec, Run]]:
    """The runs of a specification, part by part; each part with what it came to.

    An interrupt ends the runs that are under way.
    """
    runs, threads = spec.runs or 1, cores()
    steps = spec.workers * (spec.warmup + spec.steps)
    at_once = max(1, min(_MOST_RUNS, _FEW_STEPS // steps))
    whole = runs <= at_once
    parts = (
        spec if whole else spec.of_runs(slice(first, first + at_once))
        for first in range(0, runs, at_once)
    )
    if runs * steps < _FEW_STEPS or threads == 1 or not lets_others_run(engine):
        yield from ((part, engine(part)) for part in parts)
        return
    # Most predictions are over sooner than this is imported.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    ahead: deque[tuple[RunSpec, Future[Run]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part in parts:
                ahead.append((part, pool.submit(engine, part)))
                if len(ahead) > threads:
                    yield _next(ahead)
            while ahead:
                yield _next(ahead)
        except BaseException:
            spec.cancelled[0] = 1
            for _, run in ahead:
                run.cancel()
            raise


def _next(ahead: deque[tuple[RunSpec, Future[Run]]]) -> tuple[RunSpec, Run]:
    # It stays among those that an interrupt ends until its run is there.
    part, run = ahead[0]
    done = run.result()
    ahead.popleft()
    return part, done
