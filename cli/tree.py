"""Command tree: the commands, each with an example; one is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from nworkers.cli.late import Command, LateCommand, LateGroup

#: Headings of the list of commands, beside that of those which ask.
MEASURE, CHECK, SET_UP = "Measure", "Check", "Set up"

app = typer.Typer(
    cls=LateGroup,
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
plot_app = typer.Typer(
    cls=LateGroup,
    rich_markup_mode=None,
    help="Draw pictures: .png, .svg or .pdf by suffix.",
    epilog="Example: scale plot breakeven --calibration my.json -o breakeven.png",
)
app.add_typer(plot_app, name="plot")


def _version(wanted: bool) -> None:
    if wanted:
        from nworkers import __version__

        print(f"scale {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "-V", "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from nworkers.cli.commands.start import start

        start()


@app.command(
    cls=LateCommand,
    epilog="Example: scale predict --workers 8 --calibration my.json",
)
def predict() -> Command:
    """Predict step time, throughput and speed-up of N workers, and where the time goes."""
    from nworkers.cli.commands.predict import predict

    return predict


@app.command(cls=LateCommand, epilog="Example: scale explain --workers 8 --calibration my.json")
def explain() -> Command:
    """Explain a step: where its time goes, what each cause costs, which quantities move it.

    Each cause is taken away in turn and the job simulated without it: another bottleneck takes
    over, so that what a cause takes is not what would be gained.
    """
    from nworkers.cli.commands.explain import explain

    return explain


@app.command(
    cls=LateCommand,
    epilog="Example: scale breakeven --calibration my.json --plot breakeven.png",
)
def breakeven() -> Command:
    """Find the smallest number of workers that beats one process, and show the curve."""
    from nworkers.cli.commands.breakeven import breakeven

    return breakeven


@app.command(cls=LateCommand, epilog="Example: scale report --calibration my.json -o report.html")
def report() -> Command:
    """Write one HTML file for a colleague: answer, curve, sliders, and what they rest on.

    It needs no network and no other file.
    """
    from nworkers.cli.commands.report import report

    return report


@app.command(
    "next", cls=LateCommand, epilog="Example: scale next --workers 4 --calibration my.json"
)
def next_() -> Command:
    """Say which measurement would most narrow the answer, to what width, and its command."""
    from nworkers.cli.commands.next import next_

    return next_


@plot_app.command(
    "breakeven",
    cls=LateCommand,
    epilog="Example: scale plot breakeven --calibration my.json -o breakeven.png",
)
def plot_breakeven() -> Command:
    """Draw speed-up over workers with its interval, and where they break even."""
    from nworkers.cli.commands.plot import plot_breakeven

    return plot_breakeven


@plot_app.command(
    "options",
    cls=LateCommand,
    epilog="Example: scale plot options --vs '--link 10gbit' --vs '--ps 2' -o options.png",
)
def plot_options() -> Command:
    """Draw how fast other ways to do the job are beside it, each with its interval."""
    from nworkers.cli.commands.plot import plot_options

    return plot_options


@plot_app.command(
    "cost",
    cls=LateCommand,
    epilog="Example: scale plot cost --price-per-host-hour 3 --samples 1e8 -o cost.png",
)
def plot_cost() -> Command:
    """Draw what the work costs and how long it takes, over numbers of workers."""
    from nworkers.cli.commands.plot import plot_cost

    return plot_cost


@plot_app.command("mix", cls=LateCommand, epilog="Example: scale plot mix jobs.toml -o mix.png")
def plot_mix() -> Command:
    """Draw how fast several jobs together are, and each of them alone."""
    from nworkers.cli.commands.plot import plot_mix

    return plot_mix


@plot_app.command(
    "breakdown",
    cls=LateCommand,
    epilog="Example: scale plot breakdown --workers 1,2,4,8 --calibration my.json -o steps.png",
)
def plot_breakdown() -> Command:
    """Draw what a step's time goes to, stacked, for each number of workers."""
    from nworkers.cli.commands.plot import plot_breakdown

    return plot_breakdown


@plot_app.command(
    "sensitivities",
    cls=LateCommand,
    epilog="Example: scale plot sensitivities --workers 8 --calibration my.json -o moves.png",
)
def plot_sensitivities() -> Command:
    """Draw what doing without each cause would buy, and which quantities move a step."""
    from nworkers.cli.commands.plot import plot_sensitivities

    return plot_sensitivities


@plot_app.command(
    "timeline",
    cls=LateCommand,
    epilog="Example: scale plot timeline --workers 4 --calibration my.json -o timeline.png",
)
def plot_timeline() -> Command:
    """Draw what each worker does in a few steps, on one clock."""
    from nworkers.cli.commands.plot import plot_timeline

    return plot_timeline


@plot_app.command(
    "validation",
    cls=LateCommand,
    epilog="Example: scale plot validation measured.json --workers 1,2,4 --calibration my.json "
    "-o validation.png",
)
def plot_validation() -> Command:
    """Draw measured beside predicted, and by how much step times are off."""
    from nworkers.cli.commands.plot import plot_validation

    return plot_validation


@plot_app.command("fit", cls=LateCommand, epilog="Example: scale plot fit my.json -o fit.png")
def plot_fit() -> Command:
    """Draw each quantity's samples, its fitted line and what the line misses."""
    from nworkers.cli.commands.plot import plot_fit

    return plot_fit


