"""Weak parameters: what a profile knows little of, and what would strengthen it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nworkers.models.findings.for_information import for_information
from nworkers.models.findings.rounds_apart import rounds_apart
from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS
from nworkers.models.records.profile import Identified, Profile, parameters

#: An interval from so much below to so much above the estimate is wide enough to be told.
WIDE = 0.25
#: So is an error on sizes that the fit never saw.
MISSED = 0.15


@dataclass(frozen=True)
class Remedy:
    """A measurement that would help: more of this calibration, or, in ``words``, another one.

    ``resume`` measures what the calibration lacks, up to so many ``rounds``; ``refine`` adds rounds
    of what it has. Without ``only``, all quantities are meant.
    """

    how: Literal["resume", "refine", "another"]
    only: tuple[str, ...] = ()
    rounds: int | None = None
    words: str = ""


@dataclass(frozen=True)
class Weakness:
    """``what`` is weak, ``why``, and what would help."""

    what: str
    why: str
    remedy: Remedy


def weaknesses(profile: Profile) -> tuple[Weakness, ...]:
    """All that is worth a line, what concerns every prediction first.

    A parameter that is merely too small to be seen is no weakness, and none that is for information
    alone: nothing depends on it.
    """
    return (*_of_all(profile), *_of_the_link(profile), *_of_the_fits(profile), *_wide(profile))


def _of_all(profile: Profile) -> Iterator[Weakness]:
    if profile.provisional:
        yield Weakness(
            "every interval",
            f"few rounds ({profile.rounds}); fewer than {PROVISIONAL_ROUNDS} are provisional",
            Remedy("resume", rounds=PROVISIONAL_ROUNDS),
        )
    if apart := rounds_apart(profile.round_levels):
        yield Weakness(
            "how rounds differ",
            f"{apart}; few rounds do not tell how far",
            Remedy("resume", rounds=2 * max(profile.rounds, PROVISIONAL_ROUNDS)),
        )


def _of_the_link(profile: Profile) -> Iterator[Weakness]:
    link, host = profile.link, profile.host
    if link.kind == "network" and link.shared_bandwidth_bytes_per_s is None:
        yield Weakness(
            "the rate that workers share",
            f"{host.concurrency} at once showed no limit beyond one flow and the processors",
            Remedy("another", words="the same cluster with more workers"),
        )
    elif link.kind == "network" and link.discipline_evidence == "assumed":
        yield Weakness(
            "how transfers share the link",
            "fair and first come, first served explain the measurements alike; fair is assumed",
            Remedy("another", words="the same cluster with more workers"),
        )
    if link.kind == "network" and not link.flow_weights:
        yield Weakness(
            "how unequally transfers share the link that begin at once",
            "not measured; synchronous rounds are predicted as if the shares were equal",
            Remedy(
                "another", words="a calibration whose workers reach a free port of the ps's host"
            ),
        )
    if link.evidence == "one host" and host.concurrency > 2 and host.usable_share is None:
        yield Weakness(
            "what many workers make of the cores' time",
            f"{host.concurrency} at once left cores idle, so that something else limits them",
            Remedy("another", words="a calibration while no other program runs"),
        )
    if host.apart_ps_s == 0.0:
        yield Weakness(
            "what tensors cost more on several ps",
            "too little to be told from what rounds differ by; none is charged",
            Remedy("refine", only=("fetch_push",)),
        )
    if not profile.collective.measured and not profile.collective.imported:
        yield Weakness(
            "all-reduce",
            "not measured; each hop is taken for a fetch of its bytes",
            Remedy("resume", only=("noop", "allreduce")),
        )


def _of_the_fits(profile: Profile) -> Iterator[Weakness]:
    for row in profile.fit:
        if row.median_error is not None and row.median_error > MISSED:
            yield Weakness(
                row.operation,
                f"sizes that the fit never saw are missed by {100 * row.median_error:.0f} % in the "
                f"median, {100 * (row.worst_error or 0.0):.0f} % at worst",
                Remedy("refine", only=(row.operation,)),
            )


def _wide(profile: Profile) -> Iterator[Weakness]:
    """One line for all parameters that the same cells tell of: the widest of them."""
    widest: dict[tuple[str, ...], tuple[float, str]] = {}
    for cells, sections in sections_by_quantity(profile):
        for prefix, section in sections.items():
            for name, parameter in parameters(section, prefix):
                if not isinstance(parameter, Identified) or for_information(profile, name):
                    continue
                width = _half_width(parameter)
                if width > max(WIDE, widest.get(cells, (0.0, ""))[0]):
                    widest[cells] = width, name
    for cells, (width, path) in sorted(widest.items(), key=lambda item: -item[1][0]):
        known = f"{100 * width:.0f} %" if width < 1 else f"a factor of {1 + width:.1f}"
        yield Weakness(path, f"known to {known} only", Remedy("refine", only=cells))


def sections_by_quantity(profile: Profile) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """The quantities whose cells tell of parts of a profile, and the parts by their names."""
    device, host, link = profile.device, profile.host, profile.link
    yield (
        ("noop",),
        {
            "device.dispatch_s": device.dispatch_s,
            "host.server_dispatch_s": host.server_dispatch_s,
            "host.dispatch_worker_s": host.dispatch_worker_s,
            "host.dispatch_ps_s": host.dispatch_ps_s,
            "host.coordinator": host.coordinator,
            "link.dispatch_s": link.dispatch_s,
        },
    )
    yield ("gemm",), {"device": device.products}
    yield ("step", "gradient"), {"device.workloads": device.workloads}
    yield (
        ("fetch",),
        {
            "host.fetch_worker": host.fetch_worker,
            "host.fetch_ps": host.fetch_ps,
            "link.fetch": link.fetch,
        },
    )
    yield (
        ("push",),
        {
            "host.push_worker": host.push_worker,
            "host.push_ps": host.push_ps,
            "link.push": link.push,
        },
    )
    yield ("apply",), {"host.apply": host.apply}
    yield ("to_python",), {"host.python": host.python}
    yield ("input",), {"host.input": host.input}
    yield ("allreduce",), {"collective": profile.collective}


def _half_width(parameter: Identified) -> float:
    low, high = parameter.interval
    return math.exp(0.5 * math.log(high / low)) - 1.0
