"""The commands. Each is thin, and imports what it needs only when it runs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nworkers.cli.asked.options import (
    ConnectTimeout,
    Force,
    Json,
    Local,
    Options,
    Output,
    Plot,
    duration,
    integer,
    log_folder,
    number,
    option_of,
    picture,
    shared,
    worker_counts,
)
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import HardwareError, InputError

DEFAULT_MAX_WORKERS = 64
INTERNAL_ERROR = 70
INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How many workers does it take before distributed TensorFlow training beats one process? "
    "Calibrate measures your hardware, predict and breakeven answer, validate trains for real "
    "and checks the answer.",
    epilog="Start with: scale breakeven   (a shipped profile; no TensorFlow needed), "
    "then: scale calibrate --quick -o my.json",
)
plot_app = typer.Typer(rich_markup_mode=None, help="Draw pictures: .png, .svg or .pdf by suffix.")
app.add_typer(plot_app, name="plot")


def _version(wanted: bool) -> None:
    if wanted:
        from nworkers import __version__

        print(f"scale {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: scale predict --workers 8 --calibration my.json")
@shared
def predict(
    workers: Annotated[
        str, typer.Option(metavar="N[,N…]", help="Number of workers, or several: 1,2,4.")
    ],
    options: Options,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what happens in a few steps of the last count, for ui.perfetto.dev: a row "
            "for each worker, ps and link.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Predict step time, throughput and speed-up of N workers, and where the time goes."""
    counts = worker_counts(workers)
    from nworkers.cli.commands import answers

    answers.predict(options, counts, trace, force=force, as_json=json)


