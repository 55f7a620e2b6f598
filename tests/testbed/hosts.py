"""Emulated hosts: network namespaces on one machine, joined by links of a known rate and delay.

Each host has an address of its own and a full-duplex link to a switch, shaped by a token bucket on
both of its ends. A packet from any host to any other is ``delay_ms`` on its way, beside what the
rate costs it, so a round trip takes ``2 * delay_ms`` longer. Everything lives in namespaces that
this module makes and removes; nothing is reachable from outside, and the machine's own network is
not touched. Linux, and root, are needed. ``python -m tests.testbed`` brings hosts up by hand.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from nworkers.calibrate.training.tasks import TaskAddress
from tests.testbed.namespaces import HostsFailed, command, enter, remove, remove_leftovers
from tests.testbed.switch import Forwarder, bridge, forwarding, has_netem

MOST_HOSTS = 200
#: A token bucket passes its burst unshaped, so it is kept small against what is measured. Smaller
#: ones have several flows share a link by turns of tenths of a second.
BURST_BYTES = 16384
#: For one flow at a time: 0.13 ms of the rate, but no less than two packets.
BURST_S, LEAST_BURST_BYTES = 0.00013, 4096
QUEUE_MS = 50
#: TCP hands over up to so much of a burst at once, as to a card that cuts it into packets itself.
#: With its headers it fits into the burst: what exceeds that the bucket would cut up, which costs
#: more processor than the rest.
BLOCK_SHARE = 0.85
#: Netem counts its queue in packets.
PACKET_BYTES = 1500

Delay = Literal["netem", "forwarder"]


@dataclass(frozen=True)
class Host:
    """A namespace and its address, and the switch's port that it is plugged into."""

    namespace: str
    address: str
    switch: str
    port: str

    @property
    def site(self) -> TaskAddress:
        """Where ``nworkers.calibrate`` starts a task on this host."""
        return TaskAddress(self.address, partial(enter, self.namespace))

    @property
    def hardware_address(self) -> str:
        return "02:00:" + ":".join(f"{int(part):02x}" for part in self.address.split("."))

    def run(self, words: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """``subprocess.run`` on this host, with text for streams."""
        return subprocess.run([*self._exec, *words], text=True, check=False, **options)

    def popen(self, words: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """``subprocess.Popen`` on this host, with text for streams; it ends with the hosts."""
        return subprocess.Popen([*self._exec, *words], text=True, **options)

    @property
    def _exec(self) -> list[str]:
        return ["ip", "netns", "exec", self.namespace]

    def cut(self) -> None:
        """Pull the cable: what is sent from and to this host is lost, and nobody is told."""
        command("ip", "-n", self.switch, "link", "set", self.port, "down")

    def restore(self) -> None:
        """Plug the cable in again."""
        command("ip", "-n", self.switch, "link", "set", self.port, "up")

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Without its cable for the length of a block."""
        self.cut()
        try:
            yield
        finally:
            self.restore()


@dataclass(frozen=True)
class Network:
    """Hosts that are up, and the process that joins them, if it takes one."""

    hosts: tuple[Host, ...]
    forwarder: Forwarder | None

    def check(self) -> None:
        """Raise HostsFailed if the hosts are not joined any more."""
        if self.forwarder is not None:
            self.forwarder.check()


def unavailable() -> str:
    """Why emulated hosts cannot be had here; "" if they can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} of iproute2 missing" if missing else ""


@contextmanager
def hosts(
    count: int,
    *,
    rate_mbit: float | Sequence[float],
    delay_ms: float = 0.0,
    burst: int = BURST_BYTES,
) -> Iterator[tuple[Host, ...]]:
    """Bring up ``count`` hosts behind one switch, and take them down whatever happens.

    Args:
        count: from 1 to 200.
        rate_mbit: rate of each host's link in each direction, in Mbit/s; one for all or one each.
        delay_ms: what a packet from one host to another takes beside the rate; half a round trip.
        burst: bytes that the token buckets pass unshaped.

    Raises:
        ValueError: an argument out of its range.
        HostsFailed: hosts cannot be had here, a command failed, or they broke during the block.
    """
    with bring_up(count, rate_mbit=rate_mbit, delay_ms=delay_ms, burst=burst) as network:
        yield network.hosts


@contextmanager
def bring_up(
    count: int,
    *,
    rate_mbit: float | Sequence[float],
    delay_ms: float = 0.0,
    delay_by: Delay | None = None,
    burst: int = BURST_BYTES,
) -> Iterator[Network]:
    """As ``hosts``, with more to hold: delayed by means of one's choice, and open to checks.

    Args:
        count: as for ``hosts``.
        rate_mbit: as for ``hosts``.
        delay_ms: as for ``hosts``.
        delay_by: netem where the kernel has it, unless told otherwise.
        burst: as for ``hosts``.
    """
    rates = _rates(count, rate_mbit)
    if not 0 <= delay_ms < math.inf:
        raise ValueError(f"a delay is 0 ms or more, not {delay_ms:g}")
    if reason := unavailable():
        raise HostsFailed(reason)
    remove_leftovers()
    tag = f"scale{os.getpid()}"
    switch = f"{tag}sw"
    made = [Host(f"{tag}h{k}", f"10.77.0.{k + 1}", switch, f"port{k}") for k in range(count)]
    with ExitStack() as down:
        down.callback(_remove, [*(host.namespace for host in made), switch])
        command("ip", "netns", "add", switch)
        if delay_ms and delay_by is None:
            delay_by = "netem" if has_netem(switch) else "forwarder"
        for host, rate in zip(made, rates, strict=True):
            _plug_in(host, rate, burst)
            if delay_ms and delay_by == "netem":
                _delay(host, rate, delay_ms)
        forwarder = None
        if delay_ms and delay_by == "forwarder":
            ports = {host.port: host.hardware_address for host in made}
            forwarder = down.enter_context(forwarding(switch, ports, delay_ms))
        else:
            bridge(switch, [host.port for host in made])
        network = Network(tuple(made), forwarder)
        try:
            yield network
        except Exception as error:
            # What goes wrong without a network says little; that there is none says it all.
            try:
                network.check()
            except HostsFailed as failed:
                raise failed from error
            raise
        network.check()


def _rates(count: int, rate_mbit: float | Sequence[float]) -> list[float]:
    if not 1 <= count <= MOST_HOSTS:
        raise ValueError(f"from 1 to {MOST_HOSTS} hosts, not {count}")
    rates = list(rate_mbit) if isinstance(rate_mbit, Sequence) else [rate_mbit] * count
    if len(rates) != count:
        raise ValueError(f"{len(rates)} rates for {count} hosts; give one for all or one each")
    for rate in rates:
        if not 0 < rate < math.inf:
            raise ValueError(f"a rate is more than 0 Mbit/s, not {rate:g}")
    return rates


def burst_bytes(rate_mbit: float) -> int:
    """A burst for links that carry one flow at a time."""
    wanted = round(BURST_S * rate_mbit * 1e6 / 8)
    return min(max(wanted, LEAST_BURST_BYTES), BURST_BYTES)


def _plug_in(host: Host, rate_mbit: float, burst: int) -> None:
    """Make a host and the link from it to its port."""
    command("ip", "netns", "add", host.namespace)
    command(
        *("ip", "-n", host.switch, "link", "add", host.port, "type", "veth", "peer", "name"),
        *("eth0", "address", host.hardware_address, "netns", host.namespace),
    )
    ours = ("ip", "-n", host.namespace)
    block = str(int(BLOCK_SHARE * burst))
    command(*ours, "addr", "add", f"{host.address}/24", "dev", "eth0")
    command(*ours, "link", "set", "lo", "up")
    command(*ours, "link", "set", "eth0", "up", "gso_max_size", block)
    command("ip", "-n", host.switch, "link", "set", host.port, "up")
    for namespace, device in ((host.switch, host.port), (host.namespace, "eth0")):
        command(
            *("tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "handle", "1:", "tbf"),
            *("rate", f"{rate_mbit:g}mbit", "burst", str(burst), "latency", f"{QUEUE_MS}ms"),
        )


def _delay(host: Host, rate_mbit: float, delay_ms: float) -> None:
    """Hold what a host sends; every packet is sent by one host, so it is held once."""
    queue = rate_mbit * 1e3 * (delay_ms + QUEUE_MS) / (8 * PACKET_BYTES)
    command(
        *("tc", "-n", host.namespace, "qdisc", "add", "dev", "eth0", "parent", "1:1", "netem"),
        *("delay", f"{delay_ms:g}ms", "limit", str(1000 + round(queue))),
    )


def _remove(namespaces: list[str]) -> None:
    """Remove the namespaces, however often Ctrl-C is pressed meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        remove(namespaces)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
