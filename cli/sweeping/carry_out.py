"""Carry out: a task of a sweep, in the process that it was given to.

What it is told and what it answers is plain, so that processes that differ can tell each other so.
"""

from __future__ import annotations

import json
import pickle
import sys
import threading
import time
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nworkers import __version__
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import OnePredictionDocument
    from nworkers.cli.documents.here_document import (
        ImpossibleRowDocument,
        ScenarioDocument,
        SweepRowDocument,
    )
    from nworkers.simulator.sweep.grid import SweepGrid
    from nworkers.simulator.sweep.sweep_jobs import SweepJobs

#: A task that has taken so long gives back what is left of it.
LONGEST_S = 1.0


@dataclass(frozen=True)
class CarriedOut:
    """Rows of a task's first scenarios, ``impossible`` with why there is no answer, and seconds.

    There are none where the grid is ``unknown``, or where ``other`` than the asker's runs there.
    """

    lines: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()
    seconds: float = 0.0
    unknown: bool = False
    other: str = ""


@cache
def runs() -> str:
    """What must be alike wherever rows of one sweep are made."""
    from nworkers.simulator.engine.engines import IS_COMPILED

    how = "compiled" if IS_COMPILED else "not compiled"
    major, minor = sys.version_info[:2]
    return f"nworkers {__version__} ({how}) on Python {major}.{minor}"


#: The grids that this process was given last, by their digests.
_known: dict[str, tuple[SweepGrid, SweepJobs]] = {}
_KEPT = 2
#: Where a worker of Dask has several threads, they would only take turns.
_one_at_a_time = threading.Lock()


def packed(grid: SweepGrid) -> bytes:
    """A grid as it travels, once to each process."""
    return zlib.compress(pickle.dumps(grid))


def carry_out(
    asker: str, digest: str, content: bytes | None, indices: tuple[int, ...]
) -> CarriedOut:
    """Rows of some scenarios of a grid, from the first on, for about a second.

    Args:
        asker: what runs there.
        content: the grid, where it was asked for.
    """
    if asker != runs():
        return CarriedOut(other=runs())
    with _one_at_a_time:
        if digest not in _known:
            if content is None:
                return CarriedOut(unknown=True)
            _remember(digest, pickle.loads(zlib.decompress(content)))
        return _rows(*_known[digest], indices)


def _remember(digest: str, grid: SweepGrid) -> None:
    from nworkers.simulator.sweep.sweep_jobs import SweepJobs

    while len(_known) >= _KEPT:
        del _known[next(iter(_known))]
    _known[digest] = (grid, SweepJobs(grid))


def _rows(grid: SweepGrid, jobs: SweepJobs, indices: tuple[int, ...]) -> CarriedOut:
    began_s = time.monotonic()
    lines: list[str] = []
    impossible: list[str] = []
    for index in indices:
        try:
            answer, why = _answer(jobs, index), ""
            line = _line({**_of(grid, index), **answer})
        except InputError as error:
            why = str(error)
        except Exception as error:
            why = f"a defect in scale: {type(error).__name__}: {error}"
        if why:
            line = _line({**_of(grid, index), "error": why})
            impossible.append(why)
        lines.append(line)
        if time.monotonic() - began_s > LONGEST_S:
            break
    return CarriedOut(tuple(lines), tuple(impossible), time.monotonic() - began_s)


def _answer(jobs: SweepJobs, index: int) -> OnePredictionDocument:
    """What predict says of the scenario."""
    from nworkers.cli.shown import json_view
    from nworkers.simulator.answers import answer_predict
    from nworkers.simulator.study.side_by_side import on_one_core

    # Other scenarios have the other cores.
    with on_one_core():
        return json_view.prediction(answer_predict(jobs.job(index)))


def _of(grid: SweepGrid, index: int) -> ScenarioDocument:
    return {"key": grid.key(index), "inputs": grid.inputs(index)}


def _line(row: SweepRowDocument | ImpossibleRowDocument) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False)
