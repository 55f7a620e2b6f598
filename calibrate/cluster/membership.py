"""Membership: which tasks make the cluster and which of them this process is.

Read from what people start their jobs with: ``TF_CONFIG``, Slurm, or addresses on the command line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nworkers.models.base.errors import InputError

#: Jobs of a TF_CONFIG that have no part in training.
_IGNORED = ("evaluator",)
#: Slurm's ports lie below the kernel's ephemeral ones, which begin at 32,768.
PORT_BASE, PORT_SPAN = 12_000, 18_000


@dataclass(frozen=True)
class Membership:
    """The cluster's addresses (``host:port``) and this process's place among them.

    ``job`` is ``coordinator`` for a process that is none of the tasks: a chief, or a
    `scale calibrate` beside tasks of `scale serve`. One process ``coordinates``: it measures, and
    the others serve it.
    """

    source: str
    ps: tuple[str, ...]
    workers: tuple[str, ...]
    job: str
    index: int
    coordinates: bool
    coordinator: str = "worker0"

    @property
    def address(self) -> str:
        """This task's own address; "" for a coordinator that is no task."""
        tasks = {"ps": self.ps, "worker": self.workers}.get(self.job, ())
        return tasks[self.index] if tasks else ""

    @property
    def one_host(self) -> bool:
        """Whether all tasks have the same host part."""
        return len({host_port(address)[0] for address in (*self.ps, *self.workers)}) == 1


def with_ps(membership: Membership, count: int) -> Membership:
    """Make the last workers parameter servers where the cluster has none.

    The first worker stays one: it coordinates.

    Raises:
        InputError: the cluster has parameter servers already, or too few workers.
    """
    if membership.ps:
        raise InputError(
            "--ps",
            count,
            f"nothing: {membership.source} has {len(membership.ps)} ps of its own",
        )
    left = len(membership.workers) - count
    if left < 1:
        raise InputError(
            "--ps", count, f"fewer than the {len(membership.workers)} tasks that there are"
        )
    made = replace(membership, ps=membership.workers[left:], workers=membership.workers[:left])
    if membership.job == "worker" and membership.index >= left:
        made = replace(made, job="ps", index=membership.index - left)
    return made


def host_port(address: str) -> tuple[str, int]:
    """Host and port of ``host:port``; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def addresses(option: str, text: str) -> tuple[str, ...]:
    """``host:port,host:port`` as typed.

    Raises:
        InputError: one is no address, or stands there twice.
    """
    found = tuple(part.strip() for part in text.split(","))
    for address in found:
        _check_address(option, address)
    _check_unique(option, found)
    return found


def from_tf_config(text: str) -> Membership:
    """The cluster of a ``TF_CONFIG``; a chief coordinates, else worker 0 does.

    Raises:
        InputError: it is no such document, or this task is not in it.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("TF_CONFIG", f"no JSON ({error})", _SHAPE) from None
    cluster = document.get("cluster") if isinstance(document, dict) else None
    if not isinstance(cluster, dict) or not cluster:
        raise InputError("TF_CONFIG", "no cluster", _SHAPE)
    jobs: dict[str, tuple[str, ...]] = {}
    for job, listed in cluster.items():
        if job not in ("ps", "worker", "chief", *_IGNORED):
            raise InputError(f"TF_CONFIG: cluster.{job}", "a job", "chief, worker, ps, evaluator")
        if not isinstance(listed, list) or not all(isinstance(a, str) for a in listed):
            raise InputError(f"TF_CONFIG: cluster.{job}", listed, "a list of host:port")
        for address in listed:
            _check_address(f"TF_CONFIG: cluster.{job}", address)
        jobs[job] = tuple(listed)
    _check_unique("TF_CONFIG: cluster", [a for listed in jobs.values() for a in listed])
    job, index = _task(document.get("task"), jobs)
    if not jobs.get("worker"):
        raise InputError("TF_CONFIG: cluster.worker", "none", "at least one worker")
    if job in _IGNORED:
        raise InputError("TF_CONFIG: task.type", job, "a task that trains: chief, worker or ps")
    coordinates = (job, index) == ("worker", 0)
    if jobs.get("chief"):
        coordinates = job == "chief"
        job = "coordinator" if coordinates else job
    coordinator = "the chief" if jobs.get("chief") else "worker0"
    servers = jobs.get("ps", ())
    return Membership("TF_CONFIG", servers, jobs["worker"], job, index, coordinates, coordinator)


