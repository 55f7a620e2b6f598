"""Options: what the commands share, what each is called, and how its text becomes a value."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import typer

from nworkers.models.base.choices import Choice, choice
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import InputError
from nworkers.models.records.runtimes import RUNTIMES_OF, STRATEGIES

SizeName = Literal["small", "large"]
PICTURES = (".png", ".svg", ".pdf")
MAX_SEED = 2**32 - 1
MAX_DURATION_S = 30 * 86_400
#: Numbers of workers in one question.
MOST_COUNTS = 1000
#: The option that sets a field of a question, a command or a file that is written.
OPTION_OF = {
    "add": "--add",
    "base": "--base",
    "baseline": "--baseline",
    "batch": "--batch",
    "budget": "--budget",
    "calibration": "--calibration",
    "capex_per_host": "--capex-per-host",
    "capex_per_port": "--capex-per-port",
    "cores": "--cores",
    "dask": "--dask",
    "dask_scheduler_file": "--dask-scheduler-file",
    "deadline": "--deadline",
    "device": "--device",
    "device_of": "--device-of",
    "export": "--export",
    "features": "--features",
    "fit_to": "--fit-to",
    "force": "--force",
    "full": "--full",
    "help": "--help",
    "hidden": "--hidden",
    "hosts": "--hosts",
    "input": "--input",
    "jobs": "--jobs",
    "json": "--json",
    "jsonl": "--jsonl",
    "link": "--link",
    "list_settings": "--settings",
    "logs": "--logs",
    "max_workers": "--max-workers",
    "measured": "--measured",
    "memory_bytes": "--memory",
    "mix": "--mix",
    "model": "--model",
    "noise_scale": "--noise-scale",
    "only": "--only",
    "output": "-o/--output",
    "placement": "--placement",
    "overhead": "--overhead",
    "plot": "--plot",
    "price_per_host_hour": "--price-per-host-hour",
    "ps": "--ps",
    "ps_placement": "--ps-placement",
    "published": "--published",
    "quick": "--quick",
    "quiet": "-q/--quiet",
    "refine": "--refine",
    "resume": "--resume",
    "rounds": "--rounds",
    "runtime": "--runtime",
    "samples": "--samples",
    "samples_factor": "--samples-factor",
    "scaling": "--scaling",
    "scenario": "--scenario",
    "seed": "--seed",
    "series": "--series",
    "settings": "--set",
    "shard": "--shard",
    "size": "--size",
    "soak": "--soak",
    "spread": "--spread",
    "step_time": "--step-time",
    "strategy": "--strategy",
    "system": "--system",
    "target_speedup": "--target-speedup",
    "threads": "--threads",
    "trace": "--trace",
    "verbose": "-v/--verbose",
    "vs": "--vs",
    "what_if": "--what-if",
    "where": "--where",
    "worker": "--worker",
    "workers": "--workers",
    "workers_per_gpu": "--workers-per-gpu",
    "workers_per_host": "--workers-per-host",
    "workload": "--workload",
    "write_workload": "--write-workload",
    "years": "--years",
}

_RUNTIMES = "; ".join(
    f"{strategy}: {' or '.join(names)}" for strategy, names in RUNTIMES_OF.items()
)

# Numbers arrive as text and are checked here, so that every bad value gets the same kind of line.
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Lines = Annotated[
    bool,
    typer.Option("--jsonl", help="A line of JSON for each row, as soon as it is known."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")]


def named_path(text: str) -> Path:
    """A path that somebody typed; an empty one would be the folder where they are."""
    if not text:
        raise typer.BadParameter("got an empty path; allowed: the name of a file or folder")
    return Path(text)


Output = Annotated[
    Path,
    typer.Option("-o", "--output", parser=named_path, metavar="FILE", help="File to write."),
]
Local = Annotated[
    bool, typer.Option("--local", help="Ignore TF_CONFIG and Slurm: this machine alone.")
]
ConnectTimeout = Annotated[
    str, typer.Option(metavar="T", help="How long tasks elsewhere have to come up: 90s, 5m.")
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", parser=named_path, metavar="FILE", help="Draw it: .png, .svg or .pdf by suffix."
    ),
]
PictureSize = Annotated[
    str,
    typer.Option(
        "--size", metavar="small|large", help="For a page, 640 dots wide, or a slide, 1600."
    ),
]
Versus = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'OPTIONS'",
        help="Compare with another way to do the job, as options in quotes: '--link 10gbit'; "
        "with its prices, if it has its own. May be given several times.",
    ),
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        parser=named_path,
        metavar="FILE",
        help='The same from a TOML file with a name and options of predict: link = "10gbit".',
    ),
]
Mix = Annotated[
    Path | None,
    typer.Option(
        parser=named_path,
        metavar="FILE",
        help="Several jobs that share the workers: a TOML file with [[job]], each a weight (its "
        "share of the samples) and options of predict.",
    ),
]


@dataclass(frozen=True)
class Options:
    """The shared options as they were typed."""

    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Your hardware: a calibration or profile file. Without it, a shipped profile.",
        ),
    ] = None
    link: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RATE",
            help="Replace the link by that of a shipped profile or a file: my compute, that wire. "
            "Or the wire alone by its nominal rate, and latency one way: 10gbit, 300mbit, "
            "10gbit,50us.",
        ),
    ] = None
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="gemm:128,256, mlp:784,512,10 and so on, or a TOML file with name, [[variables]] "
            "(name, shape, dtype) and one of flops_per_sample, [cost] (floor_s, per_sample_s) or "
            f"[[step]] (batch, seconds). By default the calibrated one, else {DEFAULT_WORKLOAD}.",
        ),
    ] = None
    step_time: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIME@B|FILE",
            help="What a step of one process takes at a batch, such as 120ms@64, in place of all "
            "that is known of the workload's; may be given for several batches. Or a TOML file "
            "with [[step]] (batch, seconds) alone.",
        ),
    ] = None
    batch: Annotated[
        str,
        typer.Option(
            metavar="B", help="Global batch under strong scaling, per-worker batch under weak."
        ),
    ] = str(DEFAULT_BATCH)
    strategy: Annotated[
        str, typer.Option(metavar="NAME", help=f"One of {', '.join(STRATEGIES)}.")
    ] = "ps-async"
    runtime: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"The first is the default. {_RUNTIMES}.",
        ),
    ] = None
    scaling: Annotated[str, typer.Option(metavar="strong|weak", help="What --batch means.")] = (
        "strong"
    )
    ps: Annotated[str, typer.Option(metavar="S", help="Number of parameter servers.")] = "1"
    placement: Annotated[
        str | None,
        typer.Option(
            metavar="shared|separate",
            help="All tasks on one host, or a host for each. By default as calibrated.",
        ),
    ] = None
    hosts: Annotated[
        str | None,
        typer.Option(metavar="H", help="Spread the workers evenly over so many hosts."),
    ] = None
    workers_per_host: Annotated[
        str | None, typer.Option(metavar="W", help="Workers on each host.")
    ] = None
    device: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|gpu",
            help="What workers compute on. By default the GPU, where the calibration has one.",
        ),
    ] = None
    device_of: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Compute as on the devices of another profile: those hosts, this link.",
        ),
    ] = None
    workers_per_gpu: Annotated[
        str | None,
        typer.Option(metavar="K", help="Workers on each GPU. By default a host's share all."),
    ] = None
    ps_placement: Annotated[
        str | None,
        typer.Option(metavar="own|shared", help="Each ps on its own host, or on a worker's."),
    ] = None
    baseline: Annotated[
        str,
        typer.Option(
            metavar="device|host|W",
            help="What to beat: one process on one device, one whole host, or W workers.",
        ),
    ] = "device"
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="What would change it; may be given several times. overlap, half-precision, "
            "compression=0.1, rdma=5us, shard-by=size, partition=1MiB, backup-workers=1, "
            "staleness=3, all-reduce=tree, buckets=25MB, hybrid, racks=8,4, inner-link=10GB/s, "
            "slow-workers=1,2, slow-links=1,4, compute=10x, input=2000, dead-workers=1, "
            "stragglers=6,3,30s, worker-failures=0.5,3m, ps-failures=0.1,10m, one-machine; "
            "docs/what-if.md says what each means and in which units.",
        ),
    ] = None
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="What a host has: 16GB, 64GiB. A job whose tensors do not fit is refused.",
        ),
    ] = None
    cores: Annotated[
        str | None,
        typer.Option(metavar="N", help="What a host has, instead of the profile's cores."),
    ] = None
    spread: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="How much a worker's compute varies from step to step, as a standard deviation: "
            "3%. Instead of the profile's.",
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="My machine, but: a quantity of the profile, with its unit, or a factor of it, "
            "such as link.fetch.latency_s=50us or host.cores=2x; may be given several times. "
            "scale predict --settings lists all.",
        ),
    ] = None
    add: Annotated[
        str | None,
        typer.Option(
            metavar="N:DEVICE",
            help="N more workers beside those of --baseline W, on hosts of their own: 8:10x "
            "computes 10 times as fast, 8:NAME or 8:FILE has the device of that profile.",
        ),
    ] = None
    seed: Annotated[
        str, typer.Option(metavar="SEED", help="Same seed, same prediction, to the last digit.")
    ] = "1"


def option_of(field: str) -> str:
    """What a field is called on the command line; what no option sets keeps its name."""
    return OPTION_OF.get(field, field)


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every field of `Options` as an option of its own.

    typer reads options from a function's signature. Writing fifteen of them out once a command
    would let them drift apart.
    """
    return with_options(command, "options", Options)


