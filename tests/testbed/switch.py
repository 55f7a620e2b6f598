"""What joins the hosts' links: a bridge of the kernel, or the forwarder where frames are held."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.testbed import forwarder
from tests.testbed.namespaces import HostsFailed, command


def bridge(switch: str, ports: list[str]) -> None:
    """Join the ports by a bridge, which adds no delay worth a mention."""
    command("ip", "-n", switch, "link", "add", "bridge0", "type", "bridge")
    command("ip", "-n", switch, "link", "set", "bridge0", "up")
    for port in ports:
        command("ip", "-n", switch, "link", "set", port, "master", "bridge0")


def has_netem(switch: str) -> bool:
    """Whether the kernel delays packets itself; tried on the switch's idle loopback."""
    words = ["tc", "-n", switch, "qdisc", "replace", "dev", "lo", "root", "netem", "delay", "1ms"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class Forwarder:
    """The running forwarder process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._ended = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raise HostsFailed, with the forwarder's last words, if it has ended."""
        status = self._process.poll()
        if status is not None and not self._ended:
            assert self._process.stderr is not None
            words = self._process.stderr.read().strip().splitlines()[-1:]
            self._ended = ": ".join(
                [f"the forwarder that joins the hosts ended with status {status}", *words]
            )
        if self._ended:
            raise HostsFailed(self._ended)


@contextmanager
def forwarding(switch: str, ports: dict[str, str], delay_ms: float) -> Iterator[Forwarder]:
    """Join the ports, given with the hardware addresses behind them, by a process that delays."""
    words = ["ip", "netns", "exec", switch, sys.executable, "-I", forwarder.__file__]
    words += [str(os.getpid()), str(round(delay_ms * 1e6))]
    words += [f"{port}={address}" for port, address in ports.items()]
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the owner, which ends the forwarder after the hosts are done with it.
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            started = Forwarder(process)
            if not process.stdout.readline():
                process.wait()
                started.check()
            yield started
        finally:
            process.kill()
