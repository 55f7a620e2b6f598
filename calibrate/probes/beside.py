"""Beside: a probe that is timed while another call is under way."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from nworkers.calibrate.probes.probe import Probe

#: Share of the other call's own time that it gets before the step beside it begins: it first
#: agrees on what is to be done, which moves no data and costs the step nothing.
HEAD_START = 0.25


def beside(timed: Probe, other: Probe) -> Probe:
    """A probe of ``timed``, each step of which begins and ends with the other's.

    A step that outlasts the other call runs its rest alone; its excess over the step alone then is
    all that the other costs it.
    """
    background = ThreadPoolExecutor(max_workers=1)
    flying: list[Future[object]] = []
    head_start_s = 0.0

    def prove() -> None:
        nonlocal head_start_s
        other.verify()
        begin = time.perf_counter()
        other.step()
        head_start_s = HEAD_START * (time.perf_counter() - begin)
        timed.verify()

    def start() -> None:
        flying.append(background.submit(other.step))
        time.sleep(head_start_s)

    def join() -> None:
        flying.pop().result()

    return replace(timed, verify=prove, before=start, after=join)
