"""Validating: train for real, and put what happened beside what was predicted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli.asked.options import Options, log_folder
from nworkers.cli.asked.resolve import Question, ask, named_profile
from nworkers.cli.shown import console, json_view, text_view
from nworkers.cli.shown.progress import Progress
from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output, write_bytes
from nworkers.models.files.store import read_measurement, write_record
from nworkers.models.files.workload_toml import workload_text
from nworkers.models.records.contribution import contribution
from nworkers.models.records.measurement import Comparison, Measurement, StepParts, compare
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.scenario import Scenario

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.campaign import Machines

#: A model's step in one process is timed for at most so long at each batch.
DESCRIBE_S = 1.0


def validate(
    options: Options,
    counts: tuple[int, ...],
    *,
    machines: Machines | None,
    starts: int,
    seconds: float,
    tolerance: float,
    model: str | None,
    write_workload: Path | None,
    measured: Path | None,
    output: Path | None,
    export: Path | None,
    plot: Path | None,
    force: bool,
    as_json: bool,
) -> bool:
    """Predict, then train, then compare; whether the prediction held.

    Args:
        machines: of a cluster; without them all tasks run here.
    """
    _check_trainable(options)
    _check_model(options, model, write_workload, measured)
    if output is not None:
        check_output(output, force=force)
    if export is not None:
        check_output(export, force=force, field="export")
    earlier = None if measured is None else read_measurement(measured)
    if model is not None and write_workload is not None:
        _describe(options, counts, model, write_workload, seconds, force=force)
        options = replace(options, workload=str(write_workload))
    if earlier is not None:
        options = replace(
            options,
            batch=str(earlier.batch),
            scaling=earlier.scaling,
            strategy=earlier.strategy,
            runtime=earlier.runtime,
        )
    asked, predictions = _predictions(options, counts, earlier, machines)
    scenarios = [question.scenario for question in asked]
    measurement = earlier or _train(
        scenarios,
        model or "",
        machines,
        starts=starts,
        seconds=seconds,
        output=output,
        force=force,
    )
    text_view.stolen(measurement.environment)
    result = _compared(measurement, asked, predictions, tolerance)
    if export is not None:
        write_record(export, contribution(measurement, result), force=force)
        console.note(f"wrote {export}, without names and addresses: read it before you pass it on")
    if plot is not None:
        from nworkers.cli.shown import plots

        plots.comparison(result, plot, force=force)
        console.note(f"wrote {plot}")
    if as_json:
        json_view.emit(json_view.comparison(result))
    else:
        console.emit(text_view.comparison(result))
    return result.holds


def _check_trainable(options: Options) -> None:
    """Only what is really trained may be claimed to be checked."""
    if options.calibration is None:
        raise InputError(
            "--calibration",
            "nothing",
            "a calibration of this machine; `scale calibrate -o my.json` measures one",
        )
    if options.what_if:
        raise InputError(
            "--what-if", options.what_if[0], "nothing here: validate trains the job as it is"
        )
    if options.baseline != "device":
        raise InputError("--baseline", options.baseline, "device, which is what is trained here")


def _check_model(
    options: Options, model: str | None, write_workload: Path | None, measured: Path | None
) -> None:
    """A model of the user's is trained, and a file that describes it is predicted."""
    if model is None:
        if write_workload is not None:
            raise InputError("--write-workload", write_workload, "beside --model")
        return
    from nworkers.calibrate.tensorflow.user_model import check_model

    check_model(model)
    if measured is not None:
        raise InputError("--model", f"{model} beside --measured", "one of the two options")
    if write_workload is not None and write_workload.suffix != ".toml":
        raise InputError("--write-workload", write_workload, "a file name ending in .toml")
    files = sum(file is not None for file in (options.workload, write_workload))
    if files == 2 or (files == 0 and not _calibrated(options, model)):
        raise InputError(
            "--model",
            f"{model} {'with both' if files else 'without'} a file of it",
            "either --workload FILE that describes it or --write-workload FILE, or a calibration "
            "by --model",
        )


def _calibrated(options: Options, model: str) -> bool:
    """Whether the calibration was one of this model."""
    _, workload = named_profile("--calibration", str(options.calibration))
    return workload is not None and workload.name == model


