"""Operations: a CSV's fetches, pushes, products and steps, fitted as a calibration's are.

Without rows of ``noop`` the seconds are taken as the operation's alone; with them, as those of a
whole call, from which the dispatch is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped
from nworkers.models.base.linear import Unknown
from nworkers.models.costs.laws import sustained
from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Law, LocalProducts, Session
from nworkers.models.records.calibration import Cell
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import (
    GemmSegment,
    Identified,
    NotIdentified,
    Parameter,
    Products,
    Profile,
    Segment,
    StepTime,
    TransferPath,
    WorkloadTime,
    straight_path,
    value_at,
)
from nworkers.models.tables.components.fit_rows import Columns, SolvedRows, fit, parameter
from nworkers.models.tables.components.rows import Row

#: What tables tell of is too little to choose between laws.
TRANSFERS, GEMM = laws.transfers({}), laws.gemm("rate")


@dataclass(frozen=True)
class Placed:
    """A profile with rows put in, how they were fitted, and what to know about it."""

    profile: Profile
    fitted: tuple[tuple[Sequence[Row], Columns, SolvedRows], ...]
    notes: tuple[str, ...] = ()


def put_in(profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str) -> Placed:
    """Every section that the rows tell of, in turn.

    Raises:
        InputError: a section's rows leave it open.
    """
    placed = Placed(profile, ())
    for section in (_session, _together, _process, _steps):
        found = section(placed.profile, rows, rng, source)
        placed = Placed(
            found.profile,
            placed.fitted + found.fitted,
            placed.notes + found.notes,
        )
    return placed


def _session(
    profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str
) -> Placed:
    """Fetches and pushes by one worker, with the dispatch where it was measured apart."""
    noops = [row for row in rows if row.quantity == "noop" and row.path != "process"]
    transfers = [row for row in rows if row.quantity in ("fetch", "push") and row.workers == 1]
    if not noops and not transfers:
        return Placed(profile, ())
    paths = {row.path for row in noops}
    if noops and transfers and paths != {"server", "ps"}:
        raise InputError(
            f"{source}: noop", f"path {' and '.join(paths)} alone", "both paths, server and ps"
        )

    dispatches = (TRANSFERS.record.server_dispatch_s, TRANSFERS.record.ps_dispatch_s)
    columns = partial(_row, TRANSFERS, without=() if noops else dispatches)
    solved = fit(
        [*noops, *transfers],
        columns,
        _units(TRANSFERS),
        profile.draws,
        rng,
        f"{source}: transfers",
    )
    found: Session[Parameter | None] = _determined(TRANSFERS, solved, profile.draws)
    host, link = profile.host, profile.link
    fetch, push = _path(link.fetch, found.fetch), _path(link.push, found.push)
    host = replace(host, server_dispatch_s=found.server_dispatch_s or host.server_dispatch_s)
    link = replace(link, dispatch_s=found.ps_dispatch_s or link.dispatch_s, fetch=fetch, push=push)
    if transfers:
        sizes = [float(row.size_bytes) for row in transfers if row.size_bytes] or [1.0]
        tensors = [row.tensors for row in transfers]
        link = replace(
            link,
            evidence="imported",
            size_bytes=(min(sizes), max(sizes)),
            tensors=(min(tensors), max(tensors)),
            wire_latency_s=None,
            duplex=None,
            both_ways_bandwidth_bytes_per_s=None,
        )
    shared = link.shared_bandwidth_bytes_per_s
    if transfers and shared is not None:
        # What one flow was seen to pass, the link passes.
        flow = max(sustained(fetch), sustained(push), key=lambda rate: value_at(rate, None))
        at_least = combined(max, "bytes/s", shared, flow, draws=profile.draws)
        link = replace(link, shared_bandwidth_bytes_per_s=at_least)
    notes = _left_open(TRANSFERS, solved)
    used = (([*noops, *transfers], columns, solved),)
    return Placed(replace(profile, host=host, link=link), used, notes)


def _together(
    profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str
) -> Placed:
    """The rate that K workers share, from fetches of all of them at once: K over s_K."""
    several = [row for row in rows if row.quantity == "fetch" and row.workers > 1]
    if not several:
        return Placed(profile, ())
    most = max(row.workers for row in several)
    chosen = [row for row in several if row.workers == most]

    def columns(row: Row) -> Sequence[float]:
        return 1.0, float(row.size_bytes)

    solved = fit(chosen, columns, ("s", "s/byte"), profile.draws, rng, f"{source}: fetches at once")
    per_byte = solved.parameters[1]
    if not isinstance(per_byte, Identified):
        return Placed(profile, (), ("fetches at once leave the shared bandwidth open",))
    shared = combined(lambda s: most / s, "bytes/s", per_byte, draws=profile.draws)
    link = replace(
        profile.link,
        shared_bandwidth_bytes_per_s=shared,
        evidence="imported",
        duplex=None,
        both_ways_bandwidth_bytes_per_s=None,
    )
    return Placed(replace(profile, link=link), ((chosen, columns, solved),))


def _process(
    profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str
) -> Placed:
    """Matrix products and no-op steps of one process."""
    noops = [row for row in rows if row.quantity == "noop" and row.path == "process"]
    products = [row for row in rows if row.quantity == "gemm"]
    if not noops and not products:
        return Placed(profile, ())

    without = () if noops else (GEMM.record.dispatch_s,)
    columns = partial(_row, GEMM, path="process", without=without)
    chosen = [*noops, *products]
    solved = fit(chosen, columns, _units(GEMM), profile.draws, rng, f"{source}: gemm")
    found: LocalProducts[Parameter | None] = _determined(GEMM, solved, profile.draws)
    base = profile.device
    device = replace(base, dispatch_s=found.dispatch_s or base.dispatch_s)
    [new], [old, *larger] = found.products.segments, base.products.segments
    overhead = new.gemm_overhead_s or old.gemm_overhead_s
    if new.gemm_flops_per_s is None:
        kept = (replace(old, gemm_overhead_s=overhead), *larger)
        device = replace(device, products=replace(base.products, segments=kept))
    else:
        flops = [2.0 * row.features * row.batch * row.hidden for row in products]
        rate = GemmSegment(0.0, overhead, new.gemm_flops_per_s)
        device = replace(device, products=Products((rate,)), gemm_flops=(min(flops), max(flops)))
    used = ((chosen, columns, solved),)
    return Placed(replace(profile, device=device), used, _left_open(GEMM, solved))


def _steps(profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str) -> Placed:
    """Training steps of one process, of each workload that the rows name."""
    steps = [row for row in rows if row.quantity in ("step", "gradient")]
    device, workload = profile.device, profile.workload
    notes: list[str] = []
    used: list[tuple[Sequence[Row], Columns, SolvedRows]] = []
    for name in dict.fromkeys(row.workload or profile.workload for row in steps):
        own = [row for row in steps if (row.workload or profile.workload) == name]
        quantities = {row.quantity for row in own}
        where = f"{source}: {', '.join(sorted(quantities))}"
        solved = fit(own, _batch, ("s", "s", "s/sample"), profile.draws, rng, where)
        step_s, gradient_s, per_sample = solved.parameters
        used.append((own, _batch, solved))
        if len(quantities) == 1:
            only = ", ".join(quantities)
            notes.append(f"{name}: only {only} in the table, taken for the other too")
        floor, gradient_floor = step_s or gradient_s, gradient_s or step_s
        assert floor is not None
        assert gradient_floor is not None
        assert per_sample is not None
        none = parameter(1e-12, np.zeros(profile.draws), "s", 0, False, source)
        time = WorkloadTime(
            workload=name,
            batches=(min(row.batch for row in own), max(row.batch for row in own)),
            step=StepTime(floor, per_sample),
            gradient_floor_s=gradient_floor,
            # Another device's processor time is unknown; none is charged.
            processor=StepTime(none, replace(none, unit="s/sample")),
        )
        others = tuple(w for w in device.workloads if w.workload != name)
        device, workload = replace(device, workloads=(*others, time)), name
    made = replace(profile, device=device, workload=workload)
    return Placed(made, tuple(used), tuple(notes))


def _batch(row: Row) -> Sequence[float]:
    """Floors of a step and of a worker's gradients, and what a sample takes in both."""
    gradient = row.quantity == "gradient"
    return float(not gradient), float(gradient), float(row.batch)


