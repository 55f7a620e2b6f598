"""Facts about the machine, from an allow-list: no names, no addresses, no process environment."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import scale
from scale.calibrate.processor import stolen_s, usable_cores
from scale.models.calibration import Environment

_PACKAGES = ("tensorflow", "tensorflow-cpu", "numpy", "scipy", "simpy")


def _first_value(path: str, key: str) -> str:
    """The value of the first ``key : value`` line of a /proc file, or ``unknown``."""
    try:
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return "unknown"


class Watch:
    """The environment of a measurement, with what a hypervisor took away while it lasted."""

    def __init__(self) -> None:
        self._before = environment()
        self._stolen_s = stolen_s()
        self._began_s = time.monotonic()

    def environment(self) -> Environment:
        """The facts from before, and ``stolen_share``: of all cores' time, until now."""
        core_s = (time.monotonic() - self._began_s) * (os.cpu_count() or 1)
        share = (stolen_s() - self._stolen_s) / core_s if core_s else 0.0
        return replace(self._before, facts={**self._before.facts, "stolen_share": f"{share:.3f}"})


def environment() -> Environment:
    """What a reader must know to judge the samples."""
    cpu = _first_value("/proc/cpuinfo", "model name")
    cores = usable_cores()
    facts = {
        "scale": scale.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu_model": cpu,
        "cores_usable": f"{cores:g}",
        "cores_present": str(os.cpu_count() or 1),
        "memory_total": _first_value("/proc/meminfo", "MemTotal"),
        "hypervisor": "yes" if "hypervisor" in _first_value("/proc/cpuinfo", "flags") else "no",
        "load_1min_before": f"{os.getloadavg()[0]:.2f}",
    }
    for package in _PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Environment(
        measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        hardware=f"{cores:g} cores of {cpu}",
        facts=facts,
    )
