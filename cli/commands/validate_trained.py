"""Validating: train for real, and put what happened beside what was predicted."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli import interrupt
from nworkers.cli.shown import console, notes
from nworkers.cli.shown.progress import ProgressLine
from nworkers.models.base.errors import Contradiction, InputError
from nworkers.models.files.atomic_write import check_output, made_folder, write_bytes
from nworkers.models.files.store import find_profile, read_measurement, write_record
from nworkers.models.files.workload_toml import workload_text
from nworkers.models.records.contribution import contribution
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.measurement import Comparison, Measurement, StepParts, compare
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Workload

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.campaign import Machines
    from nworkers.simulator.answers import ValidateAnswer
    from nworkers.simulator.study.resolve import ResolvedJob

#: A model's step in one process is timed for at most so long at each batch.
DESCRIBE_S = 1.0


@dataclass(frozen=True)
class ValidateRequest:
    """What to train, how long, and which files to write.

    Attributes:
        machines: of a cluster; without them all tasks run here.
        measured: an earlier measurement, which stands for training.
    """

    job: JobRequest
    counts: tuple[int, ...]
    tolerance: float
    machines: Machines | None = None
    starts: int = 1
    seconds: float = 0.0
    model: str | None = None
    write_workload: Path | None = None
    measured: Path | None = None
    output: Path | None = None
    export: Path | None = None
    force: bool = False


def validate(request: ValidateRequest) -> ValidateAnswer:
    """Predict, then train, then compare."""
    from nworkers.simulator.answers import ValidateAnswer
    from nworkers.simulator.study.ask import predictions

    _check_model(request)
    if request.output is not None:
        check_output(request.output, force=request.force)
    if request.export is not None:
        check_output(request.export, force=request.force, field="export")
    earlier = None if request.measured is None else read_measurement(request.measured)
    job = _job(request, earlier)
    if request.model is not None and request.write_workload is not None:
        job = job.training(_described(job, request.model, request.write_workload, request))
    console.notes(job.doubts)
    predicted = predictions(job)
    measurement = earlier or _train(job.scenarios, request)
    console.notes(notes.of_environment(measurement.environment))
    answer = ValidateAnswer(
        job, measurement, _compared(measurement, job, predicted, request.tolerance)
    )
    if request.export is not None:
        shown = contribution(measurement, answer.comparison)
        write_record(request.export, shown, force=request.force)
        console.note(
            f"wrote {request.export}, without names and addresses: read it before you pass it on"
        )
    return answer


def _check_model(request: ValidateRequest) -> None:
    """A model of the user's is trained, and a file that describes it is predicted."""
    model, write_workload = request.model, request.write_workload
    if model is None:
        if write_workload is not None:
            raise InputError("write_workload", write_workload, "beside --model")
        return
    from nworkers.calibrate.tensorflow.user_model import check_model

    check_model(model)
    if request.measured is not None:
        raise Contradiction("model", model, "measured")
    if write_workload is not None and write_workload.suffix != ".toml":
        raise InputError("write_workload", write_workload, "a file name ending in .toml")
    files = sum(file is not None for file in (request.job.workload, write_workload))
    if files == 2 or (files == 0 and not _calibrated(request.job, model)):
        raise InputError(
            "model",
            f"{model} {'with both' if files else 'without'} a file of it",
            "either --workload FILE that describes it or --write-workload FILE, or a calibration "
            "by --model",
        )


def _calibrated(request: JobRequest, model: str) -> bool:
    """Whether the calibration was one of this model."""
    _, calibration = find_profile("calibration", str(request.profile))
    return calibration is not None and calibration.workload.name == model


def _job(request: ValidateRequest, earlier: Measurement | None) -> ResolvedJob:
    """What is trained; where it was trained earlier, the measurement says what it was."""
    from nworkers.simulator.study.resolve import resolve

    if earlier is None:
        job = resolve(request.job, request.counts)
        workload = job.scenarios[0].workload
        if request.model is None and not workload.trainable:
            raise InputError(
                "workload",
                workload.name,
                "what can be trained: gemm:…, mlp:… or a file with [cost]; any other model by "
                "--model MODULE:FUNCTION",
            )
        for scenario in job.scenarios:
            _check_hosts(scenario, job.profile.link.kind, request.machines)
        return job
    asked = replace(
        request.job,
        batch=earlier.batch,
        scaling=earlier.scaling,
        strategy=earlier.strategy,
        runtime=earlier.runtime,
    )
    return resolve(asked, request.counts).training(earlier.workload)


