"""`scale calibrate`: measure this machine or a cluster, and say what was found."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from nworkers.cli import interrupt, loudness
from nworkers.cli.asked.options import (
    ConnectTimeout,
    Force,
    Json,
    Local,
    choices,
    duration,
    integer,
    named_path,
    number,
)
from nworkers.cli.shown import console
from nworkers.models.base.choices import choice
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.campaign import CampaignProgress, CampaignStopped
    from nworkers.calibrate.campaigns.scope import ScopeDevice
    from nworkers.calibrate.campaigns.session import CalibrationRequest, News
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.records.calibration import Calibration, Quantity
    from nworkers.simulator.answers import BreakEvenAnswer

STDOUT = Path("-")


def calibrate(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            parser=named_path,
            metavar="FILE",
            help="File to write; - for stdout. Until the end, FILE.journal holds every cell.",
        ),
    ],
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A first look: fewer sizes, 2 rounds, provisional, nothing of ClusterCoordinator "
            "and MultiWorkerMirroredStrategy; about a minute.",
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Time the step of a Keras 3 model of yours in place of a workload's: the function "
            "returns (model, loss, optimizer). It is then what predict asks about by default.",
        ),
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help=f"Workload whose training step to measure. By default {DEFAULT_WORKLOAD}.",
        ),
    ] = None,
    features: Annotated[
        str | None, typer.Option(metavar="K", help="With --hidden: a matrix product to add.")
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="N", help="With --features: a matrix product to add.")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="B",
            help=f"Batch of the training step and of that product. By default {DEFAULT_BATCH}.",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="More sizes, 10 rounds and more time for each cell: about 20 minutes."
        ),
    ] = False,
    threads: Annotated[
        str | None,
        typer.Option(metavar="T", help="Threads of TensorFlow's pools; by default its own choice."),
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="MODULE:FUNCTION",
            help="Your input pipeline, to be measured: a function that returns a tf.data.Dataset "
            "of samples.",
        ),
    ] = None,
    soak: Annotated[
        str | None,
        typer.Option(
            metavar="MINUTES",
            help="Afterwards, repeat a fetch of 16 MiB for so long: does the link keep its rate?",
        ),
    ] = None,
    rounds: Annotated[
        str | None,
        typer.Option(
            metavar="R",
            help="Rounds of fresh processes: by default 5, the fewest for firm intervals "
            "(--quick: 2, --full: 10). "
            "With --resume, how many in all; with --refine, how many more (2).",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,…]",
            help="Measure these quantities only, such as fetch,push; too few for a profile are "
            "kept without one. With --refine: of the file's; with --resume also what it lacks.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with FILE or its journal: measure what is missing. The options are those "
            "of its first run, and the machine must be the same. Without either, begin.",
        ),
    ] = False,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="Add rounds to FILE, of the cells that missed their precision, and fit again.",
        ),
    ] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Begin no cell that would end later than this, such as 90s, 5m or 1h; what was "
            "measured is kept, and fitted if it suffices.",
        ),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="DIR",
            help="Logs of the tasks; by default beside the output.",
        ),
    ] = None,
    ps: Annotated[
        str | None,
        typer.Option(
            metavar="S|HOST:PORT,…",
            help="Number of parameter servers, or where `scale serve` runs for each.",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="W|HOST:PORT,…",
            help="Number of workers, or where `scale serve` runs for each.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="gpu|cpu",
            help="gpu: measure what workers do on a GPU, and on processors; cpu: processors alone. "
            "By default gpu where there is one.",
        ),
    ] = None,
    local: Local = False,
    connect_timeout: ConnectTimeout = "60",
    force: Force = False,
    json: Json = False,
) -> None:
    from nworkers.calibrate.campaigns.session import CalibrationRequest, default_logs
    from nworkers.cli.asked import clusters
    from nworkers.cli.commands.serve import join
    from nworkers.models.files.atomic_write import made_folder

    connect_s = duration("--connect-timeout", connect_timeout)
    found = clusters.membership(ps, worker, local=local)
    file = None if output == STDOUT else output
    if found is not None and not found.coordinates:
        join(found, made_folder(logs or default_logs(file), "logs"), connect_s)
        return
    _check(file, as_json=json, goes_on="--refine" if refine else "--resume" if resume else "")
    if quick and full:
        raise InputError("--full", "--full with --quick", "one of them")
    request = CalibrationRequest(
        output=file,
        preset="quick" if quick else "full" if full else None,
        workload=workload,
        model=model,
        features=_count("features", features),
        hidden=_count("hidden", hidden),
        batch=_count("batch", batch),
        threads=_count("threads", threads),
        input=pipeline,
        soak_minutes=_minutes(soak),
        ps=None if found else _tasks("--ps", ps),
        workers=None if found else _tasks("--worker", worker),
        device=None if device is None else _device(device),
        machines=None if found is None else clusters.machines(found, connect_s),
        rounds=None if rounds is None else integer("--rounds", rounds, 1, 1000),
        only=_quantities(only),
        resume=resume,
        refine=refine,
        force=force,
        time_limit_s=None if time_limit is None else duration("--time-limit", time_limit),
        logs=logs,
    )
    _carry_out(request, as_json=json)


def _check(file: Path | None, *, as_json: bool, goes_on: str) -> None:
    """Raises: InputError for what stdout cannot take or give."""
    if file is not None:
        return
    if as_json:
        raise InputError(
            "--json",
            "--json with -o -",
            "one of them: -o - writes the calibration itself to stdout",
        )
    if goes_on:
        raise InputError(goes_on, "-o -", "a file to go on with")


def _count(name: str, text: str | None) -> int | None:
    from nworkers.calibrate.campaigns.scope import RANGES

    low, high = RANGES[name]
    return None if text is None else integer(f"--{name}", text, int(low), int(high))


def _minutes(text: str | None) -> float | None:
    from nworkers.calibrate.campaigns.scope import RANGES

    return None if text is None else number("--soak", text, *RANGES["soak_minutes"])


def _device(text: str) -> ScopeDevice:
    from nworkers.calibrate.campaigns.scope import ScopeDevice

    names: tuple[ScopeDevice, ...] = get_args(ScopeDevice)
    return choice("--device", text, names)


def _tasks(option: str, text: str | None) -> int | None:
    from nworkers.calibrate.campaigns.scope import MAX_LOCAL

    return None if text is None else integer(option, text, 1, MAX_LOCAL)


def _quantities(text: str | None) -> tuple[Quantity, ...]:
    from nworkers.models.records.calibration import Quantity

    names: tuple[Quantity, ...] = get_args(Quantity)
    return () if text is None else choices("--only", text, names)


def _carry_out(request: CalibrationRequest, *, as_json: bool) -> None:
    from nworkers.calibrate.campaigns.campaign import CampaignStopped
    from nworkers.calibrate.campaigns.session import carry_out

    interrupt.tidy_first()
    with closing(_Told()) as told:
        try:
            outcome = carry_out(request, progress=told.progress, tell=told.news)
        except CampaignStopped as stopped:
            told.close()
            _say_what_is_kept(request, stopped)
            raise stopped.cause from None
    _show(request, outcome.calibration, outcome.not_fitted, as_json=as_json)


def _say_what_is_kept(request: CalibrationRequest, stopped: CampaignStopped) -> None:
    from nworkers.models.files.store import record_text

    if not stopped.calibration.bursts:
        return
    if request.output is None:
        console.emit_json(record_text(stopped.calibration))
        return
    console.note(
        f"what was measured until then is in {request.output} (not fitted); to go on: "
        f"scale calibrate --{request.how or 'resume'} -o {request.output}"
    )


class _Told:
    """Shows on stderr what a calibration tells, with a line of progress for each of its stages."""

    def __init__(self) -> None:
        self._stage = ""
        self._line: ProgressLine | None = None

    def close(self) -> None:
        """End the line of progress, so that others may follow."""
        if self._line is not None:
            self._line.__exit__(None, None, None)
        self._stage, self._line = "", None

    def progress(self, told: CampaignProgress) -> None:
        from nworkers.cli.shown.progress import QUIET_S, ProgressLine

        if self._line is None or told.stage != self._stage:
            self.close()
            # A short fit shows nothing; of tasks that start, it is told at once.
            quiet_s = QUIET_S if told.stage == "fitting" else 0.0
            self._stage, self._line = told.stage, ProgressLine(told.stage, quiet_s=quiet_s)
        self._line.tell(told)

    def news(self, news: News) -> None:
        from nworkers.cli.shown import calibration_text

        self.close()
        console.note(calibration_text.news(news))


def first_curve(calibration: Calibration) -> BreakEvenAnswer | None:
    """What a calibration is for: how many workers win; None where it cannot be asked."""
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.answers import answer_calibrated

    if calibration.profile is None:
        return None
    with ProgressLine("simulating") as progress:
        return answer_calibrated(calibration, progress.update)


def _show(
    request: CalibrationRequest, calibration: Calibration, not_fitted: str, *, as_json: bool
) -> None:
    from nworkers.cli.shown import calibration_json, calibration_text, json_view, notes
    from nworkers.models.files.store import record_text
    from nworkers.models.findings.calibration_answer import calibration_answer

    answer = calibration_answer(calibration, not_fitted)
    for environment in (calibration.environment, *calibration.resumed):
        console.notes(notes.of_environment(environment))
    for warning in calibration_text.warnings(answer):
        console.note(warning)
    curve = first_curve(calibration)
    if as_json:
        json_view.emit(calibration_json.document(answer, curve, request.output or STDOUT))
        return
    for device, reason in calibration.memory_skipped.items():
        console.note(f"skipped memory of a training step ({device}): {reason}")
    for cell in calibration.skipped:
        console.note(f"skipped {cell.cell.name}: {cell.reason}")
    profile, output = calibration.profile, request.output
    first_look = profile is not None and profile.provisional and calibration.complete
    if first_look and curve and output and not loudness.is_verbose():
        console.note(f"wrote {output}")
        text = calibration_text.short_report(answer, output, curve)
    else:
        text = calibration_text.report(answer, output, curve)
    if request.output is None:
        console.show(text, sys.stderr)
        console.emit_json(record_text(calibration))
    else:
        console.show(text)
