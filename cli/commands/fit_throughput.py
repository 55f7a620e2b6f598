"""``scale fit`` of a table of throughputs at several numbers of workers."""

from __future__ import annotations

from pathlib import Path

from nworkers.cli.shown import console, json_view, table_json, throughput_text
from nworkers.cli.shown.progress import ProgressLine
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import find_profile, write_record
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.tables.throughput.throughput_answer import (
    ThroughputAnswer,
    ThroughputRequest,
    fit_rows,
    throughput_answer,
)


def request(
    file: Path,
    base: str | None = None,
    workload: str | None = None,
    system: str | None = None,
    fit_to: int | None = None,
) -> ThroughputRequest:
    """What the options say, their files read."""
    given = None if workload is None else read_workload(workload)
    profile, _ = find_profile("base", base or DEFAULT_PROFILE)
    return ThroughputRequest(file, profile, given, system, fit_to)


def fit(asked: ThroughputRequest, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Fit one system's rows, show them beside the usual laws, and write the profile.

    Raises:
        InputError
    """
    if output is not None:
        check_output(output, force=force)
    found = answer(asked)
    if output is not None:
        write_record(output, found.fit.profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(table_json.throughput(found))
    else:
        console.emit(throughput_text.fitted(found, output))


def answer(asked: ThroughputRequest) -> ThroughputAnswer:
    """Every row beside every method, with progress shown."""
    from nworkers.simulator.study.steady import steady_step_s

    with ProgressLine("fitting") as progress:
        rows = fit_rows(asked, steady_step_s, progress.update)
    with ProgressLine("predicting") as progress:
        return throughput_answer(rows, steady_step_s, progress.update)
