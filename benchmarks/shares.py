"""How evenly TCP shares a link among transfers that begin at once, as in a synchronous step.

    python -m benchmarks.shares      # as root, on a quiet machine, three minutes

One host sends as much to each of 2, 4, 8 and 16 others, again and again: all ask at once, after a
pause as long as the compute of a step. Nothing but sockets: what is uneven is the network's.
Written to docs/shares.md.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.page import Page, table
from nworkers.models.base.statistics import Floats
from tests.testbed.hosts import Host, hosts

RATES_MBIT = (100, 1000)
RECEIVERS = (2, 4, 8, 16)
#: The variables of the MLP of docs/accuracy.md, and one large one.
SIZES_BYTES = (940_000, 16 * 2**20)
PAUSE_S = 0.25
SECONDS, LEAST, MOST = 8.0, 6, 40
#: The first transfers find connections that have not carried anything yet.
WARMUP = 2
FIRST_PORT = 6000
_FORK = get_context("fork")
PAGE = Page(
    "shares",
    "# How evenly TCP shares a link\n",
)


def main() -> None:
    lines = []
    raw: list[dict[str, Any]] = []
    for rate_mbit in RATES_MBIT:
        with hosts(1 + max(RECEIVERS), rate_mbit=rate_mbit) as (sender, *receivers):
            for size in SIZES_BYTES:
                for count in RECEIVERS:
                    fair_s = 8.0 * size * count / (rate_mbit * 1e6)
                    if fair_s > SECONDS:
                        continue
                    rounds = WARMUP + int(min(MOST, max(LEAST, SECONDS / (fair_s + PAUSE_S))))
                    shares = _measured(sender, receivers[:count], size, rounds) / fair_s
                    lines.append(_line(rate_mbit, size, shares))
                    print(" | ".join(lines[-1]), file=sys.stderr, flush=True)
                    raw.append(
                        {
                            "rate_mbit": rate_mbit,
                            "size_bytes": size,
                            "receivers": count,
                            "of_fair": shares.round(4).tolist(),
                        }
                    )
    head = ("Mbit/s", "each", "receivers", "first", "median", "last", "spread", "transfers")
    text = (
        "Several transfers begin at one moment. 1.00 is the time in which the full link carries "
        "the bytes of all; with equal shares all would end then. The columns tell when the first, "
        "the median and the last one ended, and the standard deviation of the ends' logarithm "
        f"within a round. Pauses of {PAUSE_S} s between rounds; hosts as in tests/testbed.\n\n"
        + table(head, lines)
    )
    PAGE.publish("shares", "Transfers that begin at once", text, {"rounds": raw})


def _line(rate_mbit: int, size: int, shares: Floats) -> tuple[str, ...]:
    return (
        str(rate_mbit),
        f"{size / 1e6:.2f} MB",
        str(shares.shape[1]),
        f"{shares.min(axis=1).mean():.2f}",
        f"{np.median(shares):.2f}",
        f"{shares.max(axis=1).mean():.2f}",
        f"{np.log(shares).std(axis=1).mean():.2f}",
        str(shares.size),
    )


def _measured(sender: Host, receivers: list[Host], size: int, rounds: int) -> Floats:
    """Seconds from the common begin to each end, of shape (rounds, receivers) after the warm-up."""
    begin = _FORK.Barrier(len(receivers))
    ended = _FORK.SimpleQueue()
    tasks = []
    for place, receiver in enumerate(receivers):
        port, ready = FIRST_PORT + place, _FORK.Event()
        tasks.append(started(sender, partial(_send, port, size, ready)))
        ready.wait(10.0)
        at = (sender.address, port)
        tasks.append(started(receiver, partial(_receive, at, place, size, rounds, begin, ended)))
    found = dict(ended.get() for _ in receivers)
    for task in tasks:
        task.kill()
        task.join()
    return np.array([found[place] for place in range(len(receivers))]).T[WARMUP:]


def started(host: Host, work: Callable[[], None]) -> Any:
    """A process on a host."""

    def within() -> None:
        if host.site.prepare is not None:
            host.site.prepare()
        work()

    task = _FORK.Process(target=within, daemon=True)
    task.start()
    return task


def _send(port: int, size: int, ready: Any) -> None:
    content = bytes(size)
    with socket.create_server(("", port)) as server:
        ready.set()
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(1):
            connection.sendall(content)


def _receive(
    at: tuple[str, int], place: int, size: int, rounds: int, begin: Any, ended: Any
) -> None:
    room = bytearray(2**20)
    taken_s = []
    with socket.create_connection(at) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            begin.wait()
            time.sleep(PAUSE_S)
            began_s = time.perf_counter()
            connection.sendall(b"?")
            got = 0
            while got < size:
                got += connection.recv_into(room)
            taken_s.append(time.perf_counter() - began_s)
    ended.put((place, taken_s))


if __name__ == "__main__":
    main()
