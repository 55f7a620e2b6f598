"""Ending: what a calibration says before it begins and when it ends."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.table import TextTable
from nworkers.models.findings.bus_bandwidth import reductions
from nworkers.models.findings.host_speed import host_rows, mixed
from nworkers.models.findings.sanity import implausible
from nworkers.models.findings.soak import soak
from nworkers.models.fitting.precision import (
    LOCAL_PRECISION,
    PROVISIONAL_ROUNDS,
    REMOTE_PRECISION,
    CellPrecision,
    precision,
    widest,
)
from nworkers.models.records.calibration import Calibration, typical_rounds

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.plan import Plan
    from nworkers.calibrate.campaigns.resume import Round
    from nworkers.models.findings.original import OriginalRow

#: Cells shown of those that missed their precision.
SHOWN = 10
#: Other processes named in one warning.
NAMED = 3


def plan(made: Plan, rounds: Sequence[Round], limit_s: float | None, logs: Path) -> str:
    """What will be measured, and how long it is going to take."""
    left = sum(len(round_.cells) for round_ in rounds)
    quantities = Counter(cell.quantity for cell in {c: None for r in rounds for c in r.cells})
    if not left:
        return f"repeating a large fetch for {fmt.clock(made.soak_s)}; logs in {logs}"
    share = left / (len(made.cells) * made.rounds)
    once_s = made.crowds_s + made.soak_s
    took = f"at most {fmt.clock((made.estimate_s - once_s) * share + once_s)}"
    if limit_s is not None:
        took += f", ending after {fmt.clock(limit_s)}"
    most = max(len(round_.cells) for round_ in rounds)
    plain = left == most * len(rounds)
    return (
        f"measuring {fmt.count(most, 'cell')} in {fmt.count(len(rounds), 'round')}"
        + ("" if plain else f", {left} in all")
        + f" ({', '.join(f'{name} {count}' for name, count in quantities.most_common())}), "
        f"{took}; logs in {logs}"
    )


def warnings(calibration: Calibration) -> list[str]:
    """What disturbed the measurement: other processes, and hosts that are slower than the rest."""
    lines: list[str] = []
    busiest = sorted(calibration.neighbours, key=lambda n: -n.share)
    if busiest:
        named = ", ".join(
            f"{n.comm} ({fmt.percent(n.share)} of a core in round {n.round + 1})"
            for n in busiest[:NAMED]
        )
        more = f" and {len(busiest) - NAMED} more" if len(busiest) > NAMED else ""
        lines.append(
            f"other programs were busy meanwhile: {named}{more}; close them for firm times"
        )
    soaked = soak(calibration.bursts)
    if soaked and soaked.dropped_after_s is not None:
        first, last = (
            fmt.quantity(rate, "B/s")
            for rate in (soaked.first_bytes_per_s, soaked.last_bytes_per_s)
        )
        lines.append(
            f"the link dropped from {first} to {last} after {fmt.clock(soaked.dropped_after_s)} of "
            "steady transfer: long training sees the later rate, this calibration the first"
        )
    for row in host_rows(calibration):
        if row.slower:
            lines.append(
                f"the host of {', '.join(row.tasks)} is slower than the others: {row.cell.name} "
                f"takes {fmt.times(row.ratio, row.ratio_interval)} as long there; "
                "synchronous training waits for it"
            )
    lines += mixed(calibration)
    if calibration.profile is not None:
        lines += implausible(calibration.profile)
    return lines


def report(
    calibration: Calibration, rows: Sequence[OriginalRow], output: Path, unfitted: str
) -> str:
    """The end of a calibration, as a person reads it."""
    parts = [line for measured in rows for line in _original(measured)]
    parts += _reductions(calibration)
    parts += _soak(calibration)
    parts += _hosts(calibration)
    parts += _precision(calibration, output)
    parts += ["", *_done(calibration, output, unfitted)]
    return "\n".join(parts)


def _original(measured: OriginalRow) -> list[str]:
    shape = f"{measured.features}/{measured.batch}/{measured.hidden}"
    local, fetch = (
        fmt.seconds(m, (low, high)) for m, low, high in (measured.local, measured.fetch)
    )
    return [
        f"{shape}  local GEMM time:          {local}",
        f"{shape}  network fetch GEMM time:  {fetch}, {fmt.times(measured.ratio)} the local one",
    ]


def _reductions(calibration: Calibration) -> list[str]:
    """The largest all-reduce of each group, whose bus bandwidth is the most telling."""
    largest = {(r.path, r.workers): r for r in reductions(calibration.bursts)}
    return [
        f"all-reduce of {fmt.quantity(r.size_bytes, 'B')}, {r.workers} workers ({r.path}): "
        f"{fmt.seconds(r.seconds)}, bus bandwidth "
        f"{fmt.quantity(r.bus_bandwidth_bytes_per_s, 'B/s')}"
        for r in largest.values()
    ]


def _soak(calibration: Calibration) -> list[str]:
    """Both ends of a soak; a drop is a warning of its own."""
    found = soak(calibration.bursts)
    if found is None:
        return []
    first, last = (
        fmt.quantity(rate, "B/s") for rate in (found.first_bytes_per_s, found.last_bytes_per_s)
    )
    return [f"soak of {fmt.clock(found.lasted_s)}: {first} at first, {last} at the end"]


def _hosts(calibration: Calibration) -> list[str]:
    rows = host_rows(calibration)
    if not rows:
        return []
    table = TextTable("host of", "cell", "median", "to the others", "", left=(0, 1, 4))
    for row in rows:
        table.add_row(
            ", ".join(row.tasks),
            row.cell.name,
            fmt.seconds(row.median_s),
            fmt.times(row.ratio, row.ratio_interval),
            "slower" if row.slower else "",
        )
    return [str(table)]


def _precision(calibration: Calibration, output: Path) -> list[str]:
    """The cells that are least firm, why, and what would help."""
    cells = precision(calibration.bursts)
    missed = widest(cells)
    if not missed:
        return []
    table = TextTable("cell", "median", "±", "target", "rounds ended by", "outliers", left=(0, 4))
    for cell in missed[:SHOWN]:
        table.add_row(
            cell.cell.name,
            fmt.seconds(cell.median_s),
            _half_width(cell),
            fmt.percent(cell.target),
            ", ".join(f"{name} {count}×" for name, count in Counter(cell.stops).most_common()),
            f"{cell.outliers} of {cell.samples}",
        )
    lines = [
        f"Of {fmt.count(len(cells), 'cell')}, {len(missed)} did not come within "
        f"{fmt.percent(LOCAL_PRECISION)} (in one process) or {fmt.percent(REMOTE_PRECISION)} of "
        "the centre of their rounds, with 95 % confidence.",
    ]
    # Below two rounds there is no spread to show, for any cell.
    if any(cell.half_width is not None for cell in missed):
        more = f"and {len(missed) - SHOWN} more\n" if len(missed) > SHOWN else ""
        lines = [*lines, str(table).rstrip("\n"), more] if more else [*lines, str(table)]
    rounds = typical_rounds(calibration.bursts)
    if rounds < PROVISIONAL_ROUNDS:
        lines.append(
            f"Provisional: intervals rest on {fmt.count(rounds, 'round')}, fewer than "
            f"{PROVISIONAL_ROUNDS}; more: {_command(output, '--resume --rounds 5')}"
        )
    else:
        names = ",".join(dict.fromkeys(c.cell.quantity for c in missed[:SHOWN]))
        lines.append(
            f"For firmer ones close other programs, then: "
            f"{_command(output, f'--refine --only {names}')}"
        )
    return lines


def _half_width(cell: CellPrecision) -> str:
    if cell.half_width is None:
        return "n/a"
    return "over 100 %" if cell.half_width > 1 else f"{100 * cell.half_width:.1f} %"


def _done(calibration: Calibration, output: Path, unfitted: str) -> list[str]:
    where = "stdout" if output == Path("-") else str(output)
    bursts = fmt.count(len(calibration.bursts), "burst")
    lines: list[str] = []
    if not calibration.complete:
        why = f" ({calibration.stopped})" if calibration.stopped else ""
        lines.append(f"Incomplete{why}; the rest: {_command(output, '--resume')}")
    if calibration.profile is None:
        lines.append(f"Wrote {where}: {bursts} of samples, too few for a profile ({unfitted}).")
        return lines
    lines.append(f"Wrote {where}: {bursts} of samples and the profile fitted to them.")
    if output != Path("-"):
        name = shlex.quote(str(output))
        lines.append(
            f"Next: scale breakeven --calibration {name}   or, how well it fits: scale fit {name}"
        )
    return lines


def _command(output: Path, options: str) -> str:
    name = "FILE" if output == Path("-") else shlex.quote(str(output))
    return f"scale calibrate {options} -o {name}"
