"""Stand-ins: what of a step is another profile's than the user's, by its share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nworkers.models.records.prediction import Cause
from nworkers.models.records.profile import CORES, SPREAD, Profile, Section
from nworkers.models.records.scenario import Scenario

#: Shares of a step below this are not worth a word.
_TELLING = 0.01
#: Their latency is MPI's: the software above it, which takes most of a fetch's, stays the base's.
_WIRE_ALONE = ("OSU micro-benchmarks", "Intel MPI Benchmarks")


@dataclass(frozen=True)
class StandIn:
    """Causes of a step's time that rest on the same parameters of one section.

    It is the user's if a parameter is whose path begins and goes on as one of ``parameters``.
    ``stated_by`` is what says it without a calibration.
    """

    words: str
    causes: tuple[Cause, ...]
    section: Section | Literal["bandwidth"]
    parameters: tuple[tuple[str, str], ...]
    stated_by: str = ""


STAND_INS = (
    StandIn("input", ("input",), "host", (("host.input", ""),), "what-if input"),
    StandIn("latency", ("fetch_latency", "push_latency"), "link", (("link.", "latency"),), "link"),
    StandIn(
        "transfer",
        ("fetch_transfer", "push_transfer", "link_contention"),
        "bandwidth",
        (("link.", "bandwidth"),),
        "link",
    ),
    StandIn("applying", ("apply",), "host", (("host.apply", ""),)),
    StandIn(
        "all-reduce",
        ("collective_latency", "collective_transfer"),
        "collective",
        (("collective.", "latency"), ("collective.", "bandwidth")),
        "a table of nccl-tests",
    ),
    StandIn(
        "waiting for a processor core (its cores)",
        ("host_contention",),
        "host",
        ((CORES, ""),),
        "cores",
    ),
    StandIn(
        "waiting for the slowest worker (its noise)",
        ("barrier_wait",),
        "noise",
        ((SPREAD, ""),),
        "spread",
    ),
)


def standing_in(
    profile: Profile, scenario: Scenario, breakdown: Mapping[str, float]
) -> tuple[str, ...]:
    """A line for each base that stands in, with the shares of the step that rest on it.

    Args:
        breakdown: seconds of the step by cause.
    """
    hosts = "" if CORES in profile.stated else f", on hosts of {profile.host.cores:g} cores"
    found = resting(profile, scenario, breakdown)
    return tuple(_line(base, parts, hosts) for base, parts in found.items())


def resting(
    profile: Profile, scenario: Scenario, breakdown: Mapping[str, float]
) -> dict[str, list[tuple[float, StandIn]]]:
    """Of each base that stands in, the parts of the step that rest on it, with their shares."""
    step_s = sum(breakdown.values())
    owned = set(_owned(profile))
    found: dict[str, list[tuple[float, StandIn]]] = {}
    for part in (_dispatch(profile, scenario), *_compute(profile, scenario), *STAND_INS):
        base = profile.stand_ins.get(part.section)
        if part.section == "bandwidth":
            base = base or profile.stand_ins.get("link")
        share = sum(breakdown.get(cause, 0.0) for cause in part.causes) / step_s
        known = any(
            path.startswith(begins) and goes_on in path
            for begins, goes_on in part.parameters
            for path in owned
        )
        if base is not None and not known and share >= _TELLING:
            found.setdefault(base, []).append((share, part))
    return found


def _line(base: str, parts: Sequence[tuple[float, StandIn]], hosts: str) -> str:
    """Shares in descending order, whose machine it was, and what would say it instead."""
    ordered = sorted(parts, key=lambda part: (-part[0], part[1].words))
    shares = ", ".join(f"{part.words} {100 * share:.0f} %" for share, part in ordered)
    by = dict.fromkeys(part.stated_by for _, part in ordered if part.stated_by)
    remedy = f"; what states it: {', '.join(by)}" if by else ""
    return f"base {base}: {shares} of the step{hosts}{remedy}"


def _owned(profile: Profile) -> Iterator[str]:
    """Paths of what is the user's: imported or stated."""
    yield from profile.stated
    for record in profile.imported:
        for path in record.parameters:
            if record.format not in _WIRE_ALONE or "latency" not in path:
                yield path


def _dispatch(profile: Profile, scenario: Scenario) -> StandIn:
    section: Section = "host"
    paths = ["host.server_dispatch_s", "host.dispatch", "link.dispatch_s"]
    if scenario.strategy == "allreduce":
        section = "device" if profile.collective.dispatch_s is None else "collective"
        paths = [f"{section}.dispatch_s"]
    return StandIn("dispatch", ("dispatch",), section, tuple((path, "") for path in paths))


def _compute(profile: Profile, scenario: Scenario) -> Iterator[StandIn]:
    """Computing; nothing where the workload itself states how long it takes."""
    workload = scenario.workload
    if workload.stated_step:
        return
    if any(known.workload == workload.name for known in profile.device.workloads):
        paths = f"device.workloads[{workload.name}]"
    elif workload.step or workload.cost:
        return
    else:
        paths = "device.gemm"
    by = "a step or a cost in the workload's file"
    yield StandIn("computing", ("compute",), "device", ((paths, ""),), by)
