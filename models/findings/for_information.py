"""For information: what a profile holds and no prediction reads, each with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from nworkers.models.records.profile import Profile


@dataclass(frozen=True)
class Unread:
    """``names`` is an expression for whole names, as readers see them; of some profiles alone."""

    names: str
    reason: str
    of: Callable[[Profile], bool] = lambda profile: True


FOR_INFORMATION = (
    Unread(r"host\.python\..*", "a training step brings no tensor into Python"),
    Unread(
        r"host\.apply\[.*\]\.floor_s", "what an update costs at least is part of a push's latency"
    ),
    Unread(
        r"link\.push\.(segments\[\d+\]\.)?latency_s",
        "in a training step a push follows a fetch, and its latency is after_fetch_s",
        lambda profile: profile.link.push.after_fetch_s is not None,
    ),
    Unread(
        r"link\.duplex",
        "what each direction carries beside the other was measured",
        lambda profile: profile.link.both_ways_bandwidth_bytes_per_s is not None,
    ),
    Unread(
        r"link\.wire_latency_s",
        "it is within the paths' latencies, out of which an import takes it",
    ),
    Unread(r"link\.(evidence|discipline_evidence|candidates)", "it says how sure the others are"),
    Unread(
        r"(gpu\.)?collective\.session_latency_s",
        "training runs under a strategy, whose hop has a latency of its own",
    ),
    Unread(
        r"gpu\.copy_(in|out)\..*",
        "transfers into the GPU and out of it were measured as a whole",
        lambda profile: profile.gpu is not None and profile.gpu.fetch is not None,
    ),
    Unread(
        r"gpu\.push\.(segments\[\d+\]\.)?latency_s",
        "in a training step a push follows a fetch, and its latency is after_fetch_s",
        lambda profile: bool(
            profile.gpu and profile.gpu.push and profile.gpu.push.after_fetch_s is not None
        ),
    ),
    Unread(r"device\.(busy_share|discipline)", "processors share their cores"),
    Unread(r"gpu\.device\.kind", "it is a GPU"),
    Unread(r"gpu\.fit", "it says how well the others are fitted"),
    Unread(r"(gpu\.)?device\.(name|gemm_flops)", "it says what was measured"),
)


def for_information(profile: Profile, name: str) -> str | None:
    """Why no prediction reads what has this name; None where some do."""
    for unread in FOR_INFORMATION:
        if re.fullmatch(unread.names, name) and unread.of(profile):
            return unread.reason
    return None
