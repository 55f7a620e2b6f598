"""Testbed: the hosts that calibrations and training run on, all of them on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nworkers.calibrate.campaigns.campaign import Machines
from nworkers.calibrate.host.environment import environment
from tests.testbed.hosts import hosts


@contextmanager
def machines(link_mbit: int, *, ps: int, workers: int) -> Iterator[Machines]:
    """A host for each task behind links of that rate; on loopback (0) all share this one."""
    if not link_mbit:
        yield Machines()
        return
    with hosts(1 + ps + workers, rate_mbit=link_mbit) as (chief, *others):
        sites = [host.site for host in others]
        here = environment().hardware
        yield Machines(
            ps=tuple(sites[:ps]),
            workers=tuple(sites[ps:]),
            chief=chief.site,
            link_kind="network",
            evidence="emulated hosts",
            hardware=f"emulated hosts with links of {link_mbit} Mbit/s, on {here}",
        )
