"""A switch in user space that holds every frame for a while: for kernels without netem.

It runs inside the switch's namespace, started by ``tests.testbed.hosts`` as a file of its own, and
takes the place of the bridge. Each host's port is read and written through a packet socket, so the
token buckets of both ends of the link stay in the frames' way. Standard library alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
SO_TIMESTAMPNS = 35
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29

#: Above what a port's token bucket queues, so that a full port drops there, as behind a bridge.
BUFFER_BYTES = 64 << 20
#: What may wait in all; a switch out of memory drops.
HELD_BYTES = 256 << 20
#: A packet socket puts this before the frame: what is left to do for checksum and segments. Given
#: back on the way out, it lets a frame of several segments pass as one.
HEADER_BYTES = 10
LARGEST_BYTES = HEADER_BYTES + 14 + (1 << 16)
#: Frames taken from a port before others get their turn and what is due is sent.
TURN = 32
#: A port that is down, or a full queue behind it: the frame is lost, as on a wire.
LOSSES = {errno.ENETDOWN, errno.ENXIO, errno.ENOBUFS, errno.EAGAIN}


def port(device: str) -> socket.socket:
    """A socket that gets what the host at the other end of a device sends, and sends to it."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.bind((device, ETH_P_ALL))
    return made


def forward(ports: dict[bytes, socket.socket], delay_ns: int) -> None:
    """Pass frames between the ports for ever, each ``delay_ns`` after it came.

    The kernel says when a frame came, so a late reader does not make the delay longer. Every frame
    waits equally long, so what came first is due first and one queue in order of arrival will do.
    """
    sockets = list(ports.values())
    held: deque[tuple[int, bytes, list[socket.socket]]] = deque()
    held_bytes = 0
    while True:
        wait_s = max(0, held[0][0] - time.time_ns()) * 1e-9 if held else None
        for source in select.select(sockets, [], [], wait_s)[0]:
            for _ in range(TURN):
                try:
                    frame, extra, _, _ = source.recvmsg(LARGEST_BYTES, 64)
                except OSError as error:
                    if error.errno not in LOSSES:
                        raise
                    break
                now = time.time_ns()
                seconds, nanoseconds = struct.unpack("qq", extra[0][2])
                # Somebody may set the clock meanwhile.
                came = min(now, max(now - delay_ns, seconds * 1_000_000_000 + nanoseconds))
                known = ports.get(frame[HEADER_BYTES : HEADER_BYTES + 6])
                if held_bytes + len(frame) <= HELD_BYTES:
                    held_bytes += len(frame)
                    targets = [known] if known else [s for s in sockets if s is not source]
                    held.append((came + delay_ns, frame, targets))
        now = time.time_ns()
        while held and held[0][0] <= now:
            _, frame, targets = held.popleft()
            held_bytes -= len(frame)
            for target in targets:
                try:
                    target.send(frame)
                except OSError as error:
                    if error.errno not in LOSSES:
                        raise


def main(parent: int, delay_ns: int, addresses: dict[str, str]) -> None:
    """Forward between devices, given with the hardware addresses behind them, until killed."""
    libc = ctypes.CDLL(None)
    # Linux means the thread that started it: hosts are brought up by one that stays.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    libc.prctl(PR_SET_TIMERSLACK, 1)
    # A switch does not wait for the hosts' processors. Where that is refused, delays vary more.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    ports = {
        bytes.fromhex(address.replace(":", "")): port(device)
        for device, address in addresses.items()
    }
    print("ready", flush=True)
    forward(ports, delay_ns)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        dict(argument.split("=") for argument in sys.argv[3:]),
    )
