"""Whether the machine was quiet while something was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.calibration.short import say
from nworkers.calibrate.host.processor import host_busy_s, stolen_s

#: Shares of all cores' time. The load average would remember what this very command did before.
QUIET_BUSY, QUIET_STOLEN = 0.05, 0.02
WATCHED_S = 3.0


@dataclass
class Conditions:
    """Shares of all cores' time: busy just before, and taken by a hypervisor."""

    busy_before: float
    stolen_before: float = 0.0
    stolen: float = 0.0
    seconds: float = 0.0

    @property
    def quiet(self) -> bool:
        stolen = max(self.stolen_before, self.stolen)
        return self.busy_before <= QUIET_BUSY and stolen <= QUIET_STOLEN

    @property
    def words(self) -> str:
        told = (
            f"{100 * self.busy_before:.0f} % of the cores' time busy before, "
            f"{100 * self.stolen:.1f} % stolen meanwhile, {self.seconds:.0f} s"
        )
        return told if self.quiet else f"{told}; **the machine was not quiet**"


@contextmanager
def watched(title: str) -> Iterator[Conditions]:
    """Conditions of a block, complete at its end."""
    made = Conditions(*_shares(WATCHED_S))
    say(f"{title}: {100 * made.busy_before:.0f} % busy, {100 * made.stolen_before:.1f} % stolen")
    if not made.quiet:
        say(f"{title}: the machine is not quiet; the figures will not be final")
    stolen, began_s = stolen_s(), time.monotonic()
    yield made
    made.seconds = time.monotonic() - began_s
    made.stolen = (stolen_s() - stolen) / (made.seconds * (os.cpu_count() or 1))
    say(f"{title}: {made.words}")


def _shares(seconds: float) -> tuple[float, float]:
    """Of the cores' time, what was busy and what was stolen."""
    busy, stolen = host_busy_s(), stolen_s()
    time.sleep(seconds)
    whole_s = seconds * (os.cpu_count() or 1)
    return (host_busy_s() - busy) / whole_s, (stolen_s() - stolen) / whole_s
