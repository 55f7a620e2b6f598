"""The commands. Each is thin, and imports what it needs only when it runs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Annotated, Any

import typer

from nworkers.cli.asked.options import (
    option_of,
)
from nworkers.cli.commands.breakeven import breakeven
from nworkers.cli.commands.calibrate import calibrate
from nworkers.cli.commands.fit import fit
from nworkers.cli.commands.plot import plot_breakeven, plot_fit
from nworkers.cli.commands.predict import predict
from nworkers.cli.commands.serve import serve
from nworkers.cli.commands.validate import validate
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


app.command(
    epilog="Example: scale calibrate --quick -o my.json; after an end of any kind: "
    "scale calibrate --resume -o my.json; for a firmer fetch: "
    "scale calibrate --refine --only fetch -o my.json"
)(calibrate)
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
