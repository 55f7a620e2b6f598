"""Sweep map: speed-ups of a sweep by batch and workers, one for each combination of all else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.records.prediction import Interval

BATCH, WORKERS = "batch", "workers"
#: More maps are no picture any more.
MOST_MAPS = 12
_WANTED = "rows as `scale sweep` writes them"

Place = tuple[int, int]


@dataclass(frozen=True)
class SweepMap:
    """Speed-ups by batch and number of workers; ``impossible`` are those without an answer.

    ``tells`` has the fields by which it differs from the other maps, with their values. Where rows
    say how sure they are, there are ``intervals``.
    """

    tells: tuple[tuple[str, str], ...]
    batches: tuple[int, ...]
    workers: tuple[int, ...]
    speedups: Mapping[Place, float]
    impossible: frozenset[Place]
    intervals: Mapping[Place, Interval]

    @property
    def best(self) -> Place | None:
        """Where the speed-up is largest."""
        return max(self.speedups, key=self.speedups.__getitem__, default=None)

    @property
    def first(self) -> Place | None:
        """The smallest batch that breaks even, and the fewest workers that do with it."""
        return min((place for place, found in self.speedups.items() if found > 1.0), default=None)


@dataclass(frozen=True)
class SweepMaps:
    """All maps of a sweep, and the fields that they share. ``baseline`` is "" where it varies."""

    maps: tuple[SweepMap, ...]
    shared: tuple[tuple[str, str], ...]
    baseline: str

    @property
    def speedups(self) -> tuple[float, ...]:
        """Those of every job that has an answer."""
        return tuple(found for one in self.maps for found in one.speedups.values())

    @property
    def best(self) -> tuple[SweepMap, Place] | None:
        """The job of the largest speed-up, and the map that it is on."""
        found = ((one, one.best) for one in self.maps)
        places = [(one, place) for one, place in found if place is not None]
        return max(places, key=lambda of: of[0].speedups[of[1]], default=None)


@dataclass
class _Draft:
    """A map while it is put together."""

    speedups: dict[Place, float]
    impossible: set[Place]
    intervals: dict[Place, Interval]


def sweep_maps(rows: Iterable[Mapping[str, Any]], chosen: Sequence[tuple[str, str]]) -> SweepMaps:
    """The maps of some rows.

    Args:
        chosen: fields with the values of the rows that count; several of one field add up.

    Raises:
        InputError: there are no such rows, or they make too many maps.
    """
    drafts: dict[tuple[tuple[str, str], ...], _Draft] = {}
    seen: dict[str, dict[str, None]] = {}
    for row in rows:
        inputs, place, speedup = _read(row)
        for name, text in inputs.items():
            seen.setdefault(name, {})[text] = None
        if not _chosen(inputs, chosen):
            continue
        others = tuple(of for of in inputs.items() if of[0] not in (BATCH, WORKERS))
        draft = drafts.setdefault(others, _Draft({}, set(), {}))
        if speedup is None:
            draft.impossible.add(place)
            continue
        draft.speedups[place] = speedup
        if (ends := _interval(row)) is not None:
            draft.intervals[place] = ends
    if not drafts:
        raise _nothing(seen, chosen)
    return _maps(drafts)


def _read(row: Mapping[str, Any]) -> tuple[dict[str, str], Place, float | None]:
    """A row's inputs as texts, its place on a map, and its speed-up if it has one."""
    found = row.get("inputs")
    inputs: dict[str, Any] = found if isinstance(found, dict) else {}
    batch, workers = inputs.get(BATCH), inputs.get(WORKERS)
    speedup = None if "error" in row else row.get("speedup", "")
    known = speedup is None or isinstance(speedup, float | int)
    if not (isinstance(batch, int) and isinstance(workers, int) and known):
        raise InputError(f"row {row.get('key')}", "no inputs or no speedup", _WANTED)
    return {name: _text(value) for name, value in inputs.items()}, (batch, workers), speedup


def _interval(row: Mapping[str, Any]) -> Interval | None:
    """How sure a row is of its speed-up, where it says so."""
    match row.get("speedup_interval"):
        case [float() | int() as low, float() | int() as high]:
            return low, high
    return None


def _text(value: object) -> str:
    """As it may be asked for: what holds together is joined, and nothing is plain."""
    if isinstance(value, list):
        return "+".join(map(str, value)) or "plain"
    return str(value)


def _chosen(inputs: Mapping[str, str], chosen: Sequence[tuple[str, str]]) -> bool:
    wanted: dict[str, set[str]] = {}
    for name, text in chosen:
        wanted.setdefault(name, set()).add(text)
    return all(inputs.get(name) in texts for name, texts in wanted.items())


def _nothing(
    seen: Mapping[str, Mapping[str, None]], chosen: Sequence[tuple[str, str]]
) -> InputError:
    """Why no row is left."""
    if not seen:
        return InputError("rows", "none", _WANTED)
    for name, text in chosen:
        if name not in seen:
            return InputError("where", f"{name}={text}", f"one of {', '.join(seen)}")
        if text not in seen[name]:
            values = [f"{name}={known}" for known in seen[name]]
            more = ", …" if len(values) > 8 else ""
            return InputError("where", f"{name}={text}", ", ".join(values[:8]) + more)
    both = " and ".join(f"{name}={text}" for name, text in chosen)
    return InputError("where", both, "what some row has together")


def _maps(drafts: Mapping[tuple[tuple[str, str], ...], _Draft]) -> SweepMaps:
    values: dict[str, set[str]] = {}
    for others in drafts:
        for name, text in others:
            values.setdefault(name, set()).add(text)
    # A field that only some rows have differs too.
    everywhere = {
        name
        for name, texts in values.items()
        if len(texts) == 1 and all(name in dict(others) for others in drafts)
    }
    if len(drafts) > MOST_MAPS:
        several = [name for name in values if name not in everywhere]
        raise InputError(
            "rows",
            f"{len(drafts):,} combinations of {', '.join(several)}",
            f"at most {MOST_MAPS} in a picture; choose with <where> "
            f"{several[0]}={min(values[several[0]])} and so on",
        )
    first = next(iter(drafts))
    shared = tuple(of for of in first if of[0] in everywhere)
    maps = tuple(
        _map(tuple(of for of in others if of[0] not in everywhere), draft)
        for others, draft in drafts.items()
    )
    return SweepMaps(maps, shared, dict(shared).get("baseline", ""))


def _map(tells: tuple[tuple[str, str], ...], draft: _Draft) -> SweepMap:
    places = [*draft.speedups, *draft.impossible]
    batches = tuple(sorted({batch for batch, _ in places}))
    workers = tuple(sorted({count for _, count in places}))
    impossible = frozenset(draft.impossible)
    return SweepMap(tells, batches, workers, draft.speedups, impossible, draft.intervals)
