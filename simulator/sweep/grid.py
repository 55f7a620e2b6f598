"""Grid: the scenarios of a sweep, each by its number, and the key by which each is known."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from nworkers import __version__
from nworkers.models.base.errors import InputError
from nworkers.models.files.store import record_json
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.what_if import WhatIf

#: The number of workers, which a request leaves to its asker.
WORKERS = "workers"
#: What a scenario's hardware depends on.
HARDWARE = (
    "profile", "device_of", "link", "device", "memory_bytes", "cores", "spread", "settings"
)  # fmt: skip
#: Neighbours differ in these, so that any few scenarios after each other have some of each.
_LAST = ("batch", WORKERS)
#: All fields of a scenario, the first of which changes most rarely: hardware takes longest to make.
FIELDS = (
    *HARDWARE,
    *(entry.name for entry in fields(JobRequest) if entry.name not in (*HARDWARE, *_LAST)),
    *_LAST,
)
#: More rows than this fill a disk, or a month.
MOST_SCENARIOS = 10_000_000
#: A key changes when what its row holds does.
ROW_SCHEMA = 1
KEY_DIGITS = 32


@dataclass(frozen=True)
class SweepAxis:
    """What one field of the question may be.

    ``name`` is what the sweep's author calls the field. ``written`` has its values in his words,
    ``values`` what they mean, with what a file holds in place of its name.
    """

    field: str
    name: str
    written: tuple[Any, ...]
    values: tuple[Any, ...]

    @cached_property
    def lines(self) -> tuple[bytes, ...]:
        """Of each value a line of the text that a key is made from."""
        return tuple(f"{self.field}={_identity(value)}\n".encode() for value in self.values)


def _identity(value: Any) -> str:
    """What tells a value from others, whatever it was called: of a file the digest of its content.

    The words in which a what-if was asked change nothing.
    """
    if isinstance(value, WhatIf):
        return record_json(replace(value, said=()))
    if isinstance(value, tuple):
        return json.dumps([asdict(part) for part in value])
    if is_dataclass(value):
        return hashlib.sha256(record_json(value).encode()).hexdigest()
    return json.dumps(value)


@dataclass(frozen=True)
class SweepGrid:
    """Every value of each field with every value of the others, numbered from 0.

    The axes are all of `FIELDS`, in their order; the last changes from one scenario to the next.
    """

    axes: tuple[SweepAxis, ...]

    @cached_property
    def size(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    @cached_property
    def on_one_hardware(self) -> int:
        """How many scenarios after each other have the same hardware."""
        return math.prod(len(axis.values) for axis in self.axes if axis.field not in HARDWARE)

    def values(self, index: int) -> dict[str, Any]:
        """A scenario's fields, by their names in a `JobRequest`, and its number of workers."""
        places = self._places(index)
        return {axis.field: axis.values[k] for axis, k in zip(self.axes, places, strict=True)}

    def inputs(self, index: int) -> dict[str, object]:
        """A scenario's fields in their author's words; what he left open is left out."""
        places = self._places(index)
        found = {axis.name: axis.written[k] for axis, k in zip(self.axes, places, strict=True)}
        return {name: value for name, value in found.items() if value is not None}

    def key(self, index: int) -> str:
        """By which a scenario is known, in this sweep and in any other that has it.

        It is made from every field, the content of every file, and the version of this package.
        """
        lines = self._lines.copy()
        for at in self._varying:
            of = self.axes[at].lines
            index, place = divmod(index, len(of))
            lines[at] = of[place]
        return hashlib.sha256(b"".join(lines)).hexdigest()[:KEY_DIGITS]

    def _places(self, index: int) -> list[int]:
        """Of each axis the value that the scenario has."""
        places = []
        for axis in reversed(self.axes):
            index, place = divmod(index, len(axis.values))
            places.append(place)
        return places[::-1]

    @cached_property
    def _lines(self) -> list[bytes]:
        """The text of the first scenario's key, and at its end by whom rows are made."""
        made_by = f"made_by=nworkers {__version__}, rows {ROW_SCHEMA}\n".encode()
        return [*(axis.lines[0] for axis in self.axes), made_by]

    @cached_property
    def _varying(self) -> tuple[int, ...]:
        """The axes of several values, the last first."""
        several = [k for k, axis in enumerate(self.axes) if len(axis.values) > 1]
        return tuple(reversed(several))


def check_grid(grid: SweepGrid, source: str) -> SweepGrid:
    """Refuse a sweep without scenarios, with one twice, or with more than anybody reads.

    Args:
        source: where its axes are stated, for the message.

    Raises:
        InputError
    """
    for axis in grid.axes:
        _check_axis(axis, source)
    if grid.size > MOST_SCENARIOS:
        several = (axis for axis in grid.axes if len(axis.values) > 1)
        sizes = " × ".join(f"{axis.name} {len(axis.values):,}" for axis in several)
        raise InputError(
            source,
            f"{grid.size:,} scenarios ({sizes})",
            f"at most {MOST_SCENARIOS:,}: fewer values, or several files",
        )
    return grid


def _check_axis(axis: SweepAxis, source: str) -> None:
    if not axis.values:
        raise InputError(f"{source}: {axis.name}", "an empty list", "at least one value")
    order = sorted(range(len(axis.lines)), key=lambda k: (axis.lines[k], k))
    for first, second in pairwise(order):
        if axis.lines[first] == axis.lines[second]:
            one, other = axis.written[first], axis.written[second]
            got = f"{other} twice" if one == other else f"{other}, which is the same as {one}"
            raise InputError(f"{source}: {axis.name}", got, "each value once")


def wanted(grid: SweepGrid, done: frozenset[str], shard: int, shards: int) -> Iterator[int]:
    """The scenarios of one shard, from 1 on, that are not done yet.

    A scenario's key tells its shard. So shards are disjoint, each has some of every kind, and a
    sweep that is given more values moves no scenario from one to another.
    """
    for index in range(grid.size):
        if done or shards > 1:
            key = grid.key(index)
            if key in done or int(key[:8], 16) % shards != shard - 1:
                continue
        yield index