@app.command(epilog="Example: scale breakeven --calibration my.json --plot breakeven.png")
@shared
def breakeven(
    options: Options,
    max_workers: Annotated[
        str, typer.Option(metavar="N", help="Largest number of workers to look at.")
    ] = str(DEFAULT_MAX_WORKERS),
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Find the smallest number of workers that beats one process, and show the curve."""
    from nworkers.cli.commands import answers

    picture("plot", plot, force=force)
    answers.breakeven(options, _most(max_workers), plot, force=force, as_json=json)


@plot_app.command(
    "breakeven", epilog="Example: scale plot breakeven --calibration my.json -o breakeven.png"
)
@shared
def plot_breakeven(
    output: Output,
    options: Options,
    max_workers: Annotated[
        str, typer.Option(metavar="N", help="Largest number of workers to look at.")
    ] = str(DEFAULT_MAX_WORKERS),
    force: Force = False,
    json: Json = False,
) -> None:
    """Draw speed-up over workers with its interval, and the break-even point."""
    from nworkers.cli.commands import answers

    picture("output", output, force=force)
    answers.breakeven(options, _most(max_workers), output, force=force, as_json=json)


@plot_app.command("fit", epilog="Example: scale plot fit my.json -o fit.png")
def plot_fit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A calibration file.")],
    output: Output,
    force: Force = False,
) -> None:
    """Draw each quantity's samples, its fitted line and what the line misses."""
    from nworkers.cli.commands import answers

    picture("output", output, force=force)
    answers.plot_fit(file, output, force=force)


@app.command(
    epilog="Example: scale fit my.json -o profile.json   or, from another tool: "
    "scale fit nccl.txt --base my.json -o profile.json"
)
def fit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A calibration file; or a table of nccl-tests (text or -J), OSU (osu_latency, "
            "osu_bw, osu_allreduce) or iperf3 --json; or a CSV with columns quantity, seconds, "
            "size_bytes and so on; or a scaling table with columns model, strategy, "
            "batch_per_worker, workers, samples_per_s. Told from its content.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the profile here."),
    ] = None,
    draws: Annotated[
        str, typer.Option(metavar="N", help="Bootstrap draws behind a calibration's intervals.")
    ] = "200",
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="With a table: the profile that gives what the table does not tell. By default a "
            "shipped one.",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help="With osu_allreduce, which does not print it: processes."),
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="With a scaling table: the variables of its model, where they do not ship.",
        ),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With a scaling table of several systems: which."),
    ] = None,
    fit_to: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="With a scaling table: fit the rows of up to N workers, predict the others.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Fit the cost models to a calibration's samples (again), or to other people's measurements.

    Those are another tool's table, or throughput at several numbers of workers.
    """
    wanted = integer("--draws", draws, 20, 100_000)
    group = None if workers is None else integer("--workers", workers, 2, 1_000_000)
    from nworkers.cli.commands import fit_table

    scaling_options = (("--workload", workload), ("--system", system), ("--fit-to", fit_to))
    if fit_table.is_scaling(file):
        from nworkers.cli.commands import fit_throughput

        if workers is not None:
            raise InputError("--workers", f"{workers} with a scaling table", "a table of OSU")
        most = None if fit_to is None else integer("--fit-to", fit_to, 1, 1_000_000)
        fit_throughput.run(
            fit_throughput.Request(file, output, base, workload, system, most, force, as_json=json)
        )
        return
    for option, value in scaling_options:
        if value is not None:
            raise InputError(option, f"{value} with {file}", "a scaling table")
    if fit_table.is_table(file):
        fit_table.fit(file, output, base, group, force=force, as_json=json)
        return
    for option, value in (("--base", base), ("--workers", workers)):
        if value is not None:
            raise InputError(option, f"{value} with a calibration file", "a table of another tool")
    from nworkers.cli.commands import answers

    answers.fit(file, output, wanted, force=force, as_json=json)


@app.command(
    epilog="Example: scale calibrate --quick -o my.json; after an end of any kind: "
    "scale calibrate --resume -o my.json; for a firmer fetch: "
    "scale calibrate --refine --only fetch -o my.json"
)
def calibrate(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
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
        typer.Option(metavar="DIR", help="Logs of the tasks; by default beside the output."),
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
    local: Local = False,
    connect_timeout: ConnectTimeout = "60",
    force: Force = False,
    json: Json = False,
) -> None:
    """Measure this machine, or a cluster, with real TensorFlow processes.

    By default one ps and two workers run here. With TF_CONFIG in the environment, or under Slurm's
    srun, start the same command on every node: one measures and writes, the others serve it.

    The servers listen without authentication and run any graph they are sent; use it on machines
    and networks whose other users you trust.
    """
    from nworkers.cli.asked import clusters
    from nworkers.cli.commands import calibrate

    connect_s = duration("--connect-timeout", connect_timeout)
    found = clusters.membership(ps, worker, local=local)
    if found is not None and not found.coordinates:
        clusters.join(found, log_folder(logs or calibrate.default_logs(output)), connect_s)
        return
    calibrate.calibrate(
        calibrate.Request(
            output=output,
            typed={
                "quick": "yes" if quick else None,
                "full": "yes" if full else None,
                "workload": workload,
                "model": model,
                "features": features,
                "hidden": hidden,
                "batch": batch,
                "threads": threads,
                "input": pipeline,
                "soak": soak,
                # Addresses may change between runs; the numbers of tasks may not.
                "ps": ps if found is None else str(len(found.ps)),
                "worker": worker if found is None else str(len(found.workers)),
            },
            cluster=found,
            connect_timeout_s=connect_s,
            rounds=None if rounds is None else integer("--rounds", rounds, 1, 1000),
            only=only,
            resume=resume,
            refine=refine,
            time_limit=time_limit,
            logs=logs,
            force=force,
            as_json=json,
        )
    )


@app.command(epilog="Example: scale serve --port 2222")
def serve(
    port: Annotated[
        str, typer.Option(metavar="PORT", help="The port that the coordinator will be given.")
    ],
    connect_timeout: Annotated[
        str | None,
        typer.Option(metavar="T", help="How long to wait for a coordinator; for ever by default."),
    ] = None,
    logs: Annotated[Path, typer.Option(metavar="DIR", help="Logs of the task.")] = Path(
        "scale-serve.logs"
    ),
) -> None:
    """Run one task on this node for a command given elsewhere, then end.

    On another machine: scale calibrate --ps HOST:PORT --worker HOST:PORT,… -o my.json, or scale
    validate with the same two options.

    The server listens on every interface, asks nobody who he is, and runs any TensorFlow graph
    that it is sent: start it only on a network whose users you trust.
    """
    from nworkers.cli.asked import clusters

    wait_s = None if connect_timeout is None else duration("--connect-timeout", connect_timeout)
    clusters.serve(integer("--port", port, 1, 65_535), log_folder(logs), wait_s)


@app.command(epilog="Example: scale validate --workers 1,2,4 --calibration my.json")
@shared
def validate(
    options: Options,
    workers: Annotated[
        str | None, typer.Option(metavar="N[,N…]", help="Worker counts to train with: 1,2,4.")
    ] = None,
    starts: Annotated[
        str, typer.Option(metavar="K", help="Fresh starts of each worker count.")
    ] = "3",
    seconds: Annotated[
        str, typer.Option(metavar="T", help="Seconds of training in each start.")
    ] = "10",
    tolerance: Annotated[
        str, typer.Option(metavar="X", help="Largest relative error of step time to accept.")
    ] = "0.10",
    measured: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare an earlier -o FILE instead of training; repeat its --ps, placement and "
            "workload.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Train a Keras 3 model of yours: the function returns (model, loss, optimizer) or "
            "(model, loss, optimizer, dataset). --workload describes it for the prediction.",
        ),
    ] = None,
    write_workload: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --model: time its step in one process, and write the workload file, which "
            "then is predicted.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Keep every measured step here."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what others may see: step times and predictions, no names or addresses.",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Train on a cluster: where `scale serve` runs for each worker, and for each ps "
            "with --ps HOST:PORT,…",
        ),
    ] = None,
    local: Local = False,
    connect_timeout: ConnectTimeout = "60",
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Train nothing: predict the large rows of the tables that others published from "
            "their small ones.",
        ),
    ] = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train for real, compare with the prediction, and exit 1 beyond the tolerance.

    By default all tasks run here. With TF_CONFIG in the environment, or under Slurm's srun, start
    the same command on every node: one trains and compares, the others serve it.
    """
    accepted = number("--tolerance", tolerance, 0.0, 100.0)
    if published:
        from nworkers.cli.commands import validate_published as tables

        for option, value in (
            ("--workers", workers),
            ("--measured", measured),
            ("--model", model),
            ("--write-workload", write_workload),
            ("--output", output),
            ("--export", export),
            ("--plot", plot),
            ("--calibration", options.calibration),
            ("--workload", options.workload),
            ("--worker", worker),
        ):
            if value is not None:
                raise InputError(option, f"{value} beside --published", "one of the two options")
        if not tables.validate(accepted, as_json=json):
            raise typer.Exit(1)
        return
    if workers is None:
        raise InputError("--workers", "nothing", "worker counts, such as 1,2,4")
    counts = worker_counts(workers)
    picture("plot", plot, force=force)
    from nworkers.cli.asked import clusters
    from nworkers.cli.asked.job_request import job_request
    from nworkers.cli.commands import validate

    connect_s = duration("--connect-timeout", connect_timeout)
    cluster = None
    if measured is None:
        cluster = clusters.in_training(options, worker, counts, local=local)
    elif worker is not None:
        raise InputError("--worker", f"{worker} beside --measured", "one of the two options")
    if cluster is not None and not cluster.coordinates:
        clusters.join(cluster, validate.log_files(output), connect_s)
        return
    how_often = integer("--starts", starts, 1, 1000)
    how_long_s = number("--seconds", seconds, 0.1, 86_400)
    validate.check_trainable(options)
    held = validate.validate(
        job_request(options, ps=None if cluster is None else max(1, len(cluster.ps))),
        counts,
        machines=None if cluster is None else clusters.machines(cluster, connect_s),
        starts=how_often,
        seconds=how_long_s,
        tolerance=accepted,
        model=model,
        write_workload=write_workload,
        measured=measured,
        output=output,
        export=export,
        plot=plot,
        force=force,
        as_json=json,
    )
    if not held:
        raise typer.Exit(1)


