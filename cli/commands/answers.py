"""Answers: predict, breakeven, fit and their pictures; none of them touches hardware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli.asked.job_request import job_request
from nworkers.cli.asked.options import Options
from nworkers.cli.shown import console, json_view, text_view
from nworkers.cli.shown.progress import Progress
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.records.prediction import row

if TYPE_CHECKING:
    from nworkers.simulator.study.resolve import ResolvedJob
    from nworkers.simulator.trace.observe import Observation


def predict(
    options: Options, counts: tuple[int, ...], trace: Path | None, *, force: bool, as_json: bool
) -> None:
    from nworkers.simulator.study.predict import predict
    from nworkers.simulator.study.resolve import resolve
    from nworkers.simulator.trace.observe import observe

    if trace is not None:
        check_output(trace, force=force, field="trace")

    job = resolve(job_request(options), counts)
    _tell_whose(job)
    with Progress("predicting") as progress:
        rows = [
            predict(
                job.profile,
                scenario,
                baseline=job.baseline,
                seed=job.seed,
                progress=progress.update,
            )
            for scenario in job.scenarios
        ]
        seen = [observe(job.profile, scenario, job.seed) for scenario in job.scenarios]
    if trace is not None:
        _write_trace(seen[-1], trace, force=force)
    if as_json:
        found = [
            row(r) | {"resources": json_view.resources(one)} | json_view.context(job)
            for r, one in zip(rows, seen, strict=True)
        ]
        json_view.emit({**(found[0] if len(found) == 1 else {}), "rows": found})
    else:
        console.emit(text_view.predictions(rows, job.profile, seen[-1].named()))


def _write_trace(seen: Observation, path: Path, *, force: bool) -> None:
    import json

    from nworkers.models.files.atomic_write import write_bytes
    from nworkers.simulator.trace.chrome import trace

    write_bytes(path, json.dumps(trace(seen)).encode(), force=force, field="trace")
    console.note(f"wrote {path}; drop it on https://ui.perfetto.dev")


def breakeven(
    options: Options, max_workers: int, picture: Path | None, *, force: bool, as_json: bool
) -> None:
    from nworkers.simulator.study.breakeven import breakeven
    from nworkers.simulator.study.resolve import resolve

    job = resolve(job_request(options), [max_workers], curve=True)
    (scenario,) = job.scenarios
    _tell_whose(job)
    if scenario.workers < max_workers:
        console.note(
            f"strong scaling of a batch of {scenario.batch} ends at as many workers; "
            "--batch or --scaling weak goes further"
        )
    with Progress("simulating") as progress:
        result = breakeven(
            job.profile,
            scenario,
            max_workers=max_workers,
            baseline=job.baseline,
            seed=job.seed,
            progress=progress.update,
        )
    if picture is not None:
        from nworkers.cli.shown import plots

        plots.breakeven(result, job.profile, picture, force=force)
        console.note(f"wrote {picture}")
    if as_json:
        json_view.emit(json_view.breakeven(result) | json_view.context(job))
    else:
        console.emit(text_view.curve(result, job.profile))


def fit(file: Path, output: Path | None, draws: int, *, force: bool, as_json: bool) -> None:
    if output is not None:
        check_output(output, force=force)
    calibration = read_calibration(file)
    from nworkers.models.findings.host_speed import mixed
    from nworkers.models.findings.sanity import implausible
    from nworkers.models.fitting.fit import fit_profile

    with Progress("fitting") as progress:
        profile = fit_profile(calibration, draws=draws, progress=progress.update)
    for doubt in (*mixed(calibration), *implausible(profile)):
        console.note(f"warning: {doubt}")
    if output is not None:
        write_record(output, profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(json_view.fit(profile))
    else:
        console.emit(text_view.fit(profile, str(file)))


def plot_fit(file: Path, output: Path, *, force: bool) -> None:
    calibration = read_calibration(file)
    from nworkers.cli.shown import plots
    from nworkers.models.fitting.fit import fit_profile
    from nworkers.models.fitting.held_out import curves

    profile = calibration.profile
    if profile is None:
        with Progress("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    plots.fit(curves(calibration, profile), profile, output, force=force)
    console.note(f"wrote {output}")


def _tell_whose(job: ResolvedJob) -> None:
    """Say whose hardware answers, where it is not the user's own, and what is doubtful of it."""
    for doubt in job.doubts:
        console.note(doubt)
    if job.shipped is not None:
        profile = job.profile
        console.note(
            f"this is not your hardware but the shipped profile {job.shipped} "
            f"({profile.hardware}; {profile.link.evidence}). Measure yours with "
            "`scale calibrate -o my.json`, then add --calibration my.json"
        )
