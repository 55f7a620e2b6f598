"""Store: the raw data of the accuracy table, compressed, in docs/data/accuracy."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from benchmarks.accuracy.design import DATA, Curve
from benchmarks.page import ROOT
from nworkers.models.files.store import read_calibration, record_json, write_record
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.measurement import Run
from nworkers.models.records.profile import Profile

RUNS = DATA / "runs"
CALIBRATIONS = DATA / "calibrations"
#: What was predicted of the test half, one file for each version of the code, from 1.
FORECASTS = DATA / "forecasts"
#: Of the cores' time: a start from which a hypervisor took more is kept, told of, and made again,
#: and a calibration is made again.
MOST_STOLEN = 0.03
#: What is unpacked for reading.
UNPACKED = ROOT / "build" / DATA.name


def runs_file(curve: Curve, workers: int) -> Path:
    """Where the starts of one cell are, or with no workers those of its single process."""
    return RUNS / f"{curve.cell(workers)}.jsonl.gz"


def read_runs(curve: Curve, workers: int) -> list[Run]:
    """The starts that count."""
    return [run for run in read_all(curve, workers) if quiet(run)]


def quiet(run: Run) -> bool:
    """Whether a hypervisor left the machine alone; by this alone a start does not count."""
    return (
        run.busy is not None and run.busy.stolen_s <= MOST_STOLEN * run.busy.wall_s * run.busy.cores
    )


def read_all(curve: Curve, workers: int) -> list[Run]:
    """Every start, those included that do not count."""
    file = runs_file(curve, workers)
    return [record_from_json(Run, line, file) for line in read_lines(file)]


def add_run(curve: Curve, run: Run) -> None:
    """Steps are kept to the microsecond."""
    steps_s = tuple(tuple(round(s, 6) for s in worker) for worker in run.steps_s)
    kept = Run(**{**run.__dict__, "steps_s": steps_s})
    lines = [record_json(r) for r in (*read_all(curve, run.workers), kept)]
    write(runs_file(curve, run.workers), "\n".join(lines))


def calibration_name(link_mbit: int, workload: str) -> str:
    return f"{link_mbit}-{workload.replace(':', '-').replace(',', '-')}"


def add_calibration(name: str, calibration: Calibration) -> None:
    plain = UNPACKED / f"{name}.json"
    plain.parent.mkdir(parents=True, exist_ok=True)
    write_record(plain, calibration, force=True)
    write(CALIBRATIONS / f"{name}.json.gz", plain.read_text())


def has_calibration(name: str) -> bool:
    """Whether there is one during which a hypervisor left the machine alone."""
    if not (CALIBRATIONS / f"{name}.json.gz").exists():
        return False
    return float(_calibration(name).environment.facts["stolen_share"]) <= MOST_STOLEN


def processors() -> set[str]:
    """What the calibrations were made on."""
    names = [path.name.removesuffix(".json.gz") for path in CALIBRATIONS.glob("*.json.gz")]
    return {_calibration(name).environment.facts["cpu_model"] for name in names}


def profile(name: str) -> Profile:
    """Fitted anew, by the code as it is now."""
    return fit_profile(_calibration(name))


def _calibration(name: str) -> Calibration:
    plain = UNPACKED / f"{name}.json"
    packed = CALIBRATIONS / f"{name}.json.gz"
    plain.parent.mkdir(parents=True, exist_ok=True)
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    return read_calibration(plain)


def forecasts() -> list[Path]:
    """What was written down, the oldest first."""
    return sorted(FORECASTS.glob("*.jsonl.gz"), key=lambda path: int(path.name.split(".")[0]))


def read_lines(path: Path) -> list[str]:
    """None of a file that is not there."""
    return gzip.decompress(path.read_bytes()).decode().splitlines() if path.exists() else []


def write(path: Path, text: str) -> None:
    """Compressed, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    # Without the time of its making, so that the same data is the same file.
    beside.write_bytes(gzip.compress(text.encode(), mtime=0))
    os.replace(beside, path)
