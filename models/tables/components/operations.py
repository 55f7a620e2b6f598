"""Cells: a CSV's fetches, pushes, products and steps, fitted as a calibration's are.

Without rows of ``noop`` the seconds are taken as the operation's alone; with them, as those of a
whole call, from which the dispatch is told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Law
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import (
    Device,
    Parameter,
    Profile,
    StepTime,
    TransferPath,
    WorkloadTime,
)
from nworkers.models.tables.components.fit_rows import Columns, Solved, combined, fit, parameter
from nworkers.models.tables.components.rows import Row

#: What tables tell of is too little to choose between laws.
TRANSFERS, GEMM = laws.transfers({}), laws.gemm("rate")


@dataclass(frozen=True)
class Placed:
    """A profile with rows put in, how they were fitted, and what to know about it."""

    profile: Profile
    fitted: tuple[tuple[Sequence[Row], Columns, Solved], ...]
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

    def columns(row: Row) -> Sequence[float]:
        made = _row(TRANSFERS, row)
        return made if noops else (0.0, 0.0, *made[2:])

    solved = fit(
        [*noops, *transfers],
        columns,
        [_unit(name) for name in TRANSFERS.parameters],
        profile.draws,
        rng,
        f"{source}: transfers",
    )
    found = _identified(TRANSFERS.parameters, solved)
    host, link = profile.host, profile.link
    if (server := found.get("host.server_dispatch_s")) is not None:
        host = replace(host, server_dispatch_s=server)
    if (dispatch := found.get("link.dispatch_s")) is not None:
        link = replace(link, dispatch_s=dispatch)
    fetch = _path("fetch", link.fetch, found, profile.draws)
    push = _path("push", link.push, found, profile.draws)
    link = replace(link, fetch=fetch, push=push)
    if transfers:
        sizes = [float(row.size_bytes) for row in transfers if row.size_bytes] or [1.0]
        tensors = [row.tensors for row in transfers]
        link = replace(
            link,
            evidence="imported",
            size_bytes=(min(sizes), max(sizes)),
            tensors=(min(tensors), max(tensors)),
            wire_latency_s=None,
        )
    shared = link.shared_bandwidth_bytes_per_s
    if transfers and shared is not None:
        # What one flow was seen to pass, the link passes.
        flow = max((p.bandwidth_bytes_per_s for p in (fetch, push)), key=lambda p: p.estimate)
        at_least = combined(max, "bytes/s", shared, flow, draws=profile.draws)
        link = replace(link, shared_bandwidth_bytes_per_s=at_least)
    notes = _left_open(TRANSFERS.parameters, solved)
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
    if per_byte is None or not per_byte.identified:
        return Placed(profile, (), ("fetches at once leave the shared bandwidth open",))
    shared = combined(lambda s: most / s, "bytes/s", per_byte, draws=profile.draws)
    link = replace(profile.link, shared_bandwidth_bytes_per_s=shared, evidence="imported")
    return Placed(replace(profile, link=link), ((chosen, columns, solved),))


def _process(
    profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str
) -> Placed:
    """Matrix products and no-op steps of one process."""
    noops = [row for row in rows if row.quantity == "noop" and row.path == "process"]
    products = [row for row in rows if row.quantity == "gemm"]
    if not noops and not products:
        return Placed(profile, ())

    def columns(row: Row) -> Sequence[float]:
        made = _row(GEMM, row, path="process")
        return made if noops else (0.0, *made[1:])

    chosen = [*noops, *products]
    units = ("s", "s", "s/flop")
    solved = fit(chosen, columns, units, profile.draws, rng, f"{source}: gemm")
    found = _identified(GEMM.parameters, solved)
    device: Device = profile.device
    if (dispatch := found.get("device.dispatch_s")) is not None:
        device = replace(device, dispatch_s=dispatch)
    if (overhead := found.get("device.gemm_overhead_s")) is not None:
        device = replace(device, gemm_overhead_s=overhead)
    if (per_flop := found.get("device.per_flop_s")) is not None:
        flops = [2.0 * row.features * row.batch * row.hidden for row in products]
        rate = combined(lambda s: 1 / s, "flop/s", per_flop, draws=profile.draws)
        device = replace(
            device,
            gemm_flops_per_s=rate,
            gemm_flops=(min(flops), max(flops)),
            gemm_law="rate",
            gemm_bandwidth_bytes_per_s=None,
            gemm_segments=(),
        )
    used = ((chosen, columns, solved),)
    return Placed(replace(profile, device=device), used, _left_open(GEMM.parameters, solved))


def _steps(profile: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str) -> Placed:
    """Training steps of one process, of each workload that the rows name."""
    steps = [row for row in rows if row.quantity in ("step", "gradient")]
    device, workload = profile.device, profile.workload
    notes: list[str] = []
    used: list[tuple[Sequence[Row], Columns, Solved]] = []
    for name in dict.fromkeys(row.workload or profile.workload for row in steps):
        own = [row for row in steps if (row.workload or profile.workload) == name]
        lines: dict[str, StepTime] = {}
        for quantity in ("step", "gradient"):
            chosen = [row for row in own if row.quantity == quantity]
            if chosen:
                where = f"{source}: {quantity}"
                solved = fit(chosen, _batch, ("s", "s/sample"), profile.draws, rng, where)
                floor, per_sample = solved.parameters
                assert floor is not None
                assert per_sample is not None
                lines[quantity] = StepTime(floor, per_sample)
                used.append((chosen, _batch, solved))
        if len(lines) == 1:
            notes.append(f"{name}: only {', '.join(lines)} in the table, taken for the other too")
        line = lines.get("step") or lines["gradient"]
        none = parameter(1e-12, np.zeros(profile.draws), "s", 0, False, source)
        time = WorkloadTime(
            workload=name,
            batches=(min(row.batch for row in own), max(row.batch for row in own)),
            step=line,
            gradient=lines.get("gradient", line),
            # Another device's processor time is unknown; none is charged.
            processor=StepTime(none, replace(none, unit="s/sample")),
        )
        others = tuple(w for w in device.workloads if w.workload != name)
        device, workload = replace(device, workloads=(*others, time)), name
    made = replace(profile, device=device, workload=workload)
    return Placed(made, tuple(used), tuple(notes))


def _batch(row: Row) -> Sequence[float]:
    return 1.0, float(row.batch)


def _row(law: Law, row: Row, path: str = "") -> tuple[float, ...]:
    """The coefficients of a row by the law of a calibration's cells."""
    cell = Cell(
        row.quantity,  # type: ignore[arg-type]
        path or row.path or "ps",  # type: ignore[arg-type]
        size_bytes=row.size_bytes,
        tensors=row.tensors,
        features=row.features,
        batch=row.batch,
        hidden=row.hidden,
    )
    made = law.row(cell)
    assert made is not None
    return made


