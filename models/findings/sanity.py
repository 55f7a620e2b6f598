"""Sanity: numbers that no hardware gives, most often a unit that is off by a thousand."""

from __future__ import annotations

from collections.abc import Iterator

from nworkers.models.costs.laws import sustained
from nworkers.models.records.profile import Identified, Profile

#: Beyond the memory of any host that trains: an HBM3 stack gives 0.8 TB/s, and gRPC copies twice.
MEMORY_BYTES_PER_S = 1e12
#: Light takes 3 ns a metre; no request to another process comes back in less than this.
LEAST_LATENCY_S = 1e-7
#: A link slower than a modem's, or a request that takes longer than a person waits.
MODEM_BYTES_PER_S, MOST_LATENCY_S = 1e4, 10.0
#: More than a thousand accelerators' worth, and less than a pocket calculator's.
MOST_FLOPS, LEAST_FLOPS = 1e18, 1e5


def implausible(profile: Profile) -> Iterator[str]:
    """Warnings, each with the number and what it may come from."""
    paths = (("fetch", profile.link.fetch), ("push", profile.link.push))
    for kind, segment in ((kind, of) for kind, path in paths for of in path.segments):
        rate, latency = segment.bandwidth_bytes_per_s, segment.latency_s
        if isinstance(rate, Identified) and rate.estimate > MEMORY_BYTES_PER_S:
            yield (
                f"a {kind} moves {rate.estimate:.3g} bytes/s, faster than memory: "
                "are its times in seconds and its sizes in bytes?"
            )
        if isinstance(rate, Identified) and rate.estimate < MODEM_BYTES_PER_S:
            yield (
                f"a {kind} moves {rate.estimate:.3g} bytes/s, slower than a modem: "
                "are its times in seconds and its sizes in bytes?"
            )
        if isinstance(latency, Identified) and not (
            LEAST_LATENCY_S < latency.estimate < MOST_LATENCY_S
        ):
            yield f"a {kind} has a latency of {latency.estimate:.3g} s: are its times in seconds?"
    flops = profile.device.products.segments[0].gemm_flops_per_s
    if isinstance(flops, Identified) and not LEAST_FLOPS < flops.estimate < MOST_FLOPS:
        yield f"products run at {flops.estimate:.3g} flop/s: are their times in seconds?"


def doubts(profile: Profile, other: Profile) -> Iterator[str]:
    """Why another profile's link may behave otherwise with this profile's hosts."""
    small, faster = profile.link.fetch.segments[0], other.link.fetch.segments[0]
    own, theirs = small.latency_s, faster.latency_s
    if (
        profile.link.kind == "loopback"
        and isinstance(own, Identified)
        and isinstance(theirs, Identified)
        and theirs.interval[1] < own.interval[0]
    ):
        yield (
            f"a fetch over the link of {other.name} has a latency of {1e3 * theirs.estimate:.2g} "
            f"ms, less than the {1e3 * own.estimate:.2g} ms of software alone on "
            f"{profile.name}: its hosts are faster, and yours will take longer"
        )
    # What fills a link are its largest tensors.
    rates = (other.link.shared_bandwidth_bytes_per_s, sustained(other.link.fetch))
    rate = max((known.estimate for known in rates if isinstance(known, Identified)), default=0.0)
    for end, demand in (("worker", profile.host.fetch_worker), ("ps", profile.host.fetch_ps)):
        per_byte = demand.per_byte_s
        if not isinstance(per_byte, Identified):
            continue
        cores = rate * per_byte.estimate * (1.0 + profile.host.os_overhead_share)
        if cores > profile.host.cores:
            yield (
                f"to fill the link of {other.name} a {end} would keep {cores:.1f} cores busy, and "
                f"a host of {profile.name} has {profile.host.cores:g}: processors, not the link, "
                "will be the limit"
            )
