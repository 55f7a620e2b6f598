"""Step costs made by hand, so that a closed form can be written beside each of them."""

from __future__ import annotations

from typing import Any

from nworkers.models.costs.phase import Phase
from nworkers.models.costs.step import SingleProcess, StepCosts
from nworkers.models.records.prediction import Cause

EXACT = 1e-9


def costs(
    *,
    dispatch_s: float = 0.0,
    latency_s: float = 0.0,
    transfer_s: float = 0.0,
    compute_s: float = 0.0,
    push_latency_s: float | None = None,
    push_transfer_s: float | None = None,
    size_bytes: float = 0.0,
    shards: int = 1,
    shared: float | None = None,
    cores: float = 64.0,
    collective: tuple[Phase, ...] = (),
    **demands: float,
) -> StepCosts:
    """Fetch and push alike unless told; ``demands``: ``<phase>_worker_s``, ``<phase>_ps_s``."""

    def phase(
        cause: Cause, operation: Any, wall_s: float, size: float = 0.0, to: Any = None
    ) -> Phase:
        return Phase(
            cause,
            operation,
            wall_s,
            demands.get(f"{cause}_worker_s", 0.0),
            demands.get(f"{cause}_ps_s", 0.0),
            size,
            to,
        )

    fetch = (
        phase("fetch_latency", "fetch", latency_s),
        phase("fetch_transfer", "fetch", transfer_s, size_bytes, "to_worker"),
    )
    push = (
        phase("push_latency", "push", latency_s if push_latency_s is None else push_latency_s),
        phase(
            "push_transfer",
            "push",
            transfer_s if push_transfer_s is None else push_transfer_s,
            size_bytes,
            "to_ps",
        ),
    )
    flow = size_bytes / transfer_s if transfer_s else 1.0
    return StepCosts(
        dispatch=phase("dispatch", "dispatch", dispatch_s),
        fetch=() if collective else (fetch,) * shards,
        compute=phase("compute", "compute", compute_s),
        push=() if collective else (push,) * shards,
        collective=collective,
        single_process=SingleProcess(compute_s),
        cores=cores,
        flow_bandwidth_bytes_per_s={"to_worker": flow, "to_ps": flow},
        shared_bandwidth_bytes_per_s=shared,
        compute_source="workload_file",
        log_spread={},
    )
