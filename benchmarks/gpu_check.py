"""Check `scale` on a GPU: `make gpu-check`, at most ten minutes, without an index or a network.

Calibrates, predicts, trains for real (one process, then 1, 2 and 4 workers that share the GPU; an
MLP at three batches and a convolutional net), and writes every figure with a verdict to one JSON:

    python -m benchmarks.gpu_check [--device cpu|gpu] [-o FILE]

A command that does not fit into the time left is named instead of run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

#: Each start of TensorFlow on a GPU takes some 20 s.
LIMIT_S = 585.0
#: Of each worker; and the batch that is calibrated.
BATCHES = {"gpu": (128, 8192, 65536), "cpu": (32, 128, 1024)}
CALIBRATED = {"gpu": "4096", "cpu": "256"}
ROOT = Path(__file__).parents[1]
COUNTS = "1,2,4"
MLP = "mlp:784,512,512,10"
CONV = "benchmarks.accuracy.models:conv"
#: What steps may be off by: half of them, and each.
MEDIAN, WORST = 0.10, 0.25


@dataclass
class Check:
    """The commands of a check, what each printed, and how long it took."""

    device: str
    folder: Path
    began_s: float = field(default_factory=time.monotonic)
    commands: list[dict[str, Any]] = field(default_factory=list)

    def run(self, *words: str) -> Mapping[str, Any]:
        """What a command's JSON says; nothing where it failed or did not fit."""
        line = " ".join(("scale", *words))
        left_s = LIMIT_S - (time.monotonic() - self.began_s)
        said: dict[str, Any] = {"command": line}
        self.commands.append(said)
        if left_s < 10.0:
            said["not_run"] = "no time left"
            return {}
        print(f"{LIMIT_S - left_s:4.0f} s  {line}", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "nworkers", *words, "--json"],
                cwd=self.folder,
                # The convolutional net is a module here.
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *_given()))},
                capture_output=True,
                text=True,
                timeout=left_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            said["not_run"] = f"not done within the {left_s:.0f} s left"
            return {}
        said |= {"seconds": round(time.monotonic() - began_s, 1), "exit_code": done.returncode}
        errors = [text for text in done.stderr.splitlines() if text.startswith("scale:")]
        if errors:
            said["errors"] = errors
        try:
            found: dict[str, Any] = json.loads(done.stdout)
            if done.returncode > 1:  # What it says is an error.
                return {}
        except ValueError:
            said["errors"] = [*errors, *done.stderr.splitlines()[-3:]]
            return {}
        return found

    def calibrated(self, name: str, *words: str) -> Mapping[str, Any]:
        return self.run("calibrate", "--quick", "--device", self.device, "-o", name, *words)

    def validated(self, calibration: str, *words: str) -> Mapping[str, Any]:
        return self.run(
            *("validate", "--calibration", calibration, "--device", self.device),
            *("--workers", COUNTS, "--scaling", "weak", "--starts", "1", "--seconds", "2.5"),
            *("--tolerance", str(WORST), *words),
        )


def _given() -> list[str]:
    """What PYTHONPATH says already."""
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def carry_out(device: str, folder: Path) -> dict[str, Any]:
    """Every figure of a check, and the verdict."""
    check = Check(device, folder)
    calibrations = {
        "mlp": check.calibrated("mlp.json", "--workload", MLP, "--batch", CALIBRATED[device])
    }
    rows: list[dict[str, Any]] = []
    if calibrations["mlp"]:
        for batch in BATCHES[device]:
            found = check.validated("mlp.json", "--batch", str(batch))
            rows += _rows("mlp", batch, found)
    calibrations["conv"] = check.calibrated("conv.json", "--model", CONV, "--batch", "64")
    if calibrations["conv"]:
        rows += _rows("conv", 64, check.validated("conv.json", "--model", CONV, "--batch", "64"))
    errors = [abs(row["error"]) for row in rows]
    complete = all("not_run" not in said and "errors" not in said for said in check.commands)
    middle, worst = (median(errors), max(errors)) if errors else (math.inf, math.inf)
    return {
        "device": device,
        "seconds": round(time.monotonic() - check.began_s, 1),
        "complete": complete,
        "holds": middle <= MEDIAN and worst <= WORST,
        "median_error": middle if errors else None,
        "worst_error": worst if errors else None,
        "allowed": {"median": MEDIAN, "worst": WORST},
        "rows": rows,
        "commands": check.commands,
        "calibrations": calibrations,
    }


def _rows(model: str, batch: int, validated: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Trained and predicted step times; 0 workers are one process."""
    if not validated:
        return
    told = {"model": model, "batch": batch}
    yield told | _beside(
        0,
        batch / validated["single_measured_samples_per_s"],
        batch / validated["single_predicted_samples_per_s"],
    )
    for row in validated["rows"]:
        predicted = row["predicted"]
        beside = _beside(row["workers"], row["measured_step_time_s"], predicted["step_time_s"])
        yield told | beside | {"covered": row["covered"], "predicted": predicted}


def _beside(workers: int, measured_s: float, predicted_s: float) -> dict[str, Any]:
    error = predicted_s / measured_s - 1.0
    return {
        "workers": workers,
        "measured_s": measured_s,
        "predicted_s": predicted_s,
        "error": error,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="gpu")
    parser.add_argument("-o", "--output", type=Path, default=Path("gpu-check.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = carry_out(asked.device, Path(folder))
    asked.output.write_text(json.dumps(found, indent=1) + "\n")
    for row in found["rows"]:
        who = "one process" if not row["workers"] else f"{row['workers']} workers"
        print(
            f"{row['model']}, batch {row['batch']}, {who}: {1e3 * row['measured_s']:.3g} ms, "
            f"predicted {1e3 * row['predicted_s']:.3g} ms, {100 * row['error']:+.0f} %"
        )
    print("holds" if found["holds"] else "does not hold", f"({asked.output})")
    raise SystemExit(0 if found["holds"] and found["complete"] else 1)


if __name__ == "__main__":
    main()