def _path(kind: str, path: TransferPath, found: dict[str, Parameter], draws: int) -> TransferPath:
    latency = found.get(f"link.{kind}.latency_s", path.latency_s)
    per_tensor = found.get(f"link.{kind}.per_tensor_s", path.per_tensor_s)
    per_byte = found.get(f"link.{kind}.per_byte_s")
    bandwidth = path.bandwidth_bytes_per_s
    if per_byte is not None:
        bandwidth = combined(lambda s: 1 / s, "bytes/s", per_byte, draws=draws)
    return TransferPath(latency, per_tensor, bandwidth)


def _identified(names: Iterable[str], solved: Solved) -> dict[str, Parameter]:
    """What the table determines; what it leaves open stays the base's."""
    pairs = zip(names, solved.parameters, strict=True)
    return {name: p for name, p in pairs if p is not None and p.identified}


def _left_open(names: Iterable[str], solved: Solved) -> tuple[str, ...]:
    pairs = zip(names, solved.parameters, strict=True)
    left = [name for name, p in pairs if p is not None and not p.identified]
    return (f"not identified, so the base's stay: {', '.join(left)}",) if left else ()


def _unit(name: str) -> str:
    if name.endswith("per_byte_s"):
        return "s/byte"
    return "s/tensor" if name.endswith("per_tensor_s") else "s"
