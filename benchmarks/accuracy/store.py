"""Store: the raw data of the accuracy table, compressed: a folder for each machine.

``runs.jsonl.gz`` has a line for each start of each cell, ``forecasts.jsonl.gz`` one for each cell
of each version of the predictions, and ``calibrations`` the files that `scale fit` reads.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from benchmarks.accuracy.design import DATA, Curve
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.store import read_calibration, record_json, write_record
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.measurement import TrainingRun
from nworkers.models.records.profile import Profile

RUNS = DATA / "runs.jsonl.gz"
CALIBRATIONS = DATA / "calibrations"
#: What was predicted of the test half, by versions of the code, from 1.
FORECASTS = DATA / "forecasts.jsonl.gz"
#: Of the cores' time: a start from which a hypervisor took more is kept, told of, and made again,
#: and a calibration is made again.
MOST_STOLEN = 0.03

#: A line's key, and the record as JSON.
Line = tuple[str, str]


def read_runs(curve: Curve, workers: int) -> list[TrainingRun]:
    """The starts that count, of one cell, or with no workers those of its single process."""
    return [run for run in read_all(curve, workers) if quiet(run)]


def quiet(run: TrainingRun) -> bool:
    """Whether a hypervisor left the machine alone; by this alone a start does not count."""
    return (
        run.busy is not None and run.busy.stolen_s <= MOST_STOLEN * run.busy.wall_s * run.busy.cores
    )


def read_all(curve: Curve, workers: int) -> list[TrainingRun]:
    """Every start, those included that do not count."""
    found = _grouped(RUNS, "cell").get(curve.cell(workers), ())
    return [record_from_json(TrainingRun, text, RUNS) for text in found]


def add_run(curve: Curve, run: TrainingRun) -> None:
    """Steps are kept to the microsecond."""
    steps_s = tuple(tuple(round(s, 6) for s in worker) for worker in run.steps_s)
    kept = TrainingRun(**{**run.__dict__, "steps_s": steps_s})
    added = (curve.cell(run.workers), record_json(kept))
    write_lines(RUNS, "cell", [*read_lines(RUNS, "cell"), added])


def calibration_name(link_mbit: int, workload: str) -> str:
    return f"{link_mbit}-{workload.replace(':', '-').replace(',', '-')}"


def add_calibration(name: str, calibration: Calibration) -> None:
    CALIBRATIONS.mkdir(parents=True, exist_ok=True)
    write_record(_calibration_file(name), calibration, force=True)


def has_calibration(name: str) -> bool:
    """Whether there is one during which a hypervisor left the machine alone."""
    if not _calibration_file(name).exists():
        return False
    facts = read_calibration(_calibration_file(name)).environment.facts
    return float(facts["stolen_share"]) <= MOST_STOLEN


def processors() -> set[str]:
    """What the calibrations were made on."""
    files = CALIBRATIONS.glob("*.json.gz")
    return {read_calibration(file).environment.facts["cpu_model"] for file in files}


def profile(name: str) -> Profile:
    """Fitted anew, by the code as it is now."""
    return fit_profile(read_calibration(_calibration_file(name)))


def _calibration_file(name: str) -> Path:
    return CALIBRATIONS / f"{name}.json.gz"


def versions() -> list[int]:
    """Of the predictions that were written down, the oldest first."""
    return sorted(int(version) for version in _grouped(FORECASTS, "version"))


def read_forecasts(version: int) -> Sequence[str]:
    """What a version said, cell by cell, each as JSON."""
    return _grouped(FORECASTS, "version")[str(version)]


def add_forecasts(texts: Iterable[str]) -> int:
    """Write down what this version of the code says, and its number."""
    version = max(versions(), default=0) + 1
    added = [(str(version), text) for text in texts]
    write_lines(FORECASTS, "version", [*read_lines(FORECASTS, "version"), *added])
    return version


def write_lines(path: Path, key: str, lines: Iterable[Line]) -> None:
    """Compressed, whole or not at all; sorted by key, so that the same data is the same file."""
    ordered = sorted(lines, key=lambda line: line[0])
    text = "".join(
        f'{{"{key}": {json.dumps(name)}, "record": {record}}}\n' for name, record in ordered
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, gzip.compress(text.encode(), mtime=0), force=True)
    read_lines.cache_clear()


@cache
def read_lines(path: Path, key: str) -> Sequence[Line]:
    """None of a file that is not there. Read once: a table asks for a hundred cells of one file."""
    if not path.exists():
        return ()
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    documents = (json.loads(line) for line in lines)
    return [(document[key], record_json(document["record"])) for document in documents]


def _grouped(path: Path, key: str) -> dict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for name, record in read_lines(path, key):
        found[name].append(record)
    return found