def _describe(
    options: Options,
    counts: tuple[int, ...],
    model: str,
    path: Path,
    seconds: float,
    *,
    force: bool,
) -> None:
    """Write the workload file of a model, with a step at each batch that will be trained."""
    from nworkers.calibrate.campaigns.describe import describe

    check_output(path, force=force, field="write_workload")
    # Its variables are not known yet, and its batches do not depend on them.
    asked = [ask(options, workers).scenario for workers in counts]
    batches = {asked[0].batch, *(scenario.per_worker_batch for scenario in asked)}
    seconds, logs = min(seconds, DESCRIBE_S), log_files(path)
    workload = describe(model, sorted(batches), seconds=seconds, logs=logs)
    write_bytes(path, workload_text(workload).encode(), force=force, field="write_workload")
    console.note(f"wrote {path}")


def log_files(output: Path | None) -> Path:
    """The folder of the tasks' logs, made and told."""
    wanted = (
        tempfile.mkdtemp(prefix="scale-validate-")
        if output is None
        else output.with_suffix(".logs")
    )
    folder = log_folder(Path(wanted))
    console.note(f"logs of the tasks in {folder}")
    return folder


def _predictions(
    options: Options,
    counts: tuple[int, ...],
    earlier: Measurement | None,
    machines: Machines | None,
) -> tuple[list[Question], tuple[Prediction, ...]]:
    from nworkers.simulator.study.predict import predict

    asked, predictions = [], []
    for workers in counts:
        question = ask(options, workers)
        if earlier is not None:
            scenario = replace(question.scenario, workload=earlier.workload)
            question = replace(question, scenario=scenario)
        else:
            _check_hosts(question.scenario, question.profile.link.kind, machines)
        asked.append(question)
        predictions.append(predict(question.profile, question.scenario, seed=question.seed))
    return asked, tuple(predictions)


def _check_hosts(scenario: Scenario, link: str, machines: Machines | None) -> None:
    """Raises: InputError where training will run on other hosts than were predicted."""
    if machines is None:
        if link != "loopback" or scenario.hosts > 1:
            raise InputError(
                "--calibration",
                f"a prediction for {scenario.hosts} hosts on a {link} link",
                "this machine's own calibration and --placement shared, for validate trains here; "
                "or the cluster's hosts (--worker HOST:PORT,…, TF_CONFIG or srun)",
            )
        return
    if link != machines.link_kind:
        raise InputError(
            "--calibration",
            f"one of a {link} link",
            f"one of a {machines.link_kind} link, as the cluster's: scale calibrate with the same "
            "tasks",
        )
    servers = () if scenario.strategy == "allreduce" else machines.ps[: scenario.ps]
    sites = (*servers, *machines.workers[: scenario.workers])
    hosts = len({site.host for site in sites})
    if hosts != scenario.hosts:
        raise InputError(
            "--placement",
            f"tasks on {scenario.hosts} hosts, with {scenario.workers} workers",
            f"{hosts} hosts, as the addresses say: see --workers-per-host and --ps-placement",
        )


def _train(
    scenarios: list[Scenario],
    model: str,
    machines: Machines | None,
    *,
    starts: int,
    seconds: float,
    output: Path | None,
    force: bool,
) -> Measurement:
    from nworkers.calibrate.campaigns.validation import TrainingStopped, train
    from nworkers.calibrate.training.runtime import RUNTIMES

    RUNTIMES[scenarios[0].runtime].framework.require()
    folder = log_files(output)
    try:
        with Progress("training", quiet_s=0.0) as progress:
            measurement = train(
                scenarios,
                model=model,
                starts=starts,
                seconds=seconds,
                logs=folder,
                progress=progress.tell,
                machines=machines,
            )
    except TrainingStopped as stopped:
        if output is not None and stopped.measurement.runs:
            write_record(output, stopped.measurement, force=force)
            console.note(f"the finished runs are in {output}")
        raise stopped.cause from None
    if output is not None:
        write_record(output, measurement, force=force)
        console.note(f"wrote {output}")
    return measurement


def _compared(
    measurement: Measurement,
    asked: Sequence[Question],
    predictions: tuple[Prediction, ...],
    tolerance: float,
) -> Comparison:
    have = sorted({run.workers for run in measurement.runs})
    wanted = [prediction.scenario.workers for prediction in predictions]
    missing = [workers for workers in wanted if workers not in have]
    if 0 not in have:
        raise InputError("--measured", "no run of the single process", "a complete measurement")
    if missing:
        counts = ", ".join(str(workers) for workers in have if workers)
        raise InputError("--workers", missing[0], f"what was measured: {counts}")
    parts: dict[int, StepParts] = {}
    if measurement.traces:
        from nworkers.simulator.trace.parts import step_parts

        parts = {q.scenario.workers: step_parts(q.profile, q.scenario, q.seed) for q in asked}
    return compare(measurement, predictions, tolerance, parts)
