"""Side by side: several runs at once on the machine's cores, in the order that was asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from nworkers.simulator.engine.base import Engine, Run, joined
from nworkers.simulator.engine.engines import lets_others_run
from nworkers.simulator.step.run_spec import RunSpec

if TYPE_CHECKING:
    from concurrent.futures import Future

#: So many steps of all workers are run at once.
_STEPS_AT_ONCE = 20_000
#: Fewer activities of all workers take less than threads cost.
_FEW_ACTIVITIES = 30_000
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
    at_once = max(1, min(_MOST_RUNS, _STEPS_AT_ONCE // steps))
    places = [range(first, min(runs, first + at_once)) for first in range(0, runs, at_once)]
    activities = steps * max(len(plan.activities) for plan in spec.plans)
    few = runs == 1 or runs * activities < _FEW_ACTIVITIES
    if few or threads == 1 or not lets_others_run(engine):
        yield from ((part, engine(part)) for part in (_of(spec, of) for of in places))
        return
    # Most predictions are over sooner than this is imported.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    # Each core has as much to do as any other, also where there are few parts.
    each = 1 if len(places) > 2 * threads else threads
    ahead: deque[tuple[range, list[Future[Run]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for of in places:
                pieces = [piece for k in range(each) if (piece := _piece(of, k, each))]
                ahead.append((of, [pool.submit(engine, _of(spec, piece)) for piece in pieces]))
                if len(ahead) > threads:
                    yield _next(spec, ahead)
            while ahead:
                yield _next(spec, ahead)
        except BaseException:
            spec.cancelled[0] = 1
            for _, made in ahead:
                for run in made:
                    run.cancel()
            raise


def _of(spec: RunSpec, places: range) -> RunSpec:
    """The runs at these places."""
    if len(places) == (spec.runs or 1):
        return spec
    return spec.of_runs(slice(places.start, places.stop))


def _piece(places: range, number: int, of: int) -> range:
    """One of so many pieces that are as long as each other."""
    return places[number * len(places) // of : (number + 1) * len(places) // of]


def _next(spec: RunSpec, ahead: deque[tuple[range, list[Future[Run]]]]) -> tuple[RunSpec, Run]:
    # It stays among those that an interrupt ends until its runs are there.
    places, made = ahead[0]
    done = joined([run.result() for run in made])
    ahead.popleft()
    return _of(spec, places), done
