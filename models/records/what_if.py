"""What-if: what a job does otherwise than the plain one that was calibrated."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, is_dataclass, replace
from typing import Literal

from nworkers.models.base.errors import InputError

ShardBy = Literal["round-robin", "size"]
AllReduce = Literal["ring", "tree", "hierarchical"]


@dataclass(frozen=True)
class Compression:
    """Gradients of ``factor`` of their bytes, for ``seconds_per_byte`` of compute at the worker."""

    factor: float
    seconds_per_byte: float = 0.0


@dataclass(frozen=True)
class Rdma:
    """Another transport: the latency of a request, and the processor time at either end."""

    latency_s: float
    processor_s: float = 0.0


@dataclass(frozen=True)
class Racks:
    """Hosts of a rack share an uplink of 1/``oversubscription`` of their links together."""

    hosts: int
    oversubscription: float


@dataclass(frozen=True)
class InnerLink:
    """What carries tensors inside a host."""

    bandwidth_bytes_per_s: float
    latency_s: float = 0.0


@dataclass(frozen=True)
class Slow:
    """``count`` workers are ``factor`` times slower than the others."""

    count: int
    factor: float


@dataclass(frozen=True)
class Stragglers:
    """A worker falls ``factor`` times slower ``per_hour``, for ``duration_s`` in the mean."""

    per_hour: float
    factor: float
    duration_s: float


@dataclass(frozen=True)
class Failures:
    """A task dies ``per_hour`` and is back, in the mean, ``recovery_s`` later."""

    per_hour: float
    recovery_s: float


@dataclass(frozen=True)
class WhatIf:
    """What is otherwise than in plain training; by default nothing is.

    ``backup_workers`` of synchronous training are not waited for; ``staleness`` is how many steps
    a worker of asynchronous training may be ahead of the slowest. ``overlap`` has transfers of a
    layer beside the compute of others. ``bucket_bytes`` is the size up to which gradients are fused
    into one all-reduce. With ``hybrid`` the workers of a host all-reduce among themselves and go to
    the ps as one. ``partition_bytes`` splits larger variables over the ps. Hosts on ``one_machine``
    share its cores. Devices compute ``compute_factor`` times as fast. ``input_samples_per_s`` is
    what the input pipeline of a host delivers. ``said`` has the words in which it was asked for.
    """

    overlap: bool = False
    backup_workers: int = 0
    staleness: int | None = None
    all_reduce: AllReduce | None = None
    bucket_bytes: float | None = None
    hybrid: bool = False
    shard_by: ShardBy = "round-robin"
    partition_bytes: float | None = None
    compression: Compression | None = None
    half_precision: bool = False
    rdma: Rdma | None = None
    racks: Racks | None = None
    inner_link: InnerLink | None = None
    slow_workers: Slow | None = None
    slow_links: Slow | None = None
    one_machine: bool = False
    compute_factor: float | None = None
    input_samples_per_s: float | None = None
    dead_workers: int = 0
    stragglers: Stragglers | None = None
    worker_failures: Failures | None = None
    ps_failures: Failures | None = None
    said: tuple[str, ...] = ()

    @property
    def least_workers(self) -> int:
        """How many workers there must be for it to mean anything."""
        slow = [change.count for change in (self.slow_workers, self.slow_links) if change]
        return max(
            self.backup_workers + 1, self.dead_workers + 1, 2 if self.hybrid else 1, *slow, 1
        )

    @property
    def worded(self) -> dict[str, str]:
        """The fields that change anything, each in the words it was asked in, else by its value."""
        changed = {
            entry.name: _written(entry.name, getattr(self, entry.name))
            for entry in fields(self)
            if entry.name != "said" and getattr(self, entry.name) != entry.default
        }
        names = {what_if_name(field): field for field in changed}
        heard = {names[name]: text for text in self.said if (name := _name_in(text)) in names}
        return heard | {field: text for field, text in changed.items() if field not in heard}

    @property
    def changes(self) -> tuple[str, ...]:
        """Each change in the words it was asked in; else by its name and value."""
        return tuple(self.worded.values())

    @property
    def usual(self) -> tuple[str, ...]:
        """What was asked for and is so in plain training anyway."""
        plain = {_written(entry.name, entry.default) for entry in fields(self)}
        return tuple(text for text in self.said if text in plain)

    def without(self, field: str) -> WhatIf:
        """The same with one field as in plain training."""
        return replace(self, **{field: getattr(PLAIN, field)})

    @property
    def of_devices(self) -> WhatIf:
        """What of it holds for a baseline on devices of the same kind: how fast they compute."""
        factor = self.compute_factor
        return PLAIN if factor is None else replace(PLAIN, compute_factor=factor)

    @property
    def faults(self) -> bool:
        """Whether anything happens now and then."""
        return any((self.stragglers, self.worker_failures, self.ps_failures))


#: Names that are not their fields'.
_NAMES = {
    "bucket_bytes": "buckets",
    "partition_bytes": "partition",
    "compute_factor": "compute",
    "input_samples_per_s": "input",
}


def what_if_name(field: str) -> str:
    """How a field is called where it is asked for."""
    return _NAMES.get(field, field.replace("_", "-"))


def _name_in(text: str) -> str:
    return text.partition("=")[0].strip()


def _written(field: str, value: object) -> str:
    name = what_if_name(field)
    if value is True:
        return name
    parts = astuple(value) if is_dataclass(value) and not isinstance(value, type) else (value,)
    texts = (f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
    return f"{name}={','.join(texts)}"


PLAIN = WhatIf()

_SECONDS, _SLOWER, _PER_HOUR = "seconds", "times slower", "times an hour"
_FAILURES = {"per_hour": (1e-6, 1e5, _PER_HOUR), "recovery_s": (1e-6, 1e7, _SECONDS)}
#: What each number may be. Beyond lies a slip, or a run without end.
_RANGES: dict[str, dict[str, tuple[float, float, str]]] = {
    "bucket_bytes": {"": (1.0, 1e12, "bytes")},
    "partition_bytes": {"": (1.0, 1e12, "bytes")},
    "compute_factor": {"": (0.001, 1e6, "times as fast")},
    "input_samples_per_s": {"": (0.01, 1e9, "samples a second")},
    "compression": {
        "factor": (1e-6, 1.0, "of a gradient's bytes"),
        "seconds_per_byte": (0.0, 1e-3, "seconds a byte"),
    },
    "rdma": {"latency_s": (0.0, 1.0, _SECONDS), "processor_s": (0.0, 1.0, _SECONDS)},
    "racks": {"hosts": (1, 1e6, "hosts"), "oversubscription": (1.0, 1e6, "times")},
    "inner_link": {
        "bandwidth_bytes_per_s": (1e3, 1e14, "bytes a second"),
        "latency_s": (0.0, 1.0, _SECONDS),
    },
    "slow_workers": {"factor": (1.0, 100.0, _SLOWER)},
    "slow_links": {"factor": (1.0, 100.0, _SLOWER)},
    "stragglers": {
        "per_hour": (1e-6, 1e5, _PER_HOUR),
        "factor": (1.0, 100.0, _SLOWER),
        "duration_s": (1e-6, 1e7, _SECONDS),
    },
    "worker_failures": _FAILURES,
    "ps_failures": _FAILURES,
}


def check_what_if(change: WhatIf) -> WhatIf:
    """Refuse numbers that no machine has.

    Raises:
        InputError
    """
    for field, parts in _RANGES.items():
        value = getattr(change, field)
        for part, (low, high, what) in parts.items():
            if value is None:
                break
            number = getattr(value, part) if part else value
            if not low <= number <= high:
                raise InputError("what_if", _text(change, field), f"{low:g} to {high:g} {what}")
    return change


def _text(change: WhatIf, field: str) -> str:
    """A change in the words it was asked in, else by its field and value."""
    return change.said[0] if len(change.said) == 1 else _written(field, getattr(change, field))
