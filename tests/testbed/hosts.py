"""Emulated hosts: network namespaces on one machine, joined by links of a known rate.

Each host has an address of its own and a full-duplex link to a switch, shaped by a token bucket on
both of its ends. Everything lives in namespaces that this module makes and removes; nothing is
reachable from outside, and the machine's own network is not touched. Linux, and root, are needed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from scale.calibrate.cluster import Site

CLONE_NEWNET = 0x40000000
#: A token bucket passes its burst unshaped, so it is kept small against what is measured.
BURST = "16kb"
QUEUE = "50ms"


@dataclass(frozen=True)
class Host:
    """A namespace and its address."""

    namespace: str
    address: str

    @property
    def site(self) -> Site:
        """Where ``scale.calibrate`` starts a task on this host."""
        return Site(self.address, partial(enter, self.namespace))


def enter(namespace: str) -> None:
    """Move this process into a network namespace; done by a task before its server starts."""
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot enter namespace {namespace}: {os.strerror(number)}")
    finally:
        os.close(handle)


def unavailable() -> str:
    """Why emulated hosts cannot be had here; "" if they can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} of iproute2 missing" if missing else ""


@contextmanager
def hosts(count: int, *, rate_mbit: float) -> Iterator[tuple[Host, ...]]:
    """Bring up ``count`` hosts behind one switch, and take them down whatever happens.

    Args:
        count: from 1 to 200.
        rate_mbit: rate of each host's link in each direction, in Mbit/s.

    Raises:
        RuntimeError: namespaces cannot be had here, or a command failed.
    """
    reason = unavailable()
    if reason:
        raise RuntimeError(reason)
    tag = f"scale{os.getpid()}"
    switch = f"{tag}sw"
    made = [Host(f"{tag}h{k}", f"10.77.0.{k + 1}") for k in range(count)]
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge0", "up")
        for k, host in enumerate(made):
            _ip("netns", "add", host.namespace)
            port = f"port{k}"
            _ip(
                *("-n", switch, "link", "add", port, "type", "veth"),
                *("peer", "name", "eth0", "netns", host.namespace),
            )
            _ip("-n", switch, "link", "set", port, "master", "bridge0", "up")
            _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", host.namespace, "link", "set", device, "up")
            for namespace, device in ((switch, port), (host.namespace, "eth0")):
                _shape(namespace, device, rate_mbit)
        yield tuple(made)
    finally:
        for namespace in [*(host.namespace for host in made), switch]:
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def _shape(namespace: str, device: str, rate_mbit: float) -> None:
    _run(
        *("tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "tbf"),
        *("rate", f"{rate_mbit:g}mbit", "burst", BURST, "latency", QUEUE),
    )


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
