"""Start-up: whole-process time of the commands that people run without thinking.

    python benchmarks/startup.py

Budgets, with bytecode compiled, on two cores: `scale --help` 0.1 s, `scale predict` 0.35 s.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 10
SCALE = Path(sys.executable).with_name("scale")
COMMANDS = {("--help",): 0.1, ("predict", "--workers", "8"): 0.35}


def whole_process_s(arguments: tuple[str, ...]) -> list[float]:
    """Wall times; one run before them compiles bytecode and fills the file cache."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times_s = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        subprocess.run([SCALE, *arguments], env=environment, check=True, capture_output=True)
        times_s.append(time.perf_counter() - began)
    return times_s[1:]


def main() -> None:
    extra = tuple(sys.argv[1:])  # such as --calibration FILE, for predict
    for arguments, budget_s in COMMANDS.items():
        command = arguments + (extra if arguments[0] == "predict" else ())
        times_s = whole_process_s(command)
        print(
            f"scale {' '.join(command)}: median {statistics.median(times_s):.3f} s, "
            f"{min(times_s):.3f} to {max(times_s):.3f} over {REPEATS} (budget {budget_s} s)"
        )


if __name__ == "__main__":
    main()
