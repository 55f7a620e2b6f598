"""The what-if parser: ``NAME=VALUE`` texts, and the change of the job that they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from nworkers.models.base.choices import hint
from nworkers.models.base.errors import InputError
from nworkers.models.base.units import bytes_per_s, seconds, size_bytes
from nworkers.models.records.what_if import (
    PLAIN,
    Compression,
    Failures,
    InnerLink,
    Racks,
    Rdma,
    Slow,
    Stragglers,
    WhatIf,
    check_what_if,
)

#: One value of a what-if, from its text; None if it is not allowed.
_Read = Callable[[str], Any]


@dataclass(frozen=True)
class Kind:
    """How one what-if is written: its parts, and what is told of it."""

    field: str
    parts: tuple[tuple[_Read, Any], ...]
    example: str
    meaning: str
    make: Callable[..., Any]


_REQUIRED = object()


def _whole(low: int) -> _Read:
    def read(text: str) -> int | None:
        known = text.isascii() and text.isdigit() and len(text) < 8
        return int(text) if known and int(text) >= low else None

    return read


def _number(of: _Read = float) -> _Read:
    """A finite number; `check_what_if` has its range."""

    def read(text: str) -> float | None:
        try:
            value = of(text)
        except ValueError:
            return None
        return value if value is not None and math.isfinite(value) else None

    return read


def _times(text: str) -> float | None:
    """``10x`` or ``10``."""
    return float(text.removesuffix("x"))


def _one_of(*allowed: str) -> _Read:
    return lambda text: text if text in allowed else None


def _only(value: Any) -> Any:
    return value


def _yes() -> bool:
    return True


_COUNT = _whole(1)

KINDS: dict[str, Kind] = {
    "overlap": Kind(
        "overlap",
        (),
        "overlap",
        "transfers of a layer run beside the compute of others",
        _yes,
    ),
    "backup-workers": Kind(
        "backup_workers",
        ((_COUNT, _REQUIRED),),
        "backup-workers=1",
        "ps-sync: a round ends without the slowest so many",
        _only,
    ),
    "staleness": Kind(
        "staleness",
        ((_whole(0), _REQUIRED),),
        "staleness=3",
        "ps-async: nobody is more than so many steps ahead of the slowest",
        _only,
    ),
    "all-reduce": Kind(
        "all_reduce",
        ((_one_of("ring", "tree", "hierarchical"), _REQUIRED),),
        "all-reduce=tree",
        "ring, tree or hierarchical",
        _only,
    ),
    "buckets": Kind(
        "bucket_bytes",
        ((_number(size_bytes), _REQUIRED),),
        "buckets=25MB",
        "gradients are fused into all-reduces of up to this size",
        _only,
    ),
    "hybrid": Kind(
        "hybrid",
        (),
        "hybrid",
        "workers of one host all-reduce, and go to the ps as one",
        _yes,
    ),
    "shard-by": Kind(
        "shard_by",
        ((_one_of("round-robin", "size"), _REQUIRED),),
        "shard-by=size",
        "variables go to the ps in turn, or each to the one with the fewest bytes",
        _only,
    ),
    "partition": Kind(
        "partition_bytes",
        ((_number(size_bytes), _REQUIRED),),
        "partition=1MiB",
        "variables are split over the ps into parts of at least this size",
        _only,
    ),
    "compression": Kind(
        "compression",
        ((_number(), _REQUIRED), (_number(seconds), 0.0)),
        "compression=0.1,2ns",
        "gradients of this share of their bytes, for so long a byte",
        Compression,
    ),
    "half-precision": Kind(
        "half_precision",
        (),
        "half-precision",
        "variables and gradients travel as 16 bits",
        _yes,
    ),
    "rdma": Kind(
        "rdma",
        ((_number(seconds), _REQUIRED), (_number(seconds), 0.0)),
        "rdma=5us,1us",
        "latency of a request, and processor time of it at either end",
        Rdma,
    ),
    "racks": Kind(
        "racks",
        ((_COUNT, _REQUIRED), (_number(), _REQUIRED)),
        "racks=8,4",
        "hosts of a rack, whose uplink is oversubscribed so many times",
        Racks,
    ),
    "inner-link": Kind(
        "inner_link",
        (
            (_number(bytes_per_s), _REQUIRED),
            (_number(seconds), 0.0),
        ),
        "inner-link=10GB/s,20us",
        "what carries tensors inside a host",
        InnerLink,
    ),
    "slow-workers": Kind(
        "slow_workers",
        ((_COUNT, _REQUIRED), (_number(), _REQUIRED)),
        "slow-workers=1,2",
        "so many workers compute so many times slower",
        Slow,
    ),
    "slow-links": Kind(
        "slow_links",
        ((_COUNT, _REQUIRED), (_number(), _REQUIRED)),
        "slow-links=1,4",
        "the hosts of so many workers have links so many times slower",
        Slow,
    ),
    "one-machine": Kind(
        "one_machine",
        (),
        "one-machine",
        "hosts are virtual ones with links of their own that share one machine's cores",
        _yes,
    ),
    "compute": Kind(
        "compute_factor",
        ((_number(_times), _REQUIRED),),
        "compute=10x",
        "devices compute so many times as fast, the baseline's too",
        _only,
    ),
    "input": Kind(
        "input_samples_per_s",
        ((_number(), _REQUIRED),),
        "input=2000",
        "samples a second that the input pipeline of a host delivers",
        _only,
    ),
    "dead-workers": Kind(
        "dead_workers",
        ((_COUNT, _REQUIRED),),
        "dead-workers=1",
        "so many workers have died and do not come back",
        _only,
    ),
    "stragglers": Kind(
        "stragglers",
        ((_number(), _REQUIRED), (_number(), _REQUIRED), (_number(seconds), _REQUIRED)),
        "stragglers=6,3,30s",
        "times an hour that a worker falls so many times slower, for so long",
        Stragglers,
    ),
    "worker-failures": Kind(
        "worker_failures",
        ((_number(), _REQUIRED), (_number(seconds), _REQUIRED)),
        "worker-failures=0.5,3m",
        "times an hour that each worker dies, and how long until it is back",
        Failures,
    ),
    "ps-failures": Kind(
        "ps_failures",
        ((_number(), _REQUIRED), (_number(seconds), _REQUIRED)),
        "ps-failures=0.1,10m",
        "times an hour that each ps dies, and how long until it is restored",
        Failures,
    ),
}


def what_if(texts: Iterable[str]) -> WhatIf:
    """What the texts say together.

    Raises:
        InputError: an unknown name, a bad value, or one name twice.
    """
    found: dict[str, Any] = {}
    said = [text.strip() for text in texts]
    for text in said:
        name, _, value = text.partition("=")
        kind = KINDS.get(name)
        if kind is None:
            raise InputError("what_if", text, ", ".join(KINDS) + hint(name, tuple(KINDS)))
        if kind.field in found:
            raise InputError("what_if", text, f"{name} once")
        found[kind.field] = _value(text, kind, value)
        check_what_if(replace(PLAIN, said=(text,), **{kind.field: found[kind.field]}))
    return replace(PLAIN, said=tuple(said), **found)


def _value(text: str, kind: Kind, value: str) -> Any:
    parts = [part.strip() for part in value.split(",")] if value else []
    needed = sum(default is _REQUIRED for _, default in kind.parts)
    if not needed <= len(parts) <= len(kind.parts):
        raise InputError("what_if", text, f"{kind.example}: {kind.meaning}")
    values = []
    for place, (read, default) in enumerate(kind.parts):
        one = read(parts[place]) if place < len(parts) else default
        if one is None:
            unit = "; a time, a size and a rate have a unit" if _number()(parts[place]) else ""
            raise InputError("what_if", text, f"{kind.example}: {kind.meaning}{unit}")
        values.append(one)
    return kind.make(*values)