def with_options(
    command: Callable[..., None], name: str, record: type[Any], *, first: bool = False
) -> Callable[..., None]:
    """The command with a record's fields as options in place of its parameter of that name.

    Args:
        first: they come before its own.
    """
    hints = get_type_hints(record, include_extras=True)
    own = inspect.signature(command, eval_str=True)
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.name != name]
    added = [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if f.default is MISSING else f.default,
            annotation=hints[f.name],
        )
        for f in fields(record)
    ]

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        made = record(**{f.name: values.pop(f.name) for f in fields(record)})
        command(**{name: made}, **values)

    parameters = added + kept if first else kept + added
    wrapper.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


def integer(option: str, text: str, low: int, high: int) -> int:
    """Raises: InputError, naming the option and the range."""
    allowed = f"an integer from {low} to {high}"
    # Length first: Python refuses to convert thousands of digits.
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip()) or not low <= int(text) <= high:
        raise InputError(option, text, allowed)
    return int(text)


def number(option: str, text: str, low: float, high: float) -> float:
    """Raises: InputError, naming the option and the range."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InputError(option, text, f"a number from {low:g} to {high:g}")
    return value


def duration(option: str, text: str) -> float:
    """Seconds of ``90``, ``90s``, ``5m``, ``1h`` or ``1h30m``.

    Raises:
        InputError
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    found = re.fullmatch(
        r"(?=\d)(?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,6})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,3})?)s?)?",
        text.strip(),
    )
    total_s = sum(float(found[u] or 0) * units[u] for u in units) if found else 0.0
    if not 0 < total_s <= MAX_DURATION_S:
        raise InputError(option, text, "seconds, or a time such as 90s, 5m or 1h30m")
    return total_s


