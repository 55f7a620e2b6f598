"""Processor time, of this process and of its host."""

from __future__ import annotations

import os
import time
from pathlib import Path


def process_s() -> float:
    """Processor seconds of this process, over all its threads, at nanosecond resolution."""
    return time.process_time()


def host_busy_s() -> float:
    """Busy seconds of all cores of this host since it started, the kernel's own included.

    Fields of /proc/stat: user, nice, system, irq and softirq, in ticks of 10 ms; 0 where the
    system has no /proc.
    """
    try:
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
    except OSError:
        return 0.0
    ticks = [int(v) for v in line.split()[1:]]
    busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
    return busy / os.sysconf("SC_CLK_TCK")


def stolen_s() -> float:
    """Core seconds that a hypervisor has given to others while this host had work (steal time)."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        return int(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def machine() -> str:
    """Names the kernel and the process numbers of this process's host; "" where nothing does.

    Tasks of equal names see each other's processes under the same numbers.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def usable_cores() -> float:
    """Cores that this process may use: its affinity, capped by the cgroup's quota (v2 and v1)."""
    cores = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else 0.0
    cores = cores or float(os.cpu_count() or 1)
    for quota_s in (_quota_v2(), _quota_v1()):
        if quota_s is not None:
            cores = min(cores, quota_s)
    return max(cores, 0.01)


def _quota_v2() -> float | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_v1() -> float | None:
    folder = Path("/sys/fs/cgroup/cpu")
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None
