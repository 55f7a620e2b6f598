"""Watch: what else happened to the machine while it was measured.

Load, clock, temperature, what a hypervisor took away, and which other processes were busy. No
command line and no user is read: of a process only the name that the kernel has for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.host.gpus import gpu_users, gpus_here
from nworkers.calibrate.host.processor import stolen_s
from nworkers.models.records.calibration import Environment, Neighbour
from nworkers.models.records.environment_facts import fact_text

ROOT = Path("/")
#: Of one core, over a round: what another process may take before it is named.
BUSY_SHARE = 0.05
#: The kernel's own threads are children of this process; they work on behalf of others, of us too.
KTHREADD = 2


class Watch:
    """The environment of a measurement: the facts from before, and the state before and after."""

    def __init__(self) -> None:
        self._facts = environment()
        self._before = state()
        self._stolen_s = stolen_s()
        self._began_s = time.monotonic()

    def environment(self) -> Environment:
        """``stolen_share`` is of all cores' time, from the beginning until now."""
        core_s = (time.monotonic() - self._began_s) * (os.cpu_count() or 1)
        share = max(0.0, stolen_s() - self._stolen_s) / core_s if core_s else 0.0
        facts = {
            **self._facts.facts,
            **{f"{name}_before": value for name, value in self._before.items()},
            **{f"{name}_after": value for name, value in state().items()},
            "stolen_share": fact_text("stolen_share", share),
        }
        return replace(self._facts, facts=facts)


def state(root: Path = ROOT) -> dict[str, str]:
    """Load, clock frequency and temperature now; what this system does not tell is left out."""
    clock_hz = clock_frequency_hz(root)
    found: dict[str, float | str | None] = {
        "load_1min": os.getloadavg()[0],
        "clock_mhz": None if clock_hz is None else clock_hz / 1e6,
        "temperature_c": temperature_c(root),
        **_gpu_state(),
    }
    return {name: fact_text(name, value) for name, value in found.items() if value is not None}


def _gpu_state() -> dict[str, float | str | None]:
    """Of the first GPU: its clock, its memory in use, and who is on it beside this process."""
    gpus = gpus_here()
    if not gpus:
        return {}
    return {
        "gpu_clock_mhz": gpus[0].clock_mhz,
        "gpu_memory_used": gpus[0].used_mib,
        "gpu_processes": ", ".join(map(str, gpu_users())) or None,
    }


def clock_frequency_hz(root: Path = ROOT) -> float | None:
    """Mean over the cores, from cpufreq, else from /proc/cpuinfo."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    khz = [value for file in files if (value := _number(file)) is not None]
    if khz:
        return 1e3 * sum(khz) / len(khz)
    try:
        lines = (root / "proc/cpuinfo").read_text().splitlines()
        mhz = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    except (OSError, ValueError):
        return None
    return 1e6 * sum(mhz) / len(mhz) if mhz else None


def temperature_c(root: Path = ROOT) -> float | None:
    """The hottest sensor that can be read; virtual machines have none."""
    files = [
        *(root / "sys/class/thermal").glob("thermal_zone*/temp"),
        *(root / "sys/class/hwmon").glob("hwmon*/temp*_input"),
    ]
    # A sensor that is absent or asleep reports 0 or less.
    read = [t / 1000 for file in files if (t := _number(file)) is not None and t > 0]
    return max(read, default=None)


@dataclass(frozen=True)
class Process:
    """One process as /proc tells of it; ``started`` tells two apart that had the same number."""

    comm: str
    parent: int
    started: int
    busy_s: float


def processes(root: Path = ROOT) -> dict[int, Process]:
    """Every process that can be seen, by its number."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    found: dict[int, Process] = {}
    for file in (root / "proc").glob("[0-9]*/stat"):
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        # The name stands in brackets and may hold any character, brackets and spaces too.
        comm = text[text.index("(") + 1 : text.rindex(")")]
        fields = text[text.rindex(")") + 2 :].split()
        busy_s = (int(fields[11]) + int(fields[12])) * tick_s
        found[int(file.parent.name)] = Process(comm, int(fields[1]), int(fields[19]), busy_s)
    return found


class Neighbours:
    """Other processes' work from a round's begin to its end.

    A process that began and ended within the round is not seen; the host's busy time holds it.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._before = processes(root)
        self._began_s = time.monotonic()

    def busy(self, number: int, known: Iterable[int]) -> tuple[Neighbour, ...]:
        """Who used more than `BUSY_SHARE` of a core in this round, most first.

        Neither the ``known`` processes nor their descendants count: those are the measurement.
        """
        lasted_s = time.monotonic() - self._began_s
        after = processes(self._root)
        ours = descendants(after, known) | descendants(after, [KTHREADD])
        found: list[Neighbour] = []
        for pid, process in after.items():
            before = self._before.get(pid)
            same = before is not None and before.started == process.started
            spent_s = process.busy_s - (before.busy_s if before is not None and same else 0.0)
            share = spent_s / lasted_s if lasted_s else 0.0
            if pid not in ours and share > BUSY_SHARE:
                found.append(Neighbour(number, process.comm, round(share, 3)))
        return tuple(sorted(found, key=lambda n: -n.share))


def descendants(running: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """The roots and whatever they started, directly or not."""
    children: dict[int, list[int]] = {}
    for pid, process in running.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    left = list(roots)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children.get(pid, [])
    return found


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None
