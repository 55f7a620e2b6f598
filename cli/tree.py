"""Command tree: the commands, each with an example; they import what they need when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from nworkers.cli.commands.breakeven import breakeven
from nworkers.cli.commands.calibrate import calibrate
from nworkers.cli.commands.fit import fit
from nworkers.cli.commands.plot import plot_breakeven, plot_fit, plot_sweep
from nworkers.cli.commands.predict import predict
from nworkers.cli.commands.serve import serve
from nworkers.cli.commands.sweep import sweep
from nworkers.cli.commands.validate import validate

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
plot_app.command(
    "sweep", epilog="Example: scale plot sweep rows.jsonl --where ps=1 -o breakeven-map.png"
)(plot_sweep)
app.command(
    epilog="Example: scale sweep sweep.toml -o rows.jsonl; after an end of any kind: "
    "scale sweep sweep.toml -o rows.jsonl --resume"
)(sweep)
