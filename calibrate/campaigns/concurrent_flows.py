"""Crowd: transfers from one ps that begin at once, over plain sockets.

A synchronous round's fetches begin together, and TCP shares the link among them as it likes. What a
calibration's two workers show of that is little, so their tasks open as many connections to the ps
as there would be workers. No TensorFlow takes part: how a link is shared is the network's.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nworkers.models.records.calibration import Crowd

if TYPE_CHECKING:
    from nworkers.calibrate.cluster.cluster import Cluster

#: (connections, bytes over each).
Kind = tuple[int, int]

#: Between two rounds, as the compute of a step; connections that were idle begin slowly again.
PAUSE_S = 0.25
#: For a kind's rounds, of which the first finds connections that have carried nothing; a kind of
#: which one round would take longer than ``MOST_S`` is left out.
BUDGET_S, MOST_S = 2.0, 1.5
LEAST_ROUNDS, MOST_ROUNDS = 3, 20
#: A port that a firewall closes does not answer.
CONNECT_S = 5.0
ANSWER_S = 60.0
_CHUNK = bytes(2**20)
_ASK = struct.Struct("!Q")


class Source:
    """What sends: whoever connects gets as many bytes as he asks for, again and again."""

    def __init__(self) -> None:
        self._server = socket.create_server(("", 0), backlog=256)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further connections; those that there are go on."""
        # Whoever waits for one is woken by the first alone.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=_send, args=(connection,), daemon=True).start()


def _send(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    chunk = memoryview(_CHUNK)
    with connection:
        while len(asked := connection.recv(_ASK.size, socket.MSG_WAITALL)) == _ASK.size:
            (left,) = _ASK.unpack(asked)
            while left > 0:
                sent = chunk[: min(left, len(chunk))]
                connection.sendall(sent)
                left -= len(sent)


class Sink:
    """What receives, over as many connections as were ever needed at once."""

    def __init__(self, address: str, port: int) -> None:
        self._at = (address, port)
        self._room = bytearray(2**20)
        self._connections: list[socket.socket] = []

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def take(self, flows: int, size_bytes: int, start_at: float) -> list[float]:
        """Seconds from ``start_at``, a ``time.perf_counter``, to the end of every transfer.

        Raises:
            OSError: nobody answers there.
        """
        while len(self._connections) < flows:
            made = socket.create_connection(self._at, timeout=CONNECT_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(made)
        ends_s = []
        with selectors.DefaultSelector() as ready:
            left = dict.fromkeys(self._connections[:flows], size_bytes)
            for connection in left:
                ready.register(connection, selectors.EVENT_READ)
            time.sleep(max(0.0, start_at - time.perf_counter()))
            for connection in left:
                connection.sendall(_ASK.pack(size_bytes))
            while left:
                events = ready.select(ANSWER_S)
                if not events:
                    raise TimeoutError(f"no byte came for {ANSWER_S:g} s")
                for key, _ in events:
                    connection = key.fileobj  # type: ignore[assignment]
                    got = connection.recv_into(self._room)
                    if not got:
                        raise ConnectionError("the ps closed a connection")
                    left[connection] -= got
                    if not left[connection]:
                        ends_s.append(time.perf_counter() - start_at)
                        del left[connection]
                        ready.unregister(connection)
        return ends_s


def measure(
    cluster: Cluster, kinds: Sequence[Kind], tell: Callable[[str], None]
) -> tuple[Crowd, ...]:
    """Every kind on the first ps and all workers, smallest first; none where no port is reached."""
    workers = cluster.names("worker")
    (port,) = cluster.call(["ps0"], "offer")
    found: list[Crowd] = []
    rate_bytes_per_s = 0.0
    for flows, size_bytes in sorted(kinds, key=lambda kind: kind[0] * kind[1]):
        bytes_ = flows * size_bytes
        if rate_bytes_per_s and bytes_ / rate_bytes_per_s > MOST_S:
            break
        tell(f"{flows} transfers of {size_bytes} B at once")
        rounds: list[tuple[float, ...]] = []
        took_s = BUDGET_S
        while len(rounds) < 1 + max(LEAST_ROUNDS, min(MOST_ROUNDS, BUDGET_S / took_s)):
            time.sleep(PAUSE_S)
            ends_s = _round(cluster, workers, port, flows, size_bytes)
            if len(ends_s) < flows:
                return ()
            rounds.append(ends_s)
            took_s = max(ends_s) + PAUSE_S
            rate_bytes_per_s = max(rate_bytes_per_s, bytes_ / max(ends_s))
        found.append(Crowd(flows, size_bytes, tuple(rounds[1:])))
    return tuple(found)


def _round(
    cluster: Cluster, workers: Sequence[str], port: int, flows: int, size_bytes: int
) -> tuple[float, ...]:
    """All ends, of the connections that are spread evenly over the workers."""
    each = {
        name: flows // len(workers) + (k < flows % len(workers)) for k, name in enumerate(workers)
    }
    busy = [name for name, own in each.items() if own]
    starts = cluster.start_together(busy)
    calls = {name: (port, each[name], size_bytes, starts[name]) for name in busy}
    answers = cluster.call_each(calls, "take", timeout_s=ANSWER_S + CONNECT_S)
    return tuple(end for ends_s in answers for end in ends_s)
