"""Whether the machine was quiet while something was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.calibration.short import say
from scale.calibrate.processor import stolen_s

QUIET_LOAD, QUIET_STOLEN = 0.5, 0.02


@dataclass
class Conditions:
    """Load averages of one minute, and the share of all cores' time that a hypervisor took."""

    load_before: float
    load_after: float = 0.0
    stolen_before: float = 0.0
    stolen: float = 0.0
    seconds: float = 0.0

    @property
    def quiet(self) -> bool:
        stolen = max(self.stolen_before, self.stolen)
        return self.load_before <= QUIET_LOAD and stolen <= QUIET_STOLEN

    @property
    def words(self) -> str:
        told = (
            f"load {self.load_before:.2f} before and {self.load_after:.2f} after, "
            f"{100 * self.stolen:.1f} % of the cores' time stolen ({100 * self.stolen_before:.1f} "
            f"% before), {self.seconds:.0f} s"
        )
        return told if self.quiet else f"{told}; **the machine was not quiet**"


@contextmanager
def watched(title: str) -> Iterator[Conditions]:
    """Conditions of a block, complete at its end."""
    made = Conditions(os.getloadavg()[0], stolen_before=_stolen_share(1.0))
    say(f"{title}: load {made.load_before:.2f}, {100 * made.stolen_before:.1f} % stolen")
    if not made.quiet:
        say(f"{title}: the machine is not quiet; the figures will not be final")
    stolen, began_s = stolen_s(), time.monotonic()
    yield made
    made.seconds = time.monotonic() - began_s
    made.load_after = os.getloadavg()[0]
    made.stolen = (stolen_s() - stolen) / (made.seconds * (os.cpu_count() or 1))
    say(f"{title}: {made.words}")


def _stolen_share(seconds: float) -> float:
    before = stolen_s()
    time.sleep(seconds)
    return (stolen_s() - before) / (seconds * (os.cpu_count() or 1))
