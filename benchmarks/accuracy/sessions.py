"""Sessions: a calibration, what it foretells, and at once the training of its cells, in an hour.

A session is one link, or one workload that computes on loopback. Its default calibration comes
first; then its cells' predictions are written down; then their starts are made, in rounds, each in
random order. An older calibration than an hour is kept and made anew: what is not complete then is
foretold and trained again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from multiprocessing import get_context

from benchmarks.accuracy import store
from benchmarks.accuracy.curves import Curve
from benchmarks.accuracy.measuring import attempts, calibrated, describe_model, say, train_cell
from nworkers.calibrate.campaigns.presets import PresetName
from nworkers.calibrate.campaigns.validation import SINGLE
from nworkers.calibrate.host.environment import environment

#: How old a calibration may be when the start of a cell that is predicted from it ends.
FRESH = timedelta(hours=1)
STARTS, WINDOW_S = 3, 10.0
#: Of a single process whose wait is stated.
WAITING_STARTS, WAITING_WINDOW_S = 1, 5.0
#: Version of the predictions that are written down before training.
FIRST_SIGHT = 1
#: For the estimate, on two cores: processes, graphs, warm-up and the steps beyond the window of a
#: start; a default calibration; a batch of a description.
START_S, CALIBRATION_S, DESCRIBED_S = 5.0, 330.0, 18.0
#: What a description measures of the whole batch.
DESCRIBED_SHARES = (1, 2, 4)


@dataclass(frozen=True)
class Session:
    """The curves that one calibration foretells."""

    link_mbit: int
    workload: str
    curves: tuple[Curve, ...]

    @property
    def name(self) -> str:
        return store.calibration_name(self.link_mbit, self.workload)

    @property
    def cells(self) -> tuple[tuple[Curve, int], ...]:
        """Each single process once, before the cells of its job."""
        found: dict[str, tuple[Curve, int]] = {}
        for curve in self.curves:
            for workers in (SINGLE, *curve.workers):
                found.setdefault(curve.cell(workers), (curve, workers))
        return tuple(found.values())

    @property
    def user_models(self) -> tuple[Curve, ...]:
        """A curve of each user's model."""
        return tuple({curve.model: curve for curve in self.curves if curve.user_model}.values())

    @property
    def estimate_s(self) -> float:
        """Of the training alone, whatever is done already."""
        return sum(starts_of(*cell) * (START_S + window_s(*cell)) for cell in self.cells)

    @property
    def before_s(self) -> float:
        """Of the calibration and the descriptions."""
        return CALIBRATION_S + DESCRIBED_S * len(DESCRIBED_SHARES) * len(self.user_models)


def sessions(curves: Sequence[Curve]) -> tuple[Session, ...]:
    """The sessions of a design's curves, in its order."""
    keys = dict.fromkeys((curve.link_mbit, store.calibrated(curve)) for curve in curves)
    return tuple(
        Session(*key, tuple(c for c in curves if (c.link_mbit, store.calibrated(c)) == key))
        for key in keys
    )


def starts_of(curve: Curve, workers: int) -> int:
    """How many starts make a cell complete."""
    return WAITING_STARTS if workers == SINGLE and curve.compute == "wait" else STARTS


def window_s(curve: Curve, workers: int) -> float:
    return WAITING_WINDOW_S if starts_of(curve, workers) < STARTS else WINDOW_S


def complete(curve: Curve, workers: int) -> bool:
    """Whether all of a cell's starts count, and are of one calibration."""
    return len(store.read_runs(curve, workers)) >= starts_of(curve, workers)


def plan(all_sessions: Sequence[Session]) -> str:
    """What each session has, and how long it takes."""
    lines = [
        f"{one.name}: {len(one.curves)} curves, {len(one.cells)} cells with single processes, "
        f"{sum(complete(*cell) for cell in one.cells)} done; calibration "
        f"{one.before_s / 60:.0f} min, training {one.estimate_s / 60:.0f} min"
        for one in all_sessions
    ]
    before_s, training_s = (
        sum(getattr(one, name) for one in all_sessions) for name in ("before_s", "estimate_s")
    )
    whole = f"all: calibrations {before_s / 60:.0f} min, training {training_s / 60:.0f} min"
    return "\n".join([*lines, whole])


