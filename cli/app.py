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
    duration,
    integer,
    log_folder,
    option_of,
)
from nworkers.cli.commands.breakeven import breakeven
from nworkers.cli.commands.fit import fit
from nworkers.cli.commands.plot import plot_breakeven, plot_fit
from nworkers.cli.commands.predict import predict
from nworkers.cli.commands.serve import join, serve
from nworkers.cli.commands.validate import validate
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import HardwareError, InputError

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


app.command(epilog="Example: scale predict --workers 8 --calibration my.json")(predict)
app.command(epilog="Example: scale breakeven --calibration my.json --plot breakeven.png")(breakeven)
plot_app.command(
    "breakeven", epilog="Example: scale plot breakeven --calibration my.json -o breakeven.png"
)(plot_breakeven)
plot_app.command("fit", epilog="Example: scale plot fit my.json -o fit.png")(plot_fit)
app.command(
    epilog="Example: scale fit my.json -o profile.json   or, from another tool: "
    "scale fit nccl.txt --base my.json -o profile.json"
)(fit)


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
        join(found, log_folder(logs or calibrate.default_logs(output)), connect_s)
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


app.command(epilog="Example: scale serve --port 2222")(serve)
app.command(epilog="Example: scale validate --workers 1,2,4 --calibration my.json")(validate)


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