def _row(law: Law, row: Row, path: str = "", without: Sequence[Unknown] = ()) -> tuple[float, ...]:
    """The coefficients of a row by the law of a calibration's cells, some taken as nothing."""
    cell = Cell(
        row.quantity,  # type: ignore[arg-type]
        path or row.path or "ps",  # type: ignore[arg-type]
        size_bytes=row.size_bytes,
        tensors=row.tensors,
        features=row.features,
        batch=row.batch,
        hidden=row.hidden,
    )
    form = law.form(cell)
    assert form is not None
    return tuple(0.0 if u in without else form.terms.get(u, 0.0) for u in law.unknowns)


def _path(
    base: TransferPath[Parameter], found: TransferPath[Parameter | None]
) -> TransferPath[Parameter]:
    """A straight path of what was found; what was not stays the base's, at every size."""
    [new] = found.segments
    per_tensor_s = found.per_tensor_s or base.per_tensor_s
    if new.latency_s and new.bandwidth_bytes_per_s:
        return straight_path(new.latency_s, per_tensor_s, new.bandwidth_bytes_per_s)
    segments = tuple(
        Segment(
            old.from_bytes,
            new.latency_s or old.latency_s,
            new.bandwidth_bytes_per_s or old.bandwidth_bytes_per_s,
        )
        for old in base.segments
    )
    if new.latency_s:
        return TransferPath(per_tensor_s, None, segments)
    return replace(base, per_tensor_s=per_tensor_s, segments=segments)


def _determined(law: Law, solved: SolvedRows, draws: int) -> Any:
    """The law's record with what the table determines, and None where the base's stays."""
    found: dict[Unknown, Parameter] = {}
    for unknown, fitted in zip(law.unknowns, solved.parameters, strict=True):
        if isinstance(fitted, Identified):
            found[unknown] = fitted
            if unknown.rate:
                found[unknown] = combined(lambda s: 1 / s, unknown.unit, fitted, draws=draws)
    return mapped(law.record, Unknown, found.get)


def _left_open(law: Law, solved: SolvedRows) -> tuple[str, ...]:
    parameters = dict(zip(law.unknowns, solved.parameters, strict=True))
    left = [
        name
        for name, unknown in law.named(law.record, Unknown)
        if isinstance(parameters[unknown], NotIdentified)
    ]
    return (f"not identified, so the base's stay: {', '.join(left)}",) if left else ()


def _units(law: Law) -> tuple[str, ...]:
    """Of what is fitted: a rate's inverse."""
    inverse = {"bytes/s": "s/byte", "flop/s": "s/flop"}
    return tuple(inverse.get(unknown.unit, unknown.unit) for unknown in law.unknowns)
