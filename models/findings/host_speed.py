"""Host speed: which host computes more slowly than the others, from the same cells on each."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import median_interval
from nworkers.models.findings.environment_diff import differences
from nworkers.models.fitting.precision import Interval, centre_interval
from nworkers.models.records.calibration import Burst, Calibration, Cell

#: A host this much slower than the median of the others is worth a warning, if its interval says so
#: too: within it lie the differences between two starts on one machine.
SLOWER = 1.10


@dataclass(frozen=True)
class HostRow:
    """One cell on one host beside the others.

    ``tasks`` names the workers on the host: it is told by them, as addresses stay out of files.
    ``ratio`` is its time over the median of the other hosts' times, with the 95 % interval that its
    own rounds leave.
    """

    tasks: tuple[str, ...]
    cell: Cell
    median_s: float
    ratio: float
    ratio_interval: Interval

    @property
    def slower(self) -> bool:
        return self.ratio > SLOWER and self.ratio_interval[0] > 1.0


def check_cells(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells that every worker runs in turn where workers are on several hosts.

    The empty step of a worker's own server and its largest product: dispatch and compute, without
    any ps or link. They are of the plan, so that the first worker's own bursts are the other half.
    """
    local = [c for c in cells if c.path == "server" and c.workers == 1 and not c.device]
    idle = [c for c in local if c.quantity == "noop"]
    products = [c for c in local if c.quantity == "gemm"]
    return (*idle[:1], *sorted(products, key=lambda c: c.flops)[-1:])


def host_rows(calibration: Calibration) -> tuple[HostRow, ...]:
    """A row for each host and cell; none where all workers share a host."""
    if len(set(calibration.worker_hosts)) < 2:
        return ()
    tasks: dict[int, list[str]] = {}
    for worker, host in enumerate(calibration.worker_hosts):
        tasks.setdefault(host, []).append(f"worker{worker}")
    rows: list[HostRow] = []
    for cell in check_cells({b.cell: None for b in calibration.bursts}):
        times = _times(calibration.bursts, cell, calibration.worker_hosts)
        rows += _compared(cell, times, {host: tuple(names) for host, names in tasks.items()})
    return tuple(rows)


def _times(
    bursts: Iterable[Burst], cell: Cell, hosts: Sequence[int]
) -> dict[int, tuple[float, Interval]]:
    """Of each host: the median of its bursts' medians, with a 95 % interval."""
    taken: dict[int, list[Burst]] = {}
    for burst in bursts:
        if burst.cell == cell and burst.worker < len(hosts):
            taken.setdefault(hosts[burst.worker], []).append(burst)
    times: dict[int, tuple[float, Interval]] = {}
    for host, found in taken.items():
        medians = [float(np.median(b.samples_s)) for b in found]
        interval = centre_interval(medians) or median_interval(sorted(found[0].samples_s))
        times[host] = statistics.median(medians), interval
    return times


def _compared(
    cell: Cell,
    times: Mapping[int, tuple[float, Interval]],
    tasks: Mapping[int, tuple[str, ...]],
) -> list[HostRow]:
    rows: list[HostRow] = []
    for host, (median_s, (low, high)) in sorted(times.items()):
        others = [other for number, (other, _) in times.items() if number != host]
        if others:
            usual = statistics.median(others)
            interval = (low / usual, high / usual)
            rows.append(HostRow(tasks[host], cell, median_s, median_s / usual, interval))
    return rows


def mixed(calibration: Calibration) -> Iterator[str]:
    """Tasks on unlike hosts: one profile then stands for none of them."""
    first = calibration.tasks[0] if calibration.tasks else None
    for task in calibration.tasks[1:]:
        if first and (found := differences(first.environment.facts, task.environment.facts)):
            yield (
                f"mixed hardware: {task.task} runs elsewhere than {first.task} "
                f"({', '.join(found)}); the profile is of the first worker and the first ps"
            )
