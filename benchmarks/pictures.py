"""Make docs/pictures.md: every kind of picture at two sizes, with the command that draws it.

    python -m benchmarks.pictures        # under a minute; says the seconds of each
    python -m benchmarks.pictures curve  # this kind alone

The pictures are drawn by the commands that the page shows, from files that are in the repository.
The page says under each what its title says.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmarks.accuracy import curves, store
from benchmarks.page import ROOT
from nworkers.cli.plots import style
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.measurement import Measurement

PAGE, IMAGES = ROOT / "docs" / "pictures.md", ROOT / "docs" / "img"
SWEEPS = ROOT / "docs" / "sweeps.md"
SIZES = ("small", "large")
SCALE = Path(sys.executable).with_name("scale")
RESNET = "--workload resnet-50 --batch 256"
SWEEP = """# sweep.toml
workload = "resnet-50"
batch = [32, 64, 128, 256, 512, 1024]
workers = [1, 2, 4, 8, 16]
"""
JOBS = """# jobs.toml
[[job]]
name = "large batches"
weight = 3
workload = "resnet-50"
batch = 256

[[job]]
name = "small batches"
workload = "resnet-50"
batch = 64
"""
#: What was trained: a job of the accuracy table's development half, two of whose cells are missed.
TRAINED = "coordinator-wait-14"
#: A file of dots has at most so many colours, so that it stays small.
COLOURS = (256, 128, 64, 32)
#: These are exact in every file.
STYLED = {style.INK, style.GREY, style.QUIET, style.GRID, *(one.colour for one in style.SERIES)}
MOST_BYTES = 90_000


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its heading, what it shows, and its command without size and file."""

    name: str
    heading: str
    shows: str
    command: str
    beside: str = ""
    own_file: bool = False
    before: str = ""
    #: What the command reads, which the page shows.
    file: str = ""


KINDS = (
    Kind(
        "curve", "Curve",
        "Times one process over workers, with the 90 % interval. Break-even is circled, and its "
        "interval is the band on the axis. The strip shows what takes most of a step.",
        f"scale plot breakeven {RESNET} --max-workers 32",
        "`scale breakeven --plot FILE`",
    ),
    Kind(
        "options", "Options",
        "Ways to do one job, each beside the first, at its best number of workers. The fastest is "
        "a diamond.",
        f"scale plot options {RESNET} --max-workers 16 --vs '--link 10gbit' --vs '--ps 2' "
        "--vs '--strategy ps-sync'",
        "`scale breakeven --vs '…' --plot FILE`",
    ),
    Kind(
        "contour", "Batch and workers",
        "Times one process over batch and workers. The black line parts what wins from what loses; "
        "between the dashed ones, both are likely. The best job is a diamond.",
        "scale plot sweep rows.jsonl",
        before="scale sweep sweep.toml -o rows.jsonl",
        file=SWEEP,
    ),
    Kind(
        "cost", "Cost",
        "What the work costs over workers, and how many hours it takes. The cheapest that keeps "
        "the limits is circled. One process is dashed, a budget or deadline dotted.",
        f"scale plot cost {RESNET} --max-workers 16 --price-per-host-hour 3 --samples 1e7 "
        "--deadline 6d --budget 2000",
        "`scale breakeven --price-per-host-hour 3 --plot FILE`",
    ),
    Kind(
        "mix", "Mix",
        "Several jobs that share the workers, by their shares of all samples, and each job alone.",
        "scale plot mix jobs.toml --max-workers 16",
        "`scale breakeven --mix jobs.toml --plot FILE`",
        file=JOBS,
    ),
    Kind(
        "breakdown", "Breakdown",
        "What a step's time goes to, for each number of workers. The step's time is above its bar.",
        f"scale plot breakdown {RESNET} --workers 1,2,3,4,6,8,12,16",
        "`scale predict --workers 1,2,4 --plot FILE`",
    ),
    Kind(
        "sensitivities", "Sensitivities",
        "Above, how fast workers would be without each cause. Below, by how much a step is longer "
        "with 1 % more of a quantity.",
        f"scale plot sensitivities {RESNET} --workers 8",
        "`scale explain --workers 8 --plot FILE`",
    ),
    Kind(
        "timeline", "Timeline",
        "What each worker does in three steps. A thin bar is work beside the critical path.",
        f"scale plot timeline {RESNET} --workers 4",
    ),
    Kind(
        "laws", "Fit",
        "Each measured quantity with its fitted law, and below it what the law misses. Products "
        "of unlike shapes have a dash each.",
        "scale plot fit my.json",
        own_file=True,
    ),
    Kind(
        "validation", "Measured beside predicted",
        "Times one process as predicted and as trained. Below, by how much step times are off; "
        "the grey band is the tolerance. It is training of the [accuracy table](accuracy.md), on "
        "emulated hosts of 100 Mbit/s: a job that the model misses.",
        "scale plot validation measured.json --calibration my.json --ps 4 --placement separate "
        "--workers 1,2,4,8",
        "`scale validate --plot FILE`",
        own_file=True,
    ),
)  # fmt: skip
INTRODUCTION = """# Pictures

Every picture's title says what was found, and the lines below it what was asked. Colours differ to
who is colour-blind, and in grey print. A file is PNG, SVG or PDF by its suffix.

`--size small` is 640 dots wide, for a page. `--size large`, the default, has 1600, for a slide.

Made by `python -m benchmarks.pictures`.
"""


