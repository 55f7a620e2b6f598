"""Two ways: how transfers that begin as they like, some each way, share a parameter server's link.

Asynchronous workers fetch and push whenever they are ready, so that both directions of the link
are busy, and three things are other than with transfers that begin at once:

- k transfers in one direction get less of it together than one alone. Acknowledgements wait behind
  the data of the other direction (Zhang, Shenker and Clark, SIGCOMM 1991), and who had shared the
  link finds his way back to its whole rate step by step only.
- Shares differ, by chance of each transfer's own.
- Who comes later has less of the link for its first bytes: its window has yet to grow. That pushes
  workers apart: two of them settle into opposite phases, where neither waits for the other.

The figures come from plain sockets in closed loops, on links of 20 to 500 Mbit/s
(``python -m benchmarks.shares``, docs/shares.md), and no calibration changes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.records.profile import Link
from nworkers.models.records.scenario import Scenario


@dataclass(frozen=True)
class TwoWayTraffic:
    """k transfers in one direction get k^-``loss_exponent`` of its rate together, up to eight.

    ``log_deviation`` is that of the logarithm of their weights.
    """

    loss_exponent: float
    log_deviation: float


SEEN = TwoWayTraffic(loss_exponent=0.14, log_deviation=0.3)


def two_way(link: Link[float], scenario: Scenario) -> TwoWayTraffic | None:
    """None where transfers begin together, or one after the other, or not by TCP between hosts."""
    shared = link.kind == "network" and link.discipline == "fair"
    by_tcp = scenario.what_if.rdma is None
    return SEEN if shared and by_tcp and scenario.strategy == "ps-async" else None
