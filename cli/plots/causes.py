"""Causes: what a step's seconds go to, in as few kinds as a picture can tell apart."""

from __future__ import annotations

from collections.abc import Mapping

from nworkers.cli.plots.style import SERIES, Series
from nworkers.models.records.prediction import Cause

_KINDS: dict[str, tuple[Cause, ...]] = {
    "computing": ("compute",),
    "latency of requests": ("fetch_latency", "push_latency", "collective_latency"),
    "waiting for a link, core or GPU": ("link_contention", "host_contention", "device_contention"),
    "transfer": ("fetch_transfer", "push_transfer", "collective_transfer"),
    "waiting for the slowest worker": ("barrier_wait",),
    "dispatch, input, apply": ("dispatch", "input", "apply"),
    "tasks that are down": ("outage",),
}
KIND_OF = {cause: kind for kind, causes in _KINDS.items() for cause in causes}
LOOKS: dict[str, Series] = dict(zip(_KINDS, SERIES, strict=True))


def kinds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each kind, in the order of a step's stack."""
    found = dict.fromkeys(_KINDS, 0.0)
    for cause, spent_s in seconds.items():
        found[KIND_OF[cause]] += spent_s  # type: ignore[index]
    return found