def _most(text: str) -> int:
    from nworkers.models.records.scenario import MAX_WORKERS

    return integer("--max-workers", text, 1, MAX_WORKERS)


#: What typer raises for bad usage, wherever the version at hand keeps that class.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> int:
    """Run a command; whatever goes wrong is one line on stderr and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Most of what imports allocate lives on; scanning it every 700 objects takes a tenth of the
    # time of a prediction.
    gc.set_threshold(50_000)
    try:
        code = app(args=sys.argv[1:] or ["--help"], prog_name="scale", standalone_mode=False)
        if code == INTERRUPTED:  # some versions of typer make an exit code of a KeyboardInterrupt
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except InputError as error:
        return _fail(error.worded(option_of), 2)
    except _UsageError as error:
        return _fail(_usage(error), 2)
    except HardwareError as error:
        return _fail(str(error), 3)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:
        if os.environ.get("SCALE_TRACEBACK"):
            raise
        where = f"{type(error).__name__}: {error}"
        return _fail(f"a defect in scale: {where}; SCALE_TRACEBACK=1 shows all", INTERNAL_ERROR)


def _interrupt(_signal: int, _frame: Any) -> None:
    """SIGTERM takes the way of Ctrl-C, so that children end and samples are kept."""
    raise KeyboardInterrupt


def _usage(error: Exception) -> str:
    """One line for what typer reports over several."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "scale"
    return f"{message.rstrip('.')}; see {command} --help"


def _fail(message: str, code: int) -> int:
    print(f"scale: error: {' '.join(message.split())}", file=sys.stderr)
    return code