@app.command(
    cls=LateCommand,
    rich_help_panel=MEASURE,
    epilog="Example: scale fit my.json -o profile.json   or, from another tool: "
    "scale fit nccl.txt --base my.json -o profile.json",
)
def fit() -> Command:
    """Fit the cost models to a calibration's samples (again), or to other people's measurements.

    Those are another tool's table, or throughput at several numbers of workers.
    """
    from nworkers.cli.commands.fit import fit

    return fit


@app.command(
    cls=LateCommand,
    rich_help_panel=MEASURE,
    epilog="Example: scale calibrate --quick -o my.json; after an end of any kind: "
    "scale calibrate --resume -o my.json; for a firmer fetch: "
    "scale calibrate --refine --only fetch -o my.json",
)
def calibrate() -> Command:
    """Measure this machine, or a cluster, with real TensorFlow processes.

    By default one ps and two workers run here. Where --ps and --worker do not say how many, more
    join them for some cells: cores and several ps are to be seen under load. With TF_CONFIG in the
    environment, or under Slurm's srun, start the same command on every node: one measures and
    writes, the others serve it.

    The servers listen without authentication and run any graph they are sent; use it on machines
    and networks whose other users you trust.
    """
    from nworkers.cli.commands.calibrate import calibrate

    return calibrate


@app.command(cls=LateCommand, rich_help_panel=MEASURE, epilog="Example: scale serve --port 2222")
def serve() -> Command:
    """Run one task on this node for a command given elsewhere, then end.

    On another machine: scale calibrate --ps HOST:PORT --worker HOST:PORT,… -o my.json, or scale
    validate with the same two options.

    The server listens on every interface, asks nobody who he is, and runs any TensorFlow graph
    that it is sent: start it only on a network whose users you trust.
    """
    from nworkers.cli.commands.serve import serve

    return serve


@app.command(
    cls=LateCommand,
    rich_help_panel=CHECK,
    epilog="Example: scale validate --workers 1,2,4 --calibration my.json",
)
def validate() -> Command:
    """Train for real, compare with the prediction, and exit 1 beyond the tolerance.

    By default all tasks run here. With TF_CONFIG in the environment, or under Slurm's srun, start
    the same command on every node: one trains and compares, the others serve it.
    """
    from nworkers.cli.commands.validate import validate

    return validate


@plot_app.command(
    "sweep",
    cls=LateCommand,
    epilog="Example: scale plot sweep rows.jsonl --where ps=1 -o breakeven-map.png",
)
def plot_sweep() -> Command:
    """Draw speed-up over batch and workers, with the line on which they break even.

    All other fields of the sweep that have several values make a map for each combination.
    """
    from nworkers.cli.commands.plot import plot_sweep

    return plot_sweep


@app.command(
    cls=LateCommand,
    epilog="Example: scale sweep sweep.toml -o rows.jsonl; after an end of any kind: "
    "scale sweep sweep.toml -o rows.jsonl --resume",
)
def sweep() -> Command:
    """Predict all combinations of what a file states, a line of JSON for each.

    A row has its key, the scenario's own inputs, and what predict --json says of it; or why there
    is no answer.
    """
    from nworkers.cli.commands.sweep import sweep

    return sweep


@app.command(cls=LateCommand, epilog="Example: scale models --json")
def models() -> Command:
    """List the models that ship: parameters, bytes, tensors, operations of a sample, and origin."""
    from nworkers.cli.commands.models import models

    return models


@app.command(
    cls=LateCommand,
    epilog="Example: scale solve batch --workers 2 --calibration my.json; "
    "scale solve bandwidth --workers 8 --target-speedup 4",
)
def solve() -> Command:
    """Find what N workers need to beat one process: which batch, link, dispatch, ps or strategy.

    WHAT is batch, latency, bandwidth, dispatch, ps, strategy or device. The answer is a value with
    its interval, or what stands in the way.
    """
    from nworkers.cli.commands.solve import solve

    return solve


@app.command(cls=LateCommand, rich_help_panel=SET_UP, epilog="Example: scale doctor --json")
def doctor() -> Command:
    """Look at this machine: what is installed and here, and what stands in the way of calibrate.

    Each trouble is followed by what to do next. Exit 1 where calibrate cannot run.
    """
    from nworkers.cli.commands.doctor import doctor

    return doctor


@app.command(
    cls=LateCommand,
    rich_help_panel=SET_UP,
    epilog="Example: scale completion bash > ~/.local/share/bash-completion/completions/scale",
)
def completion() -> Command:
    """Print what makes bash, zsh or fish complete commands, options and their values.

    bash: write it to ~/.local/share/bash-completion/completions/scale. zsh: to a file _scale in a
    folder of $fpath. fish: to ~/.config/fish/completions/scale.fish. Then begin a new shell.
    """
    from nworkers.cli.commands.completion import completion

    return completion


@app.command(
    cls=LateCommand, rich_help_panel=SET_UP, epilog="Example: scale schema answers > answers.json"
)
def schema() -> Command:
    """Print the JSON Schema of the files that scale writes, or of its answers under --json."""
    from nworkers.cli.commands.schema import schema

    return schema
