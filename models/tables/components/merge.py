"""Merge: a base profile with the sections that another tool's table determines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.costs.extrapolation import MISFIT
from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS
from nworkers.models.records.profile import SECTIONS, FitRow, Imported, Profile, parameters
from nworkers.models.tables.components import network, operations, tiers
from nworkers.models.tables.components.fit_rows import held_out_errors
from nworkers.models.tables.components.rows import MeasuredTable, Row

#: What each tool's number means beside TensorFlow's own path.
MEANINGS = {
    "nccl-tests": "times are NCCL's, on the devices that it names; the runtime's dispatch and the "
    "copying of gradients into its buffers come on top",
    "OSU micro-benchmarks": "latency is MPI's, half a ping-pong; TensorFlow's gRPC path adds about "
    "a millisecond of software a transfer, which is not in this table and stays the base's",
    "iperf3": "the rate is TCP's; TensorFlow's gRPC path may reach less, and its latency, about a "
    "millisecond of software a transfer, is not in this table and stays the base's",
    "CSV": "seconds are as given: without rows of noop, those of the operation alone",
}
MEANINGS["nccl-tests JSON"] = MEANINGS["nccl-tests"]
MEANINGS["Intel MPI Benchmarks"] = MEANINGS["OSU micro-benchmarks"]
MEANINGS["iperf"] = MEANINGS["iperf3"]


@dataclass(frozen=True)
class FittedRow:
    """A row beside what the model makes of it; None where the number was taken as it is."""

    row: Row
    fitted_s: float | None


@dataclass(frozen=True)
class Import:
    """The profile that a table and a base make together.

    ``sections`` maps each section to where it comes from: the table, the base, or both.
    """

    profile: Profile
    base: Profile
    table: MeasuredTable
    rows: tuple[FittedRow, ...]
    sections: dict[str, str]
    notes: tuple[str, ...]


def graft(table: MeasuredTable, text: str, base: Profile, source: str, *, seed: int = 1) -> Import:
    """Put into ``base`` what ``table`` determines; ``text`` is what it was read from.

    Imported parameters have as many draws as the base, so that draw k of all of them makes one
    profile; a table and a base were measured apart, so their draws are independent.

    Raises:
        InputError: the rows leave a parameter open that their section needs.
    """
    rng = np.random.default_rng(seed)
    profile, notes = base, [MEANINGS[table.format], *table.notes]
    quality: list[FitRow] = []
    fitted: dict[Row, float | None] = {}
    runs: list[int] = []
    by_wire = [r for r in table.rows if r.quantity in network.QUANTITIES]
    by_wire.sort(key=lambda row: row.quantity == "second")
    if by_wire:
        found = network.measure(by_wire, base.draws, rng, source)
        profile, remarks = network.put_in(profile, found)
        notes += [*found.notes, *remarks]
        quality += found.fit
        fitted.update(zip(by_wire, found.fitted_s or [None] * len(by_wire), strict=True))
        runs.append(1)
    placed = operations.put_in(profile, table.rows, rng, source)
    profile = placed.profile
    notes += placed.notes
    for rows, columns, solved in placed.fitted:
        fitted.update(zip(rows, solved.fitted_s, strict=True))
        runs.append(solved.runs)
        for quantity in dict.fromkeys(r.quantity for r in rows if r.quantity != "noop"):
            quality.append(
                held_out_errors(quantity, [r for r in rows if r.quantity == quantity], columns)
            )
    reduced = [row for row in table.rows if row.quantity == "allreduce"]
    if reduced:
        found_tiers = tiers.put_in(profile, reduced, rng, source)
        profile = replace(profile, collective=found_tiers.collective)
        notes += [
            *found_tiers.notes,
            "an all-reduce varies in predictions as the base's fetches do",
        ]
        for line in found_tiers.lines:
            fitted.update(zip(line.rows, line.solved.fitted_s, strict=True))
            quality.append(line.quality)
            runs.append(line.solved.runs)
    changed = _changed(base, profile)
    if not changed:
        raise InputError(source, "rows that determine no parameter", "more sizes")
    notes += _misfit(fitted)
    record = Imported(
        table.format,
        source,
        hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
        len(table.rows),
        base.name,
        changed,
    )
    return Import(
        _labelled(profile, base, record, min([base.rounds, *runs]), quality),
        base,
        table,
        tuple(FittedRow(row, fitted.get(row)) for row in table.rows),
        _sections(changed, base),
        tuple(notes),
    )


def _labelled(
    profile: Profile, base: Profile, record: Imported, rounds: int, quality: list[FitRow]
) -> Profile:
    """The profile under a name that says whose it is, as firm as its weakest part."""
    operations = {row.operation for row in quality}
    return replace(
        profile,
        name=f"{base.name} with {record.source}",
        hardware=f"{base.hardware}, with what {record.source} tells ({record.format})",
        rounds=rounds,
        provisional=base.provisional or rounds < PROVISIONAL_ROUNDS,
        fit=(*(row for row in base.fit if row.operation not in operations), *quality),
        imported=(*base.imported, record),
        stand_ins={section: base.stand_ins.get(section, base.name) for section in SECTIONS},
    )


def _misfit(fitted: dict[Row, float | None]) -> Iterator[str]:
    """A note of the row that the model misses by most, where that is much."""
    worst = max(
        ((abs(model / row.seconds - 1), row) for row, model in fitted.items() if model),
        key=lambda pair: pair[0],
        default=None,
    )
    if worst is not None and worst[0] > MISFIT:
        error, row = worst
        yield (
            f"latency and bandwidth alone miss these times by up to {100 * error:.0f} % "
            f"({row.quantity} of {row.size_bytes} bytes): libraries change their algorithm with "
            "the size. A table with sizes near those that you will send fits them better"
        )


def _changed(base: Profile, profile: Profile) -> tuple[str, ...]:
    """Paths of the parameters that are no longer the base's."""
    before = dict(parameters(base))
    return tuple(
        path for path, parameter in parameters(profile) if parameter is not before.get(path)
    )


def _sections(changed: tuple[str, ...], base: Profile) -> dict[str, str]:
    """Of each section the parameters that the table gave; the others are the base's."""
    found: dict[str, str] = {}
    for section in ("device", "host", "link", "collective"):
        own = [name.partition(".")[2] for name in changed if name.startswith(f"{section}.")]
        found[section] = f"the table ({', '.join(own)})" if own else f"the base, {base.name}"
        if own and section != "collective":
            found[section] += f"; the rest from the base, {base.name}"
    if not base.collective.measured and not found["collective"].startswith("the table"):
        found["collective"] = "not measured: a hop is taken for a fetch of its bytes"
    return found