def choices(option: str, text: str, allowed: Sequence[Choice]) -> tuple[Choice, ...]:
    """Several of what is allowed, with commas between them.

    Raises:
        InputError
    """
    return tuple(dict.fromkeys(choice(option, part.strip(), allowed) for part in text.split(",")))


def worker_counts(text: str) -> tuple[int, ...]:
    """``--workers``: counts and ranges with commas between them, put in ascending order.

    ``1-8`` and ``1..8`` are all from 1 to 8.

    Raises:
        InputError
    """
    from nworkers.models.records.scenario import MAX_WORKERS

    counts: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition(".." if ".." in part else "-")
        if not (first.strip() and last.strip()):
            counts.add(integer("--workers", part, 1, MAX_WORKERS))
            continue
        low, high = (integer("--workers", end, 1, MAX_WORKERS) for end in (first, last))
        if high < low:
            raise InputError("--workers", part, f"the smaller number first: {high}-{low}")
        if high - low >= MOST_COUNTS:
            raise InputError("--workers", part, f"at most {MOST_COUNTS} counts")
        counts.update(range(low, high + 1))
    if len(counts) > MOST_COUNTS:
        raise InputError("--workers", f"{len(counts)} counts", f"at most {MOST_COUNTS} counts")
    return tuple(sorted(counts))


def picture_size(text: str) -> SizeName:
    """Raises: InputError, with the names that there are."""
    return choice("size", text, get_args(SizeName))


def picture(field: str, path: Path | None, *, force: bool) -> None:
    """Refuse a picture that could not be drawn, before anything is computed.

    Raises:
        InputError
    """
    from nworkers.models.files.atomic_write import check_output

    if path is None:
        return
    if path.suffix.lower() not in PICTURES:
        raise InputError(field, path, f"a file name ending in {', '.join(PICTURES)}")
    check_output(path, force=force, field=field)
