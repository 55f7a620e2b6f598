"""Flow sockets: plain TCP transfers that begin as they are asked for, from one task to others.

No framework takes part: how a link is shared is the network's.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time

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
