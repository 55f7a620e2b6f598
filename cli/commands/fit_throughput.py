"""``scale fit`` of a table of throughputs at several numbers of workers."""

from __future__ import annotations

from pathlib import Path

from nworkers.cli.asked.options import option_of
from nworkers.cli.shown import console, json_view, laws_text, table_json, throughput_text
from nworkers.cli.shown.progress import ProgressLine
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import find_profile, write_record
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.tables.throughput.laws_answer import laws_answer
from nworkers.models.tables.throughput.throughput_answer import (
    ChosenRows,
    ThroughputAnswer,
    ThroughputRequest,
    choose,
    fit_rows,
    refuse,
    throughput_answer,
)


def request(
    file: Path,
    base: str | None = None,
    workload: str | None = None,
    system: str | None = None,
    fit_to: int | None = None,
    batch: int | None = None,
) -> ThroughputRequest:
    """What the options say, their files read."""
    given = None if workload is None else read_workload(workload)
    profile, _ = find_profile("base", base or DEFAULT_PROFILE)
    return ThroughputRequest(file, profile, given, system, fit_to, batch=batch)


def fit(asked: ThroughputRequest, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Fit one system's rows, show them beside the usual laws, and write the profile.

    Raises:
        InputError
    """
    if output is not None:
        check_output(output, force=force)
    chosen = choose(asked)
    if chosen.missing:
        _fit_laws(asked, chosen, output, as_json=as_json)
        return
    found = answer(asked, chosen)
    if output is not None:
        write_record(output, found.fit.profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(table_json.throughput(found))
    else:
        console.show(throughput_text.fitted(found, output))


def _fit_laws(
    asked: ThroughputRequest, chosen: ChosenRows, output: Path | None, *, as_json: bool
) -> None:
    """Answer by the laws alone, which make no profile."""
    if output is not None:
        refuse(asked, chosen)
    found = laws_answer(str(asked.file), chosen.rows, asked.fit_to, chosen.missing, chosen.notes)
    if as_json:
        json_view.emit(table_json.laws(found, option_of))
    else:
        console.show(laws_text.laws(found, option_of))


def answer(asked: ThroughputRequest, chosen: ChosenRows | None = None) -> ThroughputAnswer:
    """Every row beside every method, with progress shown."""
    from nworkers.simulator.study.steady import steady_step_s

    with ProgressLine("fitting") as progress:
        rows = fit_rows(asked, steady_step_s, progress.update, chosen)
    with ProgressLine("predicting") as progress:
        return throughput_answer(rows, steady_step_s, progress.update)
