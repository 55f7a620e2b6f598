"""Concurrent flows: transfers from one ps that begin at once, over plain sockets.

A synchronous round's fetches begin together, and TCP shares the link among them as it likes. What a
calibration's two workers show of that is little. So their tasks open as many connections to the ps
as there would be workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.probes.flow_sockets import ANSWER_S, CONNECT_S
from nworkers.models.records.calibration import ConcurrentFlows

#: (connections, bytes over each).
Kind = tuple[int, int]

#: Between two rounds, as the compute of a step; connections that were idle begin slowly again.
PAUSE_S = 0.25
#: For a kind's rounds, of which the first finds connections that have carried nothing; a kind of
#: which one round would take longer than ``MOST_S`` is left out.
BUDGET_S, MOST_S = 2.0, 1.5
LEAST_ROUNDS, MOST_ROUNDS = 3, 20


def measure(
    cluster: Cluster, kinds: Sequence[Kind], tell: Callable[[str], None]
) -> tuple[ConcurrentFlows, ...]:
    """Every kind on the first ps and all workers, smallest first; none where no port is reached."""
    workers = cluster.names("worker")
    (port,) = cluster.call(["ps0"], "offer")
    found: list[ConcurrentFlows] = []
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
        found.append(ConcurrentFlows(flows, size_bytes, tuple(rounds[1:])))
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
