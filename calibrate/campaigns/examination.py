"""Examination: whether this machine can be measured, and what stands in the way, before any start.

Nothing is imported that would be measured: packages are looked up, and TensorFlow stays closed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nworkers.calibrate.campaigns.session import CalibrationRequest, expected
from nworkers.calibrate.host.gpus import device_present, driver_answer
from nworkers.calibrate.host.processor import usable_cores
from nworkers.calibrate.training.runtime import TENSORFLOW
from nworkers.models.base.errors import HardwareError, InputError

#: ``bad`` stands in the way of calibrate; ``doubtful`` makes its numbers worse, or a part of it.
Health = Literal["good", "doubtful", "bad"]
PYTHONS = ((3, 11), (3, 13))
KERNEL = "nworkers.simulator.engine.compiled.kernel"
#: What an extra brings, and the package that shows it is there.
EXTRAS = {"dask": "distributed", "gpu": "nvidia-cuda-runtime-cu12"}
#: Two tasks and a coordinator, each with TensorFlow.
LEAST_BYTES = 2e9
#: Samples, journal and logs of a full calibration.
LEAST_FREE_BYTES = 1e8
#: Disciplines of a queue that slow what passes.
SHAPERS = re.compile(r"qdisc (netem|tbf|htb|hfsc|cake|cbq) \S+ dev (\S+)")
TC_S = 5.0
#: The bit of CAP_SYS_ADMIN, which network namespaces need.
SYS_ADMIN = 21


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its state in words, and what to do next where it is not good."""

    what: str
    state: str
    health: Health = "good"
    next: str = ""


@dataclass(frozen=True)
class Examination:
    """All findings; and seconds that a quick and a whole calibration take here, where known."""

    findings: tuple[Finding, ...]
    quick_s: float | None
    default_s: float | None

    @property
    def can_calibrate(self) -> bool:
        """Whether nothing stands in the way."""
        return all(found.health != "bad" for found in self.findings)


def examine(folder: Path) -> Examination:
    """Look at this machine, for a calibration that would be written into a folder."""
    findings = [
        *_installed(),
        *_devices(),
        _ports(),
        _shaping(),
        _namespaces(),
        _writing(folder),
    ]
    quick_s, default_s = (_estimate_s(preset) for preset in ("quick", None))
    return Examination(tuple(findings), quick_s, default_s)


def _estimate_s(preset: Literal["quick"] | None) -> float | None:
    try:
        return expected(CalibrationRequest(preset=preset)).estimate_s
    except (InputError, HardwareError):
        return None


# What is installed


def _installed() -> list[Finding]:
    return [_python(), _tensorflow(), _kernel(), _extras()]


def _python() -> Finding:
    low, high = PYTHONS
    version = platform.python_version()
    if low <= sys.version_info[:2] <= high:
        return Finding("Python", version)
    allowed = f"use Python {low[0]}.{low[1]} to {high[0]}.{high[1]}"
    return Finding("Python", version, "doubtful", allowed)


def version_of(*packages: str) -> str | None:
    """The version of the first of some packages that is installed."""
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _tensorflow() -> Finding:
    version = version_of("tensorflow-cpu", "tensorflow")
    try:
        TENSORFLOW.require()
    except HardwareError:
        return Finding("TensorFlow", "not installed", "bad", TENSORFLOW.install)
    return Finding("TensorFlow", version or "here, without a version")


def _kernel() -> Finding:
    if importlib.util.find_spec(KERNEL) is not None:
        return Finding("simulator", "compiled")
    remedy = "with a C compiler and Python's headers: pip install --force-reinstall nworkers"
    return Finding("simulator", "by simpy, some 50 times slower", "doubtful", remedy)


def _extras() -> Finding:
    here = {extra: version_of(package) for extra, package in EXTRAS.items()}
    said = ", ".join(f"{extra} {version or 'not installed'}" for extra, version in here.items())
    return Finding("extras", said)


# What calibrate would measure