def _described(job: ResolvedJob, model: str, path: Path, request: ValidateRequest) -> Workload:
    """A model with a step at each batch that will be trained, written as a workload file."""
    from nworkers.calibrate.campaigns.describe import describe

    interrupt.tidy_first()
    check_output(path, force=request.force, field="write_workload")
    batches = {job.scenarios[0].batch, *(s.per_worker_batch for s in job.scenarios)}
    seconds, logs = min(request.seconds, DESCRIBE_S), log_files(path)
    workload = describe(model, sorted(batches), seconds=seconds, logs=logs)
    write_bytes(path, workload_text(workload).encode(), force=request.force, field="write_workload")
    console.note(f"wrote {path}")
    return workload


def log_files(output: Path | None) -> Path:
    """The folder of the tasks' logs, made and told."""
    wanted = (
        tempfile.mkdtemp(prefix="scale-validate-")
        if output is None
        else output.with_suffix(".logs")
    )
    folder = made_folder(Path(wanted), "logs")
    console.note(f"logs of the tasks in {folder}")
    return folder


def _check_hosts(scenario: Scenario, link: str, machines: Machines | None) -> None:
    """Raises: InputError where training will run on other hosts than were predicted."""
    if machines is None:
        if link != "loopback" or scenario.hosts > 1:
            raise InputError(
                "calibration",
                f"a prediction for {scenario.hosts} hosts on a {link} link",
                "this machine's own calibration and --placement shared, for validate trains here; "
                "or the cluster's hosts (--worker HOST:PORT,…, TF_CONFIG or srun)",
            )
        return
    if link != machines.link_kind:
        raise InputError(
            "calibration",
            f"one of a {link} link",
            f"one of a {machines.link_kind} link, as the cluster's: scale calibrate with the same "
            "tasks",
        )
    servers = () if scenario.strategy == "allreduce" else machines.ps[: scenario.ps]
    sites = (*servers, *machines.workers[: scenario.workers])
    hosts = len({site.host for site in sites})
    if hosts != scenario.hosts:
        raise InputError(
            "placement",
            f"tasks on {scenario.hosts} hosts, with {scenario.workers} workers",
            f"{hosts} hosts, as the addresses say: see --workers-per-host and --ps-placement",
        )


def _train(scenarios: tuple[Scenario, ...], request: ValidateRequest) -> Measurement:
    from nworkers.calibrate.campaigns.validation import TrainingStopped, train
    from nworkers.calibrate.training.runtime import RUNTIMES

    interrupt.tidy_first()
    RUNTIMES[scenarios[0].runtime].framework.require()
    folder = log_files(request.output)
    try:
        with ProgressLine("training", quiet_s=0.0) as progress:
            measurement = train(
                scenarios,
                model=request.model or "",
                starts=request.starts,
                seconds=request.seconds,
                logs=folder,
                progress=progress.tell,
                machines=request.machines,
            )
    except TrainingStopped as stopped:
        if request.output is not None and stopped.measurement.runs:
            write_record(request.output, stopped.measurement, force=request.force)
            console.note(f"the finished runs are in {request.output}")
        raise stopped.cause from None
    if request.output is not None:
        write_record(request.output, measurement, force=request.force)
        console.note(f"wrote {request.output}")
    return measurement


def _compared(
    measurement: Measurement,
    job: ResolvedJob,
    predictions: tuple[Prediction, ...],
    tolerance: float,
) -> Comparison:
    have = sorted({run.workers for run in measurement.runs})
    wanted = [prediction.scenario.workers for prediction in predictions]
    missing = [workers for workers in wanted if workers not in have]
    if 0 not in have:
        raise InputError("measured", "no run of the single process", "a complete measurement")
    if missing:
        counts = ", ".join(str(workers) for workers in have if workers)
        raise InputError("workers", missing[0], f"what was measured: {counts}")
    parts: dict[int, StepParts] = {}
    if measurement.traces:
        from nworkers.simulator.trace.parts import step_parts

        parts = {s.workers: step_parts(job.profile, s, job.seed) for s in job.scenarios}
    return compare(measurement, predictions, tolerance, parts)
