"""Kills: a calibration of which a task or the coordinator is killed at a random moment.

It must end within 15 s, leave no process behind, say which task it was, and keep every cell that
was measured before in a file or a journal that can be read.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nworkers.calibrate.host.scratch import remove_abandoned
from nworkers.calibrate.host.watch import Process, descendants, processes
from nworkers.models.base.errors import InputError
from nworkers.models.files.journal import journal_path, read_journal
from nworkers.models.files.store import read_calibration
from nworkers.models.records.calibration import Cell

SCALE = Path(sys.executable).with_name("scale")
COORDINATOR = "coordinator"
VICTIMS = ("ps0", "worker0", "worker1", "single0", COORDINATOR)
#: Moments are drawn from this long after the start, which imports TensorFlow and builds the cells,
#: or after the first measured cell, so that they fall into the second round too.
LATEST_S = 12.0
EARLY_SHARE = 0.3
FIRST_CELL_S = 120.0
END_S = 15.0
#: A task that was killed while its round ended is no loss; the next round's is killed then.
NOTICED_S = 3.0
#: Enough cells for a few seconds a round, and more rounds than anyone waits for.
COMMAND = ("calibrate", "--quick", "--only", "noop,fetch", "--rounds", "50")

Pairs = frozenset[tuple[int, Cell]]


@dataclass(frozen=True)
class Outcome:
    """What became of one calibration; ``problem`` is empty where all is as it should be."""

    victim: str
    killed_after_s: float
    ended_after_s: float
    code: int
    cells_before: int
    cells_kept: int
    problem: str


def attempt(seed: int, folder: Path) -> Outcome:
    """Start a calibration in an empty folder, kill the victim that the seed draws, look around."""
    rng = random.Random(seed)
    victim = VICTIMS[seed % len(VICTIMS)]
    early, delay_s = rng.random() < EARLY_SHARE, rng.uniform(0.5, LATEST_S)
    output, logs, errors = folder / "out.json", folder / "out.logs", folder / "stderr"
    temporary = folder / "temporary"
    temporary.mkdir()
    began = time.monotonic()
    with (
        open(errors, "w") as stderr,
        subprocess.Popen(
            [SCALE, *COMMAND, "-o", output],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=os.environ | {"TMPDIR": str(temporary)},
        ) as run,
    ):
        if not early:
            wait_until(lambda: bool(kept(output)), FIRST_CELL_S)
        time.sleep(delay_s)
        pid = run.pid if victim == COORDINATOR else running_as(victim, logs, run, 60.0)
        before, family, killed = frozenset[tuple[int, Cell]](), relatives(run.pid), began
        while pid is not None:
            before = kept(output)
            family = relatives(run.pid)
            killed = time.monotonic()
            with suppress(ProcessLookupError):  # its round ended just now; the next one's is next
                os.kill(pid, signal.SIGKILL)
            if ended(run, NOTICED_S):
                break
            pid = running_as(victim, logs, run, END_S - NOTICED_S)
        over = time.monotonic()
        code = run.poll()
        if code is None:
            run.kill()
    orphans = left_after(family, killed + END_S - time.monotonic())
    found = kept(output)
    remove_abandoned(temporary)  # as the next run does
    left = [path.name for path in temporary.rglob("*")]
    return Outcome(
        victim,
        killed - began,
        over - killed,
        -1 if code is None else code,
        len(before),
        len(found),
        _problem(victim, code, errors.read_text(), orphans, left, before - found),
    )


def _problem(
    victim: str, code: int | None, err: str, orphans: list[str], left: list[str], lost: Pairs
) -> str:
    if code is None:
        return f"still running {END_S:g} s later"
    if orphans:
        return f"left behind: {', '.join(orphans)}"
    if left:
        return f"left in the temporary folder: {', '.join(left)}"
    if lost:
        return f"{len(lost)} measured cells lost"
    if "Traceback" in err:
        return "a traceback"
    if victim == COORDINATOR:
        return "" if code == -signal.SIGKILL else f"exit code {code}"
    if code != 3:
        return f"exit code {code}"
    named = f"task {victim} was ended by signal 9 (SIGKILL)" in err
    return "" if named else f"not named: {err.splitlines()[-1][:200]}"


def kept(output: Path) -> Pairs:
    """The (round, cell) pairs that lie on the disk, in the file, else in its journal."""
    journal = journal_path(output)
    for path, read in ((output, read_calibration), (journal, read_journal)):
        if path.exists():
            try:
                return frozenset((b.round, b.cell) for b in read(path).bursts)
            except InputError:
                if path.exists():
                    raise  # it was not only removed meanwhile
    return frozenset()


def tasks(logs: Path) -> dict[str, int]:
    """Pids of the tasks of a calibration, by name: whoever writes to a task's log."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                log = Path(os.readlink(entry / "fd" / "1"))
            except OSError:
                continue
            if log.parent == logs:
                found[log.stem] = int(entry.name)
    return found


def running_as(
    victim: str, logs: Path, run: subprocess.Popen[bytes], timeout_s: float
) -> int | None:
    """The pid of a task, as soon as its round has it; None if it does not come."""
    deadline = time.monotonic() + timeout_s
    while run.poll() is None and time.monotonic() < deadline:
        if (pid := tasks(logs).get(victim)) is not None:
            return pid
        time.sleep(0.02)
    return None


def relatives(pid: int) -> dict[int, Process]:
    """A process and all that it started, as they are now."""
    running = processes()
    return {child: running[child] for child in descendants(running, [pid]) if child in running}


def left_after(family: dict[int, Process], timeout_s: float) -> list[str]:
    """Names of those that are still running when the time is over."""

    def alive() -> list[str]:
        running = processes()
        return [
            process.comm
            for pid, process in family.items()
            if pid in running and running[pid].started == process.started and not _zombie(pid)
        ]

    deadline = time.monotonic() + max(1.0, timeout_s)
    while alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive()


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def ended(run: subprocess.Popen[bytes], timeout_s: float) -> bool:
    try:
        run.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Raises: TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s")
        time.sleep(0.02)
