"""Make docs/pictures.md: every kind of picture at two sizes, with the command that draws it.

    python -m benchmarks.pictures        # under a minute

The pictures are drawn by the commands that the page shows, from files that are in the repository.
"""

from __future__ import annotations

import gzip
import io
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.page import ROOT
from nworkers.models.files.store import write_record
from nworkers.models.records.calibration import Environment
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.measurement import Measurement, TrainingRun
from nworkers.simulator.answers import answer_predict
from nworkers.simulator.study.resolve import resolve

PAGE, IMAGES = ROOT / "docs" / "pictures.md", ROOT / "docs" / "img"
SCALE = Path(sys.executable).with_name("scale")
RESNET = "--workload resnet-50 --batch 256"
CALIBRATION = ROOT / "benchmarks/accuracy/data/xeon/calibrations/0-mlp-784-256-128-10.json.gz"
SWEEP = """# sweep.toml
workload = "resnet-50"
batch = [32, 64, 128, 256, 512, 1024]
workers = [1, 2, 4, 8, 16]
"""
#: By how much made-up training is slower than predicted, by its workers.
OFF = {0: 1.0, 1: 0.97, 2: 1.05, 4: 0.93, 8: 1.14}
#: A file of dots has so many colours, so that it stays small.
COLOURS = (64, 32, 16)
MOST_BYTES = 60_000


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
        "Times one process for each batch and number of workers. The black line parts what wins "
        "from what loses.",
        "scale plot sweep rows.jsonl",
        before="scale sweep sweep.toml -o rows.jsonl",
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
        "the grey band is the tolerance. This measurement is made up, to show the picture.",
        "scale plot validation measured.json --workers 1,2,4,8 --workload resnet-50 "
        "--batch 256",
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


def page() -> str:
    """The page, which names each picture and its command."""
    parts = [INTRODUCTION]
    for kind in KINDS:
        small, large = (f"img/{kind.name}-{size}.png" for size in ("small", "large"))
        # What reads a file that a reader has to make first is not run by the tests of the docs.
        block = "text" if kind.own_file else "console"
        before = f"```toml\n{SWEEP}```\n\n" if kind.name == "contour" else ""
        first = f"$ {kind.before}\n" if kind.before else ""
        beside = f"\nThe same beside its answer: {kind.beside}.\n" if kind.beside else ""
        parts.append(
            f"## {kind.heading}\n\n{kind.shows}\n\n{before}```{block}\n{first}$ {kind.command} -o "
            f"{kind.name}.png --size small\n```\n{beside}\n"
            f"[![{kind.heading}, small]({small})]({large})\n\nThe same [large]({large}).\n"
        )
    return "\n".join(parts)


def files(folder: Path) -> None:
    """What the commands read, made or copied into a folder."""
    (folder / "my.json").write_bytes(gzip.decompress(CALIBRATION.read_bytes()))
    (folder / "sweep.toml").write_text(SWEEP)
    run("scale sweep sweep.toml -o rows.jsonl", folder)
    made_up(folder / "measured.json")


def made_up(path: Path) -> None:
    """Training near to its prediction: three starts of each number of workers."""
    job = resolve(JobRequest(workload="resnet-50", batch=256), [1, 2, 4, 8])
    rows = answer_predict(job).rows
    single_s = rows[0].single_process_step_time_s
    times_s = {0: (256, single_s)} | {
        row.scenario.workers: (row.scenario.per_worker_batch, row.step_time_s) for row in rows
    }
    runs = tuple(
        TrainingRun(
            workers, start, batch, 30.0,
            ((step_s * OFF[workers] * (0.97 + 0.03 * start),) * 9,) * max(1, workers), (1.0, 0.5),
        )
        for workers, (batch, step_s) in times_s.items()
        for start in range(3)
    )  # fmt: skip
    where = Environment("2026-01-01T00:00:00Z", "made up")
    scenario = rows[0].scenario
    record = Measurement(where, scenario.workload, "ps-async", "session", "strong", 256, True, runs)
    write_record(path, record, force=False)


def run(line: str, folder: Path) -> None:
    """A command, in a folder; it must succeed."""
    words = shlex.split(line)[1:]
    subprocess.run([SCALE, *words, "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def small_file(path: Path) -> bytes:
    """A picture of as many colours as its size allows."""
    whole = Image.open(path).convert("RGB")
    made = b""
    for colours in COLOURS:
        buffer = io.BytesIO()
        whole.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        made = buffer.getvalue()
        if len(made) <= MOST_BYTES:
            break
    return made


def main() -> None:
    PAGE.write_text(page())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files(folder)
        for kind in KINDS:
            for size in ("small", "large"):
                file = f"{kind.name}-{size}.png"
                print(file, file=sys.stderr)
                run(f"{kind.command} -o {file} --size {size}", folder)
                (IMAGES / file).write_bytes(small_file(folder / file))


if __name__ == "__main__":
    main()
