"""Clusters: the tasks of a calibration, from the command line or from what started the job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nworkers.cli.asked.options import Options, integer
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.campaign import Machines
    from nworkers.calibrate.cluster.membership import Membership


def membership(ps: str | None, worker: str | None, *, local: bool) -> Membership | None:
    """The cluster that this process belongs to; None for tasks on this machine alone.

    Addresses on the command line come first, then ``TF_CONFIG``, then Slurm.

    Raises:
        InputError: what describes the cluster cannot be understood.
    """
    from nworkers.calibrate.cluster.membership import (
        Membership,
        addresses,
        from_slurm,
        from_tf_config,
        with_ps,
    )

    if worker is not None and ":" in worker:
        if local:
            raise InputError("--local", "with --worker host:port", "one of the two")
        servers = addresses("--ps", ps) if ps and ":" in ps else ()
        found = Membership(
            "--worker", servers, addresses("--worker", worker), "coordinator", 0, True
        )
        if set(servers) & set(found.workers):
            raise InputError("--worker", worker, "other tasks than --ps names")
    elif ps is not None and ":" in ps:
        raise InputError("--ps", ps, "--worker host:port,… beside it")
    elif local:
        return None
    elif text := os.environ.get("TF_CONFIG"):
        found = from_tf_config(text)
    else:
        step = from_slurm(os.environ)
        if step is None:
            return None
        found = step
    if ps is not None and ":" not in ps:
        found = with_ps(found, integer("--ps", ps, 1, len(found.workers)))
    return found


def in_training(
    options: Options, worker: str | None, counts: Sequence[int], *, local: bool
) -> Membership | None:
    """The cluster that is to train; None for tasks on this machine alone.

    A cluster that states no ps gets ``--ps`` of its last workers, where the strategy has any.

    Raises:
        InputError: what describes the cluster cannot be understood, or it is too small.
    """
    listed = ":" in options.ps
    if worker is not None and ":" not in worker:
        raise InputError("--worker", worker, "host:port,… of `scale serve`; --workers has counts")
    found = membership(options.ps if listed else None, worker, local=local)
    if found is None:
        return None
    from nworkers.calibrate.cluster.membership import with_ps

    if options.strategy != "allreduce" and not found.ps:
        found = with_ps(found, integer("--ps", options.ps, 1, len(found.workers)))
    if max(counts) > len(found.workers):
        raise InputError(
            "--workers", max(counts), f"at most {len(found.workers)}, the cluster's workers"
        )
    return found


def machines(found: Membership, connect_timeout_s: float) -> Machines:
    """The tasks of a cluster as its coordinator sees them: its own one here, the others remote."""
    from nworkers.calibrate.campaigns.campaign import Machines
    from nworkers.calibrate.cluster.membership import host_port
    from nworkers.calibrate.training.tasks import TaskAddress

    def sites(job: str, listed: tuple[str, ...]) -> tuple[TaskAddress, ...]:
        made = []
        for index, address in enumerate(listed):
            host, port = host_port(address)
            ours = (job, index) == (found.job, found.index)
            made.append(
                TaskAddress(host, port=port, remote=not ours, connect_timeout_s=connect_timeout_s)
            )
        return tuple(made)

    return Machines(
        ps=sites("ps", found.ps),
        workers=sites("worker", found.workers),
        link_kind="loopback" if found.one_host else "network",
        evidence="one host" if found.one_host else "cluster",
    )
