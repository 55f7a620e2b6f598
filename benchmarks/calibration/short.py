"""Short calibrations: the fewest cells that the product's fit identifies its parameters from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines, calibrate
from nworkers.calibrate.campaigns.cells import SMALLEST_BYTES
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.models.files.atomic_write import made_folder
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration, Cell, Quantity
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import named_workload
from tests.testbed.hosts import Host

#: Products of one process, for the parameters of the device, which every profile has.
SHAPES = ((32, 8, 32), (256, 64, 512), (1024, 256, 1024))
#: Of the cells that tell what each further tensor costs; so few that no token bucket sees them.
TENSORS, TENSORS_BYTES = 16, 4096
WORKLOAD = "gemm:128,256"
LOGS = Path("build/calibration.logs")


def sizes_bytes(low: float, high: float, count: int, rng: random.Random) -> list[int]:
    """Sizes evenly spaced in the logarithm with jitter, in floats of four bytes."""
    ratio = (high / low) ** (1 / (count - 1))
    sizes = [low * ratio**k * rng.uniform(0.9, 1.1) for k in range(count)]
    return sorted({max(SMALLEST_BYTES, int(size) // 4 * 4) for size in sizes})


def cells(fetched: Sequence[int], pushed: Sequence[int]) -> tuple[Cell, ...]:
    """The cells of a calibration with these sizes of transfers."""
    made = [Cell("noop", "process"), Cell("noop", "server"), Cell("noop", "ps")]
    made += [Cell("gemm", "process", features=f, batch=b, hidden=h) for f, b, h in SHAPES]
    directions: tuple[tuple[Quantity, Sequence[int]], ...] = (("fetch", fetched), ("push", pushed))
    for quantity, sizes in directions:
        made += [Cell(quantity, "ps", size) for size in sizes]
        made.append(Cell(quantity, "ps", TENSORS_BYTES, tensors=TENSORS))
    return tuple(dict.fromkeys(made))


def together(fetched: Sequence[int]) -> tuple[Cell, ...]:
    """The cells that tell what two workers share: fetches of these sizes, alone and at once.

    Pushes are there because every profile has them.
    """
    made = list(cells(fetched, fetched[:2]))
    made += [replace(cell, workers=2) for cell in made if cell.path == "ps"]
    return tuple(made)


def plan(
    chosen: tuple[Cell, ...], *, rounds: int, burst_s: float, window_s: float = 0.1
) -> MeasurementPlan:
    return MeasurementPlan(
        workload=named_workload(WORKLOAD),
        cells=chosen,
        rounds=rounds,
        burst_s=burst_s,
        window_s=window_s,
        max_samples=3000,
        seed=1,
    )


def between(ps: Host, *workers: Host) -> Machines:
    """One ps and some workers, on emulated hosts of their own."""
    return Machines(
        ps=(ps.site,),
        workers=tuple(worker.site for worker in workers),
        link_kind="network",
        evidence="emulated hosts",
    )


def measure(title: str, planned: MeasurementPlan, machines: Machines | None = None) -> Calibration:
    """Calibrate, with a line of progress for each round."""
    seen: set[int] = set()

    def show(news: CampaignProgress) -> None:
        number = news.done // len(planned.cells)
        if number not in seen and number < planned.rounds:
            seen.add(number)
            say(f"{title}: round {number + 1} of {planned.rounds}, {news.left_s or 0.0:.0f} s left")

    return calibrate(planned, logs=made_folder(LOGS, "logs"), progress=show, machines=machines)


def fit(calibration: Calibration, *, seed: int = 1) -> Profile:
    """The product's own fit, as `scale calibrate` makes it."""
    return fit_profile(calibration, seed=seed)


def say(words: str) -> None:
    print(words, flush=True)
