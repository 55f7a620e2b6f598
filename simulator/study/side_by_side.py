"""Side by side: several runs at once on the machine's cores, in the order that was asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from nworkers.simulator.engine.base import Engine, Run
from nworkers.simulator.engine.engines import lets_others_run
from nworkers.simulator.step.run_spec import RunSpec

#: Fewer steps of all workers take less than a thread costs.
_FEW_STEPS = 2_000


def run_all(engine: Engine, specs: Iterable[RunSpec]) -> Iterator[tuple[RunSpec, Run]]:
    """Each specification with its run; no more of them are made than cores have to do.

    An interrupt ends the runs that are under way.
    """
    cores = os.cpu_count() or 1
    ahead: deque[tuple[RunSpec, Future[Run]]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        try:
            for spec in specs:
                few = spec.workers * (spec.warmup + spec.steps) < _FEW_STEPS
                if few or cores == 1 or not lets_others_run(engine):
                    yield spec, engine(spec)
                    continue
                ahead.append((spec, pool.submit(engine, spec)))
                if len(ahead) > cores:
                    yield _next(ahead)
            while ahead:
                yield _next(ahead)
        except BaseException:
            for spec, run in ahead:
                spec.cancelled[0] = 1
                run.cancel()
            raise


def _next(ahead: deque[tuple[RunSpec, Future[Run]]]) -> tuple[RunSpec, Run]:
    # It stays among those that an interrupt ends until its run is there.
    spec, run = ahead[0]
    done = run.result()
    ahead.popleft()
    return spec, done
