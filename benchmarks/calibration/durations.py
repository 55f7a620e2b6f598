"""How long `scale calibrate` takes, as a process, against what it promises."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.calibration.pages import PAGE
from benchmarks.calibration.quiet import watched
from benchmarks.calibration.short import say
from benchmarks.page import table

TITLE = "How long a calibration takes"
SCALE = Path(sys.executable).with_name("scale")
PROMISES_S = ((("--quick",), 45.0), ((), 180.0))


@dataclass(frozen=True)
class Duration:
    command: str
    seconds: float
    promised_s: float


def measure(*, smoke: bool = False) -> None:
    with watched("durations") as conditions:
        taken = [
            _timed([*words, *(["--rounds", "1"] if smoke else [])], promised_s)
            for words, promised_s in PROMISES_S
        ]
    rows = [
        [
            f"`{d.command}`",
            f"{d.seconds:.0f} s",
            f"{d.promised_s:.0f} s",
            "yes" if d.seconds <= d.promised_s else "**no**",
        ]
        for d in taken
    ]
    head = ["command", "took", "promised", "kept"]
    text = f"{table(head, rows)}\n\n({conditions.words})"
    data = {"conditions": asdict(conditions), "runs": [asdict(d) for d in taken]}
    PAGE.publish("durations", TITLE, text, data)


def _timed(words: list[str], promised_s: float) -> Duration:
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        subprocess.run(
            [SCALE, "calibrate", *words, "-o", "calibration.json"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.monotonic() - began_s
    made = Duration(" ".join(["scale calibrate", *words]), seconds, promised_s)
    say(f"{made.command}: {seconds:.0f} s of {promised_s:.0f} s")
    return made