def run(session: Session, preset: PresetName = "default") -> None:
    """Go on with a session until all its cells are complete, or two calibrations did not do."""
    for _ in range(2):
        left = [cell for cell in session.cells if not complete(*cell)]
        if not left:
            return
        name = _calibrated(session, preset)
        _foretell(left, name)
        _train(left, name)


def _calibrated(session: Session, preset: PresetName) -> str:
    """A fresh calibration's name, with the descriptions of users' models beside it."""
    here = environment().facts["cpu_model"]
    for name in reversed(store.calibration_names("blind")):
        fresh = name.startswith(f"{session.name}@") and _age(name) < FRESH / 2
        if fresh and store.processor(name, "blind") == here:
            break
    else:
        name = _calibrate(session, preset)
    for curve in session.user_models:
        path = store.description_file(name, curve.model)
        if not path.exists():
            batches = [max(1, curve.batch // share) for share in DESCRIBED_SHARES]
            describe_model(curve.model, path, batches)
    return name


def _calibrate(session: Session, preset: PresetName) -> str:
    """A new one, named by when it ended; made again if a hypervisor took too much of it."""
    batch = max(curve.batch for curve in session.curves)
    for attempt in attempts():
        say(f"calibration {session.name}, attempt {attempt}")
        found = calibrated(session.link_mbit, session.workload, batch, preset)
        name = f"{session.name}@{datetime.now(UTC):%Y%m%dT%H%M%S}"
        store.add_calibration(name, found, "blind")
        if store.has_calibration(name, "blind"):
            break
    return name


def _age(name: str) -> timedelta:
    made = datetime.strptime(name.rpartition("@")[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return datetime.now(UTC) - made


def _foretell(cells: Sequence[tuple[Curve, int]], calibration: str) -> None:
    """Write down what is predicted of cells from a calibration, where it is not yet."""
    from benchmarks.accuracy.forecast import as_text, written

    known = written("blind", FIRST_SIGHT)
    wanted = [
        (curve, workers)
        for curve, workers in cells
        if workers != SINGLE and (curve.name, workers, calibration) not in known
    ]
    if not wanted:
        return
    say(f"predictions of {len(wanted)} cells from {calibration}")
    # In processes of their own: who trains is to hold no more memory than it needs.
    with _processes(len(wanted)) as processes:
        texts = list(processes.map(as_text, *zip(*wanted, strict=True), repeat(calibration)))
    store.add_forecasts("blind", FIRST_SIGHT, texts)


def _processes(most: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        min(most, os.cpu_count() or 1),
        mp_context=get_context("spawn"),
        initializer=store.keep_blind_in,
        initargs=(store.FOLDERS["blind"],),
    )


def _train(cells: Sequence[tuple[Curve, int]], calibration: str) -> None:
    """Make the starts that are missing of each cell, while the calibration is fresh."""
    for start, k, of, (curve, workers) in _order(cells):
        needed = timedelta(seconds=START_S + window_s(curve, workers))
        if _age(calibration) + needed > FRESH:
            say(f"{calibration} is too old for more")
            return
        made = [s for s in store.read_starts(curve, workers) if s.calibration == calibration]
        if sum(store.quiet(one.run) for one in made) > start:
            continue
        say(f"start {start + 1}, {k} of {of}: {curve.cell(workers)}")
        for run in train_cell(curve, workers, start, window_s(curve, workers), calibration):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            store.add_start(curve, store.Start(calibration, now, run))


def _order(
    cells: Sequence[tuple[Curve, int]],
) -> Iterator[tuple[int, int, int, tuple[Curve, int]]]:
    """Round by round, each in random order: a start's number, its place in the round, its cell."""
    for start in range(STARTS):
        due = [cell for cell in cells if start < starts_of(*cell)]
        random.Random(start).shuffle(due)
        yield from ((start, k, len(due), cell) for k, cell in enumerate(due, 1))
