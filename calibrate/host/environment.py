"""Facts about the machine, from an allow-list: no names, no addresses, no process environment."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import nworkers
from nworkers.calibrate.host.processor import usable_cores
from nworkers.models.records.calibration import Environment

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


def environment() -> Environment:
    """What a reader must know to judge the samples."""
    cpu = _first_value("/proc/cpuinfo", "model name")
    cores = usable_cores()
    facts = {
        "scale": nworkers.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu_model": cpu,
        "cores_usable": f"{cores:g}",
        "cores_present": str(os.cpu_count() or 1),
        "memory_total": _first_value("/proc/meminfo", "MemTotal"),
        "hypervisor": "yes" if "hypervisor" in _first_value("/proc/cpuinfo", "flags") else "no",
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