#: Those of other pages, large alone.
OTHERS = (
    Kind(
        "readme", "", "",
        "scale plot breakeven --workload mlp:784,512,512,10 --batch 8192 --scaling weak "
        "--max-workers 16",
    ),
    Kind(
        "sweep", "", "", "scale plot sweep strategies.jsonl",
        before="scale sweep strategies.toml -o strategies.jsonl",
    ),
)  # fmt: skip


def page() -> str:
    """The page, which names each picture, its finding and its command."""
    parts = [INTRODUCTION]
    for kind in KINDS:
        small, large = (f"img/{kind.name}-{size}.png" for size in SIZES)
        # What reads a file that a reader has to make first is not run by the tests of the docs.
        block = "text" if kind.own_file else "console"
        before = f"```toml\n{kind.file}```\n\n" if kind.file else ""
        first = f"$ {kind.before}\n" if kind.before else ""
        beside = f"\nThe same beside its answer: {kind.beside}.\n" if kind.beside else ""
        # A screen reader pauses at a full stop.
        said = title(IMAGES.parent / small).replace("; ", ". ")
        parts.append(
            f"## {kind.heading}\n\n{kind.shows}\n\n{before}```{block}\n{first}$ {kind.command} -o "
            f"{kind.name}.png --size small\n```\n{beside}\n"
            f"[![{said}]({small})]({large})\n\nThe same [large]({large}).\n"
        )
    return "\n".join(parts)


def title(picture: Path) -> str:
    """What stands above a picture, as its file keeps it."""
    with Image.open(picture) as drawn:
        return str(drawn.info["Title"])


def files(folder: Path) -> None:
    """What the commands read, made into a folder."""
    (curve,) = (curve for curve in curves.read() if curve.name == TRAINED)
    calibration = read_calibration(store.calibration_file(store.calibration_of(curve, 1)))
    fitted = replace(calibration, profile=fit_profile(calibration))
    write_record(folder / "my.json", fitted, force=False)
    runs = [run for workers in (0, *curve.workers) for run in store.read_runs(curve, workers)]
    measured = Measurement(
        calibration.environment, curve.workload, curve.strategy, curve.runtime, curve.scaling,
        curve.batch, True, tuple(runs), "emulated hosts",
    )  # fmt: skip
    write_record(folder / "measured.json", measured, force=False)
    (folder / "sweep.toml").write_text(SWEEP)
    (folder / "jobs.toml").write_text(JOBS)
    (strategies,) = re.findall(r"```toml\n(.*?)```", SWEEPS.read_text(), re.DOTALL)
    (folder / "strategies.toml").write_text(strategies)


def run(line: str, folder: Path) -> None:
    """A command, in a folder; it must succeed."""
    words = shlex.split(line)[1:]
    subprocess.run([SCALE, *words, "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def small_file(path: Path) -> bytes:
    """A picture of as many colours as its size allows, its title kept."""
    kept, made = PngInfo(), b""
    kept.add_text("Title", title(path))
    with Image.open(path) as drawn:
        whole = drawn.convert("RGB")
    for picture in reduced(whole, COLOURS):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", optimize=True, pnginfo=kept)
        made = buffer.getvalue()
        if len(made) <= MOST_BYTES:
            break
    return made


def reduced(whole: Image.Image, counts: Sequence[int]) -> Iterator[Image.Image]:
    """A picture of fewer and fewer colours: its most frequent ones, and all of the style's, as
    they are; any other, at the edge of a line, as the nearest of them.

    A palette of means would turn a small mark's colour into another.
    """
    dots = np.asarray(whole).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, which, count = np.unique(dots, return_inverse=True, return_counts=True)
    styled = np.isin(found, [int(colour[1:], 16) for colour in STYLED])
    ordered = found[np.lexsort((-count, ~styled))]
    for most in counts:
        palette = _parts(ordered[:most])
        apart = np.square(_parts(found)[:, None, :] - palette[None, :, :]).sum(axis=2)
        places = apart.argmin(axis=1).astype(np.uint8)[which].reshape(dots.shape)
        made = Image.fromarray(places, "P")
        made.putpalette(palette.astype(np.uint8).tobytes())
        yield made


def _parts(colours: Any) -> Any:
    """Red, green and blue."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.int32)


def draw(kind: Kind, size: str, folder: Path) -> None:
    """A picture, and the seconds that it took beside others."""
    begin_s, file = time.perf_counter(), f"{kind.name}-{size}.png"
    run(f"{kind.command} -o {file} --size {size}", folder)
    kept = f"{kind.name}.png" if kind in OTHERS else file
    (IMAGES / kept).write_bytes(small_file(folder / file))
    print(f"{time.perf_counter() - begin_s:5.1f} s  {file}", file=sys.stderr)


def main(names: Sequence[str]) -> None:
    begin_s = time.perf_counter()
    kinds = [kind for kind in (*KINDS, *OTHERS) if not names or kind.name in names]
    jobs = [(kind, size) for kind in kinds for size in SIZES if kind in KINDS or size == "large"]
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(name)
        files(folder)
        for before in filter(None, (kind.before for kind in kinds)):
            run(before, folder)
        for done in [pool.submit(draw, kind, size, folder) for kind, size in jobs]:
            done.result()
    PAGE.write_text(page())
    print(f"{time.perf_counter() - begin_s:5.1f} s  in all", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
