"""Calibrating: measure this machine, and keep every sample whatever happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scale.cli import documents, render
from scale.cli import format as fmt
from scale.cli.options import integer, log_folder
from scale.cli.progress import Progress
from scale.models.errors import InputError
from scale.models.files import write_record
from scale.models.output import check_output
from scale.models.workload_file import read_workload

if TYPE_CHECKING:
    from scale.calibrate.campaign import Machines
    from scale.calibrate.report import OriginalRow

Shape = tuple[int, int, int]
#: Beyond this a matrix or a batch is a slip: the largest product would not fit a machine.
MAX_WIDTH = 2**16


def extra_shapes(features: str | None, batch: str, hidden: str | None) -> tuple[Shape, ...]:
    """Raises: InputError where only one side of the matrix product is given, or a bad number."""
    if features is None and hidden is None:
        return ()
    if features is None or hidden is None:
        missing = "--features" if features is None else "--hidden"
        raise InputError(missing, "nothing", "both --features K and --hidden N, or neither")
    return (
        (
            integer("--features", features, 1, MAX_WIDTH),
            integer("--batch", batch, 1, MAX_WIDTH),
            integer("--hidden", hidden, 1, MAX_WIDTH),
        ),
    )


def calibrate(
    output: Path,
    *,
    quick: bool,
    workload_name: str,
    batch_text: str,
    shapes: tuple[Shape, ...],
    rounds: int | None,
    machines: Machines,
    logs: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Measure, write the samples, fit them, write them again with their profile."""
    batch = integer("--batch", batch_text, 1, MAX_WIDTH)
    workload = read_workload(workload_name)
    check_output(output, force=force)

    from scale.calibrate.campaign import Stopped, require_tensorflow
    from scale.calibrate.campaign import calibrate as measure
    from scale.calibrate.plan import plan
    from scale.calibrate.report import original

    require_tensorflow()
    planned = plan(
        quick=quick,
        workload=workload,
        batch=batch,
        extra_shapes=shapes,
        rounds=rounds,
        workers=len(machines.workers),
    )
    folder = log_folder(logs or output.with_suffix(".logs"))
    render.note(
        f"measuring {len(planned.cells)} cells in {planned.rounds} rounds, at most "
        f"{fmt.clock(planned.estimate_s)}; logs in {folder}"
    )
    try:
        with Progress("calibrating", quiet_s=0.0) as progress:
            calibration = measure(planned, logs=folder, progress=progress.tell, machines=machines)
    except Stopped as stopped:
        if stopped.calibration.bursts:
            write_record(output, stopped.calibration, force=force)
            render.note(f"what was measured until then is in {output} (incomplete, not fitted)")
        raise stopped.cause from None
    render.stolen(calibration.environment)
    # The samples are safe before they are fitted: a fit can be repeated, a measurement costs.
    write_record(output, calibration, force=force)
    from scale.models.fit import fit_profile

    with Progress("fitting") as progress:
        profile = fit_profile(calibration, progress=progress.update)
    calibration = replace(calibration, profile=profile)
    write_record(output, calibration, force=True)
    rows = original(calibration)
    if as_json:
        documents.emit(documents.calibration(calibration, rows, output))
        return
    for cell in calibration.skipped:
        render.note(f"skipped {cell.cell.name}: {cell.reason}")
    lines = [line for measured in rows for line in _original_lines(measured)]
    done = (
        f"Wrote {output}: {fmt.count(len(calibration.bursts), 'burst')} of samples and the "
        "profile fitted to them.\n"
        f"Next: scale breakeven --calibration {output}   or, how well it fits: scale fit {output}"
    )
    render.emit("\n".join([*lines, "", done]))


def _original_lines(measured: OriginalRow) -> list[str]:
    shape = f"{measured.features}/{measured.batch}/{measured.hidden}"
    local, fetch = (
        fmt.seconds(m, (low, high)) for m, low, high in (measured.local, measured.fetch)
    )
    return [
        f"{shape}  local GEMM time:          {local}",
        f"{shape}  network fetch GEMM time:  {fetch}, {fmt.times(measured.ratio)} the local one",
    ]
