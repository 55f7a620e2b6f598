"""Make docs/first-run.md: the commands of a first run, with what they print, on this machine.

    make first-run        # on an idle machine; about seven minutes

Everything in the page but the headings is output, pictures included.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "img"
SCALE = Path(sys.executable).with_name("scale")

INTRODUCTION = """# A first run

Made by `make first-run` on the machine that the first section names; every block is what a command
printed, as it came out. Predictions were made before the training was run.
"""

SECTIONS = (
    (
        "Calibrate: the report of 2017, and its one variable",
        ("scale calibrate --quick -o first.json --features 128 --batch 32 --hidden 256",),
    ),
    (
        "How well the cost models fit",
        ("scale fit first.json", "scale plot fit first.json -o fit.png"),
    ),
    (
        "How many workers beat one process?",
        (
            "scale predict --calibration first.json --workers 1,2,4",
            "scale breakeven --calibration first.json --plot breakeven-one-host.png",
        ),
    ),
    (
        "Was it right?",
        (
            "scale validate --calibration first.json --workers 1,2,3 --starts 3 --seconds 5 "
            "--plot validate.png -o first-measured.json",
        ),
    ),
    (
        "A multilayer perceptron on the same machine",
        (
            "scale calibrate --quick -o mlp.json --workload mlp:784,512,10 --batch 128",
            "scale validate --calibration mlp.json --batch 128 --workers 1,2,3 --starts 3 "
            "--seconds 5 --plot validate-mlp.png -o mlp-measured.json",
        ),
    ),
    (
        "Without hardware: the shipped profile of emulated hosts",
        (
            "scale predict --workers 8",
            "scale breakeven --workload convnet.toml --batch 256 --max-workers 32 "
            "--plot breakeven.png",
        ),
    ),
)


def run(line: str, folder: Path) -> str:
    """What a reader sees: the command, notes and output; progress is left out."""
    print(line, file=sys.stderr, flush=True)
    done = subprocess.run(
        [SCALE, *shlex.split(line)[1:]],
        cwd=folder,
        env={**os.environ, "COLUMNS": "110"},
        capture_output=True,
        text=True,
        check=False,
    )
    notes = [n for n in done.stderr.splitlines() if n.startswith(("note:", "scale:"))]
    shown = "\n".join([f"$ {line}", *notes, done.stdout.rstrip(), f"(exit code {done.returncode})"])
    return shown.replace(str(folder), "…")


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    page = [INTRODUCTION]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "tests" / "support" / "examples" / "convnet.toml", folder)
        for title, lines in SECTIONS:
            page.append(f"## {title}\n")
            for line in lines:
                page.append(f"```text\n{run(line, folder)}\n```\n")
                for picture in re.findall(r"\S+\.png", line):
                    # A command that failed has drawn nothing; its message is on the page.
                    if (folder / picture).exists():
                        shutil.copy(folder / picture, IMAGES)
                        page.append(f"![{title}](img/{picture})\n")
                (ROOT / "docs" / "first-run.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
