"""Forked: commands in children of a process that has imported all of `scale`, each within bounds.

Started as ``python -m tests.support.forked``, it reads commands from its input and answers with
what became of them, a line of JSON each. A child starts in milliseconds, and a defect of one leaves
the next alone. `Commands` is the other end.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

#: What a command may take: of the processor, of the clock (others have the machine too), of memory.
CPU_S = 10
WALL_S = 120
MEMORY_BYTES = 2**30
MODULES = (
    "matplotlib.backends.backend_agg", "matplotlib.pyplot", "nworkers.cli.plots.style",
    "nworkers.cli.tree", "nworkers.models.fitting.fit", "nworkers.simulator.study.ask",
    "nworkers.cli.commands.fit_table", "nworkers.cli.commands.fit_throughput",
    "nworkers.cli.commands.validate_published", "nworkers.cli.commands.validate_trained",
    "nworkers.cli.plots.sweep_plot", "nworkers.cli.sweeping.executors",
    "nworkers.simulator.sweep.sweep_jobs",
    "nworkers.simulator.trace.chrome", "scipy.optimize", "scipy.stats", "simpy",
)  # fmt: skip
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """What became of a command; ``code`` is negative for the signal that ended it, as in Popen."""

    code: int
    cpu_s: float
    memory_bytes: int
    out: str
    err: str


class Commands:
    """Runs commands, one after the other, in a process of their own."""

    def __init__(self, **environment: str) -> None:
        self._environment = environment

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "MPLBACKEND": "agg"}
            | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            | self._environment,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, arguments: list[str], folder: Path) -> Ended:
        """A command in a folder."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([arguments, str(folder)]), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


def _run(arguments: list[str], folder: str) -> Ended:
    streams = [Path(folder) / f".std{name}" for name in ("out", "err")]
    if not (child := os.fork()):
        _be(arguments, folder, streams)
    _, status, used = os.wait4(child, 0)
    out, err = (path.read_bytes().decode(errors="replace") for path in streams)
    for path in streams:
        path.unlink()
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, out, err)


def _be(arguments: list[str], folder: str, streams: list[Path]) -> None:
    """Become the command, and end with its code."""
    code = 99
    try:
        os.chdir(folder)
        for number, path in enumerate(streams, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
        sys.argv = ["scale", *arguments]
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
        signal.alarm(WALL_S)
        app = importlib.import_module("nworkers.cli.app")
        code = app.main()
    finally:
        os._exit(code)


def main() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(asdict(_run(*json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
