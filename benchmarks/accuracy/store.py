"""Store: raw data of the accuracy table: a folder for each machine, and one for the blind half.

``runs.jsonl.gz`` has a line for each start of each cell, ``forecasts.jsonl.gz`` one for each cell
of each version of the predictions, and ``calibrations`` the files that `scale fit` reads.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.accuracy.curves import BLIND, DATA, NAMES, Curve, Half
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.store import read_calibration, record_json, write_record
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.measurement import TrainingRun
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario

FOLDERS: dict[Half, Path] = {"development": DATA, "test": DATA, "blind": BLIND}
#: Of the cores' time: a start from which a hypervisor took more is kept, told of, and made again,
#: and a calibration is made again.
MOST_STOLEN = 0.03

#: A line's key, and the record as JSON.
Line = tuple[str, str]
_READ: dict[Path, Sequence[Line]] = {}


@dataclass(frozen=True)
class Start:
    """One start of a blind cell, when it ended, and the calibration within whose hour it was."""

    calibration: str
    ended_at: str
    run: TrainingRun


def keep_blind_in(folder: Path) -> None:
    """Read and write the blind half's data there, for a trial."""
    FOLDERS["blind"] = folder


def runs_file(half: Half) -> Path:
    return FOLDERS[half] / "runs.jsonl.gz"


def forecasts_file(half: Half) -> Path:
    """What was predicted, by versions of the code, from 1: of blind cells before their training."""
    return FOLDERS[half] / "forecasts.jsonl.gz"


def read_runs(curve: Curve, workers: int) -> list[TrainingRun]:
    """The starts that count, of one cell, or with no workers those of its single process.

    Those of a blind cell are all from one calibration's hour, the latest.
    """
    if curve.half != "blind":
        return [run for run in read_all(curve, workers) if quiet(run)]
    starts, latest = read_starts(curve, workers), calibration_of(curve, workers)
    return [start.run for start in starts if start.calibration == latest and quiet(start.run)]


def quiet(run: TrainingRun) -> bool:
    """Whether a hypervisor left the machine alone; by this alone a start does not count."""
    return (
        run.busy is not None and run.busy.stolen_s <= MOST_STOLEN * run.busy.wall_s * run.busy.cores
    )


def read_all(curve: Curve, workers: int) -> list[TrainingRun]:
    """Every start, those included that do not count."""
    if curve.half == "blind":
        return [start.run for start in read_starts(curve, workers)]
    return [record_from_json(TrainingRun, text, "runs") for text in _starts(curve, workers)]


def read_starts(curve: Curve, workers: int) -> list[Start]:
    """Every start of a blind cell."""
    return [record_from_json(Start, text, "runs") for text in _starts(curve, workers)]


def _starts(curve: Curve, workers: int) -> Sequence[str]:
    return _grouped(runs_file(curve.half), "cell").get(curve.cell(workers), ())


def add_run(curve: Curve, run: TrainingRun) -> None:
    """Steps are kept to the microsecond."""
    _add(curve, run.workers, _rounded(run))


def add_start(curve: Curve, start: Start) -> None:
    """The same of a blind cell."""
    _add(curve, start.run.workers, replace(start, run=_rounded(start.run)))


def _rounded(run: TrainingRun) -> TrainingRun:
    return replace(run, steps_s=tuple(tuple(round(s, 6) for s in worker) for worker in run.steps_s))


def _add(curve: Curve, workers: int, record: object) -> None:
    path = runs_file(curve.half)
    added = (curve.cell(workers), record_json(record))
    write_lines(path, "cell", [*read_lines(path, "cell"), added])


def calibration_name(link_mbit: int, workload: str) -> str:
    return f"{link_mbit}-{workload.replace(':', '-').replace(',', '-')}"


def calibrated(curve: Curve) -> str:
    """The workload whose steps the curve's calibration measures: its own, where it computes."""
    named = curve.compute == "real" and not curve.user_model
    return NAMES.get(curve.model, curve.model) if named else NAMES["gemm"]


def calibration_of(curve: Curve, workers: int) -> str:
    """The calibration that a cell is predicted from; that of a blind cell's latest start, or ""."""
    if curve.half != "blind":
        return calibration_name(curve.link_mbit, calibrated(curve))
    starts = read_starts(curve, workers)
    return max(starts, key=lambda start: start.ended_at).calibration if starts else ""


def add_calibration(name: str, calibration: Calibration, half: Half = "development") -> None:
    path = calibration_file(name, half)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, calibration, force=True)


def has_calibration(name: str, half: Half = "development") -> bool:
    """Whether there is one during which a hypervisor left the machine alone."""
    path = calibration_file(name, half)
    return path.exists() and read_calibration(path).environment.stolen_share <= MOST_STOLEN


def calibration_names(half: Half) -> list[str]:
    files = (FOLDERS[half] / "calibrations").glob("*.json.gz")
    return sorted(file.name.removesuffix(".json.gz") for file in files)


def processor(name: str, half: Half = "development") -> str:
    """What a calibration was made on."""
    return read_calibration(calibration_file(name, half)).environment.facts["cpu_model"]


def profile(name: str, half: Half = "development") -> Profile:
    """Fitted anew, by the code as it is now."""
    return fit_profile(read_calibration(calibration_file(name, half)))


def calibration_file(name: str, half: Half = "development") -> Path:
    return FOLDERS[half] / "calibrations" / f"{name}.json.gz"


def description_file(name: str, model: str) -> Path:
    """The user's model as it was described beside a blind calibration."""
    return FOLDERS["blind"] / "calibrations" / f"{name}-{model}.toml"


def scenario_of(curve: Curve, workers: int, calibration: str) -> Scenario:
    """The cell as a user would ask about it, a model of his own as it was described."""
    if curve.half == "blind" and curve.user_model:
        path = description_file(calibration, curve.model)
        return curve.scenario(workers, read_workload(str(path)))
    return curve.scenario(workers)


def versions(half: Half) -> list[int]:
    """Of the predictions that were written down, the oldest first."""
    return sorted(int(version) for version in _grouped(forecasts_file(half), "version"))


def read_forecasts(half: Half, version: int) -> Sequence[str]:
    """What a version said, cell by cell, each as JSON."""
    return _grouped(forecasts_file(half), "version").get(str(version), ())


def add_forecasts(half: Half, version: int, texts: Iterable[str]) -> None:
    """Write down what a version of the code says."""
    path = forecasts_file(half)
    added = [(str(version), text) for text in texts]
    write_lines(path, "version", [*read_lines(path, "version"), *added])


def write_lines(path: Path, key: str, lines: Iterable[Line]) -> None:
    """Compressed, whole or not at all; sorted by key, so that the same data is the same file."""
    ordered = sorted(lines, key=lambda line: line[0])
    text = "".join(
        f'{{"{key}": {json.dumps(name)}, "record": {record}}}\n' for name, record in ordered
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, gzip.compress(text.encode(), mtime=0), force=True)
    _READ.pop(path, None)


def read_lines(path: Path, key: str) -> Sequence[Line]:
    """None of a file that is not there. Read once: a table asks for a hundred cells of one file."""
    if path not in _READ:
        if not path.exists():
            return ()
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        documents = (json.loads(line) for line in lines)
        _READ[path] = [(each[key], record_json(each["record"])) for each in documents]
    return _READ[path]


def _grouped(path: Path, key: str) -> dict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for name, record in read_lines(path, key):
        found[name].append(record)
    return found