_SHAPE = (
    '{"cluster": {"ps": ["host:port"], "worker": ["host:port", …]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def _task(task: Any, jobs: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    if not isinstance(task, dict):
        raise InputError("TF_CONFIG: task", "nothing" if task is None else task, _SHAPE)
    job, index = task.get("type"), task.get("index")
    if not isinstance(job, str) or job not in jobs:
        raise InputError("TF_CONFIG: task.type", job, " or ".join(jobs))
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(jobs[job]):
        raise InputError(
            "TF_CONFIG: task.index", index, f"0 to {len(jobs[job]) - 1}: an index of job {job}"
        )
    return job, index


def from_slurm(environ: Mapping[str, str]) -> Membership | None:
    """The cluster of a Slurm job step, all tasks workers; None outside of ``srun``.

    Tasks are in the order of their nodes; ports are derived from the job's number, so that two
    jobs on one node do not meet. ``SLURM_STEP_ID`` is what tells a step from a batch script.

    Raises:
        InputError: a variable of Slurm is missing or not understood.
    """
    if "SLURM_STEP_ID" not in environ or "SLURM_PROCID" not in environ:
        return None
    nodes = expand_nodes(_slurm(environ, "SLURM_STEP_NODELIST"))
    counts = tasks_per_node(_slurm(environ, "SLURM_STEP_TASKS_PER_NODE"))
    if len(counts) != len(nodes):
        raise InputError(
            "SLURM_STEP_TASKS_PER_NODE",
            environ["SLURM_STEP_TASKS_PER_NODE"],
            f"counts of {len(nodes)} nodes, as SLURM_STEP_NODELIST has",
        )
    if sum(counts) < 2:
        return None
    job = _number(environ, "SLURM_JOB_ID")
    node, local = _number(environ, "SLURM_NODEID"), _number(environ, "SLURM_LOCALID")
    if node >= len(nodes) or local >= counts[node]:
        raise InputError("SLURM_NODEID, SLURM_LOCALID", f"{node}, {local}", "a task of this step")
    first = PORT_BASE + job * 64 % PORT_SPAN
    workers = tuple(
        f"{name}:{first + k}"
        for name, count in zip(nodes, counts, strict=True)
        for k in range(count)
    )
    index = sum(counts[:node]) + local
    return Membership("Slurm", (), workers, "worker", index, coordinates=index == 0)


def _slurm(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise InputError(name, "nothing", "what srun sets in every task")
    return value


def _number(environ: Mapping[str, str], name: str) -> int:
    value = _slurm(environ, name)
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise InputError(name, value, "a number, as srun sets it")
    return int(value)


def expand_nodes(text: str) -> list[str]:
    """Slurm's ``gpu[01-03,07],login1`` as names, padding kept.

    Raises:
        InputError
    """
    names: list[str] = []
    for part in re.findall(r"[^,\[\]]+(?:\[[^\]]*\][^,\[\]]*)*", text):
        names += _expand_one(part, text)
    if not names or text.count("[") != text.count("]"):
        raise InputError("SLURM_STEP_NODELIST", text, "names such as node[01-03,07]")
    return names


def _expand_one(part: str, whole: str) -> list[str]:
    match = re.search(r"\[([^\]]*)\]", part)
    if match is None:
        return [part]
    made: list[str] = []
    for piece in match[1].split(","):
        bounds = re.fullmatch(r"(\d+)(?:-(\d+))?", piece)
        if bounds is None or int(bounds[2] or bounds[1]) < int(bounds[1]):
            raise InputError("SLURM_STEP_NODELIST", whole, "names such as node[01-03,07]")
        for k in range(int(bounds[1]), int(bounds[2] or bounds[1]) + 1):
            named = f"{part[: match.start()]}{k:0{len(bounds[1])}d}{part[match.end() :]}"
            made += _expand_one(named, whole)
    return made


def tasks_per_node(text: str) -> list[int]:
    """Slurm's ``2(x3),1`` as a count for each node.

    Raises:
        InputError
    """
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:\(x(\d{1,6})\))?", part)
        if match is None:
            raise InputError("SLURM_STEP_TASKS_PER_NODE", text, "counts such as 2(x3),1")
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def _check_address(where: str, address: str) -> None:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):(\d{1,5})", address)
    if match is None or not 1 <= int(match[2]) <= 65_535:
        raise InputError(where, address, "host:port, such as 10.0.0.2:2222")


def _check_unique(where: str, found: Sequence[str]) -> None:
    for address in found:
        if found.count(address) > 1:
            raise InputError(where, f"{address} twice", "every task's own host:port, once")
