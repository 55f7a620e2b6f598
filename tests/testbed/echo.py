"""Round trips between hosts, by datagrams that a process on the other host sends back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.testbed.hosts import Host
from tests.testbed.namespaces import HostsFailed

ECHO = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
    ours.bind((sys.argv[1], 7001))
    print("ready", flush=True)
    while True:
        ours.sendto(*ours.recvfrom(2048))
"""

PING = """
import json, socket, sys, time
address, count, patience_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
taken_s = []
for _ in range(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.connect((address, 7001))
        ours.settimeout(patience_s)
        began = time.perf_counter()
        try:
            ours.send(b"x")
            ours.recv(16)
        except OSError:
            continue
        taken_s.append(time.perf_counter() - began)
    time.sleep(0.002)
print(json.dumps(taken_s))
"""


@contextmanager
def echoing(host: Host) -> Iterator[None]:
    """A host that sends datagrams back for the length of a block."""
    with host.popen([sys.executable, "-c", ECHO, host.address], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise HostsFailed(f"no echo on {host.address}")
            yield
        finally:
            process.kill()


def round_trips_ms(source: Host, target: Host, count: int, patience_s: float = 2.0) -> list[float]:
    """Of the datagrams that came back, sorted."""
    words = [sys.executable, "-c", PING, target.address, str(count), str(patience_s)]
    done = source.run(words, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise HostsFailed(f"round trips from {source.address}: {done.stderr.strip()}")
    return sorted(1e3 * seconds for seconds in json.loads(done.stdout))