def _devices() -> list[Finding]:
    cores = usable_cores()
    few = cores < 2
    processors = Finding(
        "cores",
        f"{cores:g}",
        "doubtful" if few else "good",
        "give it two: tasks on one core wait for each other" if few else "",
    )
    return [processors, _memory(), _gpus()]


def _memory() -> Finding:
    total = memory_bytes()
    if total is None:
        return Finding("memory", "unknown")
    state = f"{total / 1e9:.1f} GB"
    if total < LEAST_BYTES:
        remedy = f"each task needs about 0.5 GB; give it {LEAST_BYTES / 1e9:g} GB"
        return Finding("memory", state, "doubtful", remedy)
    return Finding("memory", state)


def memory_bytes(
    info: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")
) -> float | None:
    """What this process may use: of the machine, or of its control group where that has less."""
    found: list[float] = []
    for path, pattern, unit in ((info, r"MemTotal:\s*(\d+) kB", 1024.0), (limit, r"^(\d+)$", 1.0)):
        try:
            match = re.search(pattern, path.read_text())
        except OSError:
            continue
        if match:
            found.append(unit * float(match[1]))
    return min(found, default=None)


def _gpus() -> Finding:
    answer = driver_answer()
    if answer is not None and answer.gpus:
        names = ", ".join(gpu.name for gpu in answer.gpus)
        if version_of(EXTRAS["gpu"]) is None:
            remedy = "to measure it: pip install 'nworkers[gpu]'"
            return Finding("GPUs", names, "doubtful", remedy)
        return Finding("GPUs", names)
    if device_present():
        why = "nvidia-smi is not here" if answer is None else answer.error
        return Finding("GPUs", f"a device without a driver: {why}", "doubtful", "see docs/gpu.md")
    return Finding("GPUs", "none")


# What its tasks need


def _ports() -> Finding:
    """Whether tasks can listen, and be reached, by loopback."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            with socket.create_connection(address, timeout=2.0):
                pass
    except OSError as error:
        remedy = "allow TCP on 127.0.0.1; see ip link show lo and the firewall"
        return Finding("ports", f"loopback fails: {error.strerror or error}", "bad", remedy)
    return Finding("ports", "tasks can listen on loopback")


def _shaping() -> Finding:
    if shutil.which("tc") is None:
        return Finding("traffic shaping", "unknown: tc is not here")
    try:
        said = subprocess.run(
            ["tc", "qdisc", "show"], capture_output=True, text=True, timeout=TC_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return Finding("traffic shaping", "unknown: tc does not answer")
    return shaping(said)


def shaping(said: str) -> Finding:
    """What ``tc qdisc show`` says of links that are slowed on purpose."""
    slowed = {device: kind for kind, device in SHAPERS.findall(said)}
    if not slowed:
        return Finding("traffic shaping", "none")
    named = ", ".join(f"{device} by {kind}" for device, kind in slowed.items())
    device = next(iter(slowed))
    remedy = f"if that is not what you want to measure: tc qdisc del dev {device} root"
    return Finding("traffic shaping", named, "doubtful", remedy)


def _namespaces() -> Finding:
    """Whether hosts can be emulated here, as the accuracy figures were measured; few need it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return Finding("network namespaces", "unknown: not Linux")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, flags=re.MULTILINE)
    may = found is not None and bool(int(found[1], 16) >> SYS_ADMIN & 1)
    here = shutil.which("ip") is not None
    state = "yes" if may and here else "no: ip is not here" if may else "no: not root"
    return Finding("network namespaces", state)


def _writing(folder: Path) -> Finding:
    shown = str(folder.absolute())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = "go to a folder of yours, or give -o one"
        return Finding("writing here", f"{shown}: {error.strerror}", "bad", remedy)
    state = f"{shown}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Finding("writing here", state, "bad", "free 0.1 GB, or go to another disk")
    if not os.access(folder, os.X_OK):
        return Finding("writing here", state, "bad", "a folder that can be entered")
    return Finding("writing here", state)
