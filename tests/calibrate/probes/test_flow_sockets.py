"""Transfers that begin at once, over this machine's own loopback."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import pytest

from nworkers.calibrate.probes.flow_sockets import Sink, Source


def test_all_that_was_asked_for_comes_again_and_again() -> None:
    with closing(Source()) as source, closing(Sink("127.0.0.1", source.port)) as sink:
        for flows, size_bytes in ((3, 2**21 + 5), (1, 1), (4, 2**16)):
            start_at = time.perf_counter() + 0.02
            ends_s = sink.take(flows, size_bytes, start_at)
            assert len(ends_s) == flows
            assert ends_s == sorted(ends_s)
            assert 0.0 < ends_s[0] <= ends_s[-1] < time.perf_counter() - start_at


def test_sinks_share_a_source() -> None:
    with (
        closing(Source()) as source,
        closing(Sink("127.0.0.1", source.port)) as first,
        closing(Sink("127.0.0.1", source.port)) as second,
    ):
        assert len(first.take(2, 1000, 0.0)) == len(second.take(2, 1000, 0.0)) == 2


def test_a_port_that_nobody_serves_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Sink("127.0.0.1", port).take(1, 10, 0.0)


def test_a_source_that_goes_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        with (
            closing(Sink("127.0.0.1", server.getsockname()[1])) as sink,
            pytest.raises(ConnectionError),
        ):
            sink.take(1, 10, 0.0)
